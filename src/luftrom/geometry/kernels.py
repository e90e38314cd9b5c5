"""Compiled answers about outlines and 4D volumes: do they conflict, how near, where.

In go prepared outlines (`ellipsoid`) that lie one behind the other in a pool of rows, and the 4D
bounds of the volumes they belong to; out come conflicts, distances in metres and places. What two
edges are to each other, `edges` says. Of rings with many edges a tree (`boxes`) finds the pairs
that come near, for n log n; where n edges of one all come within TOUCH_M of n of another, or both
radiate from one place, n^2 pairs are looked at. The answer is that of all pairs in turn.

Touching is no conflict. TOUCH_M is the one tolerance: an overlap that is nowhere deeper than that,
or a minimum missed by no more than that, counts as touching.
"""

from __future__ import annotations

import math

import numpy as np

from luftrom.geometry import boxes
from luftrom.geometry.compiling import compiled, released
from luftrom.geometry.edges import CROSS, TOUCH, TOUCH_M, compare_edges, foot, point_to_edge
from luftrom.geometry.ellipsoid import HEAD_ROWS, chart, degrees, distance, lift, project

_TWICE_RADIUS_M = 12_600_000.0             # a little less than the Earth's least diameter
_FEW_EDGES = 40                            # up to here plain loops are faster than a tree
_FEW_ROWS = 4                              # of edges that are tried before a tree is planted
_CROSSINGS_MAX = 10_000                    # of more, the place of an overlap leaves out the last
_NO_CHART = (0.0,) * 13
# What it takes to compare two rings, beyond looking at each of their edges once, in units of work
# (`limits`): for each pair of edges that is looked at, and where the rings touch, for each edge.
LOOK_WORK, DEEP_LOOK_WORK, DEEP_WORK = 5.0, 2.0, 400.0
COMPARED = 2                               # times as much where no bound tells them apart


# -- outlines ------------------------------------------------------------------------------------
# An outline is named by its pool, the row where its head stands, and the number of its points.

@compiled
def _edge(pool, row, count, i):
    """The two ends of an edge of a ring."""
    p = row + HEAD_ROWS + i
    q = row + HEAD_ROWS + (i + 1 if i + 1 < count else 0)
    return pool[p, 0], pool[p, 1], pool[p, 2], pool[q, 0], pool[q, 1], pool[q, 2]


@compiled
def _ball(pool, row, count, i):
    """A ball that holds an edge of a ring: middle and radius."""
    ax, ay, az, bx, by, bz = _edge(pool, row, count, i)
    dx, dy, dz = bx - ax, by - ay, bz - az
    half2 = (dx * dx + dy * dy + dz * dz) * 0.25
    # The edge rises above its chord by half2 / (2 R).
    return ((ax + bx) * 0.5, (ay + by) * 0.5, (az + bz) * 0.5,
            math.sqrt(half2) + half2 / _TWICE_RADIUS_M)


@compiled
def _is_beyond(x, y, z, radius, cx, cy, cz, other_radius, reach):
    """Are two balls farther apart than `reach`?"""
    dx, dy, dz = x - cx, y - cy, z - cz
    limit = radius + other_radius + reach
    return dx * dx + dy * dy + dz * dz > limit * limit


@compiled
def _is_past(x, y, z, radius, ax, ay, az, bx, by, bz, reach):
    """Is a ball farther than `reach` from the edge from a to b?"""
    ex, ey, ez, px, py, pz = bx - ax, by - ay, bz - az, x - ax, y - ay, z - az
    length2 = ex * ex + ey * ey + ez * ez
    t = min(1.0, max(0.0, (px * ex + py * ey + pz * ez) / length2))
    px, py, pz = px - t * ex, py - t * ey, pz - t * ez
    # The edge rises above its chord by a quarter of its length squared over 2 R.
    limit = radius + reach + 0.25 * length2 / _TWICE_RADIUS_M + 1e-6
    return px * px + py * py + pz * pz > limit * limit


@compiled
def _plane(ax, ay, az, bx, by, bz):
    """The plane through an edge and the Earth's centre: its unit normal, and the edge's length."""
    ex, ey, ez = bx - ax, by - ay, bz - az
    nx, ny, nz = ay * ez - az * ey, az * ex - ax * ez, ax * ey - ay * ex
    size = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
    return nx * size, ny * size, nz * size, math.sqrt(ex * ex + ey * ey + ez * ez)


