"""Cells of the sphere's cube, as S2 has them, and the cover of a ball by them.

The sphere of directions from the Earth's centre is projected onto the six faces of a cube; on each
face S2's quadratic map makes cells of nearly equal size, and a level halves their edges. In go
places in metres (Earth-centred, Earth-fixed); out come ranges (face, s, t) of a cover.
`cell_id` gives Google S2's 64-bit identifiers (s2geometry.io).
"""

from __future__ import annotations

import math

from luftrom.geometry.compiling import compiled

LEVEL_MAX = 30                             # the finest level of S2
FACES = 6
# How the Hilbert curve passes through the four parts of a cell, by how it is turned there.
SWAP, INVERT = 1, 2                        # how the Hilbert curve is turned within a cell
POSITION_TO_IJ = ((0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2))
POSITION_TO_TURN = (SWAP, 0, 0, INVERT | SWAP)


@compiled
def on_face(face, x, y, z):
    """A direction in the axes of a face: (along u, along v, outwards).

    Face k looks along the k-th axis of the Earth, face k + 3 against it.
    """
    if face == 0:
        return y, z, x
    if face == 1:
        return -x, z, y
    if face == 2:
        return -x, -y, z
    if face == 3:
        return -z, -y, -x
    if face == 4:
        return -z, x, -y
    return y, x, -z


@compiled
def face_of(x, y, z):
    """The face that a direction meets."""
    ax, ay, az = abs(x), abs(y), abs(z)
    if ax > ay and ax > az:
        return 0 if x > 0 else 3
    if ay > az:
        return 1 if y > 0 else 4
    return 2 if z > 0 else 5


@compiled
def spread(u):
    """S2's quadratic map from -1..1 on a face to 0..1, where cells are nearly equal."""
    return 0.5 * math.sqrt(1.0 + 3.0 * u) if u >= 0.0 else 1.0 - 0.5 * math.sqrt(1.0 - 3.0 * u)


@compiled
def cell_of(x, y, z, level):
    """(face, i, j): the cell of a level that a direction meets."""
    face = face_of(x, y, z)
    u, v, w = on_face(face, x, y, z)
    cells = 1 << level
    return (face, min(int(spread(u / w) * cells), cells - 1),
            min(int(spread(v / w) * cells), cells - 1))


@compiled
def _unspread(s):
    """The inverse of `spread`."""
    return (4.0 * s * s - 1.0) / 3.0 if s >= 0.5 else (1.0 - 4.0 * (1.0 - s) * (1.0 - s)) / 3.0


@compiled
def middle_of(face, s, t):
    """The unit direction of a place on a face."""
    u, v = _unspread(s), _unspread(t)
    size = 1.0 / math.sqrt(1.0 + u * u + v * v)
    u, v, w = u * size, v * size, size
    if face == 0:
        return w, u, v
    if face == 1:
        return -u, w, v
    if face == 2:
        return -u, -v, w
    if face == 3:
        return -w, -v, -u
    if face == 4:
        return v, -w, -u
    return v, u, -w


@compiled
def cover_ball(x, y, z, radius_m, out):
    """Write ranges (face, s0, s1, t0, t1) that hold every direction to a ball; s and t are 0..1.

    The ball stands around (x, y, z) in metres; one as large as the Earth is covered by all faces.
    `out` has a row for each face; the number of rows written is returned.
    """
    size = math.sqrt(x * x + y * y + z * z)
    sine = radius_m / size * (1.0 + 1e-9) + 1e-12
    if sine >= 0.7:
        for face in range(FACES):
            out[face, 0] = face
            out[face, 1] = out[face, 3] = 0.0
            out[face, 2] = out[face, 4] = 1.0
        return FACES
    x, y, z = x / size, y / size, z / size
    first = face_of(x, y, z)
    count = _cover_on_face(first, x, y, z, sine, out, 0)
    if (count and 0.0 < out[0, 1] and out[0, 2] < 1.0 and 0.0 < out[0, 3] and out[0, 4] < 1.0):
        return count
    for face in range(FACES):
        if face != first:
            count = _cover_on_face(face, x, y, z, sine, out, count)
    return count


@compiled
def _cover_on_face(face, x, y, z, sine, out, count):
    """Write the range on one face, if the ball reaches it; how many there are now."""
    a, b, c = on_face(face, x, y, z)
    if max(c, 0.0) + sine < 0.577:         # every direction to the face has c of 1/sqrt(3) or more
        return count
    u0, u1 = _slopes(a, c, sine)
    v0, v1 = _slopes(b, c, sine)
    if u0 > 1.0 or u1 < -1.0 or v0 > 1.0 or v1 < -1.0:
        return count
    out[count, 0] = face
    out[count, 1], out[count, 2] = spread(max(u0, -1.0)), spread(min(u1, 1.0))
    out[count, 3], out[count, 4] = spread(max(v0, -1.0)), spread(min(v1, 1.0))
    return count + 1


@compiled
def _slopes(a, c, sine):
    """The least and the greatest a/c in a cone around a unit direction, where all has c > 0."""
    if c <= sine:                          # the cone reaches the rim of this face's half space
        return -2.0, 2.0
    below = c * c - sine * sine
    root = sine * math.sqrt(max(0.0, a * a + below))
    return (a * c - root) / below, (a * c + root) / below


def cell_id(face: int, i: int, j: int, level: int) -> int:
    """The S2 identifier of a cell: its face and its place on the Hilbert curve."""
    turn = SWAP if face & 1 else 0
    position = 0
    for bit in range(level - 1, -1, -1):
        ij = (i >> bit & 1) << 1 | (j >> bit & 1)
        step = POSITION_TO_IJ[turn].index(ij)
        position = position << 2 | step
        turn ^= POSITION_TO_TURN[step]
    unused = 2 * (LEVEL_MAX - level)
    return face << 61 | position << (unused + 1) | 1 << unused
