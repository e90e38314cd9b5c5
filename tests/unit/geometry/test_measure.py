"""How much of the sky volumes ask for, against figures that are known otherwise."""

from __future__ import annotations

import math

import pytest

from luftrom.geometry.measure import CLASS_MIN, extent_m, size_class, volume_time_km3_h
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.geometry.wgs84 import MEAN_RADIUS_M

HOUR_NS = 3600 * 10**9


def volume(outline: Circle | Polygon, height_m: float = 1_000.0, hours: float = 1.0) -> Volume4D:
    return Volume4D(outline, 0.0, height_m, 0, int(hours * HOUR_NS))


def box(south: float, west: float, north: float, east: float) -> Polygon:
    east = east if east <= 180.0 else east - 360.0
    return Polygon(((south, west), (south, east), (north, east), (north, west)))


@pytest.mark.parametrize("lat", [0.0, 46.0, 90.0, -89.9])
def test_a_circle_is_as_far_across_as_its_diameter(lat: float) -> None:
    assert extent_m([volume(Circle(lat, 7.0, 500.0))]) == pytest.approx(1_000.0, abs=1e-6)


def test_two_circles_are_as_far_across_as_they_lie_apart_and_reach() -> None:
    pair = [volume(Circle(0.0, lng, 500.0)) for lng in (7.0, 8.0)]
    degree_m = 111_319.49                  # of longitude on the equator of WGS84
    assert extent_m(pair) == pytest.approx(degree_m + 1_000.0, rel=1e-3)


def test_a_box_is_as_far_across_as_its_diagonal_and_a_date_line_is_none() -> None:
    # The middle is that of the box in space, which lies otherwise elsewhere.
    here, there = (extent_m([volume(box(46.0, west, 46.1, west + 0.1))]) for west in (7.0, 179.95))
    across_m = math.hypot(11_115.0, 7_742.0)     # tenths of a degree at 46 N
    assert here == pytest.approx(across_m, rel=2e-3)
    assert there == pytest.approx(here, rel=1e-3)


def test_volume_times_time() -> None:
    circle = volume(Circle(46.0, 7.0, 10_000.0), 2_000.0, 3.0)
    assert volume_time_km3_h([circle]) == pytest.approx(math.pi * 100 * 2 * 3, rel=1e-12)
    assert volume_time_km3_h([circle, circle]) == 2 * volume_time_km3_h([circle])


@pytest.mark.parametrize(("ring", "rel"), [(box(46.0, 7.0, 46.1, 7.1), 6e-3),
                                           (box(40.0, 0.0, 48.0, 12.0), 1e-2),
                                           (box(-1.0, 179.0, 1.0, 181.0), 8e-3)])
def test_the_area_of_a_ring_is_nearly_that_on_a_sphere(ring: Polygon, rel: float) -> None:
    """The sphere differs from the ellipsoid by half a percent here, and edges are geodesics."""
    lats = [lat for lat, _ in ring.vertices]
    width = (ring.vertices[1][1] - ring.vertices[0][1]) % 360.0
    share = math.sin(math.radians(max(lats))) - math.sin(math.radians(min(lats)))
    expected = math.radians(width) * share * (MEAN_RADIUS_M / 1e3) ** 2
    assert volume_time_km3_h([volume(ring)]) == pytest.approx(expected, rel=rel)


def test_the_winding_and_the_first_corner_do_not_matter() -> None:
    ring = box(46.0, 7.0, 46.1, 7.1).vertices
    areas = {round(volume_time_km3_h([volume(Polygon(each))]), 9)
             for each in (ring, ring[::-1], ring[1:] + ring[:1])}
    assert len(areas) == 1


def test_classes_are_powers_of_two_rounded_up() -> None:
    one = Circle(46.0, 7.0, 1e3 / math.sqrt(math.pi))            # a square kilometre
    asked = volume_time_km3_h([volume(one)])
    assert asked == pytest.approx(1.0)
    for hours, expected in (
            (0.99, 0), (1.01, 1), (3.9, 2), (4.1, 3), (0.26, -1), (1e-9, CLASS_MIN)):
        assert size_class([volume(one, hours=hours)]) == expected
        assert volume_time_km3_h([volume(one, hours=hours)]) <= 2.0 ** expected
