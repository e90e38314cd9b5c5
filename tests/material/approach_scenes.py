"""Traffic for the closest points of approach: seeded scenes, from the plain to the awkward.

A scene is a list of states (latitude, longitude, altitude in m, track in degrees, ground speed and
vertical rate in m/s). The numbers come from `random.Random`, whose sequence Python guarantees.
"""

from __future__ import annotations

import math
import random

FOOT_M, MILE_M = 0.3048, 1852.0
LIMITS = (5 * MILE_M, 1000 * FOOT_M, 300.0)      # horizontal m, vertical m, look-ahead s
RADIUS_M = 6_371_000.0

State = tuple[float, float, float, float, float, float]


def crowd(rng: random.Random, count: int, south: float, north: float, west: float,
          east: float) -> list[State]:
    """Spread over a box, which may cross the 180th meridian (east beyond 180); a third climbs."""
    states = []
    for _ in range(count):
        lng = rng.uniform(west, east)
        states.append((rng.uniform(south, north), lng - 360.0 if lng > 180.0 else lng,
                       rng.uniform(3000.0, 6000.0), rng.uniform(0.0, 360.0),
                       rng.uniform(180.0, 260.0), rng.choice((0.0, 0.0, rng.uniform(-15.0, 15.0)))))
    return states


def levels(rng: random.Random, count: int) -> list[State]:
    """On flight levels exactly the minimum apart, most of them level."""
    return [(rng.uniform(48.0, 50.0), rng.uniform(7.0, 10.0), rng.randrange(30, 36) * 1000 * FOOT_M,
             rng.uniform(0.0, 360.0), rng.uniform(200.0, 250.0), rng.choice((0.0, 0.0, 0.0, 5.0)))
            for _ in range(count)]


def lanes(rng: random.Random, count: int) -> list[State]:
    """Parallel, head-on and overtaking along three parallels and three meridians."""
    states = []
    for _ in range(count):
        along, lane = rng.uniform(0.0, 3.0), rng.randrange(3) * 0.083
        if rng.random() < 0.5:
            place, tracks = (50.0 + lane, 5.0 + along), (90.0, 270.0)
        else:
            place, tracks = (49.0 + along, 6.0 + lane), (0.0, 180.0, 360.0)
        states.append((*place, 10000.0, rng.choice(tracks), rng.choice((200.0, 230.0, 0.0)), 0.0))
    return states


def stacks(rng: random.Random, count: int) -> list[State]:
    """Many at the same few places, some with the same velocity, some standing still."""
    return [(50.0 + rng.randrange(3) * 0.5, 8.0 + rng.randrange(2) * 0.05,
             rng.randrange(40) * 100 * FOOT_M, rng.choice((0.0, 45.0, 360.0, 200.0)),
             rng.choice((0.0, 0.0, 0.0005, 210.0)), rng.choice((0.0, 0.0, 5e-7, -5e-7, 3.0)))
            for _ in range(count)]


def pole(rng: random.Random, count: int) -> list[State]:
    """Around a pole, some on meridians exactly opposite and on the pole itself."""
    return [(rng.choice((rng.uniform(88.0, 90.0), rng.uniform(89.9, 90.0), 90.0)) * -1.0,
             rng.choice((rng.uniform(-180.0, 180.0), 0.0, 180.0, -180.0, 90.0, -90.0)),
             rng.uniform(9000.0, 10500.0), rng.uniform(0.0, 360.0), rng.uniform(150.0, 260.0),
             rng.choice((0.0, rng.uniform(-10.0, 10.0)))) for _ in range(count)]


def speeds(rng: random.Random, count: int) -> list[State]:
    """Hovering, slow, fast and very fast ones together."""
    return [(rng.uniform(51.0, 52.5), rng.uniform(3.0, 6.0), rng.uniform(0.0, 3000.0),
             rng.uniform(-360.0, 360.0), rng.choice((0.0, 5.0, 20.0, 240.0, 1500.0)),
             rng.choice((0.0, 2.0, -8.0, 200.0))) for _ in range(count)]


def edges(rng: random.Random, count: int) -> list[State]:
    """Pairs that miss or meet the horizontal minimum by a millimetre, and the vertical one too."""
    states = []
    for k in range(count // 2):
        lat, lng = 40.0 + 0.4 * (k % 20), -10.0 + 1.5 * (k // 20)
        apart_m = LIMITS[0] + rng.choice((-0.001, 0.001))
        track = rng.uniform(0.0, 360.0)
        states.append((lat, lng, 5000.0, track, 200.0, 0.0))
        if rng.random() < 0.5:
            lat += math.degrees(apart_m / RADIUS_M)
        else:
            lng += math.degrees(apart_m / RADIUS_M) / math.cos(math.radians(lat))
        above_m = rng.choice((0.0, LIMITS[1], -LIMITS[1], LIMITS[1] - 1e-6))
        states.append((lat, lng, 5000.0 + above_m, track, 200.0, rng.choice((0.0, 0.0, 1.0, -1.0))))
    return states


def scene(name: str, seed: int, count: int) -> list[State]:
    """The scene of a name; KeyError if there is none."""
    rng = random.Random(f"{name} {seed}")
    boxes = {"box": (49.0, 51.0, 6.0, 9.0), "meridian": (-3.0, -1.0, 178.5, 181.5),
             "equator": (-1.0, 1.0, -1.0, 1.5), "north": (74.0, 77.0, -180.0, -165.0),
             "globe": (-90.0, 90.0, -180.0, 180.0), "city": (52.0, 52.1, 13.0, 13.1)}
    if name in boxes:
        return crowd(rng, count, *boxes[name])
    return {"levels": levels, "lanes": lanes, "stacks": stacks, "pole": pole, "speeds": speeds,
            "edges": edges}[name](rng, count)


NAMES = ("box", "meridian", "equator", "north", "globe", "city", "levels", "lanes", "stacks",
         "pole", "speeds", "edges")
