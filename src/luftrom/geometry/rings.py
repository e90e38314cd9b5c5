"""Which rings are simple: the checks of `volume.Polygon`, compiled, for one ring or for many.

In go vertices in degrees WGS84; out come the fault and its place, which `volume` puts into words.
All arithmetic is IEEE's in a fixed order, so every machine accepts the same rings; see `volume` for
the plane in which they are checked. For ordinary rings time grows with n log n, n the number of
vertices, and memory with n. The slowest rings that are accepted are those with long edges that all
begin near one point: there every edge is held against every other one, at a few nanoseconds a pair.
"""

from __future__ import annotations

import math

import numpy as np

from luftrom import limits
from luftrom.geometry import boxes
from luftrom.geometry.compiling import compiled, released
from luftrom.geometry.ellipsoid import HEAD_ROWS, place, prepare_ring
from luftrom.geometry.wgs84 import (
    MEAN_RADIUS_M,
    MEAN_WIDTH_M_MIN,
    PERIMETER_M_MAX,
    POLE_RADIUS_M,
    SAME_M,
    sincos_deg,
)

# The faults of an outline; SIMPLE is none.
SIMPLE, COUNT, OFF_EARTH, TOO_FAR, REPEATED, NO_AREA, TOO_LONG, CROSSING, NO_CIRCLE = range(9)

_PIECE_M = 4_000.0                         # edges up to here are plane sections to a millimetre
_STRAY_PER_M = 1 / (298.0 * 8.0 * 6_356_000.0)
_FEW_VERTICES = 48                         # up to here plain loops are faster than a tree
_SIN, _COS = sincos_deg(limits.RADIUS_M_MAX / MEAN_RADIUS_M * (180 / math.pi))
_FARTHEST_M2 = (_SIN / _COS * MEAN_RADIUS_M) ** 2
# Columns of what is computed of each vertex: the place, the place in the plane, the edge's length.
_X, _Y, _Z, _U, _V, _LENGTH = range(6)
_COLUMNS = 6


@compiled
def check_ring(vertices):
    """The fault of a ring (n, 2) of degrees, and the number of the vertex or edge where it is."""
    return _check(vertices, np.empty((len(vertices), _COLUMNS)))


@compiled
def _check(vertices, work):
    """The same; `work` (n, 6) is overwritten."""
    count = len(vertices)
    if not 3 <= count <= limits.RING_VERTICES_MAX:
        return COUNT, 0
    for i in range(count):
        lat_deg, lng_deg = vertices[i, 0], vertices[i, 1]
        if not (-90.0 <= lat_deg <= 90.0 and -180.0 <= lng_deg <= 180.0):
            return OFF_EARTH, i
        work[i, _X], work[i, _Y], work[i, _Z] = place(lat_deg, lng_deg)
    if not _is_projected(work):
        return TOO_FAR, 0
    repeated = _measure(work)
    if repeated >= 0:
        return REPEATED, repeated
    fault = _fault_of_width(work)
    if fault != SIMPLE:
        return fault, 0
    longest = 0.0
    for i in range(count):
        longest = max(longest, work[i, _LENGTH])
    if longest <= _PIECE_M:
        crossing = _crossing(work, SAME_M)
        return (SIMPLE if crossing < 0 else CROSSING), crossing
    # A section through the Earth's centre strays from the geodesic by at most this.
    stray = longest * longest * _STRAY_PER_M
    crossing = _crossing(work, SAME_M + 2.0 * stray)
    if crossing < 0:
        return SIMPLE, 0
    # With a negative slack only edges count that reach beyond each other by so much.
    crossing = _crossing(work, -2.0 * stray)
    if crossing < 0:
        return _check_geodesics(vertices, work)
    return CROSSING, crossing


@released
def check_outlines(places_deg, ends, radii_m):
    """The first outline of many that is none: (its number, fault, vertex or edge), or (-1, 0, 0).

    Places (m, 2) are degrees; outline k has `places_deg[ends[k]:ends[k + 1]]`, rows that the caller
    has seen to exist; `radii_m[k]` is 0 for a ring. A circle's fault is NO_CIRCLE.
    """
    work = np.empty((limits.RING_VERTICES_MAX, _COLUMNS))
    for k in range(len(radii_m)):
        first, count, radius_m = ends[k], ends[k + 1] - ends[k], radii_m[k]
        if radius_m != 0.0:
            if not (count == 1 and -90.0 <= places_deg[first, 0] <= 90.0
                    and -180.0 <= places_deg[first, 1] <= 180.0
                    and MEAN_WIDTH_M_MIN <= radius_m <= limits.RADIUS_M_MAX):
                return k, NO_CIRCLE, 0
            continue
        fault, at = _check(places_deg[first:first + count], work[:count])
        if fault != SIMPLE:
            return k, fault, at
    return -1, SIMPLE, 0


