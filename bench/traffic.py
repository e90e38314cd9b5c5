"""The loads of the engine's benchmark: many volumes as columns, the same ones for the same seed.

`europe` is the day that every figure of the table is taken on; the other functions make the sets on
which growth is measured. Lengths on the ground are laid out on a sphere, so they are right to half
a percent; what is computed on are the vertices that come out. Loads are made a million volumes at a
time, each million with a generator of its own; the cities are the same for every seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from luftrom.geometry.columns import Columns
from luftrom.geometry.volume import Separation

SEPARATION = Separation(lateral_m=500.0, vertical_m=0.0, time_s=0.0)
BOX_DEG = (36.0, 60.0, -10.0, 30.0)        # south, north, west, east
CITIES = 200
CITY_M = 20_000.0                          # standard deviation of what clusters around a city
CLUSTERED = 0.6
CORRIDORS = 0.2
CORNERS = 10_000                           # of a ring, in `many_cornered`
PARTIES = 2
START_NS = 1_800_000_000_000_000_000       # 2027-01-15T08:00Z
SECOND_NS = 1_000_000_000                  # all times are whole seconds, as peers have them
MINUTE_NS = 60 * SECOND_NS
WINDOW_NS = 30 * MINUTE_NS
DAY_NS = 24 * 60 * MINUTE_NS
DAY_VOLUMES = 1_000_000                    # a load of more has more days, so that it is no denser

_M_PER_DEG = 111_195.0
_CHUNK = 1_000_000
_SEED = 20261124


@dataclass(frozen=True, slots=True)
class Load:
    """Volumes, and the party that each belongs to: only volumes of different parties conflict."""

    name: str
    columns: Columns
    groups: np.ndarray                     # (n,) int64

    def first(self, count: int) -> Load:
        """The first volumes alone."""
        columns, part = self.columns, slice(count)
        ends = columns.ends[:count + 1]
        return Load(self.name, Columns(columns.places_deg[:ends[-1]], ends, columns.radii_m[part],
                                       columns.bands_m_w84[part], columns.times_ns[part]),
                    self.groups[part])


def europe(count: int, seed: int = _SEED) -> Load:
    """80 % drone polygons of 5 km, 20 % corridors of 100 by 2 km; 60 % of them near 200 cities."""
    return _traffic("clustered", count, CLUSTERED, CITIES, seed)


def spread(count: int, seed: int = _SEED) -> Load:
    """The same volumes, evenly over the box."""
    return _traffic("spread", count, 0.0, CITIES, seed)


def one_city(count: int, seed: int = _SEED) -> Load:
    """The same volumes, all over one city: its answers grow with the square of the volumes."""
    return _traffic("one city", count, 1.0, 1, seed, day_volumes=count)


def blanket(count: int, seed: int = _SEED) -> Load:
    """`spread`, and one volume of a third party over everything, all the time."""
    load = _traffic("one over everything", count, 0.0, CITIES, seed)
    columns, groups = load.columns, load.groups
    lat_deg, lng_deg = _middle_deg()
    angles = np.arange(8) * (np.pi / 4)
    ring = _around(np.array([lat_deg]), np.array([lng_deg]), angles[None, :],
                   np.full((1, 8), 1_900_000.0))[0]
    places_deg = np.concatenate((columns.places_deg[:columns.ends[-2]], ring))
    ends = columns.ends.copy()
    ends[-1] = len(places_deg)
    columns.bands_m_w84[-1] = 0.0, 1_000.0
    columns.times_ns[-1] = columns.times_ns[:, 0].min(), columns.times_ns[:, 1].max()
    groups[-1] = PARTIES
    return Load(load.name, Columns(places_deg, ends, columns.radii_m, columns.bands_m_w84,
                                   columns.times_ns), groups)


def many_cornered(count: int, seed: int = _SEED) -> Load:
    """Jagged rings of 10,000 vertices, 5 km wide, over one city at one time."""
    random = np.random.default_rng((seed, count))
    corners = CORNERS
    lat_deg, lng_deg = _middle_deg()
    places_deg = np.empty((count, corners, 2))
    angles = np.arange(corners) * (2 * np.pi / corners)
    for k in range(count):
        north_m, east_m = random.normal(0.0, CITY_M / 4, 2)
        lobes = np.sin(angles * random.integers(3, 9) + random.uniform(0, 2 * np.pi))
        radii = 2_000.0 + 400.0 * lobes + random.uniform(0.0, 100.0, corners)
        place = _moved(lat_deg, lng_deg, north_m, east_m)
        places_deg[k] = _around(*place, angles[None, :], radii[None, :])[0]
    return Load("10,000 corners", _columns(places_deg, _bands(random, count),
                                           np.tile((START_NS, START_NS + WINDOW_NS), (count, 1))),
                random.integers(0, PARTIES, count))


def month_long(count: int, seed: int = _SEED) -> Load:
    """`spread` over 30 days; every second volume lasts all of them, the others five minutes."""
    load = _traffic("30 days beside minutes", count, 0.0, CITIES, seed)
    random = np.random.default_rng((seed, count))
    times_ns = load.columns.times_ns
    times_ns[:, 0] = START_NS + SECOND_NS * random.integers(
        0, 30 * DAY_NS // SECOND_NS, count)
    times_ns[:, 1] = times_ns[:, 0] + 5 * MINUTE_NS
    times_ns[::2] = START_NS, START_NS + 30 * DAY_NS
    return load


def layers(count: int, seed: int = _SEED) -> Load:
    """The same outline and time again and again, one upon the other: near, and no conflict."""
    random = np.random.default_rng((seed, count))
    lat_deg, lng_deg = _middle_deg()
    angles = np.pi / 4 + np.arange(4) * (np.pi / 2)
    ring = _around(np.array([lat_deg]), np.array([lng_deg]), angles[None, :],
                   np.full((1, 4), 2_500.0))
    floors_m = np.linspace(0.0, 20_000.0, count + 1)
    bands_m = np.stack((floors_m[:-1], floors_m[1:]), axis=1)[random.permutation(count)]
    return Load("layers", _columns(np.repeat(ring, count, axis=0), bands_m,
                                   np.tile((START_NS, START_NS + WINDOW_NS), (count, 1))),
                random.integers(0, PARTIES, count))


def _traffic(name: str, count: int, clustered: float, cities: int, seed: int,
             day_volumes: int = DAY_VOLUMES) -> Load:
    """`count` volumes over as many days as make `day_volumes` a day, at least one."""
    south, north, west, east = BOX_DEG
    town = np.random.default_rng(_SEED)
    middles_deg = town.uniform((south, west), (north, east), (cities, 2))
    span_ns = max(DAY_NS, DAY_NS * count // day_volumes)
    places_deg = np.empty((count, 4, 2))
    bands_m, times_ns = np.empty((count, 2)), np.empty((count, 2), np.int64)
    groups = np.empty(count, np.int64)
    for first in range(0, count, _CHUNK):
        part = slice(first, min(first + _CHUNK, count))
        size = part.stop - first
        random = np.random.default_rng((seed, 1 + first // _CHUNK))
        lat_deg, lng_deg = random.uniform((south, west), (north, east), (size, 2)).T
        near = np.flatnonzero(random.random(size) < clustered)
        whose = middles_deg[random.integers(0, cities, len(near))]
        north_m, east_m = random.normal(0.0, CITY_M, (2, len(near)))
        lat_deg[near], lng_deg[near] = _moved(whose[:, 0], whose[:, 1], north_m, east_m)
        places_deg[part] = _outlines(random, lat_deg, lng_deg)
        bands_m[part] = _bands(random, size)
        starts_s = random.integers(0, (span_ns - WINDOW_NS) // SECOND_NS, size)
        times_ns[part, 0] = START_NS + SECOND_NS * starts_s
        groups[part] = random.integers(0, PARTIES, size)
    np.add(times_ns[:, 0], WINDOW_NS, out=times_ns[:, 1])
    return Load(name, _columns(places_deg, bands_m, times_ns), groups)


def _outlines(random: np.random.Generator, lat_deg: np.ndarray, lng_deg: np.ndarray) -> np.ndarray:
    """(n, 4, 2) quads around their middles: 1.8 to 2.5 km to a drone's corners, or corridors."""
    count = len(lat_deg)
    angles = np.pi / 4 + np.arange(4) * (np.pi / 2) + random.uniform(-0.4, 0.4, (count, 4))
    radii_m = random.uniform(1_800.0, 2_500.0, (count, 4))
    corridor = random.random(count) < CORRIDORS
    slant = np.arctan2(1.0, 50.0)
    angles[corridor] = slant, np.pi - slant, np.pi + slant, 2 * np.pi - slant
    radii_m[corridor] = np.hypot(50_000.0, 1_000.0)
    angles += random.uniform(0.0, 2 * np.pi, (count, 1))
    return _around(lat_deg, lng_deg, angles, radii_m)


