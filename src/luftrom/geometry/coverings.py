"""Coverings by S2 cells of one level, the same sets that Google's S2 gives (s2geometry.io).

In go outlines; out come the 64-bit identifiers of all cells that meet them, as a DSS of ASTM
F3548-21 keeps them (InterUSS: level 13). This is for talking to such a DSS; the conflict engine
files volumes by `cells.cover_ball`, which contains them.

The places are S2's: a geodetic latitude is taken as one of a sphere, edges are great circles. So a
polygon's covering is that of S2's loop of the same vertices. A circle is what InterUSS makes of it:
the regular loop of 20 vertices on a circle of its radius (rounded to float32) on a sphere of
6,371,010 m. That loop lies within the circle, up to 1.3 % of the radius inside, and the sphere is
off by up to 0.6 %, so a covering can lack cells which the circle of F3548 just enters.

Projected from the Earth's centre onto a face of S2's cube, great circles are straight lines and
cells are rectangles. There the ring is swept row by row: each edge meets a run of cells, and the
cells between two runs lie all inside or all outside. A ring that is not well within one face is cut
for each of them.

S2 counts a cell as met when the ring comes within 2 to 4e-15 of it (25 nm on the Earth), so that
edges on borders, such as the equator, meet the cells on both sides. PAD stands in the middle of
that. The sets can differ only where an edge passes a cell's border at such a distance and does not
lie on it: for places not made for it, once in about 10^9 coverings.
"""

from __future__ import annotations

import math

import numpy as np

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.geometry import cells
from luftrom.geometry.cells import face_of, on_face, spread
from luftrom.geometry.columns import Columns
from luftrom.geometry.compiling import compiled, released
from luftrom.geometry.ellipsoid import sincos_deg
from luftrom.geometry.packing import in_parts
from luftrom.geometry.volume import Circle, Polygon, Volume4D

PAD = 3e-15                                # how near counts as met, in u and v of a face
DSS_LEVEL = 13                             # the level of InterUSS's DSS
CIRCLE_VERTICES = 20                       # of the loop that stands for a circle there
SPHERE_RADIUS_M = 6_371_010.0              # of the sphere on which it measures a circle's radius

_WELL_WITHIN = 1.0 - 1e-14                 # a ring with |u| and |v| up to here is on one face
_CUT = 2.0                                 # where a ring on several faces is cut, outside of each
_PARALLEL = 1e-18                          # edges that rise by less are along a row
_LEVELS = 4                                # levels of the Hilbert curve in one look-up
_DEG_PER_RAD = 180.0 / math.pi
_FINE, _NOWHERE, _FEW, _MANY, _RADIUS, _WIDE, _LARGE = range(7)
_REASONS = {
    _NOWHERE: "must have latitudes of -90 to 90 and longitudes of -180 to 180 degrees",
    _FEW: "must have 3 vertices or more, or a radius",
    _MANY: f"must have at most {limits.RING_VERTICES_MAX} vertices",
    _RADIUS: f"must have a radius of at most {limits.RADIUS_M_MAX:.0f} m",
    _WIDE: "must lie within half of the Earth around the middle of its vertices",
    _LARGE: f"must meet at most {limits.COVERING_CELLS_MAX} cells of the level",
}


def cover(outline: Volume4D | Polygon | Circle, level: int = DSS_LEVEL) -> np.ndarray:
    """The S2 cells of a level that meet an outline: sorted identifiers, (k,) uint64.

    Raises BadInput: a level that is not 0 to 30; more than COVERING_CELLS_MAX cells.
    """
    if isinstance(outline, Volume4D):
        outline = outline.outline
    places: tuple[tuple[float, float], ...]
    if isinstance(outline, Circle):
        places, radius_m = ((outline.lat_deg, outline.lng_deg),), outline.radius_m
    else:
        places, radius_m = outline.vertices, 0.0
    _check_level(level)
    ids, _, fault = _cover_some(np.array(places, np.float64), np.array((0, len(places))),
                                np.array((radius_m,)), 0, 1, level, limits.COVERING_CELLS_MAX)
    if fault != _FINE:
        raise BadInput(_REASONS[fault])
    return ids.copy()


