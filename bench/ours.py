"""What luftrom does with a load: its batch, its index in bulk and call by call, its first answer.

All times are seconds; the kernels are compiled before anything is timed, but for `cold_starts`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import traffic
from luftrom.geometry.index.pairs import all_pairs
from luftrom.geometry.index.volume_index import VolumeIndex
from machine import best_s
from traffic import SEPARATION, Load

_FIRST_ANSWER = Path(__file__).with_name("first_answer.py")


def warm_up() -> None:
    """Compile all that is timed, or load it from the cache."""
    load = traffic.europe(100)
    pairs(load)
    index, _ = filled(load)
    answers(index, load)
    call_times_s(index, traffic.europe(10), len(load.columns))
    index.insert_columns(np.arange(100, 200), load.columns)
    index.expire(0)
    replay_s(load, 10)


def pairs(load: Load) -> np.ndarray:
    """All conflicting pairs, the lower number first."""
    return np.sort(all_pairs(load.columns, SEPARATION, load.groups), axis=1)


def batch_s(load: Load, runs: int) -> float:
    """All conflicting pairs, in seconds; the best of several."""
    return best_s(lambda: all_pairs(load.columns, SEPARATION, load.groups), runs)


def filled(load: Load) -> tuple[VolumeIndex, float]:
    """An index that holds a load, each volume under its number, and how long that took."""
    index = VolumeIndex(SEPARATION)
    serials = np.arange(len(load.columns), dtype=np.int64)
    began_s = time.perf_counter()
    index.insert_columns(serials, load.columns)
    return index, time.perf_counter() - began_s


def answers(index: VolumeIndex, asking: Load) -> np.ndarray:
    """(number asking, number held) of all that conflict, whatever their party."""
    return np.stack(index.query_columns(asking.columns), axis=1)


def call_times_s(index: VolumeIndex, asking: Load, first_serial: int) -> dict[str, np.ndarray]:
    """Question and insertion, and removal afterwards, one Python call each, of one volume each.

    The values are built and checked beforehand; what an index computes from them is in the time.
    """
    count = len(asking.columns)
    values = [asking.columns.volume(k) for k in range(count)]
    query_s, insert_s, remove_s = np.empty(count), np.empty(count), np.empty(count)
    clock = time.perf_counter
    for k, value in enumerate(values):
        began_s = clock()
        index.query((value,))
        asked_s = clock()
        index.insert(first_serial + k, (value,))
        query_s[k], insert_s[k] = asked_s - began_s, clock() - asked_s
    for k in range(count):
        began_s = clock()
        index.remove(first_serial + k)
        remove_s[k] = clock() - began_s
    return {"query": query_s, "insert": insert_s, "query and insert": query_s + insert_s,
            "remove": remove_s}


def replay_s(load: Load, count: int) -> float:
    """The first volumes of a load from numbers to values, checked, into an index, call by call."""
    index = VolumeIndex(SEPARATION)
    began_s = time.perf_counter()
    for k in range(count):
        index.insert(k, (load.columns.volume(k),))
    return time.perf_counter() - began_s


def cold_start_s(runs: int) -> float:
    """A new process until it has its first answer, the kernels' cache being there."""
    return best_s(lambda: subprocess.run([sys.executable, _FIRST_ANSWER], check=True), runs)


def first_start_s() -> float:
    """The same with an empty cache: everything is compiled."""
    with tempfile.TemporaryDirectory(prefix="luftrom-cold-") as cache:
        return best_s(lambda: subprocess.run([sys.executable, _FIRST_ANSWER], check=True,
                                             env={**os.environ, "NUMBA_CACHE_DIR": cache}), 1)