@compiled
def _is_beside(plane, ax, ay, az, cx, cy, cz, dx, dy, dz, reach):
    """Are c and d on one side of an edge's plane, farther off than `reach`? Then so is all between.

    This spares most comparisons of long thin neighbours, whose balls overlap. What an edge may
    stray from the plane, and what rounding may turn the plane, is allowed for.
    """
    cx, cy, cz, dx, dy, dz = cx - ax, cy - ay, cz - az, dx - ax, dy - ay, dz - az
    c_off = plane[0] * cx + plane[1] * cy + plane[2] * cz
    d_off = plane[0] * dx + plane[1] * dy + plane[2] * dz
    ex, ey, ez = dx - cx, dy - cy, dz - cz
    away = abs(cx) + abs(cy) + abs(cz) + abs(ex) + abs(ey) + abs(ez)
    limit = (reach + (plane[3] * plane[3] + ex * ex + ey * ey + ez * ez) * 1e-10
             + 1e-8 * away / plane[3])
    return (c_off > limit and d_off > limit) or (c_off < -limit and d_off < -limit)


@compiled
def is_inside(x, y, z, pool, row, count):
    """Does a point of the ellipsoid lie inside a ring? On the edge, either answer may come."""
    dx, dy, dz = x - pool[row, 0], y - pool[row, 1], z - pool[row, 2]
    radius = pool[row + 1, 0]
    if dx * dx + dy * dy + dz * dz > radius * radius:
        return False
    plane = chart(x, y, z)
    last = row + HEAD_ROWS + count - 1
    au, av = project(plane, pool[last, 0], pool[last, 1], pool[last, 2])
    inside = False
    for i in range(row + HEAD_ROWS, last + 1):
        bu, bv = project(plane, pool[i, 0], pool[i, 1], pool[i, 2])
        if (av > 0.0) != (bv > 0.0) and (au * (av - bv) > av * (au - bu)) == (av > bv):
            inside = not inside
        au, av = bu, bv
    return inside


@compiled
def _finder(pool, row, count, numbers, is_worth):
    """What `_find` looks up edges of a ring in: a chart around the ring, a tree of boxes in it over
    the edges with these numbers, room for an answer, the squares of how far the edges lie from the
    chart's middle and of how long they are. Without a tree, if it is not worth planting one.
    """
    if not is_worth:
        return _NO_CHART, np.empty((0, 10)), numbers, numbers, 0.0, 0.0
    plane = chart(pool[row, 0], pool[row, 1], pool[row, 2])
    edges = np.empty((len(numbers), 4))
    far2 = longest2 = 0.0
    for k in range(len(numbers)):
        ax, ay, az, bx, by, bz = _edge(pool, row, count, numbers[k])
        au, av = project(plane, ax, ay, az)
        bu, bv = project(plane, bx, by, bz)
        edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3] = au, av, bu, bv
        far2 = max(far2, au * au + av * av, bu * bu + bv * bv)
        longest2 = max(longest2, (bu - au) * (bu - au) + (bv - av) * (bv - av))
    tree, order = boxes.plant(edges)
    return plane, tree, numbers[order], np.empty(len(numbers), np.int64), far2, longest2


@compiled
def _reach_in_chart(plane, far2, longest2, reach):
    """Edges that come so near are no farther apart in a chart.

    Away from its middle it stretches lengths, and an edge strays from the straight line in it by
    its length squared times the angle between two plumb lines.
    """
    return 1.02 * (1.0 + far2 / (plane[12] * plane[12])) * (reach + 4e-10 * longest2) + 1e-6


@compiled
def _find(finder, ax, ay, az, bx, by, bz, reach):
    """The edges that may come within `reach` of that from a to b: their numbers, and how many."""
    plane, tree, numbers, out, far2, longest2 = finder
    if len(tree) == 0:
        return numbers, len(numbers)
    au, av = project(plane, ax, ay, az)
    bu, bv = project(plane, bx, by, bz)
    far2 = max(far2, au * au + av * av, bu * bu + bv * bv)
    longest2 += (bu - au) * (bu - au) + (bv - av) * (bv - av)
    reach = _reach_in_chart(plane, far2, longest2, reach)
    kept = boxes.find_near(tree, numbers, au, av, bu, bv, reach, -1, out)
    return out, kept


