"""Compiled: do two packed outlines conflict? A quick answer where it is sure, else the exact one.

Most pairs are small convex rings or circles that are either well apart or well into each other.
First, planes through the Earth's centre and an edge: if all of the other outline lies beyond one by
more than what is needed, the two are apart; if no such plane keeps any of the two apart, they
overlap (the separating axis theorem, which a central projection does not disturb). Second, both in
one chart, with a bound on what the chart distorts. Whatever is nearer to the limit than the bound
goes to `kernels`, whose word is the answer. So the quick answers never differ from it.
"""

from __future__ import annotations

import math

import numpy as np

from luftrom.geometry.bounds import CIRCLE, CONVEX, CONVEX_CORNERS_MAX, RING, points_of, prepare
from luftrom.geometry.compiling import compiled
from luftrom.geometry.edges import TOUCH_M, foot
from luftrom.geometry.ellipsoid import HEAD_ROWS, chart, project
from luftrom.geometry.kernels import compare_outlines
from luftrom.geometry.wgs84 import POLE_RADIUS_M

APART, CONFLICT, UNSURE = 0, 1, 2
# An edge strays from its plane through the centre by less than 1e-10 of its square (1 m at 100 km),
# dents of a ring that passes for convex are below 0.3 m, and no geodesic is shorter than the way
# from a plane to the other outline.
_SLACK_M = 1.0
# Units of work (`limits`): of the exact answer for any two, for each corner, and for each piece
# into which a long edge is divided; and of `screen` for any two and for each corner.
PAIR_WORK, CORNER_WORK, DIVIDED_WORK = 100.0, 8.0, 60.0
_SCREEN_WORK, _SCREEN_CORNER_WORK = 30.0, 5.0
_STRAY = 1e-10
_CHART_M_MAX = 150_000.0
_R2 = POLE_RADIUS_M * POLE_RADIUS_M
ROOM = CONVEX_CORNERS_MAX * 3              # numbers of scratch space for one ring's planes


@compiled
def planes_of(pool, row, shape, out):
    """Write the outward unit normals of a convex ring's edge planes to `out`; the longest edge^2.

    A circle has none.
    """
    if shape & 3 != CONVEX:
        return 0.0
    count = shape >> 2
    mx = my = mz = longest2 = 0.0
    for i in range(row, row + count):
        mx, my, mz = mx + pool[i, 0], my + pool[i, 1], mz + pool[i, 2]
    ax, ay, az = pool[row + count - 1, 0], pool[row + count - 1, 1], pool[row + count - 1, 2]
    for i in range(count):
        bx, by, bz = pool[row + i, 0], pool[row + i, 1], pool[row + i, 2]
        ex, ey, ez = bx - ax, by - ay, bz - az
        longest2 = max(longest2, ex * ex + ey * ey + ez * ez)
        nx, ny, nz = ay * ez - az * ey, az * ex - ax * ez, ax * ey - ay * ex
        size = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
        if nx * mx + ny * my + nz * mz > 0.0:
            size = -size
        out[3 * i], out[3 * i + 1], out[3 * i + 2] = nx * size, ny * size, nz * size
        ax, ay, az = bx, by, bz
    return longest2


@compiled
def beyond(planes, shape, pool, row, points, enough):
    """How far, at most over the planes of a ring, all of some points lie beyond; ends at `enough`.

    Of a ring without planes it is minus infinity.
    """
    best = -math.inf
    if shape & 3 != CONVEX:
        return best
    for k in range(shape >> 2):
        nx, ny, nz = planes[3 * k], planes[3 * k + 1], planes[3 * k + 2]
        least = math.inf
        for i in range(row, row + points):
            least = min(least, pool[i, 0] * nx + pool[i, 1] * ny + pool[i, 2] * nz)
        if least > best:
            best = least
            if best >= enough:
                break
    return best


@compiled
def _flat_gap(flat, a_points, b_points):
    """The distance of two outlines in a chart that do not overlap; the corners stand in `flat`."""
    best = math.inf
    for side in range(2):
        first, count, other, points = ((0, a_points, a_points, b_points) if side == 0
                                       else (a_points, b_points, 0, a_points))
        if count == 1 and points > 1:
            continue
        ax, ay = flat[first + count - 1, 0], flat[first + count - 1, 1]
        for i in range(first, first + count):
            bx, by = flat[i, 0], flat[i, 1]
            for j in range(other, other + points):
                best = min(best, foot(flat[j, 0], flat[j, 1], ax, ay, bx, by)[2])
            ax, ay = bx, by
    return math.sqrt(best)


