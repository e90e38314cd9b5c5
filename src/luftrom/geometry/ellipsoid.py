"""Compiled geometry of the ellipsoid: charts, geodesics, distances, and outlines prepared once.

In go vertices in degrees; out come prepared outlines. A prepared outline is an array of rows
(x, y, z) in metres, Earth-centred and Earth-fixed: row 0 the middle, on the ellipsoid; row 1
(radius of the ball around the middle that holds the outline, radius of the circle or 0, 0); from
row 2 the vertices of the ring, or a circle's centre.

Edges longer than PIECE_M are divided along their WGS84 geodesic (T. Vincenty, Survey Review 23,
1975). A chart projects the ellipsoid around a place from the centre of its curvature; near the
place a geodesic of that length is a straight line in it to within a fraction of a millimetre.
Everything is IEEE arithmetic and square roots in a fixed order (no fused operations, no
mathematical library), so that every machine gets the same bits.

Each function here is plain Python that numba compiles; `.py_func` of it is the uncompiled one.
"""

from __future__ import annotations

import math

import numpy as np

from luftrom.geometry.compiling import compiled
from luftrom.geometry.wgs84 import ECCENTRICITY2, EQUATOR_RADIUS_M, FLATTENING, POLE_RADIUS_M
from luftrom.geometry.wgs84 import sincos_deg as sincos_of_degrees

PIECE_M = 25_000.0                         # edges are divided into pieces of at most this length
FAR_M = 50_000.0                           # beyond this a distance is computed by Vincenty's series
HEAD_ROWS = 2                              # rows of a prepared outline before its points

_A2 = 1.0 / (EQUATOR_RADIUS_M * EQUATOR_RADIUS_M)
_B2 = 1.0 / (POLE_RADIUS_M * POLE_RADIUS_M)
_SECOND_ECCENTRICITY2 = ECCENTRICITY2 / (1.0 - ECCENTRICITY2)
_DEG_PER_RAD = 180.0 / math.pi

sincos_deg = compiled(sincos_of_degrees)


# -- points, charts, distances -------------------------------------------------------------------

@compiled
def arctan2(y, x):
    """The angle of (x, y) in radians: a rough guess, then one step with its sine and cosine."""
    high, low = abs(x), abs(y)
    steep = low > high
    if steep:
        high, low = low, high
    if high == 0.0:
        return 0.0
    t = low / high
    guess = t * (0.7853981633974483 + 0.273 * (1.0 - t))
    s, c = sincos_deg(guess * _DEG_PER_RAD)
    off = (t * c - s) / math.sqrt(1.0 + t * t)
    square = off * off
    angle = guess + off * (1.0 + square * (1.0 / 6.0 + square * 0.075))
    if steep:
        angle = 1.5707963267948966 - angle
    if x < 0.0:
        angle = 3.141592653589793 - angle
    return -angle if y < 0.0 else angle


@compiled
def degrees(x, y, z):
    """Latitude and longitude of a point of the ellipsoid, in degrees."""
    across = math.sqrt(x * x + y * y)
    return (arctan2(z, (1.0 - ECCENTRICITY2) * across) * _DEG_PER_RAD,
            arctan2(y, x) * _DEG_PER_RAD)


@compiled
def chart(x, y, z):
    """The plane of a place: touching point, normal, two axes, radius of curvature; 13 numbers."""
    scale = 1.0 / math.sqrt((x * x + y * y) * _A2 + z * z * _B2)
    x, y, z = x * scale, y * scale, z * scale
    nx, ny, nz = x * _A2, y * _A2, z * _B2
    size = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
    nx, ny, nz = nx * size, ny * size, nz * size
    w = 1.0 - ECCENTRICITY2 * nz * nz
    radius = 0.5 * EQUATOR_RADIUS_M / math.sqrt(w) * (1.0 + (1.0 - ECCENTRICITY2) / w)
    if nz * nz < 0.5:
        ex, ey, ez = -ny, nx, 0.0
    else:
        ex, ey, ez = 0.0, -nz, ny
    size = 1.0 / math.sqrt(ex * ex + ey * ey + ez * ez)
    ex, ey, ez = ex * size, ey * size, ez * size
    return (x, y, z, nx, ny, nz, ex, ey, ez,
            ny * ez - nz * ey, nz * ex - nx * ez, nx * ey - ny * ex, radius)