@compiled
def distance_to_ring(x, y, z, pool, row, count, limit):
    """Distance from a point to the nearest edge of a ring, and where; `limit` if none is nearer."""
    return _distance_to_edges(x, y, z, pool, row, count, boxes.numbered(count), limit)


@compiled
def _distance_to_edges(x, y, z, pool, row, count, numbers, limit):
    """The same of some of the edges."""
    best, px, py, pz = limit, x, y, z
    for i in numbers:
        mx, my, mz, radius = _ball(pool, row, count, i)
        if _is_beyond(mx, my, mz, radius, x, y, z, 0.0, best):
            continue
        ax, ay, az, bx, by, bz = _edge(pool, row, count, i)
        if _is_beside(_plane(ax, ay, az, bx, by, bz), ax, ay, az, x, y, z, x, y, z, best):
            continue
        gap, fx, fy, fz = point_to_edge(x, y, z, ax, ay, az, bx, by, bz)
        if gap < best:
            best, px, py, pz = gap, fx, fy, fz
    return best, px, py, pz


@compiled
def _is_deep_inside(x, y, z, pool, row, count, near, finder):
    """Is a point inside a ring and more than TOUCH_M from its edges, of which those are `near`?"""
    # The distance is asked first: where rings touch it decides, and it costs less.
    if _distance_to_edges(x, y, z, pool, row, count, near, 2.0 * TOUCH_M)[0] <= TOUCH_M:
        return False
    plane, tree, numbers, out, far2, longest2 = finder
    if len(tree) == 0:
        return is_inside(x, y, z, pool, row, count)
    u, v = project(plane, x, y, z)
    stray = _reach_in_chart(plane, max(far2, u * u + v * v), longest2, 0.0)
    end_u, end_v = boxes.way_out(tree, u, v)
    du, dv = end_u - u, end_v - v
    inside = False
    for i in out[:boxes.find_near(tree, numbers, u, v, end_u, end_v, stray, -1, out)]:
        ax, ay, az, bx, by, bz = _edge(pool, row, count, i)
        au, av = project(plane, ax, ay, az)
        bu, bv = project(plane, bx, by, bz)
        if foot(u, v, au, av, bu, bv)[2] <= stray * stray:
            return is_inside(x, y, z, pool, row, count)   # this chart is not exact enough
        a_off, b_off = du * (av - v) - dv * (au - u), du * (bv - v) - dv * (bu - u)
        if (a_off > 0.0) != (b_off > 0.0):
            a_along, b_along = du * (au - u) + dv * (av - v), du * (bu - u) + dv * (bv - v)
            if (a_along * (a_off - b_off) > a_off * (a_along - b_along)) == (a_off > b_off):
                inside = not inside
    return inside


@compiled
def _near_edges(pool, row, count, other, reach):
    """The edges of a ring that come within `reach` of the ball of the outline at row `other`."""
    out = np.empty(count, np.int64)
    kept = 0
    cx, cy, cz, radius = pool[other, 0], pool[other, 1], pool[other, 2], pool[other + 1, 0]
    for i in range(count):
        mx, my, mz, own = _ball(pool, row, count, i)
        if not _is_beyond(mx, my, mz, own, cx, cy, cz, radius, reach):
            out[kept] = i
            kept += 1
    return out[:kept]


