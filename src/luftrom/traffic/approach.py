"""Closest points of approach of live traffic: which aircraft will come too near, when, how near.

In go the states of many aircraft and the minima; out come conflicts as the state-based detection of
J. M. Hoekstra, R. N. H. W. van Gent and R. C. J. Ruigrok defines them ("Designing for safety: the
'free flight' air traffic management concept", Reliability Engineering & System Safety 75, 2002),
with the flat distances and the limits that BlueSky 1.1.1 uses with it (class StateBased):

Everybody goes on with speed, track and vertical rate. The other aircraft stands at the radius of
6,371 km times (the difference of longitudes, the shorter way around, times the cosine of the mean
latitude; the difference of latitudes). In that plane it moves with the difference of velocities,
whose square counts as 1e-6 m2/s2 at least. It is too near horizontally from the seconds around the
closest point at which the minimum is crossed, if the distance there is below the minimum, and
vertically between the crossings of the minimum above and below, with a difference of vertical rates
of 1e-6 m/s where it is smaller than that. The conflict is the time both have in common. It counts
if it is not empty, ends after now and begins before the look-ahead ends. Separation is lost where
both distances are below their minima now.

A pair is told twice, as each of the two sees it: with vertical rates that are equal and altitudes
a minimum apart, the definition finds a conflict one way only.

The plane is wrong where cosines change much within the reach of a pair: beyond about 80 degrees of
latitude distances are some percent off, and what is near across a pole is not found. It is kept so,
as BlueSky has it; the 180th meridian is nothing special. A pair whose distance or times miss a
limit by no more than the rounding of the last bits (1e-9 of them) may be told otherwise than there.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from luftrom.errors import BadInput
from luftrom.geometry.ellipsoid import sincos_deg
from luftrom.traffic import approach_kernels as kernels

AIRCRAFT_MAX = 10_000_000
PAIRS_MAX = 5_000_000                      # pairs that come near; at most 0.7 GB of answers
SPEED_M_S_MAX = 20_000.0
LOOKAHEAD_S_MAX = 86_400.0
_FAST = 2.0                                # times the mean speed, from which an aircraft is fast
_RUN = 32                                  # slabs are so high that about so many are tested
_TASK_MIN = 4096                           # fewer aircraft than this are not worth a thread
_TASKS = 8                                 # for each thread: one may hold more work than others


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Where `n` aircraft are and how they move, as columns (n,) of float64.

    Raises BadInput with the field at fault: not one finite number for each, off the Earth, an
    angle beyond 360 degrees, a speed below 0 or above SPEED_M_S_MAX.
    """

    lat_deg: np.ndarray                    # -90 to 90
    lng_deg: np.ndarray                    # -180 to 180
    altitude_m: np.ndarray                 # of any kind, the same for all
    track_deg: np.ndarray                  # true track over ground, -360 to 360
    ground_speed_m_s: np.ndarray
    vertical_rate_m_s: np.ndarray          # positive: climbs

    def __post_init__(self) -> None:
        limits = {"lat_deg": (-90.0, 90.0), "lng_deg": (-180.0, 180.0),
                  "altitude_m": (-1e6, 1e6), "track_deg": (-360.0, 360.0),
                  "ground_speed_m_s": (0.0, SPEED_M_S_MAX),
                  "vertical_rate_m_s": (-SPEED_M_S_MAX, SPEED_M_S_MAX)}
        for name, (least, most) in limits.items():
            column = np.ascontiguousarray(getattr(self, name), np.float64)
            if column.ndim != 1 or len(column) != np.size(self.lat_deg):
                raise BadInput("must hold one number for each aircraft", field=name)
            if len(column) and not (column.min() >= least and column.max() <= most):
                raise BadInput(f"must lie between {least:g} and {most:g}", field=name)
            object.__setattr__(self, name, column)
        if len(self) > AIRCRAFT_MAX:
            raise BadInput(f"at most {AIRCRAFT_MAX:,} aircraft", field="lat_deg")

    def __len__(self) -> int:
        """How many aircraft."""
        return len(self.lat_deg)


