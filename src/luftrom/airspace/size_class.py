"""The size class of a declaration: how much of the sky it asks for, told before it is opened.

Area times height times duration of all its volumes, in m3 s, rounded up to a power of two, of which
the class is the exponent. The leaf shows it (docs/decisions/sealed.md), so that bounds on what a
party may hold count from the moment of signing. All nodes compute the same bits (`geometry.wgs84`):
whether content fits its class, or is void, must not depend on a machine's sine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from luftrom.clock import NS_PER_S
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.geometry.wgs84 import MEAN_RADIUS_M, RAD_PER_DEG, sincos_deg

SIZE_CLASS_MAX = 127                       # 2**127 m3 s: more than anything on Earth for ever
_SLACK = 1e-9                              # what another program's last digits may differ by


def volume_time_m3_s(volumes: Sequence[Volume4D]) -> float:
    """Area times height times duration of all volumes together; what overlaps counts twice."""
    return math.fsum(
        area_m2(v.outline) * (v.altitude_m_w84_upper - v.altitude_m_w84_lower)
        * ((v.time_end_ns - v.time_start_ns) / NS_PER_S) for v in volumes)


def area_m2(outline: Polygon | Circle) -> float:
    """The area of an outline on the sphere of the Earth's mean radius (0.5 % off WGS84 at most)."""
    if isinstance(outline, Circle):        # as a cap; the half angle loses no digits of small ones
        half, _ = sincos_deg(outline.radius_m / (2 * MEAN_RADIUS_M) / RAD_PER_DEG)
        return 4 * math.pi * MEAN_RADIUS_M**2 * half * half
    parts, before = [], outline.vertices[-1]
    for vertex in outline.vertices:
        turn_deg = math.remainder(vertex[1] - before[1], 360.0)
        parts.append(turn_deg * RAD_PER_DEG * (
            2 + sincos_deg(before[0])[0] + sincos_deg(vertex[0])[0]) / 2)
        before = vertex
    part = abs(math.fsum(parts))           # of the unit sphere: the inside, or all but that
    return MEAN_RADIUS_M**2 * min(part, 4 * math.pi - part)


def size_class(volumes: Sequence[Volume4D]) -> int:
    """The smallest exponent whose power of two is no less than their volume times time in m3 s."""
    mantissa, exponent = math.frexp(volume_time_m3_s(volumes))
    return max(0, exponent - (mantissa == 0.5))


def fits_size_class(volumes: Sequence[Volume4D], shown: int) -> bool:
    """Is that their class, but for the last digits of the arithmetic?"""
    size = volume_time_m3_s(volumes)
    return size * (1 - _SLACK) <= 2.0**shown and (
        shown == 0 or size * (1 + _SLACK) > 2.0**(shown - 1))