@compiled
def project(plane, x, y, z):
    """A point of the ellipsoid into a chart, from the centre of curvature; metres."""
    x, y, z = x - plane[0], y - plane[1], z - plane[2]
    scale = plane[12] / (plane[12] + x * plane[3] + y * plane[4] + z * plane[5])
    return ((x * plane[6] + y * plane[7] + z * plane[8]) * scale,
            (x * plane[9] + y * plane[10] + z * plane[11]) * scale)


@compiled
def lift(plane, u, v):
    """A point of a chart back onto the ellipsoid: Newton's steps along the ray of projection."""
    radius = plane[12]
    ax, ay, az = (u * plane[6] + v * plane[9], u * plane[7] + v * plane[10],
                  u * plane[8] + v * plane[11])
    x, y, z = plane[0] + ax, plane[1] + ay, plane[2] + az
    ax, ay, az = ax + radius * plane[3], ay + radius * plane[4], az + radius * plane[5]
    for _ in range(3):
        value = (x * x + y * y) * _A2 + z * z * _B2 - 1.0
        step = 0.5 * value / ((x * ax + y * ay) * _A2 + z * az * _B2)
        x, y, z = x - step * ax, y - step * ay, z - step * az
    return x, y, z


@compiled
def distance(px, py, pz, qx, qy, qz):
    """Geodesic distance of two points of the ellipsoid in metres; sub-millimetre at any range.

    Up to FAR_M it is the arc over their chord, with the curvature in that direction.
    """
    dx, dy, dz = qx - px, qy - py, qz - pz
    flat2, dz2 = dx * dx + dy * dy, dz * dz
    chord2 = flat2 + dz2
    if chord2 == 0.0:
        return 0.0
    if chord2 > FAR_M * FAR_M:
        return long_distance(px, py, pz, qx, qy, qz)
    gx, gy, gz = (px + qx) * 0.5 * _A2, (py + qy) * 0.5 * _A2, (pz + qz) * 0.5 * _B2
    curvature = (flat2 * _A2 + dz2 * _B2) / chord2
    k = chord2 * curvature * curvature / (gx * gx + gy * gy + gz * gz)
    return math.sqrt(chord2) * (1.0 + k * (1.0 / 24.0 + k * (3.0 / 640.0 + k * 5.0 / 7168.0)))


# -- geodesics (Vincenty 1975, with reduced latitudes taken from the coordinates) ------------------

@compiled
def _longitude_gain(sin_b1, sin_b2, sigma, sin_sigma, cos_sigma, sin_alpha):
    """How much farther the auxiliary sphere's great circle turns than the geodesic; radians."""
    cos2_alpha = 1.0 - sin_alpha * sin_alpha
    middle = cos_sigma - 2.0 * sin_b1 * sin_b2 / cos2_alpha if cos2_alpha > 1e-12 else 0.0
    c = FLATTENING / 16.0 * cos2_alpha * (4.0 + FLATTENING * (4.0 - 3.0 * cos2_alpha))
    return (1.0 - c) * FLATTENING * sin_alpha * (sigma + c * sin_sigma * (
        middle + c * cos_sigma * (2.0 * middle * middle - 1.0)))


@compiled
def _turned(s, c, angle):
    """Sine and cosine of an angle after adding a small one (below 0.02 radians)."""
    q = angle * angle
    sin_a = angle * (1.0 - q / 6.0 * (1.0 - q / 20.0 * (1.0 - q / 42.0)))
    cos_a = 1.0 - q / 2.0 * (1.0 - q / 12.0 * (1.0 - q / 30.0))
    return s * cos_a + c * sin_a, c * cos_a - s * sin_a