def _bands(random: np.random.Generator, count: int) -> np.ndarray:
    """Bands that all hold 60 to 90 m: altitude keeps nobody apart, which is the hardest case."""
    return np.stack((random.uniform(0.0, 60.0, count), random.uniform(90.0, 150.0, count)), axis=1)


def _middle_deg() -> tuple[float, float]:
    south, north, west, east = BOX_DEG
    return (south + north) / 2, (west + east) / 2


def _moved(lat_deg: np.ndarray | float, lng_deg: np.ndarray | float, north_m: np.ndarray,
           east_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places so many metres away, as arrays."""
    lat_deg = np.atleast_1d(lat_deg)
    return (lat_deg + north_m / _M_PER_DEG,
            lng_deg + east_m / (_M_PER_DEG * np.cos(np.radians(lat_deg))))


def _around(lat_deg: np.ndarray, lng_deg: np.ndarray, angles: np.ndarray,
            radii_m: np.ndarray) -> np.ndarray:
    """(n, corners, 2) rings from middles, and angles and radii of (n, corners)."""
    rings = np.empty((*angles.shape, 2))
    rings[..., 0] = lat_deg[:, None] + radii_m * np.sin(angles) / _M_PER_DEG
    rings[..., 1] = lng_deg[:, None] + (radii_m * np.cos(angles)
                                        / (_M_PER_DEG * np.cos(np.radians(lat_deg)))[:, None])
    return rings


def _columns(rings_deg: np.ndarray, bands_m: np.ndarray, times_ns: np.ndarray) -> Columns:
    """The columns of (n, corners, 2) rings."""
    count, corners, _ = rings_deg.shape
    return Columns(rings_deg.reshape(-1, 2), np.arange(count + 1, dtype=np.int64) * corners,
                   np.zeros(count), bands_m, times_ns)
