"""Many volumes as columns and back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.geometry.columns import Columns, check
from luftrom.geometry.volume import Circle, Polygon, Volume4D

VOLUMES = (
    Volume4D(Polygon(((46.0, 7.0), (46.0, 7.1), (46.1, 7.05))), 0.0, 120.0, 10, 20),
    Volume4D(Circle(-33.5, 151.25, 900.0), -5.0, 99.5, -10, 1 << 60),
    Volume4D(Polygon(((1.0, 179.9), (1.0, -179.9), (1.2, -179.9), (1.2, 179.9))), 1.0, 2.0, 0, 1),
)


def test_volumes_come_back_as_they_were() -> None:
    columns = Columns.of(VOLUMES)
    assert len(columns) == 3
    assert columns.ends.tolist() == [0, 3, 4, 8]
    assert tuple(columns.volume(k) for k in range(3)) == VOLUMES


def test_no_volumes_are_columns_too() -> None:
    columns = Columns.of(())
    assert len(columns) == 0
    assert columns.places_deg.shape == columns.times_ns.shape == columns.bands_m_w84.shape == (0, 2)


def test_numbers_that_are_no_volume_are_refused() -> None:
    columns = Columns.of(VOLUMES)
    columns.bands_m_w84[0] = 120.0, 0.0
    with pytest.raises(BadInput, match="above the lower altitude"):
        columns.volume(0)


def fault_of(build) -> tuple[str, str] | None:
    try:
        build()
    except BadInput as fault:
        return fault.message, fault.field
    return None


def assert_checked_as_built(columns: Columns) -> tuple[str, str] | None:
    """The check refuses what building each value refuses, by the same words and place."""
    expected = None
    for k in range(len(columns)):
        fault = fault_of(lambda k=k: columns.volume(k))
        if fault is not None:
            expected = fault[0], f"volumes[{k}].{fault[1]}"
            break
    assert fault_of(lambda: check(columns)) == expected
    return expected


NUMBERS = (0.0, -0.0, 1e-4, 1.0, 90.0, 90.1, -180.0, 180.1, 5e4, 1e5, 1.1e5, -8e3, -9e3, 2e6, 3e6,
           math.nan, math.inf, -math.inf)


def test_a_check_refuses_what_no_value_can_be() -> None:
    random = np.random.default_rng(5)
    fields = set()
    for _ in range(1_500):
        columns = Columns.of(VOLUMES * 2)
        for _ in range(random.integers(0, 3)):
            column = (columns.places_deg, columns.radii_m, columns.bands_m_w84,
                      columns.times_ns)[random.integers(4)]
            at = random.integers(column.size)
            value = NUMBERS[random.integers(len(NUMBERS))]
            if column is columns.times_ns:
                value = (0, 15, -(1 << 62), 1 << 62, (1 << 62) + 1, -(1 << 63))[random.integers(6)]
            column.reshape(-1)[at] = value
        fault = assert_checked_as_built(columns)
        if fault is not None:
            fields.add(fault[1].split(".")[1].split("[")[0])
    assert fields == {"vertices", "lat_deg", "lng_deg", "radius_m", "altitude_m_w84_lower",
                      "altitude_m_w84_upper", "time_start_ns", "time_end_ns"}


def test_the_first_of_many_faults_is_named() -> None:
    columns = Columns.of(VOLUMES * 10)
    columns.times_ns[20] = 5, 5
    columns.places_deg[columns.ends[17] + 3, 0] = 91.0
    columns.places_deg[columns.ends[18] + 1, 0] = 91.0
    assert fault_of(lambda: check(columns))[1] == "volumes[17].vertices[3]"
    columns.bands_m_w84[4, 1] = -50.0
    assert fault_of(lambda: check(columns))[1] == "volumes[4].altitude_m_w84_upper"
    check(Columns.of(()))


def test_rings_of_any_length_are_checked_in_place() -> None:
    def ring(count: int) -> tuple[tuple[float, float], ...]:
        return tuple((math.sin(2 * math.pi * i / count), math.cos(2 * math.pi * i / count))
                     for i in range(count))

    outlines = [ring(limits.RING_VERTICES_MAX), ring(limits.RING_VERTICES_MAX + 1), ring(2)]
    for count in range(len(outlines) + 1):
        places = np.array([place for outline in outlines[:count] for place in outline])
        columns = Columns(places.reshape(-1, 2),
                          np.cumsum([0, *map(len, outlines[:count])]), np.zeros(count),
                          np.tile((0.0, 1.0), (count, 1)), np.tile((0, 1), (count, 1)))
        assert (assert_checked_as_built(columns) is None) is (count < 2)


@pytest.mark.parametrize("ends", [(0, 3, 4), (0, 3, 4, 9), (1, 3, 4, 8), (0, 4, 3, 8),
                                  (0, -5, 4, 8), (0, 9, 4, 8)])
def test_columns_that_do_not_fit_together_are_refused(ends) -> None:
    fitting = Columns.of(VOLUMES)
    columns = Columns(fitting.places_deg, np.array(ends), fitting.radii_m, fitting.bands_m_w84,
                      fitting.times_ns)
    assert fault_of(lambda: check(columns))[1] == "ends"