@compiled
def _contacts(pool, row, count, i, other, other_count, finder, out, near):
    """Where along edge i of a ring (0 to 1) the edges of another touch it: sorted, with 0 and 1.

    Returns their number, the edge's length, and how many edges come near at all; their numbers are
    written to `near`.
    """
    out[0], out[1] = 0.0, 1.0
    met = 0
    kept = 2
    mx, my, mz, radius = _ball(pool, row, count, i)
    ax, ay, az, bx, by, bz = _edge(pool, row, count, i)
    plane = chart(mx, my, mz)
    section = _plane(ax, ay, az, bx, by, bz)
    au, av = project(plane, ax, ay, az)
    bu, bv = project(plane, bx, by, bz)
    eu, ev = bu - au, bv - av
    e2 = eu * eu + ev * ev
    numbers, found = _find(finder, ax, ay, az, bx, by, bz, 4.0 * TOUCH_M)
    for j in numbers[:found]:
        nx, ny, nz, other_radius = _ball(pool, other, other_count, j)
        if _is_beyond(mx, my, mz, radius, nx, ny, nz, other_radius, 2.0 * TOUCH_M):
            continue
        cx, cy, cz, dx, dy, dz = _edge(pool, other, other_count, j)
        if _is_beside(section, ax, ay, az, cx, cy, cz, dx, dy, dz, 4.0 * TOUCH_M):
            continue
        near[met] = j
        met += 1
        cu, cv = project(plane, cx, cy, cz)
        du, dv = project(plane, dx, dy, dz)
        c_off, d_off = eu * (cv - av) - ev * (cu - au), eu * (dv - av) - ev * (du - au)
        c_along, d_along = (cu - au) * eu + (cv - av) * ev, (du - au) * eu + (dv - av) * ev
        for off, along in ((c_off, c_along), (d_off, d_along)):
            if off * off <= 4.0 * TOUCH_M * TOUCH_M * e2 and 0.0 < along < e2:
                out[kept] = along / e2
                kept += 1
        if (c_off > 0.0) != (d_off > 0.0):
            along = c_along + (d_along - c_along) * (c_off / (c_off - d_off))
            if 0.0 < along < e2:
                out[kept] = along / e2
                kept += 1
    if kept > 2:
        boxes.sort_values(out, kept)
    return kept, math.sqrt(e2), met


@compiled
def _deep_edge(pool, row, count, other, other_count, finder):
    """A place on the edges of one ring that lies deep inside another, if there is one; and how
    many edges were looked at on the way, those of the other ring for each part of an edge.

    Every edge is cut where the other ring touches it; of each part the middle is looked at. Of
    edges in a row that come near nothing, all lie inside or all outside: the first one tells.
    """
    was_near, looked = True, 0
    cuts, near = np.empty(2 + 3 * other_count), np.empty(other_count, np.int64)
    cx, cy, cz, reach = pool[other, 0], pool[other, 1], pool[other, 2], pool[other + 1, 0]
    for i in range(count):
        mx, my, mz, radius = _ball(pool, row, count, i)
        if _is_beyond(mx, my, mz, radius, cx, cy, cz, reach, 0.0):
            was_near = True
            continue
        kept, length, met = _contacts(pool, row, count, i, other, other_count, finder, cuts, near)
        looked += met * kept
        if not met and not was_near:
            continue
        was_near = met > 0
        ax, ay, az, bx, by, bz = _edge(pool, row, count, i)
        plane = chart(mx, my, mz)
        au, av = project(plane, ax, ay, az)
        bu, bv = project(plane, bx, by, bz)
        for k in range(1, kept):
            if (cuts[k] - cuts[k - 1]) * length <= TOUCH_M:
                continue
            t = (cuts[k] + cuts[k - 1]) * 0.5
            x, y, z = lift(plane, au + t * (bu - au), av + t * (bv - av))
            if _is_deep_inside(x, y, z, pool, other, other_count, near[:met], finder):
                return True, x, y, z, looked
    return False, 0.0, 0.0, 0.0, looked


@compiled
def deep_point(pool, row, count):
    """A point well inside a ring: the middle of the widest stretch of a few lines across it."""
    plane = chart(pool[row, 0], pool[row, 1], pool[row, 2])
    us, vs = np.empty(count), np.empty(count)
    for i in range(count):
        p = row + HEAD_ROWS + i
        us[i], vs[i] = project(plane, pool[p, 0], pool[p, 1], pool[p, 2])
    low = high = vs[0]
    for i in range(1, count):
        low, high = min(low, vs[i]), max(high, vs[i])
    numbers, crossings = boxes.numbered(count), np.empty(count)
    best, x, y, z = -1.0, pool[row, 0], pool[row, 1], pool[row, 2]
    for line in range(1, 16):
        v = low + (high - low) * line / 16.0
        kept = 0
        for i in range(count):
            j = i + 1 if i + 1 < count else 0
            if (vs[i] > v) != (vs[j] > v):
                crossings[kept] = us[i] + (us[j] - us[i]) * ((v - vs[i]) / (vs[j] - vs[i]))
                kept += 1
        if kept > 2:                       # two need no order, and sorting has its price
            boxes.sort_values(crossings, kept)
        widest, u = -1.0, 0.0
        for k in range(1, kept, 2):
            if abs(crossings[k] - crossings[k - 1]) > widest:
                widest = abs(crossings[k] - crossings[k - 1])
                u = (crossings[k] + crossings[k - 1]) * 0.5
        px, py, pz = lift(plane, u, v)
        if widest > best:
            depth = _distance_to_edges(px, py, pz, pool, row, count, numbers, 1e7)[0]
            if depth > best:
                best, x, y, z = depth, px, py, pz
    return x, y, z