@dataclass(frozen=True, slots=True, eq=False)
class Approaches:
    """Pairs that are in conflict or have lost separation, one row for each way round.

    Rows stand in an order that the states alone decide. Of a row that is no conflict (separation
    is lost within the rounding of the minimum), the times mean nothing.
    """

    pairs: np.ndarray                      # (m, 2) int32: who sees, who is seen
    is_conflict: np.ndarray                # (m,) bool
    is_loss: np.ndarray                    # (m,) bool: separation is lost now
    east_m: np.ndarray                     # (m,) float64: how far the other is now, in the plane
    north_m: np.ndarray
    distance_m: np.ndarray                 # (m,) float64: now
    closest_m: np.ndarray                  # (m,) float64: at the closest point of approach
    closest_s: np.ndarray                  # (m,) float64: until then; may be past or far ahead
    start_s: np.ndarray                    # (m,) float64: until the conflict begins; may be past
    end_s: np.ndarray                      # (m,) float64: until it ends

    def __len__(self) -> int:
        """How many rows."""
        return len(self.pairs)

    @property
    def bearing_deg(self) -> np.ndarray:
        """Where the other is now: (m,) float64, 0 to 360 degrees from north; computed anew."""
        return np.degrees(np.arctan2(self.east_m, self.north_m)) % 360.0


def find_approaches(states: States, horizontal_m: float, vertical_m: float,
                    lookahead_s: float) -> Approaches:
    """All conflicts of the aircraft under the minima within the look-ahead, by the module's rules.

    Minima are positive metres. Raises BadInput if a limit is not positive and finite (a look-ahead:
    LOOKAHEAD_S_MAX), or more than PAIRS_MAX pairs come near: all memory is bounded by that.
    """
    for field, value, most in (("horizontal_m", horizontal_m, 1e6), ("vertical_m", vertical_m, 1e6),
                               ("lookahead_s", lookahead_s, LOOKAHEAD_S_MAX)):
        if not 0.0 < value <= most:
            raise BadInput(f"must lie above 0, up to {most:g}", field=field)
    limits = np.array((horizontal_m, vertical_m, lookahead_s), np.float64)
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        return _find(states, limits, partial(_over_parts, pool, workers))


Work = Callable[[int, int], Any]           # done over the part from the first to the last
Run = Callable[[int, Work], list[Any]]     # over a whole range


