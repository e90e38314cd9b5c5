"""4D volumes: an outline on the WGS84 ellipsoid, a band of altitude, a time; checked when built.

Angles are degrees WGS84, lengths metres, altitudes metres above the ellipsoid, times integer
nanoseconds since 1970 UTC. An outline is a circle (all points within a geodesic radius) or a simple
ring of vertices joined by WGS84 geodesics, in either winding; its inside is the smaller side. What
cannot be such a value raises BadInput with the field at fault (ASTM F3548-21, schemas Volume4D,
Polygon, Circle, LatLngPoint).

Rings are checked in the plane onto which the ellipsoid is projected from the Earth's centre, around
the middle of the ring: there the planes through the centre are straight lines, the poles and the
180th meridian are nothing special, and a ring that fits in RADIUS_M_MAX never leaves the plane.
Every step is ordinary IEEE arithmetic, so all machines accept the same rings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from luftrom import limits
from luftrom.errors import BadInput

EQUATOR_RADIUS_M = 6_378_137.0             # WGS84, NIMA TR8350.2, table 3.1
FLATTENING = 1 / 298.257223563
ECCENTRICITY2 = FLATTENING * (2 - FLATTENING)
POLE_RADIUS_M = EQUATOR_RADIUS_M * (1 - FLATTENING)
MEAN_RADIUS_M = 6_371_008.8

SAME_M = 1e-6                              # two points nearer than this are one
MEAN_WIDTH_M_MIN = 1e-3                    # rings thinner than this on average enclose nothing
LATERAL_M_MAX = 100_000.0                  # the largest lateral minimum of a Separation
VERTICAL_M_MAX = 100_000.0
TIME_S_MAX = 86_400.0
_TIME_NS_LIMIT = 1 << 62                   # clock.TIME_NS_MAX; floor 0 values do not need clocks
PERIMETER_M_MAX = 4 * math.pi * limits.RADIUS_M_MAX    # twice around the largest circle
_PIECE_M = 4_000.0                         # edges up to here are plane sections to a millimetre
_STRAY_PER_M = 1 / (298.0 * 8.0 * 6_356_000.0)
_FEW_VERTICES = 40                         # up to here plain loops are faster than arrays

_TAN2_MAX = math.tan(limits.RADIUS_M_MAX / MEAN_RADIUS_M) ** 2
_RAD_PER_DEG = math.pi / 180

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Polygon:
    """A simple ring of `(lat_deg, lng_deg)`, 3 to RING_VERTICES_MAX, without a closing vertex.

    Raises BadInput with field `vertices` or `vertices[i]`: too few or many, off the Earth, repeated
    points, edges that cross or touch, no area, larger than RADIUS_M_MAX around its middle.
    """

    vertices: tuple[tuple[float, float], ...]
    # What `conflicts` computes once from the vertices; no part of the value.
    prepared: object = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_ring(self.vertices)


@dataclass(frozen=True, slots=True)
class Circle:
    """All points within a geodesic distance of a centre; 0 < radius_m <= RADIUS_M_MAX."""

    lat_deg: float
    lng_deg: float
    radius_m: float
    prepared: object = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not -90.0 <= self.lat_deg <= 90.0:
            raise BadInput("must be -90 to 90 degrees", field="lat_deg")
        if not -180.0 <= self.lng_deg <= 180.0:
            raise BadInput("must be -180 to 180 degrees", field="lng_deg")
        if not MEAN_WIDTH_M_MIN <= self.radius_m <= limits.RADIUS_M_MAX:
            raise BadInput(f"must be {MEAN_WIDTH_M_MIN:g} to {limits.RADIUS_M_MAX:.0f} m",
                           field="radius_m")


@dataclass(frozen=True, slots=True)
class Volume4D:
    """An outline between two altitudes from one time until just before another (half-open)."""

    outline: Polygon | Circle
    altitude_m_w84_lower: float
    altitude_m_w84_upper: float
    time_start_ns: int
    time_end_ns: int

    def __post_init__(self) -> None:
        lowest, highest = limits.ALTITUDE_M_W84_MIN, limits.ALTITUDE_M_W84_MAX
        lower, upper = self.altitude_m_w84_lower, self.altitude_m_w84_upper
        if not lowest <= lower <= highest:
            raise BadInput(f"must be {lowest:.0f} to {highest:.0f} m", field="altitude_m_w84_lower")
        if not lowest <= upper <= highest:
            raise BadInput(f"must be {lowest:.0f} to {highest:.0f} m", field="altitude_m_w84_upper")
        if not lower < upper:
            raise BadInput("must be above the lower altitude", field="altitude_m_w84_upper")
        if not -_TIME_NS_LIMIT <= self.time_start_ns <= _TIME_NS_LIMIT:
            raise BadInput("is beyond the times a node computes with", field="time_start_ns")
        if not self.time_start_ns < self.time_end_ns <= _TIME_NS_LIMIT:
            raise BadInput("must be later than the start, and a time a node computes with",
                           field="time_end_ns")


@dataclass(frozen=True, slots=True)
class Separation:
    """The minima that two volumes must keep; 0 means that they must not overlap, no more."""

    lateral_m: float
    vertical_m: float
    time_s: float

    def __post_init__(self) -> None:
        for name, most in (("lateral_m", LATERAL_M_MAX), ("vertical_m", VERTICAL_M_MAX),
                           ("time_s", TIME_S_MAX)):
            if not 0.0 <= getattr(self, name) <= most:
                raise BadInput(f"must be 0 to {most:.0f}", field=name)


# -- points on the ellipsoid ---------------------------------------------------------------------

def sincos_deg(angle_deg: float) -> tuple[float, float]:
    """Sine and cosine of an angle of at most 360 degrees, the same bits on every machine.

    The quadrant is taken off exactly; the rest is Taylor's series within 45 degrees, whose first
    term left out is below 1e-18. The mathematical libraries of two machines may differ in the last
    bit, and two nodes must not.
    """
    quarter = math.floor(angle_deg / 90.0 + 0.5)
    x = (angle_deg - 90.0 * quarter) * _RAD_PER_DEG
    z = x * x
    s = x + x * z * (-1 / 6 + z * (1 / 120 + z * (-1 / 5040 + z * (1 / 362880 + z * (
        -1 / 39916800 + z * (1 / 6227020800 + z * (-1 / 1307674368000)))))))
    c = 1.0 + z * (-0.5 + z * (1 / 24 + z * (-1 / 720 + z * (1 / 40320 + z * (
        -1 / 3628800 + z * (1 / 479001600 + z * (-1 / 87178291200 + z / 20922789888000)))))))
    quarter %= 4
    if quarter == 0:
        return s, c
    if quarter == 1:
        return c, -s
    if quarter == 2:
        return -s, -c
    return -c, s


def ecef_m(lat_deg: float, lng_deg: float) -> Point:
    """A point of the ellipsoid in metres, Earth-centred and Earth-fixed."""
    sin_lat, cos_lat = sincos_deg(lat_deg)
    sin_lng, cos_lng = sincos_deg(lng_deg)
    n = EQUATOR_RADIUS_M / math.sqrt(1.0 - ECCENTRICITY2 * sin_lat * sin_lat)
    return n * cos_lat * cos_lng, n * cos_lat * sin_lng, n * (1.0 - ECCENTRICITY2) * sin_lat


# -- rings ---------------------------------------------------------------------------------------

def _check_ring(vertices: tuple[tuple[float, float], ...]) -> None:
    count = len(vertices)
    if not 3 <= count <= limits.RING_VERTICES_MAX:
        raise BadInput(f"has {count} vertices; 3 to {limits.RING_VERTICES_MAX} are taken",
                       field="vertices")
    for i, (lat_deg, lng_deg) in enumerate(vertices):
        if not (-90.0 <= lat_deg <= 90.0 and -180.0 <= lng_deg <= 180.0):
            raise BadInput("lat must be -90 to 90 and lng -180 to 180 degrees",
                           field=f"vertices[{i}]")
    xs, ys = _project([ecef_m(lat_deg, lng_deg) for lat_deg, lng_deg in vertices])
    lengths = _edge_lengths(xs, ys)
    _check_width(xs, ys, lengths)
    longest = max(lengths)
    # A section through the Earth's centre strays from the geodesic by at most this.
    stray = longest * longest * _STRAY_PER_M
    crossing = _crossing(xs, ys, lengths, SAME_M + 2.0 * stray if longest > _PIECE_M else SAME_M)
    if crossing is not None and longest > _PIECE_M:
        # With a negative slack only edges count that reach beyond each other by so much.
        clear = _crossing(xs, ys, lengths, -2.0 * stray)
        crossing = _crossing_of_geodesics(vertices) if clear is None else clear
    if crossing is not None:
        raise BadInput("begins an edge that crosses or touches another edge of the ring; a ring "
                       "must be simple", field=f"vertices[{crossing}]")


def _crossing_of_geodesics(vertices: tuple[tuple[float, float], ...]) -> int | None:
    """A vertex whose edge crosses or touches another, once long edges are divided; or None."""
    from luftrom import ellipsoid          # a rare case, which alone needs the compiled geodesics

    corners = np.array(vertices, np.float64)
    points = ellipsoid.prepare_ring(corners, _PIECE_M)[ellipsoid.HEAD_ROWS:]
    xs, ys = _project([tuple(point) for point in points.tolist()])
    found = _crossing(xs, ys, _edge_lengths(xs, ys), SAME_M)
    if found is None:
        return None
    places = {ecef_m(lat_deg, lng_deg): i for i, (lat_deg, lng_deg) in enumerate(vertices)}
    return next(places[place] for i in range(found, -1, -1)
                if (place := tuple(points[i].tolist())) in places)


def _crossing(xs: list[float], ys: list[float], lengths: list[float], slack: float) -> int | None:
    """The beginning of an edge that comes within `slack` of another one; None if none does.

    Neighbouring edges share a vertex; for them it is running back over each other that counts.
    """
    fold = _fold(xs, ys, lengths, slack)
    if fold is not None:
        return fold
    if len(xs) > _FEW_VERTICES:
        return _crossing_of_many(np.array(xs), np.array(ys), np.array(lengths), slack)
    return _crossing_of_few(xs, ys, lengths, slack)


def _project(points: list[Point]) -> tuple[list[float], list[float]]:
    """The points projected from the Earth's centre onto the plane that touches the ring's middle.

    The plane's unit is about a metre near the middle. Raises BadInput beyond RADIUS_M_MAX.
    """
    for middle in _middles(points):
        size = math.sqrt(middle[0] * middle[0] + middle[1] * middle[1] + middle[2] * middle[2])
        if size < 0.5 * POLE_RADIUS_M:
            break
        ux, uy, uz = middle[0] / size, middle[1] / size, middle[2] / size
        # The first axis lies across the Earth's axis, or across the x axis near a pole.
        if uz * uz < 0.5:
            ex, ey, ez = -uy, ux, 0.0
        else:
            ex, ey, ez = 0.0, -uz, uy
        across = math.sqrt(ex * ex + ey * ey + ez * ez)
        ex, ey, ez = ex / across, ey / across, ez / across
        nx, ny, nz = uy * ez - uz * ey, uz * ex - ux * ez, ux * ey - uy * ex
        xs, ys = [], []
        for x, y, z in points:
            height = ux * x + uy * y + uz * z
            if height <= 0.0:
                break
            scale = MEAN_RADIUS_M / height
            px, py = (ex * x + ey * y + ez * z) * scale, (nx * x + ny * y + nz * z) * scale
            if px * px + py * py > _TAN2_MAX * (MEAN_RADIUS_M * MEAN_RADIUS_M):
                break
            xs.append(px)
            ys.append(py)
        else:
            return xs, ys
    raise BadInput(f"reaches farther than {limits.RADIUS_M_MAX / 1000:.0f} km from its middle",
                   field="vertices")


def _middles(points: list[Point]) -> Iterator[Point]:
    """Points that may serve as the ring's middle: of its box, then drawn to whatever is far off."""
    xs, ys, zs = zip(*points, strict=True)
    x, y, z = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, (min(zs) + max(zs)) / 2
    yield x, y, z
    for step in range(2, 66):              # Badoiu and Clarkson's walk to the smallest ball
        fx, fy, fz = max(points, key=lambda p: (p[0] - x) ** 2 + (p[1] - y) ** 2 + (p[2] - z) ** 2)
        x, y, z = x + (fx - x) / step, y + (fy - y) / step, z + (fz - z) / step
        if step % 16 == 1:
            yield x, y, z


