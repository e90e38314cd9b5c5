"""How wrong are distances between outlines? Ours and two usual ways, against pyproj's geodesics.

`python bench/error.py` measures anew, over random pairs anywhere on Earth, one in three near a pole
or the 180th meridian, 0 to 100 km apart. `--keep FILE` also writes the worst pairs found, as
tests/vectors/distance_worst.json holds them.

Two kinds of pairs, whose true distance comes from pyproj alone:
- A tip against an edge: the tip is laid off at a right angle to a place on the edge.
- Any two rings: the nearest place to each vertex on each edge of the other is found by going along
  the edge until the line to the vertex leaves at a right angle.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import Geod

from luftrom.geometry import ellipsoid, kernels

GEOD = Geod(ellps="WGS84")
SIZES = {"drones, 5 km": (5_000.0, 5_000.0), "corridors, 100 km": (100_000.0, 2_000.0),
         "corridors, 600 km": (600_000.0, 2_000.0)}
APART_M_MAX = 99_000.0
WAYS = ("Luftrom", "shapely, local azimuthal", "shapely, equirectangular")
_RADIUS_M = 6_371_008.8
CLASSES_M = (500.0, 20_000.0, APART_M_MAX)  # the worst are kept below each of these distances
_PART = 20_000                             # pairs computed on at once
_STEPS = 7                                 # each makes what is left a thousand times smaller
_LIMIT_M = 150_000.0                       # farther than any pair is apart
_TAME_LAT_DEG = 60.0


def ahead(lat, lng, azimuth_deg, distance_m):
    """Places laid off along geodesics: latitudes, longitudes, azimuths there, in degrees."""
    lat, lng, azimuth_deg, distance_m = np.broadcast_arrays(lat, lng, azimuth_deg, distance_m)
    lngs, lats, back = GEOD.fwd(lng, lat, azimuth_deg, distance_m)
    return lats, lngs, back + 180.0


def towards(lat, lng, to_lat, to_lng):
    """Azimuths in degrees and distances in metres."""
    azimuth_deg, _, distance_m = GEOD.inv(*np.broadcast_arrays(lng, lat, to_lng, to_lat))
    return azimuth_deg, distance_m


# -- pairs ---------------------------------------------------------------------------------------

def places(random: np.random.Generator, count: int):
    """Latitudes and longitudes (n,) all over the Earth, many near poles and the 180th meridian."""
    lat = np.degrees(np.arcsin(random.uniform(-1, 1, count)))
    lng = random.uniform(-180, 180, count)
    kind = random.random(count)
    sign = np.where(random.random(count) < 0.5, -1.0, 1.0)
    lat = np.where(kind < 0.17, sign * (90.0 - 10 ** random.uniform(-6, 0.5, count)), lat)
    lng = np.where((kind > 0.17) & (kind < 0.34),
                   sign * (180.0 - 10 ** random.uniform(-6, 0.5, count)), lng)
    lat = np.where((kind > 0.34) & (kind < 0.37), sign * 90.0, lat)
    return np.where((kind > 0.37) & (kind < 0.4), 0.0, lat), lng


def rings_along(lat, lng, azimuth_deg, length_m, depth_m):
    """Strips (n, 4, 2) to the left of geodesics that leave from places."""
    end_lat, end_lng, onward = ahead(lat, lng, azimuth_deg, length_m)
    far = ahead(end_lat, end_lng, onward - 90.0, depth_m)
    near = ahead(lat, lng, azimuth_deg - 90.0, depth_m)
    return np.stack([np.stack(corner, -1) for corner in (
        (lat, lng), (end_lat, end_lng), far[:2], near[:2])], 1)


def tips_and_edges(random: np.random.Generator, count: int, length_m: float, depth_m: float):
    """Strips (n, 4, 2), triangles (n, 3, 2) to the right of them, and how far those are (n,)."""
    lat, lng = places(random, count)
    azimuth_deg = random.uniform(0, 360, count)
    rings = rings_along(lat, lng, azimuth_deg, length_m, depth_m)
    foot = ahead(lat, lng, azimuth_deg, length_m * random.uniform(0.02, 0.98, count))
    apart_m = np.where(random.random(count) < 0.5, random.uniform(0, APART_M_MAX, count),
                       10 ** random.uniform(-2, np.log10(APART_M_MAX), count))
    tip = ahead(*foot[:2], foot[2] + 90.0, apart_m)
    size_m = depth_m * random.uniform(0.2, 1, count)
    sides = [ahead(*tip[:2], tip[2] + turn, size_m) for turn in (-30.0, 30.0)]
    return rings, np.stack([np.stack(p[:2], -1) for p in (tip, *sides)], 1), apart_m


def any_two(random: np.random.Generator, count: int, length_m: float, depth_m: float):
    """Two strips each, anyhow to each other and apart, and their true distance."""
    lat, lng = places(random, count)
    one = rings_along(lat, lng, random.uniform(0, 360, count), length_m, depth_m)
    far = ahead(lat, lng, random.uniform(0, 360, count), random.uniform(0, 150_000, count))
    other = rings_along(*far[:2], random.uniform(0, 360, count), length_m, depth_m)
    apart = by_azimuthal(one, other) > 500.0
    one, other = one[apart], other[apart]
    true_m = np.minimum(to_edges(one, other), to_edges(other, one))
    near = true_m < APART_M_MAX
    return one[near], other[near], true_m[near]


def to_edges(rings, others):
    """The least distance (n,) from vertices of rings (n, k, 2) to edges of others (n, m, 2)."""
    best = np.full(len(rings), np.inf)
    for j in range(others.shape[1]):
        start, end = others[:, j], others[:, (j + 1) % others.shape[1]]
        azimuth_deg, length_m = towards(*start.T, *end.T)
        for i in range(rings.shape[1]):
            along_m = length_m * 0.5
            for _ in range(_STEPS):
                spot = ahead(*start.T, azimuth_deg, along_m)
                direction, distance_m = towards(*spot[:2], *rings[:, i].T)
                best = np.minimum(best, distance_m)
                along_m = np.clip(
                    along_m + distance_m * np.cos(np.radians(direction - spot[2])), 0, length_m)
    return best


# -- ways to measure -----------------------------------------------------------------------------

def by_luftrom(one, other):
    """Distances (n,) of rings by the engine, unrounded."""
    out = np.empty(len(one))
    for k in range(len(one)):
        a = ellipsoid.prepare_ring(np.ascontiguousarray(one[k]), ellipsoid.PIECE_M)
        b = ellipsoid.prepare_ring(np.ascontiguousarray(other[k]), ellipsoid.PIECE_M)
        head = ellipsoid.HEAD_ROWS
        out[k] = kernels.compare_outlines(np.concatenate((a, b)), 0, len(a) - head, len(a),
                                          len(b) - head, _LIMIT_M, False)[1]
    return out


def by_azimuthal(one, other):
    """Distances (n,) in the azimuthal equidistant plane around the first ring's first vertex."""
    planes = []
    for ring in (one, other):
        azimuth_deg, distance_m = towards(one[:, :1, 0], one[:, :1, 1], ring[..., 0], ring[..., 1])
        planes.append(shapely.polygons(np.stack((
            distance_m * np.sin(np.radians(azimuth_deg)),
            distance_m * np.cos(np.radians(azimuth_deg))), -1)))
    return shapely.distance(*planes)


