"""Cells of the sphere's cube, as S2 has them, and the cover of a ball by them.

The sphere of directions from the Earth's centre is projected onto the six faces of a cube; on each
face S2's quadratic map makes cells of nearly equal size, and a level halves their edges. In go
places in metres (Earth-centred, Earth-fixed); out come ranges (face, s, t) of a cover and whole
numbers that name cells. `cell_id` gives Google S2's 64-bit identifiers (s2geometry.io).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

LEVEL_MAX = 30                             # the finest level of S2
# How the Hilbert curve passes through the four parts of a cell, by how it is turned there.
_SWAP, _INVERT = 1, 2                      # how the Hilbert curve is turned within a cell
_POSITION_TO_IJ = ((0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2))
_POSITION_TO_TURN = (_SWAP, 0, 0, _INVERT | _SWAP)

Range = tuple[int, float, float, float, float]


def on_face(face: int, x: float, y: float, z: float) -> tuple[float, float, float]:
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


def face_of(x: float, y: float, z: float) -> int:
    """The face that a direction meets."""
    ax, ay, az = abs(x), abs(y), abs(z)
    if ax > ay and ax > az:
        return 0 if x > 0 else 3
    if ay > az:
        return 1 if y > 0 else 4
    return 2 if z > 0 else 5


def spread(u: float) -> float:
    """S2's quadratic map from -1..1 on a face to 0..1, where cells are nearly equal."""
    return 0.5 * math.sqrt(1.0 + 3.0 * u) if u >= 0.0 else 1.0 - 0.5 * math.sqrt(1.0 - 3.0 * u)


def cover_ball(x: float, y: float, z: float, radius_m: float) -> list[Range]:
    """Ranges (face, s0, s1, t0, t1) that hold every direction to a ball; s and t are 0..1.

    The ball stands around (x, y, z) in metres; one as large as the Earth is covered by all faces.
    """
    size = math.sqrt(x * x + y * y + z * z)
    sine = radius_m / size * (1.0 + 1e-9) + 1e-12
    if sine >= 0.7:
        return [(face, 0.0, 1.0, 0.0, 1.0) for face in range(6)]
    x, y, z = x / size, y / size, z / size
    first = face_of(x, y, z)
    found = _on_one_face(first, x, y, z, sine)
    if (found is not None and 0.0 < found[1] and found[2] < 1.0
            and 0.0 < found[3] and found[4] < 1.0):
        return [found]
    ranges = [found] if found is not None else [(first, 0.0, 1.0, 0.0, 1.0)]
    for face in range(6):
        if face != first:
            found = _on_one_face(face, x, y, z, sine)
            if found is not None:
                ranges.append(found)
    return ranges


def _on_one_face(face: int, x: float, y: float, z: float, sine: float) -> Range | None:
    a, b, c = on_face(face, x, y, z)
    if max(c, 0.0) + sine < 0.577:         # every direction to the face has c of 1/sqrt(3) or more
        return None
    u0, u1 = _slopes(a, c, sine)
    v0, v1 = _slopes(b, c, sine)
    if u0 > 1.0 or u1 < -1.0 or v0 > 1.0 or v1 < -1.0:
        return None
    return (face, spread(max(u0, -1.0)), spread(min(u1, 1.0)),
            spread(max(v0, -1.0)), spread(min(v1, 1.0)))


def _slopes(a: float, c: float, sine: float) -> tuple[float, float]:
    """The least and the greatest a/c in a cone around a unit direction, where all has c > 0."""
    if c <= sine:                          # the cone reaches the rim of this face's half space
        return -2.0, 2.0
    below = c * c - sine * sine
    root = sine * math.sqrt(max(0.0, a * a + below))
    return (a * c - root) / below, (a * c + root) / below


def level_for(ranges: list[Range], level_max: int) -> int:
    """The finest level at which each range meets at most two cells along an axis."""
    extent = max(max(s1 - s0, t1 - t0) for _, s0, s1, t0, t1 in ranges)
    return min(level_max, max(0, -math.frexp(extent)[1])) if extent > 0.0 else level_max


def indexes(span: Range, level: int) -> tuple[int, int, int, int, int]:
    """(face, i0, i1, j0, j1): the cells of a level that a range meets, both ends included."""
    cells = 1 << level
    face, s0, s1, t0, t1 = span
    most = cells - 1
    return (face, min(int(s0 * cells), most), min(int(s1 * cells), most),
            min(int(t0 * cells), most), min(int(t1 * cells), most))


def cells_of(spans: list[tuple[int, int, int, int, int]]) -> Iterator[int]:
    """The cells of index ranges, each as one number within its level."""
    for face, i0, i1, j0, j1 in spans:
        for i in range(i0, i1 + 1):
            base = (face << 60) | (i << 30)
            yield from range(base | j0, (base | j1) + 1)


def is_met(cell: int, spans: list[tuple[int, int, int, int, int]]) -> bool:
    """Is a cell, as `cells_of` names it, one of the index ranges'?"""
    face, i, j = cell >> 60, cell >> 30 & 0x3FFFFFFF, cell & 0x3FFFFFFF
    return any(face == f and i0 <= i <= i1 and j0 <= j <= j1 for f, i0, i1, j0, j1 in spans)


def cell_id(face: int, i: int, j: int, level: int) -> int:
    """The S2 identifier of a cell: its face and its place on the Hilbert curve."""
    turn = _SWAP if face & 1 else 0
    position = 0
    for bit in range(level - 1, -1, -1):
        ij = (i >> bit & 1) << 1 | (j >> bit & 1)
        step = _POSITION_TO_IJ[turn].index(ij)
        position = position << 2 | step
        turn ^= _POSITION_TO_TURN[step]
    unused = 2 * (LEVEL_MAX - level)
    return face << 61 | position << (unused + 1) | 1 << unused
