"""The forty cases that hurt most: two volumes, minima, and what is right, with the reason.

What is expected is argued from geometry or built with pyproj's geodesics: a point laid off at a
right angle to an edge is as far from it as was laid off. Nothing here was taken from the engine.
`docs/conflict-cases.md` is written from this table by `scripts/conflict_cases.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from luftrom import limits
from luftrom.clock import NS_PER_S, TIME_NS_MAX, TIME_NS_MIN
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from outlines import forward, in_frame, inverse, volume

HERE = (47.0, 8.0)
NONE = Separation(0.0, 0.0, 0.0)
MINUTE_NS = 60 * NS_PER_S
DAY_NS = 24 * 60 * MINUTE_NS


@dataclass(frozen=True)
class Case:
    """Two volumes under minima; `distance_m` is what their outlines are apart, where it is known.

    `closer` is a place and a width in metres: what the second view of the picture shows.
    `plain` says that the reference, which is for small outlines with few vertices, can be asked.
    """

    name: str
    one: Volume4D
    other: Volume4D
    separation: Separation
    conflict: bool
    why: str
    distance_m: float | None = None
    closer: tuple[tuple[float, float], float] | None = None
    plain: bool = True

    @property
    def slug(self) -> str:
        return self.name.lower().replace(" ", "-")


def at(north_m, east_m, place=HERE):
    return in_frame(place, [(north_m, east_m)])[0]


def box(south_m, west_m, north_m, east_m, place=HERE):
    """A ring of four corners, metres from a place, clockwise from the south-west."""
    return Polygon(in_frame(place, [(south_m, west_m), (north_m, west_m), (north_m, east_m),
                                    (south_m, east_m)]))


def ring(*points, place=HERE):
    """A ring of points (north, east) in metres from a place."""
    return Polygon(in_frame(place, points))


def seconds(outline, start_s, end_s):
    return volume(outline, start_ns=start_s * NS_PER_S, end_ns=end_s * NS_PER_S)


SQUARE = box(0, 0, 100, 100)
EAST = box(0, 100, 100, 200)               # shares an edge with SQUARE
INTO = box(0, 60, 100, 160)                # overlaps it
HORSESHOE = ((0, 0), (0, 30), (30, 30), (30, 20), (10, 20), (10, 10), (30, 10), (30, 0))
COMB = ((0, 0), (0, 50), (10, 50), (10, 40), (2, 40), (2, 30), (10, 30), (10, 20), (2, 20),
        (2, 10), (10, 10), (10, 0))
BETWEEN = ((3, 11), (3, 19), (12, 19), (12, 31), (3, 31), (3, 39), (14, 39), (14, 11))


def small_gaps():
    """Edges and corners that touch, or nearly."""
    corner = at(100, 100)
    middle = at(50, 100)
    return [
        Case("Touching edges", volume(SQUARE), volume(EAST), NONE, False,
             "They share a whole edge and no inner point.", 0.0),
        Case("Shared vertex", volume(SQUARE), volume(box(100, 100, 200, 200)), NONE, False,
             "They share one corner and no inner point.", 0.0, (corner, 40.0)),
        Case("Overlap of 1 cm", volume(SQUARE), volume(box(0, 99.99, 100, 200)), NONE, True,
             "A strip of 1 cm lies in both, ten times what counts as touching.", 0.0,
             (middle, 0.05)),
        Case("Gap of 1 cm", volume(SQUARE), volume(box(0, 100.01, 100, 200)), NONE, False,
             "They are 1 cm apart, and nothing is asked but that they do not overlap.", 0.01,
             (middle, 0.05)),
        Case("Gap equal to the minimum", volume(SQUARE), volume(box(0, 150, 100, 250)),
             Separation(50.0, 0.0, 0.0), False,
             "They are 50 m apart, which is the minimum: it is kept.", 50.0),
        Case("No minimum and a tiny one", volume(SQUARE), volume(EAST),
             Separation(0.01, 0.0, 0.0), True,
             "The same two as in case 1: touching keeps a minimum of 0, but not one of 1 cm.", 0.0),
        Case("Vertex on an edge", volume(ring((0, 0), (100, 0), (100, 100), (70, 100), (50, 100),
                                              (30, 100), (0, 100))),
             volume(ring((60, 100), (0, 200), (100, 200))), NONE, False,
             "The tip lies on an edge between vertices that are in one line; nothing is inside.",
             0.0, (at(50, 100), 60.0)),
        Case("Nearly repeated vertices",
             volume(ring((0, 0), (100, 0), (100, 100), (50, 100), (50 - 2e-6, 100), (0, 100))),
             volume(ring((50, 99.99), (0, 200), (100, 200))), NONE, True,
             "Two vertices are 2 micrometres apart, just enough to be two; the tip reaches 1 cm "
             "over the edge there.", 0.0, (middle, 0.05)),
        Case("Slivers", volume(sliver(0.0)), volume(sliver(0.02)), NONE, False,
             "Two strips of 1 cm by 100 km, 1 cm apart at both ends; straight lines that leave at "
             "right angles are nowhere nearer than there.", 0.01, (sliver_end(), 0.08)),
    ]


def sliver_end():
    return forward(HERE, 50.0, 0.015)[0]


def sliver(offset_m):
    """1 cm wide from `offset_m` on, 100 km to the side."""
    far, ahead = forward(HERE, 140.0, 100_000.0)
    return Polygon((forward(HERE, 50.0, offset_m)[0], forward(HERE, 50.0, offset_m + 0.01)[0],
                    forward(far, ahead - 90.0, offset_m + 0.01)[0],
                    forward(far, ahead - 90.0, offset_m)[0] if offset_m else far))


def bands_and_times():
    """Altitudes and times at their bounds; the outlines overlap in all of them."""
    return [
        Case("Thinnest band", volume(SQUARE, 50.0, math.nextafter(50.0, 51.0)), volume(INTO), NONE,
             False, "The thinnest band there is shares less than 1 mm of height with any other, "
             "which counts as touching; a vertical minimum is what keeps others off it.", 0.0),
        Case("Bands that touch", volume(SQUARE, 0.0, 100.0), volume(INTO, 100.0, 200.0), NONE,
             False, "One ends at 100 m, where the other begins.", 0.0),
        Case("Vertical minimum missed by half a millimetre", volume(SQUARE, 0.0, 100.0),
             volume(INTO, 149.9995, 200.0), Separation(0.0, 50.0, 0.0), False,
             "49.9995 m of height apart: what misses a minimum by no more than 1 mm keeps it.",
             0.0),
        Case("Vertical minimum missed by 2 mm", volume(SQUARE, 0.0, 100.0),
             volume(INTO, 149.998, 200.0), Separation(0.0, 50.0, 0.0), True,
             "49.998 m of height apart where 50 m are needed: more than the tolerance of 1 mm.",
             0.0),
        Case("Equal times", seconds(SQUARE, 100, 200), seconds(INTO, 100, 200), NONE, True,
             "They begin and end together and overlap in outline and altitude.", 0.0),
        Case("Times that touch", seconds(SQUARE, 100, 200), seconds(INTO, 200, 300), NONE, False,
             "Times are half-open: at 200 s the one has ended and the other begins.", 0.0),
        Case("Gap equal to the time minimum", seconds(SQUARE, 100, 200), seconds(INTO, 260, 300),
             Separation(0.0, 0.0, 60.0), False,
             "One minute lies between them, which is the minimum: it is kept.", 0.0),
        Case("A month against a minute", volume(SQUARE, start_ns=0, end_ns=30 * DAY_NS),
             volume(INTO, start_ns=17 * DAY_NS, end_ns=17 * DAY_NS + MINUTE_NS), NONE, True,
             "The minute lies within the 30 days.", 0.0),
    ]


def shapes():
    """Shapes whose answer is not that of their boxes, hulls or vertices."""
    bar, beam = box(40, -50, 60, 150), box(-50, 40, 150, 60)
    return [
        Case("Duplicates", volume(SQUARE), volume(SQUARE), NONE, True,
             "The same volume twice: everything inside one is inside the other.", 0.0),
        Case("Other winding and first vertex", volume(SQUARE),
             volume(Polygon(EAST.vertices[2:] + EAST.vertices[:2])),
             Separation(0.0, 0.0, 0.0), False,
             "Case 1 with the second ring begun elsewhere: its inside is the smaller side, so "
             "they touch and no more.", 0.0),
        Case("Ring within a ring", volume(SQUARE), volume(box(45, 45, 55, 55)), NONE, True,
             "No edge comes near another one, but all of the small ring is inside.", 0.0),
        Case("Ring in a notch", volume(ring(*HORSESHOE)),
             volume(ring((12, 12), (12, 18), (28, 18), (28, 12))), NONE, False,
             "It stands in the notch, 2 m from three sides, and within the other's hull.", 2.0),
        Case("Interleaved combs", volume(ring(*COMB)), volume(ring(*BETWEEN)), NONE, False,
             "The teeth stand 1 m apart all the way; boxes and hulls overlap.", 1.0),
        Case("Cross", volume(bar), volume(beam), NONE, True,
             "The middle square is in both, though no vertex of one is inside the other.", 0.0),
        Case("Circle in a ring", volume(SQUARE), volume(Circle(*at(50, 50), 5.0)), NONE, True,
             "The circle ends 45 m inside every edge.", 0.0),
        Case("Ring in a circle", volume(Circle(*at(50, 50), 300.0)), volume(SQUARE), NONE, True,
             "Every corner is less than 71 m from the centre of the circle of 300 m.", 0.0),
        Case("Circles that touch", volume(Circle(*HERE, 100.0)),
             volume(Circle(*forward(HERE, 70.0, 300.0)[0], 200.0)), NONE, False,
             "The centres are 300 m apart, which is the sum of the radii.", 0.0,
             (forward(HERE, 70.0, 100.0)[0], 40.0)),
        Case("Circle touching an edge", volume(SQUARE), volume(Circle(*at(50, 150), 50.0)), NONE,
             False, "The centre is 50 m from the edge, at a right angle: the radius.", 0.0,
             (at(50, 100), 20.0)),
        Case("Ring of the most vertices", volume(round_ring()), volume(tip_beyond()),
             Separation(0.0, 0.0, 0.0), False,
             f"The tip is 1 cm beyond a vertex of {limits.RING_VERTICES_MAX:,} on a circle of "
             "5 km, straight away from its centre.", 0.01,
             (forward(HERE, 90.0, 5_000.0)[0], 0.05), plain=False),
    ]


def round_ring():
    count = limits.RING_VERTICES_MAX
    return Polygon(tuple(forward(HERE, 360.0 * i / count, 5_000.0)[0] for i in range(count)))


def tip_beyond():
    tip, ahead = forward(HERE, 90.0, 5_000.01)
    return tip_at(tip, ahead, 3_000.0)


def tip_at(tip, azimuth_deg, size_m):
    """A triangle that opens from its tip towards an azimuth."""
    return Polygon((tip, forward(tip, azimuth_deg - 30.0, size_m)[0],
                    forward(tip, azimuth_deg + 30.0, size_m)[0]))


def poles_and_meridians():
    """Where longitudes jump or mean nothing."""
    return [
        Case("Circle over a pole", volume(Circle(89.9, 0.0, 20_000.0)),
             volume(box(-100, -100, 100, 100, (89.95, 180.0))), NONE, True,
             "The centre is 11.2 km before the pole, the square 5.6 km behind it: 16.8 km, and "
             "the radius is 20 km.", 0.0),
        Case("Pole inside a polygon",
             volume(Polygon(((89.9, 0.0), (89.9, 90.0), (89.9, 180.0), (89.9, -90.0)))),
             volume(box(-200, -200, 200, 200, (89.95, 45.0))), NONE, True,
             "The edges pass the pole at 7.9 km; the square is 5.6 km from it.", 0.0),
        Case("Edge through a pole", volume(Polygon(((89.9, 0.0), (89.9, 180.0), (89.8, 90.0)))),
             volume(Polygon(((89.9, 0.0), (89.9, 180.0), (89.8, -90.0)))), NONE, False,
             "The shared edge runs along two meridians through the pole; each lies on its own "
             "side.", 0.0, ((90.0, 0.0), 4_000.0)),
        Case("Vertex at a pole", volume(Polygon(((90.0, 123.0), (89.9, 0.0), (89.9, 40.0)))),
             volume(Polygon(((90.0, -77.0), (89.9, 50.0), (89.9, 90.0)))), NONE, False,
             "Both have a vertex at the pole, given with different longitudes; 10 degrees of "
             "longitude lie between them.", 0.0, ((90.0, 0.0), 2_000.0)),
        Case("Across the 180th meridian",
             volume(Polygon(((10.0, 179.99), (10.0, -179.98), (10.02, -179.98), (10.02, 179.99)))),
             volume(Polygon(((10.01, -179.995), (10.01, -179.97), (10.03, -179.97),
                             (10.03, -179.995)))), NONE, True,
             "Counted on from 179.99 the first reaches 180.02; the second begins at 180.005.",
             0.0),
        Case("Along the 180th meridian",
             volume(Polygon(((10.0, 179.99), (10.0, 180.0), (10.02, 180.0), (10.02, 179.99)))),
             volume(Polygon(((10.0, -180.0), (10.0, -179.99), (10.02, -179.99),
                             (10.02, -180.0)))), NONE, False,
             "180 and -180 are one meridian, which is the edge of both.", 0.0),
        Case("Equator and prime meridian",
             volume(Polygon(((0.0, -0.01), (0.0, 0.005), (0.01, 0.005), (0.01, -0.01)))),
             volume(Polygon(((0.0, 0.01), (0.0, -0.005), (-0.01, -0.005), (-0.01, 0.01)))),
             NONE, False,
             "The equator is a geodesic: both have an edge on it, one lies north, one south.",
             0.0),
    ]


def large():
    """Long edges, and the largest there are."""
    north = Polygon(((60.0, 0.0), (60.0, 18.0), (65.0, 18.0), (65.0, 0.0)))
    towards, length_m = inverse((60.0, 0.0), (60.0, 18.0))
    top, _ = forward((60.0, 0.0), towards, length_m / 2)
    below = tip_at(forward(top, 180.0, 12_000.0)[0], 180.0, 12_000.0)
    near, far = corridors()
    touching, _ = forward(HERE, 77.0, 4_000_000.0)
    edge_m = 1_990_000.0
    largest = Polygon(tuple(forward(HERE, 45.0 * i, edge_m)[0] for i in range(8)))
    beyond, ahead = forward(HERE, 90.0, edge_m + 1.0)
    everything = Volume4D(Circle(*HERE, limits.RADIUS_M_MAX), limits.ALTITUDE_M_W84_MIN,
                          limits.ALTITUDE_M_W84_MAX, TIME_NS_MIN, TIME_NS_MAX)
    return [
        Case("Geodesic against parallel", volume(north), volume(below), NONE, False,
             "Its southern edge, 1,000 km from 60 N to 60 N, runs 34 km north of the parallel "
             "half-way; the tip is 12 km south of that place, at a right angle, and 20 km inside "
             "what a flat map draws.", 12_000.0, (top, 60_000.0), plain=False),
        Case("Long corridors", volume(near), volume(far), Separation(5_000.01, 0.0, 0.0), True,
             "Two ends were laid off 5 km at right angles from the other's edge; between them "
             "the lines, 600 km long, are farther apart. 1 cm more is needed.", 5_000.0,
             plain=False),
        Case("Largest circles", volume(Circle(*HERE, limits.RADIUS_M_MAX)),
             volume(Circle(*touching, limits.RADIUS_M_MAX)), NONE, False,
             "The centres are 4,000 km apart, which is the sum of the radii.", 0.0, plain=False),
        Case("Largest ring", volume(largest), volume(tip_at(beyond, ahead, 300_000.0)), NONE,
             False, "The tip is 1 m beyond a corner, on the line from the middle.", 1.0,
             (forward(HERE, 90.0, edge_m)[0], 6.0), plain=False),
        Case("One volume over everything", everything, volume(SQUARE), NONE, True,
             "The square is within the largest circle, all altitudes and all times.", 0.0,
             plain=False),
    ]


def corridors():
    """Two strips of 2 km, 600 and 580 km long; the second's inner edge begins and ends 5 km off."""
    start, azimuth_deg = HERE, 63.0
    end, ahead = forward(start, azimuth_deg, 600_000.0)
    near = Polygon((start, end, forward(end, ahead - 90.0, 2_000.0)[0],
                    forward(start, azimuth_deg - 90.0, 2_000.0)[0]))
    inner, outer = [], []
    for along_m in (10_000.0, 590_000.0):
        foot, there = forward(start, azimuth_deg, along_m)
        inner.append(forward(foot, there + 90.0, 5_000.0)[0])
        outer.append(forward(foot, there + 90.0, 7_000.0)[0])
    return near, Polygon((*inner, *outer[::-1]))


CASES = tuple(small_gaps() + bands_and_times() + shapes() + poles_and_meridians() + large())