def by_equirectangular(one, other):
    """Distances (n,) with longitudes times the cosine of the middle latitude, as often done."""
    middle = (one[:, 0, 0] + other[:, 0, 0]) / 2
    scale = np.radians(_RADIUS_M) * np.stack((np.cos(np.radians(middle)), np.ones(len(one))), -1)
    return shapely.distance(*(shapely.polygons(ring[..., ::-1] * scale[:, None, :])
                              for ring in (one, other)))


# -- results -------------------------------------------------------------------------------------

def is_tame(rings):
    """Which rings (n, k, 2) keep from the poles, and from the 180th meridian with their pair."""
    return (np.abs(rings[..., 0]) < _TAME_LAT_DEG).all(1) & (np.abs(rings[..., 1]) < 165.0).all(1)


def measure(pairs: int = 20_000, seed: int = 1) -> list[dict[str, Any]]:
    """The largest errors over `pairs` pairs of each size with tips, and a tenth of any two rings.

    Each is given anywhere on Earth, and once more where flat maps have the least trouble. Rows have
    task, size, subject, value (float), unit and note.
    """
    rows = []
    for kind, make, count in (("tip against edge", tips_and_edges, pairs),
                              ("any two rings", any_two, max(20, pairs // 10))):
        for size, (length_m, depth_m) in SIZES.items():
            one, other, true_m = make(np.random.default_rng(seed), count, length_m, depth_m)
            tame = is_tame(one) & is_tame(other)
            for subject, way in zip(WAYS, (by_luftrom, by_azimuthal, by_equirectangular),
                                    strict=True):
                error_m = np.abs(way(one, other) - true_m)
                for where, part in (("anywhere", np.ones(len(tame), bool)),
                                    (f"up to {_TAME_LAT_DEG:.0f} degrees of latitude, not across "
                                     "180 degrees", tame)):
                    rows.append({"task": f"largest error of a distance, {kind}", "size": size,
                                 "subject": subject, "value": float(error_m[part].max()),
                                 "unit": "m", "note": f"{int(part.sum()):,} pairs {where}"})
    return rows


def search(pairs: int, seed: int, kept: int) -> list[dict[str, Any]]:
    """The `kept` worst pairs of each kind, size and class of distance, with their true distance."""
    found = []
    for kind, make, count in (("tip against edge", tips_and_edges, pairs),
                              ("any two rings", any_two, pairs // 10)):
        for size, (length_m, depth_m) in SIZES.items():
            best: dict[float, list[dict[str, Any]]] = {below_m: [] for below_m in CLASSES_M}
            for part in range(max(1, count // _PART)):
                one, other, true_m = make(np.random.default_rng([seed, part]),
                                          min(count, _PART), length_m, depth_m)
                error_m = by_luftrom(one, other) - true_m
                classes = np.searchsorted(CLASSES_M, true_m, side="right")
                for k, below_m in enumerate(CLASSES_M):
                    here = np.flatnonzero(classes == k)
                    worst = here[np.argsort(-np.abs(error_m[here]))[:kept]]
                    best[below_m] += [
                        {"kind": kind, "size": size, "one": one[n].tolist(),
                         "other": other[n].tolist(), "distance_m": float(true_m[n]),
                         "error_mm_when_found": float(f"{error_m[n] * 1e3:.4g}")} for n in worst]
                    best[below_m].sort(key=lambda pair: -abs(pair["error_mm_when_found"]))
                    del best[below_m][kept:]
            found += [pair for below_m in CLASSES_M for pair in best[below_m]]
    return found


def main() -> None:
    """Measure and print; keep the worst where asked to."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pairs", type=int, default=20_000, help="of each size")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--keep", type=Path, help="write the worst pairs into this file instead")
    asked = options.parse_args()
    if asked.keep:
        source = (f"python bench/error.py --pairs {asked.pairs} --seed {asked.seed} --keep: the 2 "
                  "worst of each kind, size and class of distance, with a tenth as many pairs of "
                  "any two rings; true distances by pyproj (Geod WGS84); rings of (latitude, "
                  "longitude) in degrees")
        worst = search(asked.pairs, asked.seed, 2)
        asked.keep.write_text(json.dumps({"source": source, "pairs": worst}, indent=1) + "\n")
        return
    for row in measure(asked.pairs, asked.seed):
        print(f"{row['task']:48} {row['size']:18} {row['subject']:26} "
              f"{row['value']:16.7f} {row['unit']}  {row['note']}")


if __name__ == "__main__":
    main()
