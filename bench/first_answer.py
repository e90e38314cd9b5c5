"""A process that starts, holds one volume, asks about another, and ends once it has the answer."""

from __future__ import annotations

from luftrom.geometry.index.volume_index import VolumeIndex
from traffic import SEPARATION, layers

volume = layers(1).columns.volume(0)
index = VolumeIndex(SEPARATION)
index.insert(0, (volume,))
if index.query((volume,)) != [0]:
    raise SystemExit("the volume does not meet itself")
