"""Cells: S2's own names for them, and covers that leave nothing out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import s2geometry
from hypothesis import given, settings
from hypothesis import strategies as st
from outlines import PLACES, forward

from luftrom import cells
from luftrom.volume import ecef_m

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
    _, i, _, j, _ = cells.indexes((face, s, s, t, t), level)
    ours = cells.cell_id(face, i, j, level)
    parent = leaf.parent(level)
    near = [parent.id(), *(n.id() for n in parent.GetAllNeighbors(level))] if level else [
        parent.id()]
    assert ours in near
    if level <= 20:                        # finer ones hang on the last bits of a sine
        assert ours == parent.id() or min(s * 2**level % 1, t * 2**level % 1) < 1e-6 or max(
            s * 2**level % 1, t * 2**level % 1) > 1 - 1e-6


def holds(ranges, level, point):
    face = cells.face_of(*point)
    a, b, c = cells.on_face(face, *point)
    s, t = cells.spread(a / c), cells.spread(b / c)
    spans = [cells.indexes(span, level) for span in ranges]
    _, i, _, j, _ = cells.indexes((face, s, s, t, t), level)
    return cells.is_met(face << 60 | i << 30 | j, spans)


@given(ANYWHERE, st.floats(-3, 6.5), st.integers(0, 2**32 - 1))
@settings(max_examples=300, deadline=None)
def test_a_cover_contains_its_ball(place, exponent, seed):
    random = np.random.default_rng(seed)
    radius_m = 10.0**exponent
    x, y, z = ecef_m(*place)
    ranges = cells.cover_ball(x, y, z, radius_m)
    level = cells.level_for(ranges, 15)
    for _ in range(20):
        offset = random.normal(size=3)
        offset *= radius_m * random.uniform(0.9, 1) / np.linalg.norm(offset)
        point = (x + offset[0], y + offset[1], z + offset[2])
        assert holds(ranges, level, point) and holds(ranges, 15, point)


@pytest.mark.parametrize("place", [*PLACES, (35.2644, 45.0), (0.0, 45.0), (45.0, 90.0)])
@pytest.mark.parametrize("radius_m", [1.0, 5e3, 300e3, 2e6, 7e6])
def test_a_cover_is_a_few_cells_at_its_level(place, radius_m):
    ranges = cells.cover_ball(*ecef_m(*place), radius_m)
    level = cells.level_for(ranges, 15)
    spans = [cells.indexes(span, level) for span in ranges]
    named = list(cells.cells_of(spans))
    assert len(set(named)) == len(named) <= 12
    assert all(cells.is_met(cell, spans) for cell in named)


def test_places_just_across_a_border_of_faces_are_covered_on_both():
    ranges = cells.cover_ball(*ecef_m(0.0, 45.0), 1_000.0)
    assert {span[0] for span in ranges} == {0, 1}
    for azimuth in range(0, 360, 10):
        assert holds(ranges, 12, ecef_m(*forward((0.0, 45.0), azimuth, 999.0)[0]))