def _edge_lengths(xs: list[float], ys: list[float]) -> list[float]:
    lengths = []
    count = len(xs)
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        dx, dy = xs[j] - xs[i], ys[j] - ys[i]
        length = math.sqrt(dx * dx + dy * dy)
        if length < SAME_M:
            raise BadInput(f"is the same point as vertices[{min(i, j)}]; a ring has no repeated "
                           "and no closing vertex", field=f"vertices[{max(i, j)}]")
        lengths.append(length)
    return lengths


def _check_width(xs: list[float], ys: list[float], lengths: list[float]) -> None:
    x0, y0 = xs[0], ys[0]
    double_area = 0.0
    for i in range(1, len(xs) - 1):
        double_area += ((xs[i] - x0) * (ys[i + 1] - y0) - (xs[i + 1] - x0) * (ys[i] - y0))
    around = sum(lengths)
    if abs(double_area) < MEAN_WIDTH_M_MIN * around:
        raise BadInput("encloses no area, or crosses itself", field="vertices")
    if around > PERIMETER_M_MAX:
        raise BadInput(f"is longer than {PERIMETER_M_MAX / 1000:.0f} km around", field="vertices")


def _fold(xs: list[float], ys: list[float], lengths: list[float], slack: float) -> int | None:
    """A vertex at which an edge runs back over the one before it, if there is one."""
    count = len(xs)
    ax, ay = xs[-1] - xs[-2], ys[-1] - ys[-2]
    before = lengths[-2]
    for i in range(count):
        bx, by = xs[i] - xs[i - 1], ys[i] - ys[i - 1]
        length = lengths[i - 1]
        if (ax * bx + ay * by < 0.0
                and abs(ax * by - ay * bx) <= slack * (before if before > length else length)):
            return (i - 1) % count
        ax, ay, before = bx, by, length
    return None