def cover_columns(columns: Columns, level: int = DSS_LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """The coverings of many outlines, each as `cover` gives it: (ids, ends).

    ids is (k,) uint64, ends (n + 1,) int64: those of volume i are `ids[ends[i]:ends[i + 1]]`.
    Raises BadInput with field `volumes[i]` where an outline is none or has too many cells.
    """
    _check_level(level)
    places = np.require(columns.places_deg, np.float64, ("C", "W"))
    rings = np.require(columns.ends, np.int64, ("C", "W"))
    radii_m = np.require(columns.radii_m, np.float64, ("C", "W"))
    parts = in_parts(len(columns), lambda first, last: _cover_some(
        places, rings, radii_m, first, last, level, limits.COVERING_CELLS_MAX))
    ends = np.zeros(len(columns) + 1, np.int64)
    done = 0
    for _, sizes, fault in parts:
        ends[done + 1:done + 1 + len(sizes)] = sizes
        done += len(sizes)
        if fault != _FINE:
            raise BadInput(_REASONS[fault], field=f"volumes[{done}]")
    np.cumsum(ends, out=ends)
    return np.concatenate([np.empty(0, np.uint64), *(ids for ids, _, _ in parts)]), ends


def _check_level(level: int) -> None:
    if not 0 <= level <= cells.LEVEL_MAX:
        raise BadInput(f"must be 0 to {cells.LEVEL_MAX}", field="level")


# -- names of cells ------------------------------------------------------------------------------

def _hilbert_steps() -> np.ndarray:
    """Four levels of the Hilbert curve: at `turn << 8 | i << 4 | j` stands position << 2 | turn."""
    steps = np.empty(4 << 2 * _LEVELS, np.int64)
    for k in range(len(steps)):
        turn, i, j = k >> 8, k >> 4 & 15, k & 15
        position = 0
        for bit in range(_LEVELS - 1, -1, -1):
            step = cells.POSITION_TO_IJ[turn].index((i >> bit & 1) << 1 | (j >> bit & 1))
            position = position << 2 | step
            turn ^= cells.POSITION_TO_TURN[step]
        steps[k] = position << 2 | turn
    return steps


_STEPS = _hilbert_steps()


@compiled
def _name_cells(ids, filled, face, level, row, first, last):
    """Write the identifiers of a run of cells of a row; there must be room for them."""
    groups = max(1, (level + 3) >> 2)
    unused = 2 * (30 - level)
    rest = face << 61 | 1 << unused
    # The levels that the first group has too many are zeros, which only turn the curve to and fro.
    start = (face ^ (4 * groups - level)) & 1
    block = -1
    for i in range(first, last + 1):
        if i >> 4 != block:
            block = i >> 4
            position, turn = 0, start
            for group in range(groups - 1, 0, -1):
                step = _STEPS[turn << 8 | (i >> 4 * group & 15) << 4 | row >> 4 * group & 15]
                position = position << 8 | step >> 2
                turn = step & 3
            position <<= 8
            turn = turn << 8 | row & 15
        place = position | _STEPS[turn | (i & 15) << 4] >> 2
        ids[filled] = np.uint64(rest | place << (unused + 1))
        filled += 1
    return filled


@compiled
def _sort_part(ids, begin, end):
    """Sort a part in place; most are a dozen numbers, for which insertion is fastest."""
    if end - begin > 64:
        ids[begin:end].sort()
        return
    for k in range(begin + 1, end):
        value = ids[k]
        place = k
        while place > begin and ids[place - 1] > value:
            ids[place] = ids[place - 1]
            place -= 1
        ids[place] = value


# -- the sweep over one face ---------------------------------------------------------------------

@compiled
def _border(k, count):
    """Where the k-th of `count` cells of a face begins, in u or v: the inverse of `spread`."""
    s = k / count
    return (4.0 * s * s - 1.0) / 3.0 if s >= 0.5 else (1.0 - 4.0 * (1.0 - s) * (1.0 - s)) / 3.0


@compiled
def _enter_edges(ring, vertices, count, edges, spans, order):
    """Edges of a ring (u, v) that reach a row of the face, by their first row; how many.

    An edge is (u, v) below, (u, v) above, du/dv; a span is the first and the last row.
    """
    size = 0
    ua, va = ring[vertices - 1, 0], ring[vertices - 1, 1]
    for k in range(vertices):
        ub, vb = ring[k, 0], ring[k, 1]
        u0, v0, u1, v1 = (ua, va, ub, vb) if va <= vb else (ub, vb, ua, va)
        ua, va = ub, vb
        if v1 + PAD < -1.0 or v0 - PAD > 1.0:
            continue
        first = max(0, min(count - 1, math.floor(spread(v0 - PAD) * count)))
        last = max(0, min(count - 1, math.floor(spread(v1 + PAD) * count)))
        edges[size, 0], edges[size, 1], edges[size, 2], edges[size, 3] = u0, v0, u1, v1
        edges[size, 4] = (u1 - u0) / (v1 - v0) if v1 - v0 > _PARALLEL else 0.0
        spans[size, 0], spans[size, 1] = first, last
        place = size
        while place > 0 and spans[order[place - 1], 0] > first:
            order[place] = order[place - 1]
            place -= 1
        order[place] = size
        size += 1
    return size


@compiled
def _find_runs(row, count, edges, spans, active, live):
    """Which cells of a row each live edge meets, into its span; the edges sorted by the first one.

    -1 stands for all that is left of the face, `count` for all that is right of it.
    """
    low, high = _border(row, count) - PAD, _border(row + 1, count) + PAD
    for k in range(live):
        edge = active[k]
        v0, v1, slope = edges[edge, 1], edges[edge, 3], edges[edge, 4]
        ua, ub = edges[edge, 0], edges[edge, 2]
        if v0 < low:
            ua += (low - v0) * slope
        if v1 > high:
            ub += (high - v1) * slope
        if ua > ub:
            ua, ub = ub, ua
        ua, ub = ua - PAD, ub + PAD
        first = -1 if ua < -1.0 else min(count, math.floor(spread(ua) * count))
        spans[edge, 2] = first
        spans[edge, 3] = -1 if ub < -1.0 else min(count - 1, math.floor(spread(ub) * count))
        place = k
        while place > 0 and spans[active[place - 1], 2] > first:
            active[place] = active[place - 1]
            place -= 1
        active[place] = edge


@compiled
def _sweep(ring, vertices, face, level, scratch, ids, filled, most):
    """Append the sorted cells of a face that a ring (u, v) meets; (ids, how many they are now).

    The second is -1 where a face would give more than `most`.
    """
    edges, spans, order, active = scratch
    count = 1 << level
    size = _enter_edges(ring, vertices, count, edges, spans, order)
    begin, entered, live, row = filled, 0, 0, 0
    while entered < size or live > 0:
        if live == 0:
            row = spans[order[entered], 0]
        while entered < size and spans[order[entered], 0] == row:
            active[live] = order[entered]
            live, entered = live + 1, entered + 1
        _find_runs(row, count, edges, spans, active, live)
        middle = 0.5 * (_border(row, count) + _border(row + 1, count))
        end, inside, kept = -1, False, 0
        for k in range(live):
            edge = active[k]
            last = spans[edge, 3]
            first = end + 1 if inside else max(spans[edge, 2], end + 1)
            if first <= last:
                more = last - first + 1
                if filled - begin + more > most:
                    return ids, -1
                if filled + more > len(ids):
                    longer = np.empty(2 * (filled + more), np.uint64)
                    longer[:filled] = ids[:filled]
                    ids = longer
                filled = _name_cells(ids, filled, face, level, row, first, last)
            end = max(end, last)
            if (edges[edge, 1] <= middle) != (edges[edge, 3] <= middle):
                inside = not inside
            if spans[edge, 1] > row:
                active[kept] = edge
                kept += 1
        live, row = kept, row + 1
    _sort_part(ids, begin, filled)
    return ids, filled


# -- from places to faces ------------------------------------------------------------------------

@compiled
def _direction(lat_deg, lng_deg):
    """S2's point of a place: a unit vector, the latitude taken as one of a sphere."""
    s, c = sincos_deg(lat_deg)
    s_lng, c_lng = sincos_deg(lng_deg)
    return c * c_lng, c * s_lng, s


@compiled
def _place_circle(lat_deg, lng_deg, radius_m, points):
    """The vertices of the regular loop that stands for a circle.

    The first lies across from a fixed vector near the axis that follows the centre's largest
    component in S2's frame of a point, as InterUSS's library (golang/geo) has it.
    """
    x, y, z = _direction(lat_deg, lng_deg)
    axis = face_of(x, y, z) % 3
    tx, ty, tz = 0.012, 0.0053, 0.00457
    if axis == 0:
        tz = 1.0
    elif axis == 1:
        tx = 1.0
    else:
        ty = 1.0
    qx, qy, qz = y * tz - z * ty, z * tx - x * tz, x * ty - y * tx
    size = math.sqrt(qx * qx + qy * qy + qz * qz)
    qx, qy, qz = qx / size, qy / size, qz / size
    px, py, pz = qy * z - qz * y, qz * x - qx * z, qx * y - qy * x
    out, along = sincos_deg(float(np.float32(radius_m)) / SPHERE_RADIUS_M * _DEG_PER_RAD)
    for k in range(CIRCLE_VERTICES):
        s, c = sincos_deg(k * (360.0 / CIRCLE_VERTICES))
        s, c = s * out, c * out
        points[k, 0] = px * c + qx * s + x * along
        points[k, 1] = py * c + qy * s + y * along
        points[k, 2] = pz * c + qz * s + z * along


@compiled
def _is_within(points, vertices, face, ring):
    """Is a ring well within a face? Then it is there, in (u, v)."""
    for k in range(vertices):
        a, b, c = on_face(face, points[k, 0], points[k, 1], points[k, 2])
        if max(abs(a), abs(b)) > _WELL_WITHIN * c:
            return False
        ring[k, 0], ring[k, 1] = a / c, b / c
    return True


@compiled
def _is_wide(points, vertices):
    """Does a ring leave the half of the Earth around the middle of its vertices?"""
    x, y, z = 0.0, 0.0, 0.0
    for k in range(vertices):
        x, y, z = x + points[k, 0], y + points[k, 1], z + points[k, 2]
    for k in range(vertices):
        if not x * points[k, 0] + y * points[k, 1] + z * points[k, 2] > 0.0:
            return True
    return False


@compiled
def _cut_ring(points, vertices, face):
    """What a ring has within |u| <= 2 and |v| <= 2 of a face: its vertices (u, v).

    Cut along four great circles, one after the other (I. E. Sutherland, G. W. Hodgman, CACM 17,
    1974); pieces stay joined along the cuts, which are outside the face.
    """
    ring = np.empty((vertices, 3))
    for k in range(vertices):
        ring[k, 0], ring[k, 1], ring[k, 2] = on_face(face, points[k, 0], points[k, 1], points[k, 2])
    for cut in range(4):
        axis, sign = cut >> 1, 1.0 - 2.0 * (cut & 1)
        kept = np.empty((2 * len(ring), 3))
        size = 0
        for k in range(len(ring)):
            before = _CUT * ring[k - 1, 2] + sign * ring[k - 1, axis]
            after = _CUT * ring[k, 2] + sign * ring[k, axis]
            if (before >= 0.0) != (after >= 0.0):
                share = before / (before - after)
                for m in range(3):
                    kept[size, m] = ring[k - 1, m] + share * (ring[k, m] - ring[k - 1, m])
                size += 1
            if after >= 0.0:
                for m in range(3):
                    kept[size, m] = ring[k, m]
                size += 1
        ring = kept[:size]
    flat = np.empty((len(ring), 2))
    for k in range(len(ring)):
        flat[k, 0], flat[k, 1] = ring[k, 0] / ring[k, 2], ring[k, 1] / ring[k, 2]
    return flat


@compiled
def _rows_for(vertices):
    """Rows in which a sweep keeps the edges of a ring: edges, spans, order, active."""
    return (np.empty((vertices, 5)), np.empty((vertices, 4), np.int64),
            np.empty(vertices, np.int64), np.empty(vertices, np.int64))


@compiled
def _cover_faces(points, vertices, level, ids, filled, most):
    """Append the cells of all faces that a ring meets; (ids, how many), -1 for more than `most`."""
    begin = filled
    for face in range(6):
        ring = _cut_ring(points, vertices, face)
        if len(ring) > 0:
            ids, filled = _sweep(ring, len(ring), face, level, _rows_for(len(ring)), ids, filled,
                                 most - (filled - begin))
            if filled < 0:
                break
    return ids, filled


@compiled
def _load_outline(places, first, last, radius_m, points):
    """Fill in the vertices of an outline as directions; (how many, what is wrong)."""
    for k in range(first, last):
        if not (abs(places[k, 0]) <= 90.0 and abs(places[k, 1]) <= 180.0):
            return 0, _NOWHERE
    if radius_m != 0.0:
        if not (0.0 < radius_m <= limits.RADIUS_M_MAX and last - first == 1):
            return 0, _RADIUS
        _place_circle(places[first, 0], places[first, 1], radius_m, points)
        return CIRCLE_VERTICES, _FINE
    if last - first < 3:
        return 0, _FEW
    if last - first > limits.RING_VERTICES_MAX:
        return 0, _MANY
    for k in range(first, last):
        x, y, z = _direction(places[k, 0], places[k, 1])
        points[k - first, 0], points[k - first, 1], points[k - first, 2] = x, y, z
    return last - first, _FINE


@released
def _cover_some(places, ends, radii_m, begin, stop, level, most):
    """Cover the outlines from `begin` to before `stop`; (ids, cells of each, what is wrong).

    Something is wrong with the outline after those whose cells were counted.
    """
    widest = np.int64(CIRCLE_VERTICES)
    for k in range(begin, stop):
        widest = max(widest, min(ends[k + 1] - ends[k], limits.RING_VERTICES_MAX))
    points, ring, scratch = np.empty((widest, 3)), np.empty((widest, 2)), _rows_for(widest)
    ids = np.empty(32 * (stop - begin), np.uint64)
    sizes = np.empty(stop - begin, np.int64)
    filled = np.int64(0)                   # a plain 0 would compile the sweep twice
    for k in range(begin, stop):
        vertices, fault = _load_outline(places, ends[k], ends[k + 1], radii_m[k], points)
        if fault != _FINE:
            return ids[:filled], sizes[:k - begin], fault
        before = filled
        face = face_of(points[0, 0], points[0, 1], points[0, 2])
        if _is_within(points, vertices, face, ring):
            ids, filled = _sweep(ring, vertices, face, level, scratch, ids, filled, most)
        elif _is_wide(points, vertices):
            return ids[:before], sizes[:k - begin], _WIDE
        else:
            ids, filled = _cover_faces(points, vertices, level, ids, filled, most)
        if filled < 0:
            return ids[:before], sizes[:k - begin], _LARGE
        sizes[k - begin] = filled - before
    return ids[:filled], sizes, _FINE