@compiled
def _check_geodesics(vertices, work):
    """The same for a ring whose crossings only its geodesics tell, once long edges are divided."""
    shape = prepare_ring(vertices, _PIECE_M)[HEAD_ROWS:]
    fine = np.empty((len(shape), _COLUMNS))
    for i in range(len(shape)):
        for axis in range(_U):
            fine[i, axis] = shape[i, axis]
    if not _is_projected(fine):
        return TOO_FAR, 0
    repeated = _measure(fine)
    if repeated >= 0:
        return REPEATED, repeated
    found = _crossing(fine, SAME_M)
    if found < 0:
        return SIMPLE, 0
    for i in range(found, -1, -1):         # back to the vertex where the divided edge begins
        for k in range(len(work) - 1, -1, -1):
            if (fine[i, _X] == work[k, _X] and fine[i, _Y] == work[k, _Y]
                    and fine[i, _Z] == work[k, _Z]):
                return CROSSING, k
    return CROSSING, 0


# -- the plane -----------------------------------------------------------------------------------

@compiled
def _is_projected(work):
    """Project the places from the Earth's centre onto the plane that touches the ring's middle.

    The plane's unit is about a metre near the middle. False if no middle has all places within
    RADIUS_M_MAX: tried are that of their box, then others drawn to whatever is far off.
    """
    x, y, z = _middle_of(work, _X), _middle_of(work, _Y), _middle_of(work, _Z)
    for attempt in range(5):
        if attempt:                        # Badoiu and Clarkson's walk to the smallest ball
            for step in range(16 * attempt - 14, 16 * attempt + 2):
                far, i = -1.0, 0
                for k in range(len(work)):
                    dx, dy, dz = work[k, _X] - x, work[k, _Y] - y, work[k, _Z] - z
                    if dx * dx + dy * dy + dz * dz > far:
                        far, i = dx * dx + dy * dy + dz * dz, k
                x, y, z = (x + (work[i, _X] - x) / step, y + (work[i, _Y] - y) / step,
                           z + (work[i, _Z] - z) / step)
        size = math.sqrt(x * x + y * y + z * z)
        if size < 0.5 * POLE_RADIUS_M:
            return False
        if _is_projected_at(work, x / size, y / size, z / size):
            return True
    return False


@compiled
def _middle_of(work, axis):
    """The middle between the least and the greatest number of a column."""
    low = high = work[0, axis]
    for i in range(1, len(work)):
        low, high = min(low, work[i, axis]), max(high, work[i, axis])
    return (low + high) / 2


@compiled
def _is_projected_at(work, ux, uy, uz):
    """The same with the plane's normal given."""
    # The first axis lies across the Earth's axis, or across the x axis near a pole.
    if uz * uz < 0.5:
        ex, ey, ez = -uy, ux, 0.0
    else:
        ex, ey, ez = 0.0, -uz, uy
    across = math.sqrt(ex * ex + ey * ey + ez * ez)
    ex, ey, ez = ex / across, ey / across, ez / across
    nx, ny, nz = uy * ez - uz * ey, uz * ex - ux * ez, ux * ey - uy * ex
    for i in range(len(work)):
        x, y, z = work[i, _X], work[i, _Y], work[i, _Z]
        height = ux * x + uy * y + uz * z
        if height <= 0.0:
            return False
        scale = MEAN_RADIUS_M / height
        u, v = (ex * x + ey * y + ez * z) * scale, (nx * x + ny * y + nz * z) * scale
        if u * u + v * v > _FARTHEST_M2:
            return False
        work[i, _U], work[i, _V] = u, v
    return True


@compiled
def _measure(work):
    """Write the lengths of the edges; the first edge between two points that are one, or -1."""
    count = len(work)
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        du, dv = work[j, _U] - work[i, _U], work[j, _V] - work[i, _V]
        work[i, _LENGTH] = math.sqrt(du * du + dv * dv)
        if work[i, _LENGTH] < SAME_M:
            return i
    return -1