def _crossing_of_few(xs: list[float], ys: list[float], lengths: list[float],
                     slack: float) -> int | None:
    """The first later edge that is no neighbour and too near an earlier one; plain loops."""
    count = len(xs)
    for i in range(count - 2):
        ax, ay = xs[i], ys[i]
        bx, by = xs[i + 1], ys[i + 1]
        ex, ey = bx - ax, by - ay
        most = slack * lengths[i]
        last = count if i else count - 1   # the first and the last edge are neighbours
        for j in range(i + 2, last):
            k = j + 1 if j + 1 < count else 0
            cx, cy, dx, dy = xs[j], ys[j], xs[k], ys[k]
            one = ex * (cy - ay) - ey * (cx - ax)
            other = ex * (dy - ay) - ey * (dx - ax)
            if (one > most and other > most) or (one < -most and other < -most):
                continue
            fx, fy = dx - cx, dy - cy
            limit = slack * lengths[j]
            one = fx * (ay - cy) - fy * (ax - cx)
            other = fx * (by - cy) - fy * (bx - cx)
            if (one > limit and other > limit) or (one < -limit and other < -limit):
                continue
            if (max(ax, bx) + slack < min(cx, dx) or max(cx, dx) + slack < min(ax, bx)
                    or max(ay, by) + slack < min(cy, dy) or max(cy, dy) + slack < min(ay, by)):
                continue
            return j
    return None


