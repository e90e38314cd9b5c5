"""What is right: conflicts of two 4D volumes by their definition, plain, scalar and slow.

In go two volumes and minima; out comes whether they conflict, and how far apart their outlines are.
`kernels` must agree, except where an overlap or a shortfall is within its tolerance. Nothing here
is compiled or takes a short cut: every edge is held against every other one, with planes through
its normal, and inside and outside are told by the angle through which a ring turns around a point.

The only things shared with the fast path are the WGS84 constants and the division of long edges
along their geodesics, both of which are checked against pyproj.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from luftrom.geometry.edges import TOUCH_M
from luftrom.geometry.ellipsoid import HEAD_ROWS, PIECE_M, prepare_ring
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from luftrom.geometry.wgs84 import EQUATOR_RADIUS_M, POLE_RADIUS_M, Point, ecef_m

_AXES2 = (EQUATOR_RADIUS_M ** 2, EQUATOR_RADIUS_M ** 2, POLE_RADIUS_M ** 2)
_PARTS = 256                                # an overlap is looked for at so many places of an edge

Edge = tuple[Point, Point]


def conflict(one: Volume4D, other: Volume4D, separation: Separation) -> bool:
    """Do two volumes come nearer than the minima in time, altitude and outline at once?"""
    gap_ns = (max(one.time_start_ns, other.time_start_ns)
              - min(one.time_end_ns, other.time_end_ns))
    gap_m = (max(one.altitude_m_w84_lower, other.altitude_m_w84_lower)
             - min(one.altitude_m_w84_upper, other.altitude_m_w84_upper))
    if gap_ns >= separation.time_s * 1e9 or gap_m >= separation.vertical_m - TOUCH_M:
        return False
    if separation.lateral_m > TOUCH_M:
        gap = lateral_distance_m(one.outline, other.outline)
        return gap < separation.lateral_m - TOUCH_M
    return overlap(one.outline, other.outline)


def lateral_distance_m(one: Polygon | Circle, other: Polygon | Circle) -> float:
    """The geodesic distance between two outlines, 0 if they overlap; for outlines below 50 km."""
    radius_m = sum(o.radius_m for o in (one, other) if isinstance(o, Circle))
    first, second = _edges(one), _edges(other)
    if _is_inside(first[0][0], second) or _is_inside(second[0][0], first):
        return 0.0
    return max(0.0, _least_distance(first, second) - radius_m)


def overlap(one: Polygon | Circle, other: Polygon | Circle) -> bool:
    """Do two outlines share a point more than TOUCH_M inside both?"""
    if isinstance(one, Circle) or isinstance(other, Circle):
        return _overlap_of_circle(one, other)
    first, second = _edges(one), _edges(other)
    for edges, ring in ((first, second), (second, first)):
        if any(_depth(point, ring) > TOUCH_M for point in _places(edges, ring)):
            return True
    return any(_depth(point, first) > TOUCH_M and _depth(point, second) > TOUCH_M
               for edges in (first, second) for point in _inner_points(edges))


def _overlap_of_circle(one: Polygon | Circle, other: Polygon | Circle) -> bool:
    first, second = _edges(one), _edges(other)
    if _is_inside(first[0][0], second) or _is_inside(second[0][0], first):
        return True
    reach = sum(o.radius_m for o in (one, other) if isinstance(o, Circle))
    return _least_distance(first, second) < reach - TOUCH_M


# -- edges and points ----------------------------------------------------------------------------

def _edges(outline: Polygon | Circle) -> list[Edge]:
    """The edges of a ring, none longer than PIECE_M; of a circle its centre, as an edge."""
    if isinstance(outline, Circle):
        centre = ecef_m(outline.lat_deg, outline.lng_deg)
        return [(centre, centre)]
    points = prepare_ring(np.array(outline.vertices, np.float64), PIECE_M)[HEAD_ROWS:]
    ring = [tuple(point) for point in points.tolist()]
    return list(zip(ring, ring[1:] + ring[:1], strict=True))


def _chord(p: Point, q: Point) -> float:
    return math.dist(p, q)


def _normal(point: Point) -> Point:
    scaled = [x / a2 for x, a2 in zip(point, _AXES2, strict=True)]
    size = math.hypot(*scaled)
    return scaled[0] / size, scaled[1] / size, scaled[2] / size


def _arc(p: Point, q: Point) -> float:
    """The geodesic distance of near points: the arc over their chord."""
    chord = _chord(p, q)
    if chord == 0.0:
        return 0.0
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    gradient = math.hypot(*(x / a2 for x, a2 in zip(middle, _AXES2, strict=True)))
    bend = sum((b - a) ** 2 / a2 for a, b, a2 in zip(p, q, _AXES2, strict=True))
    curvature = bend / chord ** 2 / gradient
    return 2.0 / curvature * math.asin(chord * curvature / 2.0)


def _raised(point: Sequence[float]) -> Point:
    """A point near the ellipsoid moved onto it, along the normal."""
    x, y, z = point
    nx, ny, nz = _normal((x, y, z))
    for _ in range(4):
        value = sum(v * v / a2 for v, a2 in zip((x, y, z), _AXES2, strict=True)) - 1.0
        slope = 2.0 * sum(v * n / a2 for v, n, a2 in zip((x, y, z), (nx, ny, nz), _AXES2,
                                                         strict=True))
        x, y, z = x - nx * value / slope, y - ny * value / slope, z - nz * value / slope
    return x, y, z


def _middle(edge: Edge) -> Point:
    return _raised([(a + b) / 2 for a, b in zip(*edge, strict=True)])


def _halves(edge: Edge) -> tuple[Edge, Edge]:
    middle = _middle(edge)
    return (edge[0], middle), (middle, edge[1])


def _reach(edge: Edge) -> float:
    """No point of an edge is farther from its middle than this; it is a little too much."""
    return _chord(*edge) * 0.500001


# -- distances -----------------------------------------------------------------------------------

def _to_edge(point: Point, edge: Edge) -> float:
    """The distance from a point to an edge: to the foot on its chord, raised to the ellipsoid.

    What is raised off the middle of a chord moves along it a little, millimetres at 20 km, so the
    foot is corrected once by how far it stands before or behind the point.
    """
    start, end = edge
    along = [b - a for a, b in zip(start, end, strict=True)]
    length2 = sum(a * a for a in along)
    share, foot = 0.0, start
    for _ in range(2):
        if length2 > 0.0:
            share += sum((p - f) * a for p, f, a in zip(point, foot, along, strict=True)) / length2
        share = min(1.0, max(0.0, share))
        foot = _raised([a + share * b for a, b in zip(start, along, strict=True)])
    return _arc(point, foot)


def _side(point: Point, edge: Edge) -> float:
    """On which side of an edge a point lies, of the plane through it and its middle's normal."""
    start, end = edge
    ux, uy, uz = _normal(_middle(edge))
    ax, ay, az = (b - a for a, b in zip(start, end, strict=True))
    px, py, pz = (p - a for p, a in zip(point, start, strict=True))
    return (ux * (ay * pz - az * py) + uy * (az * px - ax * pz) + uz * (ax * py - ay * px))


