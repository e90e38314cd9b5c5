"""How two sets of 4D volumes meet: the exact answer for one pair, in the units that are shown.

In go valid volumes and the minima; out comes an `Encounter`, or None where they stay clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from luftrom.geometry import kernels
from luftrom.geometry.bounds import prepare
from luftrom.geometry.ellipsoid import HEAD_ROWS
from luftrom.geometry.packing import pack
from luftrom.geometry.volume import Separation, Volume4D

_NS_PER_S = 1_000_000_000
_DISTANCE_DIGITS = 2                       # what is shown is rounded to centimetres
_DEGREE_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Encounter:
    """How two sets of volumes conflict.

    The times run from the earliest beginning to the last end over all conflicting pairs; where a
    pair is kept apart by less than the time minimum, its interval is the gap. Distances, place and
    altitudes (the shared band, or the gap between) are those of the pair that comes closest. They
    are rounded to 0.01 m and 1e-7 degrees, and do not depend on which set is named first.
    """

    time_start_ns: int
    time_end_ns: int
    lateral_m: float
    vertical_m: float
    lat_deg: float
    lng_deg: float
    altitude_m_w84_lower: float
    altitude_m_w84_upper: float


def encounter(volumes_a: Sequence[Volume4D], volumes_b: Sequence[Volume4D],
              separation: Separation) -> Encounter | None:
    """How two sets of volumes conflict under the minima; None if they do not."""
    times, bands, pool = prepared_of((*volumes_a, *volumes_b))
    figures, span_ns = np.zeros(6), np.zeros(2, np.int64)
    if not kernels.meet(times, bands, len(volumes_a), pool, np.array(minima_of(separation)),
                        time_ns_of(separation), figures, span_ns):
        return None
    lateral_m, vertical_m, lat_deg, lng_deg, lower, upper = figures.tolist()
    start_ns, end_ns = span_ns.tolist()
    return Encounter(start_ns, end_ns, round(lateral_m, _DISTANCE_DIGITS),
                     round(vertical_m, _DISTANCE_DIGITS), round(lat_deg, _DEGREE_DIGITS),
                     round(lng_deg, _DEGREE_DIGITS), lower, upper)


def prepared_of(volumes: Sequence[Volume4D]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Volumes as `kernels` take them: times, bands and a pool of their prepared outlines."""
    packed = pack(volumes)
    shapes = [prepare(packed.pool, volume["row"], volume["shape"]) for volume in packed.volumes]
    sizes = np.array([len(shape) for shape in shapes], np.int64)
    times = np.column_stack((packed.volumes["start_ns"], packed.volumes["end_ns"],
                             np.cumsum(sizes) - sizes, sizes - HEAD_ROWS))
    bands = np.column_stack((packed.volumes["lower_m"], packed.volumes["upper_m"]))
    return times, bands, np.concatenate(shapes)


def time_ns_of(separation: Separation) -> int:
    """The time minimum in nanoseconds."""
    return round(separation.time_s * _NS_PER_S)


def minima_of(separation: Separation) -> tuple[float, float]:
    """Lateral and vertical metres; floats even if given as whole numbers: kernels know one type."""
    return float(separation.lateral_m), float(separation.vertical_m)