@compiled
def _deep_overlap(pool, a, a_count, b, b_count, is_asked):
    """Do two rings that touch overlap more deeply than TOUCH_M, and where? And edges looked at.

    If no part of an edge of either lies deep inside the other, the inside of each is, apart from a
    rim, either all inside the other or all outside, and one deep point tells.
    """
    is_worth = min(a_count, b_count) > _FEW_EDGES
    all_a, all_b = boxes.numbered(a_count), boxes.numbered(b_count)
    in_a = _finder(pool, a, a_count, all_a, is_worth)
    in_b = _finder(pool, b, b_count, all_b, is_worth)
    found, x, y, z, looked = _deep_edge(pool, a, a_count, b, b_count, in_b)
    if not (found and is_asked):
        both, px, py, pz, more = _deep_edge(pool, b, b_count, a, a_count, in_a)
        looked += more
        if both and found:
            x, y, z = _common_place(pool, a, a_count, b, b_count, x + px, y + py, z + pz, x, y, z)
        elif both:
            found, x, y, z = True, px, py, pz
    if not found:
        x, y, z = deep_point(pool, a, a_count)
        found = _is_deep_inside(x, y, z, pool, b, b_count, all_b, in_b)
    if not found:
        x, y, z = deep_point(pool, b, b_count)
        found = _is_deep_inside(x, y, z, pool, a, a_count, all_a, in_a)
    return found, looked, x, y, z


@compiled
def _inner(pool, row, count):
    """A point inside a ring: its middle where that is inside."""
    x, y, z = pool[row, 0], pool[row, 1], pool[row, 2]
    if is_inside(x, y, z, pool, row, count):
        return x, y, z
    return deep_point(pool, row, count)


@compiled
def _common_place(pool, a, a_count, b, b_count, x, y, z, fx, fy, fz):
    """The middle of the places where the edges cross, or the first of them if that is outside."""
    plane = chart(x, y, z)
    if (is_inside(plane[0], plane[1], plane[2], pool, a, a_count)
            and is_inside(plane[0], plane[1], plane[2], pool, b, b_count)):
        return plane[0], plane[1], plane[2]
    return fx, fy, fz


