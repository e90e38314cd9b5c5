"""Many volumes as columns and back."""

from __future__ import annotations

import pytest

from luftrom.columns import Columns
from luftrom.errors import BadInput
from luftrom.volume import Circle, Polygon, Volume4D

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
