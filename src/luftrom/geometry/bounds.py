"""Compiled bounds of outlines: where one may lie, and which cell of the index it stands under.

A packed outline is a few rows (x, y, z) in metres of a pool, Earth-centred and Earth-fixed: the
corners of a ring, or a circle's centre and then (radius, 0, 0). Its shape is one number: 4 times
the count of rows, plus its kind.

In go packed outlines; out come bounds: a ball (middle, radius) and a strip (a horizontal normal,
half a width) that each hold the outline, so that long thin outlines do not meet all that lies
around them. Bounds are wide by a metre and more, which covers that they are kept as 32-bit floats;
nothing is decided on them but that two outlines are apart.
"""

from __future__ import annotations

import math

import numpy as np

from luftrom.geometry.cells import cell_of
from luftrom.geometry.compiling import compiled
from luftrom.geometry.ellipsoid import HEAD_ROWS, PIECE_M, prepare_centre, prepare_corners
from luftrom.geometry.wgs84 import EQUATOR_RADIUS_M, POLE_RADIUS_M

RING, CONVEX, CIRCLE = 0, 1, 2             # kinds; CONVEX is a small ring that `screen` can judge
CONVEX_CORNERS_MAX = 16
CONVEX_EDGE_M_MAX = 200_000.0
DENT_M = 1e-3                              # a corner may lie so far inside and the ring is convex

# Grids: a volume stands in one grid by its size and duration, there in one cell by its middle and
# the bucket of its start. Sizes and durations go in steps of four, so few grids are in use.
LEVELS = np.array((14, 12, 10, 8, 6, 4, 2, 0))     # edges of about 0.6, 2.3, 9, 36, 145 ... km
SHIFTS = np.array((38, 40, 42, 44, 46, 48, 50, 52, 54, 58, 63))    # 2^38 ns are 4.6 minutes
GRIDS = len(LEVELS) * len(SHIFTS)
_EDGE_M = 9_295_000.0                      # the mean edge of a cell of level 0
_ROOM = 2.8                                # a cell is at least so many radii wide
BUCKET_BITS = 22                           # buckets so far apart share a name; times tell them
_BUCKET_MASK = (1 << BUCKET_BITS) - 1

_A2 = 1.0 / (EQUATOR_RADIUS_M * EQUATOR_RADIUS_M)
_B2 = 1.0 / (POLE_RADIUS_M * POLE_RADIUS_M)
_R2 = POLE_RADIUS_M * POLE_RADIUS_M
_BULGE = 1.004                             # edges bulge beyond their ends by less, as in ellipsoid


@compiled
def rows_of(shape):
    """How many rows of the pool an outline of this shape takes."""
    return shape >> 2


@compiled
def _raised(x, y, z):
    """A direction to its point of the ellipsoid."""
    scale = 1.0 / math.sqrt((x * x + y * y) * _A2 + z * z * _B2)
    return x * scale, y * scale, z * scale


@compiled
def _across(pool, row, count, x, y, z):
    """The horizontal normal, at a place, of the longest edge of a ring; and that edge's length."""
    most, nx, ny, nz = -1.0, 0.0, 0.0, 0.0
    last = row + count - 1
    ax, ay, az = pool[last, 0], pool[last, 1], pool[last, 2]
    for i in range(row, row + count):
        bx, by, bz = pool[i, 0], pool[i, 1], pool[i, 2]
        ex, ey, ez = bx - ax, by - ay, bz - az
        length2 = ex * ex + ey * ey + ez * ez
        if length2 > most:
            most = length2
            nx, ny, nz = y * ez - z * ey, z * ex - x * ez, x * ey - y * ex
        ax, ay, az = bx, by, bz
    size = math.sqrt(nx * nx + ny * ny + nz * nz)
    if size <= 0.0:                        # an edge straight up cannot be; be safe all the same
        return 0.0, 0.0, 1.0, math.sqrt(most)
    return nx / size, ny / size, nz / size, math.sqrt(most)