@compiled
def _in_one_chart(a_pool, a, a_points, b_pool, b, b_points, needed, edge2, may_overlap, flat):
    """APART or CONFLICT by the distance in a chart around both, or UNSURE; see the module.

    Between corners and edges there is a distance even where outlines overlap: it is never less
    than theirs, so a conflict is one, but then it says nothing of their being apart.
    """
    mx = my = mz = 0.0
    for i in range(a, a + a_points):
        mx, my, mz = mx + a_pool[i, 0], my + a_pool[i, 1], mz + a_pool[i, 2]
    ox = oy = oz = 0.0
    for i in range(b, b + b_points):
        ox, oy, oz = ox + b_pool[i, 0], oy + b_pool[i, 1], oz + b_pool[i, 2]
    plane = chart(mx / a_points + ox / b_points, my / a_points + oy / b_points,
                  mz / a_points + oz / b_points)
    most2 = 0.0
    for i in range(a_points):
        u, v = project(plane, a_pool[a + i, 0], a_pool[a + i, 1], a_pool[a + i, 2])
        flat[i, 0], flat[i, 1] = u, v
        most2 = max(most2, u * u + v * v)
    for i in range(b_points):
        u, v = project(plane, b_pool[b + i, 0], b_pool[b + i, 1], b_pool[b + i, 2])
        flat[a_points + i, 0], flat[a_points + i, 1] = u, v
        most2 = max(most2, u * u + v * v)
    if most2 > _CHART_M_MAX * _CHART_M_MAX:
        return UNSURE
    gap = _flat_gap(flat, a_points, b_points)
    off = 0.05 + 1.5 * gap * most2 / _R2 + 2.0 * _STRAY * edge2
    if gap - off > needed and not may_overlap:
        return APART
    return CONFLICT if gap + off < needed else UNSURE


@compiled
def screen(a_pool, a, a_shape, a_planes, a_edge2, b_pool, b, b_shape, b_planes, lateral_m, flat):
    """APART, CONFLICT or UNSURE, for two packed outlines of which that at row a has its planes.

    `b_planes` (ROOM,) and `flat` (2 CONVEX_CORNERS_MAX, 2) are scratch.
    """
    if a_shape & 3 == RING or b_shape & 3 == RING:
        return UNSURE
    a_points, b_points, radii = a_shape >> 2, b_shape >> 2, 0.0
    if a_shape & 3 == CIRCLE:
        a_points, radii = 1, a_pool[a + 1, 0]
    if b_shape & 3 == CIRCLE:
        b_points, radii = 1, radii + b_pool[b + 1, 0]
    needed = lateral_m + radii - TOUCH_M
    enough = needed + _SLACK_M + _STRAY * a_edge2
    apart = beyond(a_planes, a_shape, b_pool, b, b_points, enough)
    if apart >= enough:
        return APART
    edge2 = planes_of(b_pool, b, b_shape, b_planes)
    enough += _STRAY * edge2
    apart = max(apart, beyond(b_planes, b_shape, a_pool, a, a_points, enough))
    if apart >= enough:
        return APART
    edge2 = max(a_edge2, edge2)
    if -math.inf < apart <= -_SLACK_M - 2.0 * _STRAY * edge2:
        return CONFLICT
    may_overlap = -math.inf < apart <= _SLACK_M + 2.0 * _STRAY * edge2
    return _in_one_chart(a_pool, a, a_points, b_pool, b, b_points, needed, edge2, may_overlap, flat)


@compiled
def is_conflict(a_pool, a, a_shape, b_pool, b, b_shape, lateral_m):
    """The exact answer, by `kernels.compare_outlines`, for two packed outlines."""
    return weigh_conflict(a_pool, a, a_shape, b_pool, b, b_shape, lateral_m)[0]


@compiled
def work_of_screen(a_shape, b_shape):
    """What `screen` takes, in units of work (`limits`)."""
    if a_shape & 3 == RING or b_shape & 3 == RING:
        return 0.0
    return _SCREEN_WORK + _SCREEN_CORNER_WORK * ((a_shape >> 2) + (b_shape >> 2))


@compiled
def work_of(a_shape, b_shape):
    """What the exact answer takes at least, in units of work (`limits`), before it is asked for."""
    return PAIR_WORK + CORNER_WORK * ((a_shape >> 2) + (b_shape >> 2))


@compiled
def weigh_conflict(a_pool, a, a_shape, b_pool, b, b_shape, lateral_m):
    """The same answer, and the work that it took beyond `work_of`."""
    first, second = prepare(a_pool, a, a_shape), prepare(b_pool, b, b_shape)
    both = np.empty((len(first) + len(second), 3))
    for i in range(len(both)):
        for axis in range(3):
            both[i, axis] = (first[i, axis] if i < len(first)
                             else second[i - len(first), axis])
    answer = compare_outlines(both, 0, points_of(first), len(first), points_of(second), lateral_m,
                              True)
    work = DIVIDED_WORK * (len(both) - 2 * HEAD_ROWS - (a_shape >> 2) - (b_shape >> 2))
    if a_shape & 3 != CIRCLE and b_shape & 3 != CIRCLE:
        work += answer[5]
    return answer[0], max(0.0, work)