@compiled
def _fault_of_width(work):
    """NO_AREA, TOO_LONG, or SIMPLE."""
    u, v = work[0, _U], work[0, _V]
    double_area, around = 0.0, work[0, _LENGTH]
    for i in range(1, len(work) - 1):
        double_area += ((work[i, _U] - u) * (work[i + 1, _V] - v)
                        - (work[i + 1, _U] - u) * (work[i, _V] - v))
        around += work[i, _LENGTH]
    around += work[len(work) - 1, _LENGTH]
    if abs(double_area) < MEAN_WIDTH_M_MIN * around:
        return NO_AREA
    return TOO_LONG if around > PERIMETER_M_MAX else SIMPLE


# -- crossings -----------------------------------------------------------------------------------

@compiled
def _crossing(work, slack):
    """The beginning of an edge that comes within `slack` of an earlier one; -1 if none does.

    Neighbouring edges share a vertex; for them it is running back over each other that counts.
    """
    fold = _fold(work, slack)
    if fold >= 0:
        return fold
    count = len(work)
    if count > _FEW_VERTICES:
        return _crossing_of_many(work, slack)
    for i in range(count - 2):
        for j in range(i + 2, count if i else count - 1):   # the first and the last are neighbours
            if _is_near(work, i, j, slack):
                return j
    return -1


@compiled
def _crossing_of_many(work, slack):
    """The same with a tree of boxes: for the first edge that has such a one, the first of these."""
    count = len(work)
    edges = np.empty((count, 4))
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        edges[i, 0], edges[i, 1] = work[i, _U], work[i, _V]
        edges[i, 2], edges[i, 3] = work[j, _U], work[j, _V]
    tree, order = boxes.plant(edges)
    found = np.empty(count, np.int64)
    # Whatever `_is_near` takes for near is within thrice the slack; the rest is for rounding.
    reach = 4.0 * max(slack, 0.0) + 1e-6
    for i in range(count - 2):
        first = count if i else count - 1  # the first and the last edge are neighbours
        for k in range(boxes.find_near(tree, order, edges[i, 0], edges[i, 1], edges[i, 2],
                                       edges[i, 3], reach, i + 1, found)):
            if found[k] < first and _is_near(work, i, found[k], slack):
                first = found[k]
        if first < (count if i else count - 1):
            return first
    return -1


@compiled
def _fold(work, slack):
    """A vertex at which an edge runs back over the one before it, or -1."""
    count = len(work)
    au, av = work[count - 1, _U] - work[count - 2, _U], work[count - 1, _V] - work[count - 2, _V]
    before = work[count - 2, _LENGTH]
    last = count - 1
    for i in range(count):
        bu, bv = work[i, _U] - work[last, _U], work[i, _V] - work[last, _V]
        length = work[last, _LENGTH]
        if (au * bu + av * bv < 0.0
                and abs(au * bv - av * bu) <= slack * (before if before > length else length)):
            return last
        au, av, before, last = bu, bv, length, i
    return -1


@compiled
def _is_near(work, i, j, slack):
    """Do two edges i < j come within `slack` of each other, by their boxes and by both lines?"""
    k = j + 1 if j + 1 < len(work) else 0
    au, bu, cu, du = work[i, _U], work[i + 1, _U], work[j, _U], work[k, _U]
    if max(au, bu) + slack < min(cu, du) or max(cu, du) + slack < min(au, bu):
        return False
    av, bv, cv, dv = work[i, _V], work[i + 1, _V], work[j, _V], work[k, _V]
    if max(av, bv) + slack < min(cv, dv) or max(cv, dv) + slack < min(av, bv):
        return False
    eu, ev, limit = bu - au, bv - av, slack * work[i, _LENGTH]
    one, other = eu * (cv - av) - ev * (cu - au), eu * (dv - av) - ev * (du - au)
    if (one > limit and other > limit) or (one < -limit and other < -limit):
        return False
    fu, fv, limit = du - cu, dv - cv, slack * work[j, _LENGTH]
    one, other = fu * (av - cv) - fv * (au - cu), fu * (bv - cv) - fv * (bu - cu)
    return not ((one > limit and other > limit) or (one < -limit and other < -limit))