@compiled
def bound(pool, row, shape):
    """The bounds of a packed outline: (x, y, z, radius, nx, ny, nz, half width), longest edge."""
    if shape & 3 == CIRCLE:
        radius = pool[row + 1, 0]
        return (pool[row, 0], pool[row, 1], pool[row, 2], radius + 1.0,
                0.0, 0.0, 1.0, radius + 1.0), 0.0
    count = shape >> 2
    x0 = x1 = pool[row, 0]
    y0 = y1 = pool[row, 1]
    z0 = z1 = pool[row, 2]
    for i in range(row + 1, row + count):
        x, y, z = pool[i, 0], pool[i, 1], pool[i, 2]
        x0, x1 = min(x0, x), max(x1, x)
        y0, y1 = min(y0, y), max(y1, y)
        z0, z1 = min(z0, z), max(z1, z)
    x, y, z = _raised(x0 + x1, y0 + y1, z0 + z1)
    nx, ny, nz, edge = _across(pool, row, count, x, y, z)
    low = high = 0.0
    for i in range(row, row + count):
        off = ((pool[i, 0] - x) * nx + (pool[i, 1] - y) * ny + (pool[i, 2] - z) * nz)
        low, high = min(low, off), max(high, off)
    off = (low + high) * 0.5
    x, y, z = _raised(x + off * nx, y + off * ny, z + off * nz)
    far2 = wide = 0.0
    for i in range(row, row + count):
        dx, dy, dz = pool[i, 0] - x, pool[i, 1] - y, pool[i, 2] - z
        far2 = max(far2, dx * dx + dy * dy + dz * dz)
        wide = max(wide, abs(dx * nx + dy * ny + dz * nz))
    radius = math.sqrt(far2)
    # The ground between the corners rises above their chords by radius^2 / 2R, and leans by
    # radius / R at the rim; an edge strays from its plane by less than 3e-10 of its square.
    wide += 0.5 * radius * radius * radius / _R2 + 3e-10 * edge * edge + 1.5 + 2e-6 * radius
    return (x, y, z, radius * _BULGE + 1.0, nx, ny, nz, wide), edge


@compiled
def shape_of_ring(pool, row, count):
    """The shape (count and kind) of a ring of corners: is it small and convex?"""
    shape = count << 2
    if count > CONVEX_CORNERS_MAX:
        return shape | RING
    low = high = 0.0
    ax, ay, az = pool[row + count - 2, 0], pool[row + count - 2, 1], pool[row + count - 2, 2]
    bx, by, bz = pool[row + count - 1, 0], pool[row + count - 1, 1], pool[row + count - 1, 2]
    for i in range(row, row + count):
        cx, cy, cz = pool[i, 0], pool[i, 1], pool[i, 2]
        ex, ey, ez = bx - ax, by - ay, bz - az
        if ex * ex + ey * ey + ez * ez > CONVEX_EDGE_M_MAX * CONVEX_EDGE_M_MAX:
            return shape | RING
        nx, ny, nz = ay * ez - az * ey, az * ex - ax * ez, ax * ey - ay * ex
        off = ((cx - bx) * nx + (cy - by) * ny + (cz - bz) * nz) / math.sqrt(
            nx * nx + ny * ny + nz * nz)
        low, high = min(low, off), max(high, off)
        ax, ay, az, bx, by, bz = bx, by, bz, cx, cy, cz
    return shape | (CONVEX if low >= -DENT_M or high <= DENT_M else RING)


@compiled
def duration(start_ns, end_ns):
    """How long a volume lasts; the longest number if that is longer than a number can say."""
    span_ns = end_ns - start_ns
    return span_ns if span_ns >= 0 else (1 << 63) - 1


@compiled
def grid_of(radius, span_ns):
    """The grid for a radius in metres and a duration."""
    size = 0
    while size < len(LEVELS) - 1 and _EDGE_M < radius * _ROOM * (1 << LEVELS[size]):
        size += 1
    length = 0
    while length < len(SHIFTS) - 1 and span_ns > 1 << SHIFTS[length]:
        length += 1
    return size * len(SHIFTS) + length


@compiled
def cell_key(grid, face, i, j, bucket):
    """One number for a cell of a grid and a bucket of time; never negative."""
    return ((((grid * 6 + face) << 14 | i) << 14 | j) << BUCKET_BITS) | (bucket & _BUCKET_MASK)


@compiled
def key_of(grid, x, y, z, start_ns):
    """The key of the cell that a middle and a start fall into."""
    face, i, j = cell_of(x, y, z, LEVELS[grid // len(SHIFTS)])
    return cell_key(grid, face, i, j, start_ns >> SHIFTS[grid % len(SHIFTS)])


@compiled
def prepare(pool, row, shape):
    """A packed outline as `kernels` take it: prepared, long edges divided."""
    if shape & 3 == CIRCLE:
        return prepare_centre(pool[row, 0], pool[row, 1], pool[row, 2], pool[row + 1, 0])
    return prepare_corners(pool[row:row + (shape >> 2)], PIECE_M)


@compiled
def points_of(prepared):
    """How many points a prepared outline has."""
    return len(prepared) - HEAD_ROWS
