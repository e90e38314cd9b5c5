"""Crowded scenes in a plane, laid onto the Earth, with answers by shapely and numpy.

The plane is azimuthal equidistant: each point stands at its distance and direction from a place, by
pyproj. Within REACH_M of the place it bends straight lines and stretches distances by less than
0.1 mm (a length of 1 km at 3 km from the place by 3e-8 of itself; an edge of 1.5 km by 0.02 mm), so
an answer that holds in the plane by SURE_M holds on the ellipsoid. What stands nearer to the one
tolerance of the engine than SURE_M is unsure, is counted, and is not judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely

from luftrom.clock import NS_PER_S
from luftrom.errors import BadInput
from luftrom.geometry.kernels import TOUCH_M
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from outlines import GEOD

REACH_M = 3_000.0                          # no point of a scene is farther from its place
SURE_M = 3e-4                              # three times the error of the plane, or more
NEAR_M = 1.0                               # a gap this near its minimum is what the test is about
LOWER_M, NUDGE_M = (0, 0, 0, 0, 100, 150, 151), (0.0, 0.0, 5e-4, -5e-4, 2e-3, -2e-3)
START_S, NUDGE_NS = (0, 0, 0, 0, 60, 61, 120), (0, 0, -1, 1)
OFFSETS_M = (0.0, 5e-4, -5e-4, 2e-3, -2e-3, 0.01, -0.01, 0.1, -0.1, 3.0, -3.0)


@dataclass(frozen=True)
class Flat:
    """An outline in the plane: a ring, or the centre of a circle and its radius."""

    shape: shapely.Geometry
    radius_m: float = 0.0

    def moved(self, x_m: float, y_m: float) -> Flat:
        shift_m = np.array((x_m, y_m))
        return Flat(shapely.transform(self.shape, lambda p: p + shift_m), self.radius_m)

    def reach_m(self) -> float:
        """The farthest from the place."""
        return float(np.hypot(*shapely.get_coordinates(self.shape).T).max()) + self.radius_m


def gap_m(one: Flat, other: Flat) -> float:
    """How far apart; below 0 for circles that overlap."""
    return shapely.distance(one.shape, other.shape) - one.radius_m - other.radius_m


# -- outlines ------------------------------------------------------------------------------------

def star(random: np.random.Generator, size_m: float, count: int) -> np.ndarray:
    angles = np.sort(random.uniform(0, 2 * math.pi, count))
    radii = size_m * random.uniform(0.2, 1, count)
    return np.column_stack((radii * np.cos(angles), radii * np.sin(angles)))


def bar(random: np.random.Generator, length_m: float, width_m: float) -> np.ndarray:
    return np.array([(0, 0), (length_m, 0), (length_m, width_m), (0, width_m)])


def comb(random: np.random.Generator, size_m: float) -> np.ndarray:
    """Teeth half as wide as their distance, on a back of a tenth of the size."""
    teeth, pitch_m = int(random.integers(2, 7)), size_m / 6
    upper = []
    for tooth in range(teeth):
        left = tooth * pitch_m
        upper += [(left, 0.1 * size_m), (left, size_m), (left + pitch_m / 2, size_m),
                  (left + pitch_m / 2, 0.1 * size_m)]
    return np.array([(upper[-1][0], 0.0), (0.0, 0.0), *upper])


def raster(random: np.random.Generator, step_m: float) -> np.ndarray:
    return random.integers(0, 5, (random.integers(3, 7), 2)) * step_m


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    s, c = math.sin(angle), math.cos(angle)
    return points @ np.array([(c, s), (-s, c)])


def outline(random: np.random.Generator, size_m: float) -> Flat:
    """A circle or a simple ring of any kind around the place."""
    kind = random.random()
    if kind < 0.2:
        return Flat(shapely.Point(0.0, 0.0), size_m * random.uniform(0.01, 1))
    while True:
        if kind < 0.5:
            points = star(random, size_m, int(random.integers(3, 9)))
        elif kind < 0.55:
            points = star(random, size_m, 90)
        elif kind < 0.7:
            points = bar(random, size_m, 10 ** random.uniform(-2, 0))
        elif kind < 0.85:
            points = comb(random, size_m)
        else:
            points = bar(random, size_m, size_m * random.uniform(0.05, 1))
        plane = shapely.Polygon(turned(points, random.uniform(0, 2 * math.pi)))
        if is_a_ring(plane):
            return Flat(plane)


def is_a_ring(plane: shapely.Polygon) -> bool:
    """Does shapely call it simple, and is it wide enough to be one for the engine?"""
    return plane.is_valid and plane.area > 2e-3 * plane.length


def placed_near(random: np.random.Generator, new: Flat, held: Flat, lateral_m: float) -> Flat:
    """Moved until it is as far from `held` as the minimum says, then a little on or back."""
    angle = random.uniform(0, 2 * math.pi)
    x, y = math.cos(angle), math.sin(angle)
    middle = shapely.get_coordinates(held.shape.centroid)[0]
    low, high = 0.0, 8 * REACH_M
    for _ in range(46):
        far = (low + high) / 2
        if gap_m(new.moved(middle[0] + far * x, middle[1] + far * y), held) > lateral_m:
            high = far
        else:
            low = far
    far = high + OFFSETS_M[random.integers(len(OFFSETS_M))]
    return new.moved(middle[0] + far * x, middle[1] + far * y)


def crowd(random: np.random.Generator, count: int, lateral_m: float) -> list[Flat]:
    """Outlines of which most were pushed against another one."""
    held: list[Flat] = []
    while len(held) < count:
        new = outline(random, 10 ** random.uniform(0.5, 2.9))
        if held and random.random() < 0.7:
            new = placed_near(random, new, held[random.integers(len(held))], lateral_m)
        else:
            new = new.moved(*random.uniform(-0.6 * REACH_M, 0.6 * REACH_M, 2))
        if new.reach_m() < REACH_M:
            held.append(new)
    return held


def raster_crowd(random: np.random.Generator, count: int) -> list[Flat]:
    """Rings with corners on one raster, so that edges and corners fall upon each other."""
    step_m = 10 ** random.uniform(0.3, 1.5)
    held: list[Flat] = []
    while len(held) < count:
        points = raster(random, step_m) + random.integers(-7, 8, 2) * step_m
        plane = shapely.Polygon(points)
        if is_a_ring(plane):
            held.append(Flat(plane))
    return held


# -- onto the Earth ------------------------------------------------------------------------------

@dataclass(frozen=True)
class Scene:
    """Outlines of a plane, and the same as volumes on the Earth."""

    flats: list[Flat]
    volumes: list[Volume4D]


def laid(random: np.random.Generator, place: tuple[float, float], flats: list[Flat]) -> Scene:
    """Each with a band and a time of its own; those that the engine takes, which is nearly all."""
    points, whose = shapely.get_coordinates([flat.shape for flat in flats], return_index=True)
    lng, lat, _ = GEOD.fwd(np.full(len(points), place[1]), np.full(len(points), place[0]),
                           np.degrees(np.arctan2(points[:, 1], points[:, 0])),
                           np.hypot(points[:, 0], points[:, 1]))
    kept, volumes = [], []
    for k, flat in enumerate(flats):
        places = list(zip(lat[whose == k].tolist(), lng[whose == k].tolist(), strict=True))
        try:
            shape = (Circle(*places[0], flat.radius_m) if flat.radius_m
                     else Polygon(tuple(places[:-1])))
        except BadInput:                   # nearly touches itself
            continue
        # Bounds that touch, or are a little to either side of each other and of the minima.
        lower = float(random.choice(LOWER_M)) + float(random.choice(NUDGE_M))
        start_ns = int(random.choice(START_S)) * NS_PER_S + int(random.choice(NUDGE_NS))
        volumes.append(Volume4D(shape, lower, lower + float(random.choice((100, 50))),
                                start_ns, start_ns + 60 * NS_PER_S))
        kept.append(flat)
    return Scene(kept, volumes)


def scene(seed: int, place: tuple[float, float], count: int, separation: Separation) -> Scene:
    """A crowd, or every third time one on a raster."""
    random = np.random.default_rng(seed)
    flats = (raster_crowd(random, count) if seed % 3 == 0
             else crowd(random, count, separation.lateral_m))
    return laid(random, place, flats)


# -- what is right -------------------------------------------------------------------------------

@dataclass(frozen=True)
class Judgement:
    """Of each pair i < j: is it a conflict, is that sure, and is its gap near the minimum?"""

    first: np.ndarray
    second: np.ndarray
    conflict: np.ndarray
    sure: np.ndarray
    near: np.ndarray

    def pairs(self, which: np.ndarray) -> set[tuple[int, int]]:
        return set(zip(self.first[which].tolist(), self.second[which].tolist(), strict=True))


def judge(laid_scene: Scene, separation: Separation) -> Judgement:
    """All pairs at once: times and bands in whole numbers, outlines in the plane."""
    flats, volumes = laid_scene.flats, laid_scene.volumes
    first, second = np.triu_indices(len(flats), 1)
    shapes = np.array([flat.shape for flat in flats])
    radii = np.array([flat.radius_m for flat in flats])
    gaps = shapely.distance(shapes[first], shapes[second]) - radii[first] - radii[second]
    if separation.lateral_m > TOUCH_M:
        over = separation.lateral_m - TOUCH_M - gaps
    else:
        over = -TOUCH_M - gaps             # of circles; rings may overlap by 0 and be deep inside
        _judge_depth(shapes, radii, first, second, over)
    outline_conflict, sure = over > 0, np.abs(over) > SURE_M
    times = np.array([(v.time_start_ns, v.time_end_ns) for v in volumes])
    bands = np.array([(v.altitude_m_w84_lower, v.altitude_m_w84_upper) for v in volumes])
    late = np.maximum(times[first, 0], times[second, 0]) - np.minimum(times[first, 1],
                                                                      times[second, 1])
    above = np.maximum(bands[first, 0], bands[second, 0]) - np.minimum(bands[first, 1],
                                                                       bands[second, 1])
    meets = (late < separation.time_s * NS_PER_S) & (above < separation.vertical_m - TOUCH_M)
    near = meets & (np.abs(gaps - separation.lateral_m) < NEAR_M)
    return Judgement(first, second, outline_conflict & meets, sure | ~meets, near)


def _judge_depth(shapes, radii, first, second, over) -> None:
    """Without a minimum: set `over` to how sure it is that a point of one ring is deep in another.

    A ring shrunk by a depth is where its points are that deep. Circles whose centre is in a ring
    overlap it.
    """
    ring = radii == 0
    inside = (ring[first] != ring[second]) & (shapely.distance(shapes[first], shapes[second]) == 0)
    over[inside] = 1.0
    asked = np.flatnonzero(ring[first] & ring[second] & (over >= -TOUCH_M - SURE_M))
    deep, shallow = (shapely.buffer(shapes, -depth, join_style="mitre", mitre_limit=1e6)
                     for depth in (TOUCH_M + SURE_M, TOUCH_M - SURE_M))
    i, j = first[asked], second[asked]
    surely = shapely.intersects(shapes[i], deep[j]) | shapely.intersects(deep[i], shapes[j])
    maybe = shapely.intersects(shapes[i], shallow[j]) | shapely.intersects(shallow[i], shapes[j])
    over[asked] = np.where(surely, 1.0, np.where(maybe, 0.0, -1.0))