def _between(one: Edge, other: Edge) -> float:
    """The distance of two edges: 0 if they cross, else some end's to the other edge."""
    if (_side(other[0], one) * _side(other[1], one) < 0.0
            and _side(one[0], other) * _side(one[1], other) < 0.0):
        return 0.0
    return min(_to_edge(one[0], other), _to_edge(one[1], other),
               _to_edge(other[0], one), _to_edge(other[1], one))


def _least_distance(first: list[Edge], second: list[Edge]) -> float:
    """The least geodesic distance between two sets of edges."""
    return min(_between(one, other) for one in first for other in second)


def _is_inside(point: Point, edges: list[Edge]) -> bool:
    """Does the ring turn once around the point? Asked of bearings, edge by edge."""
    up = _normal(point)
    across = (-up[1], up[0], 0.0) if abs(up[2]) < 0.9 else (0.0, -up[2], up[1])
    ahead = (up[1] * across[2] - up[2] * across[1], up[2] * across[0] - up[0] * across[2],
             up[0] * across[1] - up[1] * across[0])
    size = math.hypot(*across)

    def bearing(place: Point) -> float:
        offset = [a - b for a, b in zip(place, point, strict=True)]
        return math.atan2(sum(a * b for a, b in zip(offset, across, strict=True)) / size,
                          sum(a * b for a, b in zip(offset, ahead, strict=True)) / size)

    turned = 0.0
    for edge in edges:
        # In halves, so that no part of an edge is seen under more than half a turn.
        for start, end in _halves(edge):
            turn = bearing(end) - bearing(start)
            turned += (turn + math.pi) % (2 * math.pi) - math.pi
    return abs(turned) > math.pi


def _depth(point: Point, edges: list[Edge]) -> float:
    """How far inside a ring a point lies; negative outside."""
    distance = min(_to_edge(point, edge) for edge in edges)
    return distance if _is_inside(point, edges) else -distance


def _places(edges: list[Edge], ring: list[Edge]) -> Iterator[Point]:
    """Places of edges that may lie deep inside a ring: no farther outside than an edge is long."""
    for edge in edges:
        yield edge[0]
        stack = [(edge, 1)]
        while stack:
            part, parts = stack.pop()
            middle = _middle(part)
            if _depth(middle, ring) + _reach(part) <= TOUCH_M:
                continue
            yield middle
            if parts < _PARTS:
                stack += [(half, parts * 2) for half in _halves(part)]


def _inner_points(edges: list[Edge]) -> Iterator[Point]:
    """Middles between vertices, one at least inside the ring; a triangle's middle."""
    corners = [edge[0] for edge in edges]
    for i, one in enumerate(corners):
        for other in corners[i + 1:]:
            yield _middle((one, other))
    if len(corners) == 3:
        yield _middle((corners[0], _middle((corners[1], corners[2]))))