def _crossing_of_many(xs: np.ndarray, ys: np.ndarray, lengths: np.ndarray,
                      slack: float) -> int | None:
    """The same, an edge against all later ones at once: time n^2 in arrays, memory n."""
    count = len(xs)
    x2, y2 = np.roll(xs, -1), np.roll(ys, -1)
    left, right = np.minimum(xs, x2) - slack, np.maximum(xs, x2)
    low, high = np.minimum(ys, y2) - slack, np.maximum(ys, y2)
    for i in range(count - 2):
        near = slice(i + 2, count if i else count - 1)
        j = np.flatnonzero((left[near] <= right[i] + slack) & (right[near] >= left[i])
                           & (low[near] <= high[i] + slack) & (high[near] >= low[i])) + (i + 2)
        if not len(j):
            continue
        ax, ay, ex, ey = xs[i], ys[i], x2[i] - xs[i], y2[i] - ys[i]
        one = ex * (ys[j] - ay) - ey * (xs[j] - ax)
        other = ex * (y2[j] - ay) - ey * (x2[j] - ax)
        most = slack * lengths[i]
        j = j[~(((one > most) & (other > most)) | ((one < -most) & (other < -most)))]
        if not len(j):
            continue
        cx, cy = xs[j], ys[j]
        fx, fy = x2[j] - cx, y2[j] - cy
        one = fx * (ay - cy) - fy * (ax - cx)
        other = fx * (y2[i] - cy) - fy * (x2[i] - cx)
        limit = slack * lengths[j]
        apart = ((one > limit) & (other > limit)) | ((one < -limit) & (other < -limit))
        if not apart.all():
            return int(j[int(np.argmin(apart))])
    return None
