"""State-based conflict detection by its definition: two aircraft, plain numbers, no short cut.

Written from Hoekstra, van Gent and Ruigrok, "Designing for safety: the 'free flight' air traffic
management concept", Reliability Engineering & System Safety 75 (2002): extrapolate both states,
find the closest point of approach, and the times at which the disc around the other aircraft is
entered and left, horizontally and vertically. What is BlueSky's own: distances in a plane on a
sphere of 6,371 km at the mean latitude, and least relative speeds of 1e-3 m/s and, upwards from
below, 1e-6 m/s.
"""

from __future__ import annotations

import math
from typing import NamedTuple

RADIUS_M = 6_371_000.0


class Meeting(NamedTuple):
    """What `meet` says; metres and seconds, the bearing in degrees."""

    is_conflict: bool
    is_loss: bool
    bearing_deg: float
    distance_m: float
    closest_m: float
    closest_s: float
    start_s: float
    end_s: float


def meet(own: tuple, other: tuple, limits: tuple[float, float, float]) -> Meeting:
    """How one aircraft meets another: (lat, lng, altitude m, track, speed m/s, climb m/s) each."""
    horizontal_m, vertical_m, lookahead_s = limits
    turn = (other[1] - own[1] + 180.0) % 360.0 - 180.0
    east = RADIUS_M * math.radians(turn) * math.cos(math.radians(own[0] + other[0]) / 2.0)
    north = RADIUS_M * math.radians(other[0] - own[0])
    distance = math.hypot(east, north)
    u, v = (other[4] * math.sin(math.radians(other[3])) - own[4] * math.sin(math.radians(own[3])),
            other[4] * math.cos(math.radians(other[3])) - own[4] * math.cos(math.radians(own[3])))
    speed2 = max(u * u + v * v, 1e-6)
    closest_s = -(u * east + v * north) / speed2
    closest2 = abs(distance ** 2 - closest_s ** 2 * speed2)
    above, climb = other[2] - own[2], other[5] - own[5]
    if abs(climb) < 1e-6:
        climb = 1e-6
    crossings = sorted(((-vertical_m - above) / climb, (vertical_m - above) / climb))
    start, end = math.inf, -math.inf
    if closest2 < horizontal_m ** 2:
        half = math.sqrt((horizontal_m ** 2 - closest2) / speed2)
        start, end = max(crossings[0], closest_s - half), min(crossings[1], closest_s + half)
    return Meeting(start <= end and end > 0.0 and start < lookahead_s,
                   distance < horizontal_m and abs(above) < vertical_m,
                   math.degrees(math.atan2(east, north)) % 360.0, distance, math.sqrt(closest2),
                   closest_s, start, end)
