"""What is free instead? The nearest shifts in time, in altitude and to the side that meet nothing.

In go the volumes of a refused operational intent, a way to ask what stands in the way of volumes,
and bounds; out comes, for each kind, the nearest shift of all volumes together by whole steps whose
volumes meet nothing, or None. Whatever is offered was asked about in full by that very question, so
the search may use any short cut: of what was met it computes which further shifts surely meet it as
well, and leaves them out. The number of questions is bounded, and less for large volumes. Angles
are degrees WGS84, lengths metres, altitudes metres above the ellipsoid, times integer nanoseconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

import numpy as np

from luftrom import limits
from luftrom.agreement.terms import Agreement
from luftrom.clock import NS_PER_S
from luftrom.errors import BadInput
from luftrom.geometry.allowance import Allowance
from luftrom.geometry.edges import TOUCH_M
from luftrom.geometry.encounter import (
    corners_of,
    time_ns_of,
    weigh_encounter,
    work_of_encounter,
)
from luftrom.geometry.motion import Motion, Picture, corners, is_within, middle_of, ring
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D

TIME, ALTITUDE, LATERAL = "time", "altitude", "lateral"
KINDS = (TIME, ALTITUDE, LATERAL)

# A step is this, or about a tenth of the minimum where that is more.
TIME_STEP_S, ALTITUDE_STEP_M, LATERAL_STEP_M = 60, 10, 100
TIME_STEPS_MAX, ALTITUDE_STEPS_MAX, LATERAL_STEPS_MAX = 720, 30, 50
TIME_QUESTIONS_MAX, ALTITUDE_QUESTIONS_MAX, LATERAL_QUESTIONS_MAX = 60, 40, 100
BEARINGS = ("north", "north-north-east", "north-east", "east-north-east", "east",
            "east-south-east", "south-east", "south-south-east", "south", "south-south-west",
            "south-west", "west-south-west", "west", "west-north-west", "north-west",
            "north-north-west")
_VERTICES_MAX = 5_000                      # of all volumes that are asked about for one kind
_MOVED_VERTICES_MAX = 100_000              # the same, of those out of bounds as well
_LOOKS_MAX = 20_000                        # pairs of volumes that are looked at for one kind
_PAIRS_MAX = 512                           # pairs that short cuts are computed from
_FLAT_PAIRS_MAX = 24                       # the same to the side, for each of 16 bearings
_LINES = 12                                # across a flat pair
_CORNERS_MAX = 32                          # of a flat ring that are held against the other's
_STRETCHES_MAX = 16                        # of a line inside one ring
_FLAT_M = 300_000.0                        # outlines that reach farther are not held flat
_FLAT_ERROR_M, _FLAT_ERROR = 1.0, 3e-3     # of a flat picture, and for each metre of a shift

# Units of work (`limits`): to shift a volume, and a vertex; to the side, a vertex that is moved and
# checked, and one of a flat pair that is held against lines on all ways.
_SHIFT_WORK, _MOVE_WORK, _FLAT_WORK = 300.0, 1_000.0, 1_000.0

Met = Callable[[Sequence[Volume4D], Allowance], Mapping[int, Sequence[Volume4D]]]
Spans = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What suggestions must keep to; no start is shifted to before `earliest_ns`."""

    separation: Separation
    earliest_ns: int
    altitude_m_w84_lower: float
    altitude_m_w84_upper: float
    area: Polygon | None = None

    @staticmethod
    def under(agreement: Agreement | None, volumes: Sequence[Volume4D], now_ns: int) -> Bounds:
        """Those of an agreement: its area and band; a ruling may take as long as peers are silent.

        Without one nothing is suggested below the lowest altitude asked for, since nobody knows
        where the ground is.
        """
        if agreement is None:
            return Bounds(Separation(0.0, 0.0, 0.0), now_ns,
                          min(v.altitude_m_w84_lower for v in volumes), limits.ALTITUDE_M_W84_MAX)
        return Bounds(agreement.separation, now_ns + round(agreement.silence.after_s * NS_PER_S),
                      agreement.altitude_m_w84_lower, agreement.altitude_m_w84_upper,
                      agreement.area)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Volumes that were free when they were asked about, and by what they differ from those given.

    Shifts are positive later, up, and along the bearing. A shift in time by 0 says that the volumes
    are free as they were declared.
    """

    kind: str
    volumes: tuple[Volume4D, ...]
    time_shift_s: int = 0
    altitude_shift_m: int = 0
    lateral_shift_m: int = 0
    bearing_deg: float | None = None


def search(kind: str, volumes: Sequence[Volume4D], met: Met, bounds: Bounds,
           allowance: Allowance) -> Iterator[Suggestion | None]:
    """Look for the nearest free shift of one of KINDS: None after each question, at last the shift.

    It ends without one if there is none, or none was found in time. `met` tells what stands in the
    way of volumes: serials, each with all its volumes; nothing where they are free. It is asked at
    most TIME_, ALTITUDE_ or LATERAL_QUESTIONS_MAX times. Of equally near shifts the later, the
    upper, and the first bearing from north over east is taken. Raises TooMuchWork where all of it,
    with what `met` takes, is more than is allowed.
    """
    axis = _AXES[kind](tuple(volumes), bounds, allowance)
    is_over = max(v.time_end_ns for v in volumes) <= bounds.earliest_ns
    if is_over and kind != TIME:
        return
    found = met(volumes, allowance)
    if not found and not is_over:
        if kind == TIME:
            yield axis.suggestion(0, 0, axis.volumes)
        return
    yield None
    size = sum(1 if isinstance(v.outline, Circle) else len(v.outline.vertices) for v in volumes)
    questions = min(axis.questions_max, max(axis.questions_min, _VERTICES_MAX // size)) - 1
    tries = _MOVED_VERTICES_MAX // size
    known: set[int] = set()
    ways = [(axis.first(way), way) for way in range(axis.ways)]
    heapify(ways)
    while ways and questions > 0 and tries > 0:
        for serial, obstacle in found.items():
            if serial not in known:
                known.add(serial)
                axis.heed(obstacle)
        steps, way = heappop(ways)
        clear = _clear(steps, axis.step, axis.blocked[way])
        if clear > steps:
            heappush(ways, (clear, way))
            continue
        if steps > axis.steps_max:
            return
        tries -= 1
        allowance.take(axis.work_of_moving)
        moved = axis.moved(way, steps)
        if moved is not None:
            questions -= 1
            found = met(moved, allowance)
            if not found:
                yield axis.suggestion(way, steps, moved)
                return
            yield None
        if moved is not None or axis.may_return:
            heappush(ways, (steps + 1, way))


def _clear(steps: int, step: int, blocked: Spans) -> int:
    """The least number of steps from `steps` on that is in none of the open spans."""
    for low, high in sorted(blocked):
        if low < steps * step < high:
            steps = int(-(-high // step))
    return steps


class _Axis(ABC):
    """One kind of shift: so many ways to go, each by whole steps; what was met blocks spans of it.

    `blocked[way]` holds open spans, in the unit of `step`, in which the volumes surely meet
    something. Spans may be missing or too short, never too long.
    """

    ways = 2
    steps_max = questions_max = 0
    questions_min = 5                      # however large the volumes are
    step = 1
    pairs_max = _PAIRS_MAX
    may_return = False                     # from out of bounds, farther on the same way

    def __init__(self, volumes: tuple[Volume4D, ...], bounds: Bounds, allowance: Allowance):
        self.volumes, self.bounds, self.allowance = volumes, bounds, allowance
        self.work_of_moving = _SHIFT_WORK * len(volumes)
        self.blocked: list[Spans] = [[] for _ in range(self.ways)]
        self._looks_left, self._pairs_left = _LOOKS_MAX, self.pairs_max

    def first(self, way: int) -> int:
        """From how many steps on this way may be suggested."""
        return 1

    @abstractmethod
    def moved(self, way: int, steps: int) -> tuple[Volume4D, ...] | None:
        """The volumes shifted; None where that is out of bounds."""

    @abstractmethod
    def suggestion(self, way: int, steps: int, volumes: tuple[Volume4D, ...]) -> Suggestion:
        """The shift as it is offered."""

    @abstractmethod
    def heed(self, obstacle: Sequence[Volume4D]) -> None:
        """Find spans in which the volumes meet what was met."""

    def _pairs(self, obstacle: Sequence[Volume4D], *, time: bool = False, altitude: bool = False
               ) -> Iterator[tuple[int, Volume4D, Volume4D]]:
        """Pairs of an own volume (with its place) and another that are too near in what is named.

        Only so many are looked at in all; what is left out costs questions, not truth.
        """
        minima = self.bounds.separation
        time_ns, vertical_m = time_ns_of(minima), minima.vertical_m - TOUCH_M
        for i, own in enumerate(self.volumes):
            for other in obstacle:
                if not self._looks_left or not self._pairs_left:
                    return
                self._looks_left -= 1
                if time and _gap(own.time_start_ns, own.time_end_ns, other.time_start_ns,
                                 other.time_end_ns) >= time_ns:
                    continue
                if altitude and _gap(own.altitude_m_w84_lower, own.altitude_m_w84_upper,
                                     other.altitude_m_w84_lower,
                                     other.altitude_m_w84_upper) >= vertical_m:
                    continue
                self._pairs_left -= 1
                yield i, own, other

    def _do_meet(self, own: Volume4D, other: Volume4D) -> bool:
        """Do two volumes conflict?"""
        least = work_of_encounter((own,), (other,))
        self.allowance.take(least)
        met, work = weigh_encounter((own,), (other,), self.bounds.separation)
        self.allowance.take(work - least)
        return met is not None

    def _block(self, low: float, high: float) -> None:
        """Shifts from `low` to `high` are blocked; those below 0 lie on the second way."""
        self.blocked[0].append((low, high))
        self.blocked[1].append((-high, -low))


def _gap(low: float, high: float, other_low: float, other_high: float) -> float:
    return max(low, other_low) - min(high, other_high)


class _Time(_Axis):
    """Later (way 0) or earlier (way 1); steps in nanoseconds, whole minutes."""

    steps_max, questions_max = TIME_STEPS_MAX, TIME_QUESTIONS_MAX

    def __init__(self, volumes: tuple[Volume4D, ...], bounds: Bounds, allowance: Allowance):
        super().__init__(volumes, bounds, allowance)
        self._start_ns = min(v.time_start_ns for v in volumes)
        self._step_s = TIME_STEP_S * max(1, -int(-bounds.separation.time_s // (10 * TIME_STEP_S)))
        self.step = self._step_s * NS_PER_S

    def first(self, way: int) -> int:
        late_ns = self.bounds.earliest_ns - self._start_ns
        return max(1, -(-late_ns // self.step)) if way == 0 else 1

    def moved(self, way: int, steps: int) -> tuple[Volume4D, ...] | None:
        shift_ns = steps * self.step if way == 0 else -steps * self.step
        if self._start_ns + shift_ns < self.bounds.earliest_ns:
            return None
        try:
            return tuple(replace(v, time_start_ns=v.time_start_ns + shift_ns,
                                 time_end_ns=v.time_end_ns + shift_ns) for v in self.volumes)
        except BadInput:
            return None

    def suggestion(self, way: int, steps: int, volumes: tuple[Volume4D, ...]) -> Suggestion:
        shift_s = steps * self._step_s
        return Suggestion(TIME, volumes, time_shift_s=shift_s if way == 0 else -shift_s)

    def heed(self, obstacle: Sequence[Volume4D]) -> None:
        minima = self.bounds.separation
        time_ns = time_ns_of(minima)
        for _, own, other in self._pairs(obstacle, altitude=True):
            then = replace(own, time_start_ns=other.time_start_ns, time_end_ns=other.time_end_ns)
            if self._do_meet(then, other):
                self._block(other.time_start_ns - time_ns - own.time_end_ns,
                            other.time_end_ns + time_ns - own.time_start_ns)


class _Altitude(_Axis):
    """Higher (way 0) or lower (way 1); steps in metres."""

    steps_max, questions_max = ALTITUDE_STEPS_MAX, ALTITUDE_QUESTIONS_MAX

    def __init__(self, volumes: tuple[Volume4D, ...], bounds: Bounds, allowance: Allowance):
        super().__init__(volumes, bounds, allowance)
        self.step = ALTITUDE_STEP_M * max(
            1, -int(-bounds.separation.vertical_m // (10 * ALTITUDE_STEP_M)))
        self._lower = min(v.altitude_m_w84_lower for v in volumes)
        self._upper = max(v.altitude_m_w84_upper for v in volumes)

    def moved(self, way: int, steps: int) -> tuple[Volume4D, ...] | None:
        shift_m = steps * self.step if way == 0 else -steps * self.step
        if (self._lower + shift_m < self.bounds.altitude_m_w84_lower
                or self._upper + shift_m > self.bounds.altitude_m_w84_upper):
            return None
        try:
            return tuple(replace(v, altitude_m_w84_lower=v.altitude_m_w84_lower + shift_m,
                                 altitude_m_w84_upper=v.altitude_m_w84_upper + shift_m)
                         for v in self.volumes)
        except BadInput:
            return None

    def suggestion(self, way: int, steps: int, volumes: tuple[Volume4D, ...]) -> Suggestion:
        shift_m = steps * self.step
        return Suggestion(ALTITUDE, volumes, altitude_shift_m=shift_m if way == 0 else -shift_m)

    def heed(self, obstacle: Sequence[Volume4D]) -> None:
        minima = self.bounds.separation
        vertical_m = minima.vertical_m - 2 * TOUCH_M
        for _, own, other in self._pairs(obstacle, time=True):
            there = replace(own, altitude_m_w84_lower=other.altitude_m_w84_lower,
                            altitude_m_w84_upper=other.altitude_m_w84_upper)
            if self._do_meet(there, other):
                self._block(
                    other.altitude_m_w84_lower - vertical_m - own.altitude_m_w84_upper,
                    other.altitude_m_w84_upper + vertical_m - own.altitude_m_w84_lower)


class _Lateral(_Axis):
    """To the side, a way for each of BEARINGS; steps in metres."""

    ways = len(BEARINGS)
    steps_max, questions_max = LATERAL_STEPS_MAX, LATERAL_QUESTIONS_MAX
    questions_min = 0                      # here each is moved and checked corner by corner
    pairs_max = _FLAT_PAIRS_MAX
    may_return = True                      # an area may have bays

    def __init__(self, volumes: tuple[Volume4D, ...], bounds: Bounds, allowance: Allowance):
        super().__init__(volumes, bounds, allowance)
        self.step = LATERAL_STEP_M * max(
            1, -int(-bounds.separation.lateral_m // (10 * LATERAL_STEP_M)))
        self.work_of_moving += _MOVE_WORK * corners_of(volumes)
        allowance.take(self.work_of_moving)
        self._corners = [corners(v.outline) for v in volumes]
        self._rings = [ring(v.outline, 1.0) for v in volumes]
        # A circle lies within the ring of this many radii.
        self._hulls = ([ring(v.outline, 1.005) for v in volumes] if bounds.area else [])
        self._middle = middle_of(self._rings)
        self._picture = Picture(self._middle)
        self._area = (self._picture.flat_m(ring(bounds.area, 1.0)) if bounds.area else None)
        self._whole_ways = [self._motion(way, self.steps_max) for way in range(self.ways)]

    def _motion(self, way: int, steps: int) -> Motion:
        return Motion(self._middle, way * 360.0 / self.ways, float(steps * self.step))

    def moved(self, way: int, steps: int) -> tuple[Volume4D, ...] | None:
        motion = self._motion(way, steps)
        for hull in self._hulls:
            flat = self._picture.flat_m(motion.move(hull))
            if flat is None or self._area is None or not is_within(flat, self._area):
                return None
        try:
            return tuple(replace(v, outline=motion.move_outline(v.outline, points))
                         for v, points in zip(self.volumes, self._corners, strict=True))
        except BadInput:
            return None                    # a ring so narrow that a millimetre closes it

    def suggestion(self, way: int, steps: int, volumes: tuple[Volume4D, ...]) -> Suggestion:
        return Suggestion(LATERAL, volumes, lateral_shift_m=steps * self.step,
                          bearing_deg=way * 360.0 / self.ways)

    def heed(self, obstacle: Sequence[Volume4D]) -> None:
        for i, _, other in self._pairs(obstacle, time=True, altitude=True):
            self.allowance.take(_FLAT_WORK * (len(self._rings[i]) + corners_of((other,))))
            picture = Picture(middle_of([self._rings[i]]))
            own, theirs = picture.flat_m(self._rings[i]), picture.flat_m(ring(other.outline, 1.0))
            if own is None or theirs is None or np.abs(own).max() > _FLAT_M:
                continue
            here = self._rings[i].mean(axis=0)[None]
            ends = picture.flat_m(np.concatenate(
                [here, *(motion.move(here) for motion in self._whole_ways)]))
            if ends is None:               # a way that leads beyond the horizon
                continue
            for blocked, end in zip(self.blocked, ends[1:], strict=True):
                blocked += self._spans(own, theirs, end - ends[0])

    def _spans(self, own: np.ndarray, theirs: np.ndarray, reach: np.ndarray) -> Spans:
        """Spans of shifts along `reach`, which is that of all steps, in which flat rings are near.
        """
        length = np.sqrt(reach @ reach)
        along = np.stack((reach, (-reach[1], reach[0])), axis=1) / length
        spans = _spans_along(own @ along, theirs @ along, self.bounds.separation.lateral_m)
        scale = self.step * self.steps_max / length
        low, high = spans[:, 0] * scale, spans[:, 1] * scale
        low += _FLAT_ERROR_M + _FLAT_ERROR * np.abs(low)
        high -= _FLAT_ERROR_M + _FLAT_ERROR * np.abs(high)
        useful = (high > self.step) & (low < high) & (low < self.step * self.steps_max)
        return _merged(low[useful], high[useful])


def _spans_along(own: np.ndarray, theirs: np.ndarray, lateral_m: float) -> np.ndarray:
    """Spans (n, 2) of shifts along x in which a ring surely is nearer than `lateral_m` to another.

    Two corners are near each other in a span of their own; and along any line on the way, stretches
    of the one meet stretches of the other from first to last touch. The union of some corners and
    some lines is a part of the truth, and for most outlines nearly all of it.
    """
    some, others = (r[::-(-len(r) // _CORNERS_MAX)] for r in (own, theirs))
    off = others[None] - some[:, None]
    half2 = lateral_m * lateral_m - off[..., 1] ** 2
    near = half2 > 0.0
    half, at = np.sqrt(half2[near]), off[..., 0][near]
    spans = [np.stack((at - half, at + half), axis=1)]
    low = max(own[:, 1].min(), theirs[:, 1].min())
    high = min(own[:, 1].max(), theirs[:, 1].max())
    if low < high:
        lines = low + (high - low) * (np.arange(_LINES) + 0.5) / _LINES
        a, b = _stretches(own, lines), _stretches(theirs, lines)
        starts = b[:, None, :, 0] - a[:, :, None, 1] - lateral_m
        ends = b[:, None, :, 1] - a[:, :, None, 0] + lateral_m
        both = np.stack((starts.ravel(), ends.ravel()), axis=1)
        spans.append(both[~np.isnan(both).any(axis=1)])
    return np.concatenate(spans)


def _stretches(ring: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Where lines along x at heights (n,) are inside a ring: (n, k, 2), filled up with NaN."""
    start, end = ring, np.roll(ring, -1, axis=0)
    crossed = (start[:, 1] <= lines[:, None]) != (end[:, 1] <= lines[:, None])
    slope = (end[:, 0] - start[:, 0]) / np.where(end[:, 1] == start[:, 1], 1.0,
                                                 end[:, 1] - start[:, 1])
    at = np.where(crossed, start[:, 0] + (lines[:, None] - start[:, 1]) * slope, np.nan)
    most = int(crossed.sum(axis=1).max())
    at = np.sort(at, axis=1)[:, :most]
    return at.reshape(len(lines), most // 2, 2)[:, :_STRETCHES_MAX]


def _merged(low: np.ndarray, high: np.ndarray) -> Spans:
    """Open spans as few as possible that hold the same."""
    merged: Spans = []
    for a, b in sorted(zip(low.tolist(), high.tolist(), strict=True)):
        if merged and a < merged[-1][1]:
            merged[-1] = merged[-1][0], max(b, merged[-1][1])
        else:
            merged.append((a, b))
    return merged


_AXES: Mapping[str, type[_Axis]] = {TIME: _Time, ALTITUDE: _Altitude, LATERAL: _Lateral}
