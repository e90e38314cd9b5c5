"""Cells: S2's own names for them, and covers that leave nothing out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import s2geometry
from hypothesis import given, settings
from hypothesis import strategies as st

from luftrom.geometry import cells
from luftrom.geometry.wgs84 import ecef_m
from outlines import PLACES, forward

ANYWHERE = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def s2_direction(lat_deg, lng_deg):
    """S2 works on a sphere of geodetic latitudes."""
    lat, lng = math.radians(lat_deg), math.radians(lng_deg)
    return math.cos(lat) * math.cos(lng), math.cos(lat) * math.sin(lng), math.sin(lat)


@given(ANYWHERE, st.integers(0, 30))
@settings(deadline=None)
def test_identifiers_are_those_of_s2(place, level):
    leaf = s2geometry.S2CellId(s2geometry.S2LatLng.FromDegrees(*place))
    direction = s2_direction(*place)
    face = cells.face_of(*direction)
    if face != leaf.face():
        return                             # on the border of two faces, to the last bit
    a, b, c = cells.on_face(face, *direction)
    s, t = cells.spread(a / c), cells.spread(b / c)
    _, i, j = cells.cell_of(*direction, level)
    ours = cells.cell_id(face, i, j, level)
    parent = leaf.parent(level)
    near = [parent.id(), *(n.id() for n in parent.GetAllNeighbors(level))] if level else [
        parent.id()]
    assert ours in near
    if level <= 20:                        # finer ones hang on the last bits of a sine
        assert ours == parent.id() or min(s * 2**level % 1, t * 2**level % 1) < 1e-6 or max(
            s * 2**level % 1, t * 2**level % 1) > 1 - 1e-6


def cover(place, radius_m):
    out = np.empty((6, 5))
    count = cells.cover_ball(*ecef_m(*place), radius_m, out)
    return out[:count].tolist()


def holds(ranges, level, point):
    face, i, j = cells.cell_of(*point, level)
    count = 2**level
    return any(face == f and int(s0 * count) <= i <= min(int(s1 * count), count - 1)
               and int(t0 * count) <= j <= min(int(t1 * count), count - 1)
               for f, s0, s1, t0, t1 in ranges)


@given(ANYWHERE, st.floats(-3, 6.5), st.integers(0, 2**32 - 1))
@settings(max_examples=300, deadline=None)
def test_a_cover_contains_its_ball(place, exponent, seed):
    random = np.random.default_rng(seed)
    radius_m = 10.0**exponent
    centre = np.array(ecef_m(*place))
    ranges = cover(place, radius_m)
    for _ in range(20):
        offset = random.normal(size=3)
        offset *= radius_m * random.uniform(0.9, 1) / np.linalg.norm(offset)
        assert all(holds(ranges, level, tuple(centre + offset)) for level in (0, 4, 9, 14))


@pytest.mark.parametrize("place", [*PLACES, (35.2644, 45.0), (0.0, 45.0), (45.0, 90.0)])
@pytest.mark.parametrize("radius_m", [1.0, 5e3, 300e3, 2e6, 7e6])
def test_a_cover_is_hardly_larger_than_its_ball(place, radius_m):
    ranges = cover(place, radius_m)
    assert len({span[0] for span in ranges}) == len(ranges) <= (3 if radius_m < 2e6 else 6)
    # A cell's edge is 0.94 to 1.7 Earth's radii over 2^level; nearer the corners of a face axes
    # are askew, so a range is wider than the ball by as much again.
    most = min(1.0, 2.0 * radius_m / 6_356_000 / 0.94 * 2.0)
    assert all(0.0 <= s0 <= s1 <= 1.0 and s1 - s0 <= most and 0.0 <= t0 <= t1 <= 1.0
               and t1 - t0 <= most for _, s0, s1, t0, t1 in ranges)


def test_places_just_across_a_border_of_faces_are_covered_on_both():
    ranges = cover((0.0, 45.0), 1_000.0)
    assert {span[0] for span in ranges} == {0, 1}
    for azimuth in range(0, 360, 10):
        assert holds(ranges, 12, ecef_m(*forward((0.0, 45.0), azimuth, 999.0)[0]))
