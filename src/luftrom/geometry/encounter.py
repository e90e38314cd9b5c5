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
from luftrom.geometry.screen import CORNER_WORK
from luftrom.geometry.volume import Circle, Separation, Volume4D

# Units of work (`limits`) of the least encounter: volumes are laid out, the answer is made ready.
ENCOUNTER_WORK = 5_000.0
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
    return weigh_encounter(volumes_a, volumes_b, separation)[0]


def weigh_encounter(volumes_a: Sequence[Volume4D], volumes_b: Sequence[Volume4D],
                    separation: Separation) -> tuple[Encounter | None, float]:
    """The same, and the work that it took (`limits`).

    That is `work_of_encounter`, and what only the comparison shows: pairs of edges that are near.
    """
    least = work_of_encounter(volumes_a, volumes_b)
    times, bands, pool = prepared_of((*volumes_a, *volumes_b))
    figures, span_ns = np.zeros(7), np.zeros(2, np.int64)
    is_met = kernels.meet(times, bands, len(volumes_a), pool, np.array(minima_of(separation)),
                          time_ns_of(separation), figures, span_ns)
    lateral_m, vertical_m, lat_deg, lng_deg, lower, upper, more = figures.tolist()
    if not is_met:
        return None, least + more
    start_ns, end_ns = span_ns.tolist()
    found = Encounter(start_ns, end_ns, round(lateral_m, _DISTANCE_DIGITS),
                     round(vertical_m, _DISTANCE_DIGITS), round(lat_deg, _DEGREE_DIGITS),
                     round(lng_deg, _DEGREE_DIGITS), lower, upper)
    return found, least + more


def corners_of(volumes: Sequence[Volume4D]) -> int:
    """How many corners the outlines of volumes have; a circle counts as two."""
    return sum(2 if isinstance(v.outline, Circle) else len(v.outline.vertices) for v in volumes)


def work_of_encounter(ours: Sequence[Volume4D], theirs: Sequence[Volume4D]) -> float:
    """What it takes at least to say how two sets of volumes meet, before it is asked for.

    Every pair of them is looked at.
    """
    return ENCOUNTER_WORK + CORNER_WORK * (
        len(theirs) * corners_of(ours) + len(ours) * corners_of(theirs))


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