@compiled
def _geodesic(px, py, pz, qx, qy, qz):
    """The great circle of the auxiliary sphere: sigma, its sine and cosine, sine of the azimuth at
    the equator, sine and cosine of the longitude between the ends on that sphere."""
    c1 = math.sqrt(px * px + py * py) / EQUATOR_RADIUS_M
    c2 = math.sqrt(qx * qx + qy * qy) / EQUATOR_RADIUS_M
    s1, s2 = pz / POLE_RADIUS_M, qz / POLE_RADIUS_M
    both = c1 * c2 * (EQUATOR_RADIUS_M * EQUATOR_RADIUS_M)
    sin_l, cos_l = 0.0, 1.0
    if both > 1e-9:                        # otherwise an end is a pole: all along one meridian
        sin_l, cos_l = (px * qy - py * qx) / both, (px * qx + py * qy) / both
    gain = 0.0
    for _ in range(30):
        sin_o, cos_o = _turned(sin_l, cos_l, gain)
        across, along = c2 * sin_o, c1 * s2 - s1 * c2 * cos_o
        sin_sigma = math.sqrt(across * across + along * along)
        cos_sigma = s1 * s2 + c1 * c2 * cos_o
        sigma = arctan2(sin_sigma, cos_sigma)
        sin_alpha = c1 * across / sin_sigma if sin_sigma > 0.0 else 0.0
        before = gain
        gain = _longitude_gain(s1, s2, sigma, sin_sigma, cos_sigma, sin_alpha)
        if abs(gain - before) < 1e-16:
            break
    return sigma, sin_sigma, cos_sigma, sin_alpha, sin_o, cos_o


@compiled
def long_distance(px, py, pz, qx, qy, qz):
    """Geodesic distance by Vincenty's series, for points that are not nearly antipodal; metres."""
    sigma, sin_sigma, cos_sigma, sin_alpha, _, _ = _geodesic(px, py, pz, qx, qy, qz)
    cos2 = 1.0 - sin_alpha * sin_alpha
    m = cos_sigma - 2.0 * pz * qz * _B2 / cos2 if cos2 > 1e-12 else 0.0
    u = cos2 * _SECOND_ECCENTRICITY2
    a = 1.0 + u / 16384.0 * (4096.0 + u * (-768.0 + u * (320.0 - 175.0 * u)))
    b = u / 1024.0 * (256.0 + u * (-128.0 + u * (74.0 - 47.0 * u)))
    off = b * sin_sigma * (m + b / 4.0 * (
        cos_sigma * (2.0 * m * m - 1.0)
        - b / 6.0 * m * (4.0 * sin_sigma * sin_sigma - 3.0) * (4.0 * m * m - 3.0)))
    return POLE_RADIUS_M * a * (sigma - off)


@compiled
def divide(px, py, pz, qx, qy, qz, out, row, pieces):
    """Write the points that divide the geodesic from p to q into pieces to rows `row`..."""
    sigma, sin_sigma, cos_sigma, sin_alpha, sin_o, cos_o = _geodesic(px, py, pz, qx, qy, qz)
    r1, r2 = math.sqrt(px * px + py * py), math.sqrt(qx * qx + qy * qy)
    if r1 * r2 > 1e-9 or r2 <= r1:
        cos_1, sin_1 = px / r1, py / r1
    else:                                  # p is a pole, which lies on every meridian
        cos_1, sin_1 = qx / r2, qy / r2
    c1, s1 = r1 / EQUATOR_RADIUS_M, pz / POLE_RADIUS_M
    c2, s2 = r2 / EQUATOR_RADIUS_M, qz / POLE_RADIUS_M
    tx, ty, tz = c2 * cos_o - c1 * cos_sigma, c2 * sin_o, s2 - s1 * cos_sigma
    for k in range(1, pieces):
        angle = sigma * k / pieces
        s, c = sincos_deg(angle * _DEG_PER_RAD)
        f = s / sin_sigma
        x, y, z = c1 * c + tx * f, ty * f, s1 * c + tz * f
        y, x = _turned(y, x, -_longitude_gain(s1, z, angle, s, c, sin_alpha))
        out[row, 0] = EQUATOR_RADIUS_M * (x * cos_1 - y * sin_1)
        out[row, 1] = EQUATOR_RADIUS_M * (x * sin_1 + y * cos_1)
        out[row, 2] = POLE_RADIUS_M * z
        row += 1