def _over_parts(pool: ThreadPoolExecutor, workers: int, count: int, work: Work) -> list[Any]:
    """Work over the parts of a range in threads; the answers come in the order of the parts."""
    parts = min(_TASKS * workers, count // _TASK_MIN)
    if parts < 2:
        return [work(0, count)]
    ends = [count * k // parts for k in range(parts + 1)]
    return list(pool.map(work, ends[:-1], ends[1:]))


def _find(states: States, limits: np.ndarray, run: Run) -> Approaches:
    count, lookahead_s = len(states), float(limits[2])
    columns = (states.lat_deg, states.lng_deg, states.altitude_m, states.track_deg,
               states.ground_speed_m_s, states.vertical_rate_m_s)
    fast_m_s = _FAST * float(states.ground_speed_m_s.mean()) if count else 0.0
    table, kinds = np.empty((count, kernels.STATE_COLUMNS)), np.empty(count, np.uint8)
    run(count, lambda first, last: kernels.prepare(
        first, last, *columns, fast_m_s, limits[1] / lookahead_s, table, kinds))
    plan = _plan(table, kinds, states.ground_speed_m_s, limits)
    starts, order = np.zeros(plan.cells + 1, np.int32), np.empty(count, np.int32)
    kernels.sort(table, kinds, plan.kinds, plan.slabs, plan.grid, lookahead_s, starts, order)
    ordered = np.empty_like(table)
    narrow = np.zeros((kernels.STATE_COLUMNS, count + kernels.LANES), np.float32)
    run(count, lambda first, last: kernels.gather(first, last, table, order, lookahead_s, ordered,
                                                  narrow))
    seen = np.zeros(1, np.int64)
    found = run(count, lambda first, last: kernels.search(
        first, last, ordered, narrow, starts, plan.kinds, plan.slabs, plan.grid, plan.edge_cos,
        plan.edge_sin, lookahead_s, plan.margins, PAIRS_MAX, seen))
    if sum(map(len, found)) > PAIRS_MAX:
        raise BadInput(f"more than {PAIRS_MAX:,} pairs of aircraft come near", field="lat_deg")
    return _judged(np.concatenate(found), ordered, order, limits, run)


def _judged(pairs: np.ndarray, ordered: np.ndarray, order: np.ndarray, limits: np.ndarray,
            run: Run) -> Approaches:
    most = 2 * len(pairs)
    whose, bits = np.empty((most, 2), np.int32), np.empty(most, np.uint8)
    figures = np.empty((most, 7))

    def fill(first: int, last: int) -> slice:
        return slice(2 * first, 2 * first + kernels.fill(
            first, last, ordered, order, pairs, limits, whose, bits, figures))

    kept = run(len(pairs), fill)
    whose, bits, figures = (np.concatenate([column[rows] for rows in kept])
                            for column in (whose, bits, figures))
    return Approaches(whose, (bits & kernels.CONFLICT) != 0, (bits & kernels.LOSS) != 0, *figures.T)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """The grid as the kernels take it; see `approach_kernels.sort` and `search`."""

    kinds: np.ndarray
    slabs: np.ndarray
    grid: tuple[float, float, int, float, float, int]
    edge_cos: np.ndarray
    edge_sin: np.ndarray
    margins: np.ndarray
    cells: int


def _plan(table: np.ndarray, kinds: np.ndarray, speed_m_s: np.ndarray,
          limits: np.ndarray) -> _Plan:
    """A grid that fits the traffic: no more than about two cells for each aircraft.

    Where traffic is sparse, those that climb are not told from the others.
    """
    horizontal_m, vertical_m, lookahead_s = limits.tolist()
    counts, kind_table, bounds = kernels.survey(table, kinds, speed_m_s, lookahead_s)
    south, north, west, east = bounds if len(kinds) else (0.0, 0.0, 0.0, 0.0)
    reach_m = float(kind_table[counts.argmax(), kernels.REACH]) + horizontal_m
    rows = _steps((north - south) * kernels.M_PER_DEG, reach_m, len(kinds) // _RUN)
    widest = max(sincos_deg(south)[1], sincos_deg(north)[1], float(south < 0.0 < north))
    width_m = (east - west) * kernels.M_PER_DEG * widest
    runs = counts / rows * min(1.0, 3.0 * reach_m / max(width_m, reach_m))
    if runs.max() < _RUN:
        kinds &= kernels.FAST
        counts, kind_table, _ = kernels.survey(table, kinds, speed_m_s, lookahead_s)
    slabs = np.zeros(kernels.KINDS + 1, np.int64)
    for kind in range(kernels.KINDS):
        steps = 0
        if counts[kind]:
            lowest, highest = kind_table[kind, kernels.LOWEST:kernels.HIGHEST + 1].tolist()
            steps = _steps(highest - lowest, vertical_m + kind_table[kind, kernels.CHANGE] / 2.0,
                           int(runs[kind] / _RUN))
            kind_table[kind, kernels.SLAB_M] = (highest - lowest) / steps or 1.0
        slabs[kind + 1] = slabs[kind] + steps
    columns = _steps(width_m, reach_m / 8.0, 2 * len(kinds) // max(1, rows * int(slabs[-1])))
    grid = (south, (north - south) / rows or 1.0, rows, west, (east - west) / columns or 1.0,
            columns)
    edges = [sincos_deg(0.5 * min(90.0, south + grid[1] * k)) for k in range(rows + 1)]
    return _Plan(kind_table, slabs, grid, np.array([c for _, c in edges]),
                 np.array([s for s, _ in edges]), _margins(kind_table[counts > 0], limits),
                 int(slabs[-1]) * rows * columns)


def _margins(kind_table: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """The minima, widened by what single precision loses in places, along ways and in altitudes.

    Places are off by up to 3 m (at 540 degrees), sums by a few parts in ten million; and the least
    relative speeds of the definition lead as far as that.
    """
    horizontal_m, vertical_m, lookahead_s = limits.tolist()
    way_m = 2.0 * float(kind_table[:, kernels.REACH].max(initial=0.0)) + horizontal_m
    heights = kind_table[:, [kernels.LOWEST, kernels.HIGHEST, kernels.CHANGE]]
    height_m = 2.0 * float(np.abs(heights).max(initial=0.0)) + vertical_m
    return np.array((horizontal_m + 10.0 + 2e-6 * way_m + 1e-3 * lookahead_s,
                     vertical_m + 0.01 + 1e-6 * height_m + 1e-6 * lookahead_s))


def _steps(length: float, step: float, most: int) -> int:
    """Into how many steps a length is divided: none shorter than a step, no more than `most`."""
    return max(1, min(most, math.floor(length / step)))
