"""The machine that the benchmark runs on: what it is, and what nothing on it can exceed.

The limits are measured in the same run as everything else, each as the best of several: bytes
copied a second, a read that the next read waits for, reads that need not wait, the exact answer
about one pair, the call of a compiled function from Python.
"""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numba import njit, prange

from luftrom.geometry import kernels
from luftrom.geometry.columns import Columns
from luftrom.geometry.ellipsoid import HEAD_ROWS, PIECE_M, prepare_ring
from luftrom.geometry.volume import Separation

_BYTES = 1 << 29
_READS = 5_000_000
_PACKAGES = ("luftrom", "numpy", "numba", "shapely", "rtree", "s2geometry", "psycopg", "pyproj",
             "matplotlib")


def describe() -> dict[str, str]:
    """Cores, memory, system and versions, as lines of text by name."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30
    return {"machine": f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, "
                       f"{platform.system()}, Python {platform.python_version()}",
            "versions": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def say(what: str) -> None:
    """Where the run is, for who waits for it."""
    print(time.strftime("%H:%M:%S"), what, file=sys.stderr, flush=True)


def best_s(work: Callable[[], object], runs: int) -> float:
    """The shortest of several runs, in seconds."""
    best = math.inf
    for _ in range(runs):
        began_s = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began_s)
    return best


def limits(columns: Columns, pairs: np.ndarray, separation: Separation) -> dict[str, float]:
    """The limits by name; those of a pair are asked about `pairs` of `columns`, which conflict."""
    return {"copied_bytes_per_s": _copied_bytes_per_s(), **_reads_ns(),
            "plane_pair_ns": _plane_pair_ns(columns, pairs, separation),
            "exact_pair_ns": _exact_pair_ns(columns, pairs, separation),
            "call_ns": _call_ns(), "python_start_s": _python_start_s()}


# -- memory --------------------------------------------------------------------------------------

@njit(parallel=True)
def _copy(source, target):
    for i in prange(len(source)):
        target[i] = source[i]


def _copied_bytes_per_s() -> float:
    """Read and written, all cores."""
    source = np.ones(_BYTES // 8)
    target = np.zeros_like(source)
    _copy(source[:1000], target[:1000])
    return 2 * source.nbytes / best_s(lambda: _copy(source, target), 5)


@njit
def _chase(following, count):
    at = 0
    for _ in range(count):
        at = following[at]
    return at


@njit
def _gather(places, values):
    total = 0
    for place in places:
        total += values[place]
    return total


def _reads_ns() -> dict[str, float]:
    """One read of memory at a random place, one core: each after the last, and all at will."""
    count = _BYTES // 8
    random = np.random.default_rng(1)
    order = random.permutation(count)
    following = np.empty(count, np.int64)
    following[order] = np.roll(order, -1)
    places = order[:_READS].copy()
    _chase(following, 10)
    _gather(places[:10], following)
    return {"waiting_read_ns": best_s(lambda: _chase(following, _READS // 5), 3) / _READS * 5e9,
            "free_read_ns": best_s(lambda: _gather(places, following), 3) / _READS * 1e9}


# -- answers and calls ---------------------------------------------------------------------------

@njit(inline="always")
def _squared(px, py, ax, ay, bx, by):
    """Squared distance from a point to a segment."""
    ex, ey = bx - ax, by - ay
    t = ((px - ax) * ex + (py - ay) * ey) / (ex * ex + ey * ey)
    t = min(1.0, max(0.0, t))
    dx, dy = px - ax - t * ex, py - ay - t * ey
    return dx * dx + dy * dy


@njit
def _plane_pairs(rings, pairs, least2):
    """How many pairs of rings of four come nearer than a distance, in a plane, edge by edge.

    One ring inside another is left out, and so are crossings of which no end is near: this is the
    least arithmetic that any answer takes, not an answer.
    """
    near = 0
    for k in range(len(pairs)):
        one, other = pairs[k, 0], pairs[k, 1]
        found = False
        for i in range(4):
            ax, ay = rings[one, i]
            bx, by = rings[one, (i + 1) & 3]
            for j in range(4):
                cx, cy = rings[other, j]
                dx, dy = rings[other, (j + 1) & 3]
                if (_squared(ax, ay, cx, cy, dx, dy) < least2
                        or _squared(cx, cy, ax, ay, bx, by) < least2):
                    found = True
                    break
            if found:
                break
        near += found
    return near


def _plane_pair_ns(columns: Columns, pairs: np.ndarray, separation: Separation) -> float:
    """The least arithmetic about two quads, one core; nanoseconds a pair."""
    used, numbers = np.unique(pairs[:20_000], return_inverse=True)
    lat_deg, lng_deg = columns.places_deg[columns.ends[used][:, None] + np.arange(4)].T
    rings = np.stack((lat_deg * 111_195.0, lng_deg * 111_195.0 * np.cos(np.radians(lat_deg))),
                     axis=-1).transpose(1, 0, 2).copy()
    numbers = numbers.reshape(-1, 2)
    least2 = separation.lateral_m ** 2
    _plane_pairs(rings, numbers[:1], least2)
    return best_s(lambda: _plane_pairs(rings, numbers, least2), 3) / len(numbers) * 1e9


@njit
def _compare(pool, asked, lateral_m):
    """How many of the pairs of outlines (row, count, row, count) conflict."""
    found = 0
    for k in range(len(asked)):
        found += kernels.compare_outlines(pool, asked[k, 0], asked[k, 1], asked[k, 2],
                                          asked[k, 3], lateral_m, True)[0]
    return found


def _exact_pair_ns(columns: Columns, pairs: np.ndarray, separation: Separation) -> float:
    """One exact answer of `kernels` about outlines that are prepared, one core; nanoseconds."""
    pairs = pairs[:20_000]
    shapes, rows, counts, row = [], {}, {}, 0
    for k in np.unique(pairs).tolist():
        shape = prepare_ring(columns.places_deg[columns.ends[k]:columns.ends[k + 1]], PIECE_M)
        shapes.append(shape)
        rows[k], counts[k] = row, len(shape) - HEAD_ROWS
        row += len(shape)
    pool = np.concatenate(shapes)
    asked = np.array([(rows[a], counts[a], rows[b], counts[b]) for a, b in pairs.tolist()])
    if _compare(pool, asked, separation.lateral_m) != len(asked):
        raise ValueError("of the pairs that conflict some do not conflict")
    return best_s(lambda: _compare(pool, asked, separation.lateral_m), 3) / len(asked) * 1e9


@njit
def _touch(one, two, three, four):
    return one[0] + two[0] + three[0] + four[0]


def _call_ns() -> float:
    """One call of a compiled function that takes four arrays and does nothing."""
    arrays = [np.zeros(4) for _ in range(4)]
    _touch(*arrays)
    count = 100_000

    def calls() -> None:
        for _ in range(count):
            _touch(*arrays)
    return best_s(calls, 3) / count * 1e9


def _python_start_s() -> float:
    """A new process that imports numpy and numba and ends."""
    return best_s(lambda: subprocess.run([sys.executable, "-c", "import numba"], check=True), 3)
