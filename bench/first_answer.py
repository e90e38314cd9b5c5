"""A process that starts, holds one volume, asks about another, and ends once it has the answer."""

from __future__ import annotations

from traffic import SEPARATION, layers

from luftrom.conflicts import VolumeIndex

volume = layers(1).columns.volume(0)
index = VolumeIndex(SEPARATION)
index.insert(0, (volume,))
if index.query((volume,)) != [0]:
    raise SystemExit("the volume does not meet itself")