@compiled
def compare_rings(pool, a, a_count, b, b_count, lateral_m, is_asked):
    """Two rings under a lateral minimum: (conflict, distance in metres, place, work).

    The work is what it took beyond what `screen.work_of` counts for any two. `is_asked` alone wants
    to know whether they conflict: then distance and place mean nothing.
    """
    needed = lateral_m - TOUCH_M
    overlap_only = needed <= 0.0
    best = TOUCH_M if overlap_only else needed
    edges = _near_edges(pool, b, b_count, a, best)
    others = _near_edges(pool, a, a_count, b, best) if len(edges) else edges
    finder = _finder(pool, b, b_count, edges, False)
    crossings, looked, touched, found = 0, 0, False, False
    px, py, pz, sx, sy, sz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    fx, fy, fz = math.inf, 0.0, 0.0
    for k, i in enumerate(others):
        if crossings > _CROSSINGS_MAX:
            break
        if k == _FEW_ROWS and min(len(edges), len(others)) > _FEW_EDGES:
            finder = _finder(pool, b, b_count, edges, True)
        mx, my, mz, radius = _ball(pool, a, a_count, i)
        ax, ay, az, bx, by, bz = _edge(pool, a, a_count, i)
        section = _plane(ax, ay, az, bx, by, bz)
        near, kept = _find(finder, ax, ay, az, bx, by, bz, best)
        if len(finder[1]):
            boxes.sort(near, kept, b_count - 1)   # the answer is that of all edges in turn
        looked += kept
        for j in near[:kept]:
            nx, ny, nz, other_radius = _ball(pool, b, b_count, j)
            if _is_beyond(mx, my, mz, radius, nx, ny, nz, other_radius, best):
                continue
            cx, cy, cz, dx, dy, dz = _edge(pool, b, b_count, j)
            if _is_past(mx, my, mz, radius, cx, cy, cz, dx, dy, dz, best) or _is_past(
                    nx, ny, nz, other_radius, ax, ay, az, bx, by, bz, best):
                continue
            # Once they touch, only edges count that may reach through each other.
            if _is_beside(section, ax, ay, az, cx, cy, cz, dx, dy, dz,
                          -TOUCH_M if touched else best):
                continue
            looked += COMPARED
            relation, gap, x, y, z, qx, qy, qz = compare_edges(ax, ay, az, bx, by, bz,
                                                               cx, cy, cz, dx, dy, dz)
            if is_asked and (relation == CROSS or (gap < needed)):
                return True, 0.0, x, y, z, looked * LOOK_WORK
            if relation == CROSS:
                crossings += 1
                sx, sy, sz = sx + x, sy + y, sz + z
                if (x, y, z) < (fx, fy, fz):
                    fx, fy, fz = x, y, z
                best = 0.0
            elif relation == TOUCH and overlap_only:
                touched = True
            elif gap < best:
                best, found = gap, True
                px, py, pz = (x + qx) * 0.5, (y + qy) * 0.5, (z + qz) * 0.5
    if crossings:
        x, y, z = _common_place(pool, a, a_count, b, b_count, sx, sy, sz, fx, fy, fz)
        return True, 0.0, x, y, z, looked * LOOK_WORK
    if touched:
        found, deep, x, y, z = _deep_overlap(pool, a, a_count, b, b_count, is_asked)
        work = looked * LOOK_WORK + deep * DEEP_LOOK_WORK + (a_count + b_count) * DEEP_WORK
        return found, 0.0, x, y, z, work
    p, q = a + HEAD_ROWS, b + HEAD_ROWS
    if is_inside(pool[p, 0], pool[p, 1], pool[p, 2], pool, b, b_count):
        px, py, pz = _inner(pool, a, a_count)
        return True, 0.0, px, py, pz, looked * LOOK_WORK
    if is_inside(pool[q, 0], pool[q, 1], pool[q, 2], pool, a, a_count):
        px, py, pz = _inner(pool, b, b_count)
        return True, 0.0, px, py, pz, looked * LOOK_WORK
    return found, best, px, py, pz, looked * LOOK_WORK


@compiled
def _along(ax, ay, az, bx, by, bz, share):
    """The point of the ellipsoid above the chord from a to b, at a share of it."""
    plane = chart(ax + (bx - ax) * share, ay + (by - ay) * share, az + (bz - az) * share)
    return plane[0], plane[1], plane[2]


@compiled
def compare_circles(pool, a, b, lateral_m):
    """Two circles under a lateral minimum: (conflict, distance, place, no more work)."""
    ax, ay, az, bx, by, bz = (pool[a, 0], pool[a, 1], pool[a, 2],
                              pool[b, 0], pool[b, 1], pool[b, 2])
    one, other = pool[a + 1, 1], pool[b + 1, 1]
    apart = distance(ax, ay, az, bx, by, bz)
    gap = apart - one - other
    if gap >= lateral_m - TOUCH_M:
        return False, 0.0, 0.0, 0.0, 0.0, 0.0
    if apart == 0.0:
        return True, 0.0, ax, ay, az, 0.0
    first, last = (one, apart - other) if gap > 0.0 else (max(-one, apart - other),
                                                          min(one, apart + other))
    x, y, z = _along(ax, ay, az, bx, by, bz, (first + last) * 0.5 / apart)
    return True, max(0.0, gap), x, y, z, 0.0


@compiled
def compare_circle_and_ring(pool, circle, ring, count, lateral_m):
    """A circle and a ring under a lateral minimum: (conflict, distance, place, no more work)."""
    x, y, z, radius = pool[circle, 0], pool[circle, 1], pool[circle, 2], pool[circle + 1, 1]
    if is_inside(x, y, z, pool, ring, count):
        return True, 0.0, x, y, z, 0.0
    limit = radius + lateral_m - TOUCH_M
    gap, px, py, pz = distance_to_ring(x, y, z, pool, ring, count, limit)
    if gap >= limit:
        return False, 0.0, 0.0, 0.0, 0.0, 0.0
    if gap > radius:
        px, py, pz = _along(x, y, z, px, py, pz, 0.5 * (1.0 + radius / gap))
    return True, max(0.0, gap - radius), px, py, pz, 0.0


