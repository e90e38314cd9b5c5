"""Compiled functions are made ready before the first client waits for them: loaded, or compiled.

Two processes compile where nothing is kept yet, and several that start at once wait for one.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import numpy as np

from luftrom.geometry import kernels, rings
from luftrom.geometry.encounter import prepared_of
from luftrom.geometry.index import bulk, slots
from luftrom.geometry.index.asking import Question, go_on
from luftrom.geometry.index.grid import move_cells
from luftrom.geometry.index.slots import State
from luftrom.geometry.index.volume_index import VolumeIndex, find_pairs
from luftrom.geometry.kernel_cache import kept
from luftrom.geometry.motion import ring
from luftrom.geometry.packing import VOLUME, Packed, pack
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D


def warm_up() -> None:
    """Compile the kernels, or load them from the cache, before the first client waits for them.

    What is not in the cache two processes compile, half each. Of several processes that do this
    at the same time one compiles, and the others load what it kept.
    """
    with kept.alone():
        has_all = kept.has_all()
        helper = None if has_all or _cores() < 2 else _beside("warm_up_changes")
        try:
            warm_up_questions()
            if helper is not None:
                helper.wait()
        finally:
            end(helper)
        warm_up_changes()
        if not has_all:
            kept.note_all()


def start_warming_up() -> subprocess.Popen[bytes] | None:
    """Let another process do `warm_up`, if there is anything to compile; the caller ends it.

    For whoever has other things to do before: `warm_up` waits for it.
    """
    return None if kept.has_all() else _beside("warm_up")


def end(process: subprocess.Popen[bytes] | None) -> None:
    """End such a process, if it has not ended; what it compiled is kept."""
    if process is not None:
        process.kill()
        process.wait()


def _beside(function: str) -> subprocess.Popen[bytes] | None:
    """A process that calls a function of this module; None where it could keep nothing."""
    if kept.target() is None:
        return None
    code = f"import {__name__} as warming; warming.{function}()"
    path = os.pathsep.join(filter(None, sys.path))
    with contextlib.suppress(OSError):     # without it this process compiles all
        return subprocess.Popen(
            [sys.executable, "-P", "-c", code], env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def warm_up_questions() -> None:
    """The half of `warm_up` that compares volumes; there are none, but that makes no difference."""
    nothing = Packed(np.zeros(0, VOLUME), np.zeros((0, 3)))
    find_pairs(State.empty(), nothing, 0, 0, (0.0, 0.0), 0)
    go_on(State.empty(), Question(nothing), (0.0, 0.0), 0, 0.0)
    kernels.meet(np.zeros((0, 4), np.int64), np.zeros((0, 2)), 0, nothing.pool, np.zeros(2), 0,
                 np.zeros(7), np.zeros(2, np.int64))


def warm_up_changes() -> None:
    """The half of `warm_up` that checks and prepares outlines and changes an index."""
    square = Polygon(((0.0, 0.0), (0.0, 1e-3), (1e-3, 1e-3), (1e-3, 0.0)))
    rings.check_outlines(np.zeros((0, 2)), np.zeros(1, np.int64), np.zeros(0))
    volumes = (Volume4D(square, 0.0, 1.0, 0, 1), Volume4D(Circle(0.0, 0.0, 1.0), 0.0, 1.0, 0, 1))
    prepared_of(volumes)
    index = VolumeIndex(Separation(1.0, 1.0, 1.0))
    index.insert(0, volumes)
    index.expire(0)
    index.remove(0)
    # What an index does as it grows and shrinks, and suggestions ask of rings: short, but not while
    # somebody waits.
    state, _ = bulk.load(pack(volumes))
    bulk.link_sets(state)
    slots.move_sets(state, np.full(len(state.sets), -1, np.int32))
    move_cells(state.table, slots.free_table(len(state.table)))
    slots.close_gaps(state, np.empty_like(state.pool))
    ring(square, 1.0)
