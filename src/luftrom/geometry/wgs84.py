"""The ellipsoid WGS84: its size, places on it, and when two of them are the same.

Angles are degrees, lengths metres (NIMA TR8350.2, table 3.1). Nothing here is compiled; `ellipsoid`
compiles what its kernels need of it.
"""

from __future__ import annotations

import math

from luftrom import limits

EQUATOR_RADIUS_M = 6_378_137.0             # WGS84, NIMA TR8350.2, table 3.1
FLATTENING = 1 / 298.257223563
ECCENTRICITY2 = FLATTENING * (2 - FLATTENING)
POLE_RADIUS_M = EQUATOR_RADIUS_M * (1 - FLATTENING)
MEAN_RADIUS_M = 6_371_008.8

SAME_M = 1e-6                              # two points nearer than this are one
MEAN_WIDTH_M_MIN = 1e-3                    # rings thinner than this on average enclose nothing
PERIMETER_M_MAX = 4 * math.pi * limits.RADIUS_M_MAX    # twice around the largest circle
RAD_PER_DEG = math.pi / 180

Point = tuple[float, float, float]


# -- points on the ellipsoid ---------------------------------------------------------------------

def sincos_deg(angle_deg: float) -> tuple[float, float]:
    """Sine and cosine of an angle of at most 360 degrees, the same bits on every machine.

    The quadrant is taken off exactly; the rest is Taylor's series within 45 degrees, whose first
    term left out is below 1e-18. The mathematical libraries of two machines may differ in the last
    bit, and two nodes must not.
    """
    quarter = math.floor(angle_deg / 90.0 + 0.5)
    x = (angle_deg - 90.0 * quarter) * RAD_PER_DEG
    z = x * x
    s = x + x * z * (-1 / 6 + z * (1 / 120 + z * (-1 / 5040 + z * (1 / 362880 + z * (
        -1 / 39916800 + z * (1 / 6227020800 + z * (-1 / 1307674368000)))))))
    c = 1.0 + z * (-0.5 + z * (1 / 24 + z * (-1 / 720 + z * (1 / 40320 + z * (
        -1 / 3628800 + z * (1 / 479001600 + z * (-1 / 87178291200 + z / 20922789888000)))))))
    # Without branches, so that compiled code takes many angles at once.
    one, other = (c, s) if quarter & 1 else (s, c)
    return -one if quarter & 2 else one, -other if quarter + 1 & 2 else other


def ecef_m(lat_deg: float, lng_deg: float) -> Point:
    """A point of the ellipsoid in metres, Earth-centred and Earth-fixed."""
    sin_lat, cos_lat = sincos_deg(lat_deg)
    sin_lng, cos_lng = sincos_deg(lng_deg)
    n = EQUATOR_RADIUS_M / math.sqrt(1.0 - ECCENTRICITY2 * sin_lat * sin_lat)
    return n * cos_lat * cos_lng, n * cos_lat * sin_lng, n * (1.0 - ECCENTRICITY2) * sin_lat
