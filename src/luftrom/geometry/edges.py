"""Two short edges on the ellipsoid, or a point and an edge: how they lie, how far apart, where.

In go the ends of edges of at most PIECE_M as (x, y, z) in metres, Earth-centred and Earth-fixed;
out come relations, distances in metres and places. Two pieces of edge are compared in a chart of
their own, around their middle, so the answer is as exact at a pole or the 180th meridian as
anywhere, and for long edges as for short ones.
"""

from __future__ import annotations

import math

from luftrom.geometry.compiling import compiled
from luftrom.geometry.ellipsoid import chart, distance, lift, long_distance, project

TOUCH_M = 1e-3                             # overlap, or a minimum missed, by no more is none
APART, TOUCH, CROSS = 0, 1, 2
_NEAR_M = 100_000.0                        # up to here a point and an edge fit into one chart

@compiled
def foot(px, py, ax, ay, bx, by):
    """The point of the segment from a to b that is nearest to p, and the square of its distance."""
    ex, ey = bx - ax, by - ay
    length2 = ex * ex + ey * ey
    t = ((px - ax) * ex + (py - ay) * ey) / length2 if length2 > 0.0 else 0.0
    t = min(1.0, max(0.0, t))
    x, y = ax + t * ex, ay + t * ey
    dx, dy = px - x, py - y
    return x, y, dx * dx + dy * dy


@compiled
def compare_edges(ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz):
    """How the edge from a to b lies to the edge from c to d, each at most PIECE_M long.

    Returns (relation, distance in metres, nearest point of the first, of the second); relation is
    2 where each passes through the other and reaches more than TOUCH_M beyond, 1 where they come
    within TOUCH_M otherwise, else 0.
    """
    plane = chart(ax + bx + cx + dx, ay + by + cy + dy, az + bz + cz + dz)
    au, av = project(plane, ax, ay, az)
    bu, bv = project(plane, bx, by, bz)
    cu, cv = project(plane, cx, cy, cz)
    du, dv = project(plane, dx, dy, dz)
    eu, ev, fu, fv = bu - au, bv - av, du - cu, dv - cv
    e, f = math.sqrt(eu * eu + ev * ev), math.sqrt(fu * fu + fv * fv)
    c_off, d_off = (eu * (cv - av) - ev * (cu - au)) / e, (eu * (dv - av) - ev * (du - au)) / e
    a_off, b_off = (fu * (av - cv) - fv * (au - cu)) / f, (fu * (bv - cv) - fv * (bu - cu)) / f
    if ((c_off > 0.0) != (d_off > 0.0)) and ((a_off > 0.0) != (b_off > 0.0)):
        t = a_off / (a_off - b_off)
        x, y, z = lift(plane, au + t * eu, av + t * ev)
        least = min(min(abs(a_off), abs(b_off)), min(abs(c_off), abs(d_off)))
        return (CROSS if least > TOUCH_M else TOUCH), 0.0, x, y, z, x, y, z
    au2, av2, a2 = foot(au, av, cu, cv, du, dv)
    bu2, bv2, b2 = foot(bu, bv, cu, cv, du, dv)
    cu2, cv2, c2 = foot(cu, cv, au, av, bu, bv)
    du2, dv2, d2 = foot(du, dv, au, av, bu, bv)
    # A chart stretches distances by less than this, so whatever comes near the best is looked at.
    limit = min(min(a2, b2), min(c2, d2)) * 1.001 + 1e-12
    best, px, py, pz, qx, qy, qz = math.inf, ax, ay, az, cx, cy, cz
    if a2 <= limit:
        x, y, z = lift(plane, au2, av2)
        gap = distance(ax, ay, az, x, y, z)
        if gap < best:
            best, px, py, pz, qx, qy, qz = gap, ax, ay, az, x, y, z
    if b2 <= limit:
        x, y, z = lift(plane, bu2, bv2)
        gap = distance(bx, by, bz, x, y, z)
        if gap < best:
            best, px, py, pz, qx, qy, qz = gap, bx, by, bz, x, y, z
    if c2 <= limit:
        x, y, z = lift(plane, cu2, cv2)
        gap = distance(cx, cy, cz, x, y, z)
        if gap < best:
            best, px, py, pz, qx, qy, qz = gap, x, y, z, cx, cy, cz
    if d2 <= limit:
        x, y, z = lift(plane, du2, dv2)
        gap = distance(dx, dy, dz, x, y, z)
        if gap < best:
            best, px, py, pz, qx, qy, qz = gap, x, y, z, dx, dy, dz
    return (TOUCH if best <= TOUCH_M else APART), best, px, py, pz, qx, qy, qz


@compiled
def point_to_edge(px, py, pz, ax, ay, az, bx, by, bz):
    """Geodesic distance from p to the edge from a to b (at most PIECE_M long), and the foot."""
    mx, my, mz = (ax + bx) * 0.5, (ay + by) * 0.5, (az + bz) * 0.5
    dx, dy, dz = mx - px, my - py, mz - pz
    near = dx * dx + dy * dy + dz * dz < _NEAR_M * _NEAR_M
    plane = chart(mx + px, my + py, mz + pz) if near else chart(mx, my, mz)
    au, av = project(plane, ax, ay, az)
    bu, bv = project(plane, bx, by, bz)
    if near:
        pu, pv = project(plane, px, py, pz)
        u, v, _ = foot(pu, pv, au, av, bu, bv)
        x, y, z = lift(plane, u, v)
        return distance(px, py, pz, x, y, z), x, y, z
    # Far off, the square of the distance along so short an edge is a parabola.
    x, y, z = lift(plane, (au + bu) * 0.5, (av + bv) * 0.5)
    start = long_distance(px, py, pz, ax, ay, az)
    middle = long_distance(px, py, pz, x, y, z)
    end = long_distance(px, py, pz, bx, by, bz)
    slope, bend = end * end - start * start, (start * start + end * end) * 0.5 - middle * middle
    t = 0.5 - slope / (8.0 * bend) if bend > 0.0 else (0.0 if start < end else 1.0)
    t = min(1.0, max(0.0, t))
    x, y, z = lift(plane, au + t * (bu - au), av + t * (bv - av))
    return long_distance(px, py, pz, x, y, z), x, y, z