@compiled
def compare_outlines(pool, a, a_count, b, b_count, lateral_m, is_asked):
    """Two outlines under a lateral minimum, whatever their order: (conflict, distance, place,
    work), as `compare_rings` has them.
    """
    if _is_beyond(pool[a, 0], pool[a, 1], pool[a, 2], pool[a + 1, 0],
                  pool[b, 0], pool[b, 1], pool[b, 2], pool[b + 1, 0], lateral_m):
        return False, 0.0, 0.0, 0.0, 0.0, 0.0
    a_round, b_round = pool[a + 1, 1] > 0.0, pool[b + 1, 1] > 0.0
    if a_round and not b_round:
        return compare_circle_and_ring(pool, a, b, b_count, lateral_m)
    if b_round and not a_round:
        return compare_circle_and_ring(pool, b, a, a_count, lateral_m)
    if _is_second(pool, a, a_count, b, b_count):
        a, a_count, b, b_count = b, b_count, a, a_count
    if a_round:
        return compare_circles(pool, a, b, lateral_m)
    return compare_rings(pool, a, a_count, b, b_count, lateral_m, is_asked)


@compiled
def _is_second(pool, a, a_count, b, b_count):
    """Does the outline at row a come behind that at row b in an order of their own numbers?"""
    if a_count != b_count:
        return a_count > b_count
    for i in range(a_count + HEAD_ROWS):
        for axis in range(3):
            if pool[a + i, axis] != pool[b + i, axis]:
                return pool[a + i, axis] > pool[b + i, axis]
    return False


# -- volumes -------------------------------------------------------------------------------------
# times: (n, 4) int64: start and end in ns, row in the pool, number of points.
# bands: (n, 2) float64: lower and upper altitude in metres W84.

@compiled
def _is_apart(times, bands, i, other_times, other_bands, j, vertical_m, time_ns):
    """Are two volumes kept apart by time or altitude? Touching is apart; see the module."""
    gap_ns = max(times[i, 0], other_times[j, 0]) - min(times[i, 1], other_times[j, 1])
    if gap_ns >= time_ns:
        return True
    gap_m = max(bands[i, 0], other_bands[j, 0]) - min(bands[i, 1], other_bands[j, 1])
    return gap_m >= vertical_m - TOUCH_M


@released
def meet(times, bands, first_count, pool, minima, time_ns, figures, span_ns):
    """The volumes before `first_count` against those behind: do any conflict?

    If so, `span_ns` becomes the earliest beginning and the last end, and `figures` lateral and
    vertical distance, latitude, longitude, and the altitudes concerned, of the closest pair: the
    least lateral, then the least vertical distance, then the earliest; no order of volumes matters.
    The last of `figures` is the work that it took beyond looking at each edge of each pair once.
    """
    found, work = False, 0.0
    best = (0.0, 0.0, np.int64(0), 0.0, 0.0, 0.0, 0.0, 0.0)
    for i in range(first_count):
        for j in range(first_count, len(times)):
            if _is_apart(times, bands, i, times, bands, j, minima[1], time_ns):
                continue
            conflict, lateral_m, x, y, z, more = compare_outlines(
                pool, times[i, 2], times[i, 3], times[j, 2], times[j, 3], minima[0], False)
            work += more
            if not conflict:
                continue
            late, early = max(times[i, 0], times[j, 0]), min(times[i, 1], times[j, 1])
            above, below = max(bands[i, 0], bands[j, 0]), min(bands[i, 1], bands[j, 1])
            start, end = min(late, early), max(late, early)
            key = (lateral_m, max(0.0, above - below), start, x, y, z, min(above, below),
                   max(above, below))
            if not found or key < best:
                best = key
            if not found or start < span_ns[0]:
                span_ns[0] = start
            if not found or end > span_ns[1]:
                span_ns[1] = end
            found = True
    figures[0], figures[1], figures[4], figures[5] = best[0], best[1], best[6], best[7]
    figures[6] = work
    if found:
        figures[2], figures[3] = degrees(best[3], best[4], best[5])
    return found