# -- preparation ---------------------------------------------------------------------------------

@compiled
def place(lat_deg, lng_deg):
    """A point of the ellipsoid in metres, as `wgs84.ecef_m`."""
    sin_lat, cos_lat = sincos_deg(lat_deg)
    sin_lng, cos_lng = sincos_deg(lng_deg)
    n = EQUATOR_RADIUS_M / math.sqrt(1.0 - ECCENTRICITY2 * sin_lat * sin_lat)
    return n * cos_lat * cos_lng, n * cos_lat * sin_lng, n * (1.0 - ECCENTRICITY2) * sin_lat


@compiled
def place_all(places_deg):
    """Places (n, 2) of latitude and longitude in degrees to points (n, 3) in metres."""
    points = np.empty((len(places_deg), 3))
    for i in range(len(places_deg)):
        points[i, 0], points[i, 1], points[i, 2] = place(places_deg[i, 0], places_deg[i, 1])
    return points


@compiled
def prepare_ring(vertices, piece_m):
    """Vertices (n, 2) of latitude and longitude in degrees to a prepared outline (module)."""
    return prepare_corners(place_all(vertices), piece_m)


@compiled
def prepare_corners(corners, piece_m):
    """The corners (n, 3) of a ring in metres to a prepared outline (module).

    Edges are divided into pieces of at most `piece_m` metres; for `kernels` that is PIECE_M.
    """
    count = len(corners)
    pieces, total = np.empty(count, np.int64), 0
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        dx, dy, dz = (corners[j, 0] - corners[i, 0], corners[j, 1] - corners[i, 1],
                      corners[j, 2] - corners[i, 2])
        chord = math.sqrt(dx * dx + dy * dy + dz * dz)
        pieces[i] = int(chord / piece_m) + 1 if chord > piece_m else 1
        total += pieces[i]
    shape = np.zeros((HEAD_ROWS + total, 3))
    row = HEAD_ROWS
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        shape[row, 0], shape[row, 1], shape[row, 2] = corners[i, 0], corners[i, 1], corners[i, 2]
        if pieces[i] > 1:
            divide(corners[i, 0], corners[i, 1], corners[i, 2], corners[j, 0], corners[j, 1],
                   corners[j, 2], shape, row + 1, pieces[i])
        row += pieces[i]
    _bound(shape)
    return shape


@compiled
def _bound(shape):
    """Fill in the head: the middle of the box of the points, and the ball around it."""
    low, high = shape[HEAD_ROWS].copy(), shape[HEAD_ROWS].copy()
    for i in range(HEAD_ROWS + 1, len(shape)):
        for axis in range(3):
            low[axis] = min(low[axis], shape[i, axis])
            high[axis] = max(high[axis], shape[i, axis])
    x, y, z = (low[0] + high[0]) * 0.5, (low[1] + high[1]) * 0.5, (low[2] + high[2]) * 0.5
    scale = 1.0 / math.sqrt((x * x + y * y) * _A2 + z * z * _B2)
    x, y, z = x * scale, y * scale, z * scale
    most = 0.0
    for i in range(HEAD_ROWS, len(shape)):
        dx, dy, dz = shape[i, 0] - x, shape[i, 1] - y, shape[i, 2] - z
        most = max(most, dx * dx + dy * dy + dz * dz)
    shape[0, 0], shape[0, 1], shape[0, 2] = x, y, z
    # Edges bulge beyond their ends by less than this on an ellipsoid.
    shape[1, 0] = math.sqrt(most) * 1.004 + 0.01


@compiled
def prepare_centre(x, y, z, radius_m):
    """A circle around a point in metres to a prepared outline (module)."""
    shape = np.zeros((HEAD_ROWS + 1, 3))
    shape[0, 0], shape[0, 1], shape[0, 2] = x, y, z
    shape[1, 0] = shape[1, 1] = radius_m
    shape[2, 0], shape[2, 1], shape[2, 2] = x, y, z
    return shape
