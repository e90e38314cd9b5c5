"""Coverings: the same sets of cells as Google's S2, for rings of all kinds and places."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import s2geometry

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.geometry.columns import Columns
from luftrom.geometry.coverings import cover, cover_columns
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from outlines import PLACES, forward, in_frame, random_outline

CORNER_DEG = math.degrees(math.atan(math.sqrt(0.5)))   # latitude of the corners of S2's cube
RIMS = ((CORNER_DEG, 45.0), (-CORNER_DEG, -135.0), (12.0, 45.0), (-30.0, -45.0), (45.0, 0.0),
        (-45.0, 180.0), (math.degrees(math.atan(math.cos(0.5))), math.degrees(0.5)), (0.0, 33.0),
        (61.0, 90.0), (90.0, 45.0))


def anywhere(random):
    """A place, evenly over the sphere; every other one on a border of faces or the like."""
    if random.random() < 0.5:
        return (math.degrees(math.asin(random.uniform(-1, 1))), random.uniform(-180, 180))
    places = PLACES + RIMS
    return places[random.integers(len(places))]


def drone(random):
    return random_outline(random, anywhere(random), 2_500.0)


def tiny(random):
    return random_outline(random, anywhere(random), 10 ** random.uniform(-1, 2))


def district(random):
    return random_outline(random, anywhere(random), 40_000.0)


def strip(random, length_m, width_m):
    a, b = length_m / 2, width_m / 2
    return Polygon(in_frame(anywhere(random), ((a, b), (a, -b), (-a, -b), (-a, b)),
                            random.uniform(0, 360)))


def corridor(random):
    return strip(random, 100_000.0, 2_000.0)


def sliver(random):
    return strip(random, 50_000.0, 10 ** random.uniform(-1, 1))


def comb(random):
    """Thirty needles around a place, which cells lie between."""
    place, turn = anywhere(random), random.uniform(0, 360)
    radii_m = np.where(np.arange(60) % 2, 0.15, 1.0) * random.uniform(12e3, 20e3, 60)
    return Polygon(tuple(forward(place, turn + 6 * k, r)[0] for k, r in enumerate(radii_m)))


def rounded(random):
    """A ring as people write it: few digits, and edges along meridians and the equator."""
    lat, lng = float(random.integers(-60, 60)), float(random.choice((-135, -45, 0, 45, 90, 179)))
    high, wide = random.integers(1, 30, 2) / 100
    return Polygon(((lat, lng), (lat, lng + wide), (lat + high, lng + wide), (lat + high, lng)))


def cell(random):
    """The outline of a cell of S2: all its edges are on borders."""
    leaf = s2geometry.S2CellId(s2geometry.S2LatLng.FromDegrees(*anywhere(random)))
    corners = s2geometry.S2Cell(leaf.parent(int(random.integers(10, 15))))
    return Polygon(tuple((place.lat().degrees(), place.lng().degrees()) for place in
                         (s2geometry.S2LatLng(corners.GetVertex(k)) for k in range(4))))


KINDS = (drone, tiny, district, corridor, sliver, comb, rounded, cell)


def regular_loop(circle):
    """The loop that stands for a circle, from S2's definitions with the functions of numpy."""
    lat, lng = np.radians((circle.lat_deg, circle.lng_deg))
    centre = np.array((np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)))
    near = np.array((0.012, 0.0053, 0.00457))
    near[int(np.argmax(abs(centre))) - 1] = 1.0
    second = np.cross(centre, near)
    second /= np.linalg.norm(second)
    first = np.cross(second, centre)
    radius = float(np.float32(circle.radius_m)) / 6_371_010.0
    turns = np.arange(20)[:, None] * (2 * np.pi / 20)
    x, y, z = (math.sin(radius) * (np.cos(turns) * first + np.sin(turns) * second)
               + math.cos(radius) * centre).T
    return list(zip(np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x)),
                    strict=True))


def s2_cover(outline, level):
    """What S2 says of an outline."""
    places = regular_loop(outline) if isinstance(outline, Circle) else outline.vertices
    loop = s2geometry.S2Loop()
    loop.Init([s2geometry.S2LatLng.FromDegrees(*place).ToPoint() for place in places])
    loop.Normalize()
    coverer = s2geometry.S2RegionCoverer()
    coverer.set_fixed_level(level)
    coverer.set_max_cells(1 << 30)
    return sorted(cell.id() for cell in coverer.GetCovering(loop))


def volume(outline):
    return Volume4D(outline, 0.0, 100.0, 0, 10)


def is_on_tie(outline):
    """A circle whose centre has two largest components, up to the last bit of a sine."""
    if isinstance(outline, Polygon):
        return False
    lat, lng = math.radians(outline.lat_deg), math.radians(outline.lng_deg)
    sizes = sorted(map(abs, (math.cos(lat) * math.cos(lng), math.cos(lat) * math.sin(lng),
                             math.sin(lat))))
    return sizes[2] - sizes[1] < 1e-15


def compare(kind, count, level, seed):
    random = np.random.default_rng(seed)
    outlines = [outline for outline in (kind(random) for _ in range(count))
                if not is_on_tie(outline)]
    ids, ends = cover_columns(Columns.of([volume(outline) for outline in outlines]), level)
    assert ids.dtype == np.uint64 and len(ends) == len(outlines) + 1 > count // 2
    for k, outline in enumerate(outlines):
        assert ids[ends[k]:ends[k + 1]].tolist() == s2_cover(outline, level), outline


@pytest.mark.parametrize("kind", KINDS)
def test_coverings_are_those_of_s2(kind):
    compare(kind, 200, 13, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_coverings_are_those_of_s2(kind):
    compare(kind, 20_000 if kind in (drone, tiny, sliver) else 4_000, 13, 1)


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4, 5, 7, 8, 9, 12])
def test_coverings_of_coarse_levels_are_those_of_s2(level):
    compare(district, 60, level, level)


@pytest.mark.parametrize("level", [16, 17, 18, 19])
def test_coverings_of_fine_levels_are_those_of_s2(level):
    compare(tiny, 60, level, level)


@pytest.mark.parametrize("level", [27, 30])
def test_coverings_of_the_finest_levels_are_those_of_s2(level):
    place = forward((47.0, 8.0), 10.0, 0.02)[0]
    square = Polygon(in_frame(place, ((0.4, 0.1), (0.1, -0.3), (-0.3, -0.2), (-0.2, 0.3))))
    assert cover(square, level).tolist() == s2_cover(square, level)


@pytest.mark.parametrize("place", [*PLACES, *RIMS[:3]])
def test_rings_as_large_as_they_may_be_are_covered(place):
    ring = Polygon(tuple(forward(place, azimuth, 1_990e3 if azimuth % 20 else 900e3)[0]
                         for azimuth in range(5, 360, 15)))
    assert cover(ring, 6).tolist() == s2_cover(ring, 6)


def test_a_country_is_covered():
    ring = Polygon(tuple(forward((51.0, 10.5), 40.0 * k, 330e3 - 60e3 * (k % 2))[0]
                         for k in range(9)))
    found = cover(ring)
    assert len(found) > 100_000
    assert found.tolist() == s2_cover(ring, 13)


# Radius, centre and cells of level 13 from RegularLoop and RegionCoverer of golang/geo at
# 6adc56603217, the version in the go.mod of InterUSS's DSS.
CIRCLES = (
    (900.0, (46.95, 7.44), (
        5156121931203739648, 5156121965563478016, 5156121999923216384, 5156122068642693120,
        5156122103002431488, 5156122137362169856, 5156122171721908224, 5156122309160861696)),
    (1500.3, (35.2644, 45.0), (
        1537228598363029504, 1537228632722767872, 1537228667082506240, 1537228701442244608,
        4611685898168303616, 4611685932528041984, 4611685966887780352, 4611686001247518720,
        4611686035607257088, 4611686069966995456, 4611686104326733824, 4611686138686472192)),
    (1200.0, (90.0, 0.0), (
        4995993146543308800, 4995993180903047168, 4995993215262785536, 5764607402775150592,
        5764607471494627328, 5764607505854365696, 5764607540214104064, 5764607574573842432,
        5764607643293319168, 6533221830805684224, 6533221865165422592, 6533221899525160960)),
    (700.0, (0.0, 0.0), (
        384307162475659264, 1152921487426977792, 1152921521786716160, 1921535846738034688)),
)


@pytest.mark.parametrize(("radius_m", "centre", "cells"), CIRCLES)
def test_circles_are_covered_as_by_interuss(radius_m, centre, cells):
    assert tuple(cover(Circle(*centre, radius_m)).tolist()) == cells


def test_neither_winding_nor_the_first_vertex_matters():
    random = np.random.default_rng(3)
    for _ in range(50):
        ring = comb(random).vertices
        turned = ring[7:] + ring[:7]
        expected = cover(Polygon(ring)).tolist()
        assert cover(Polygon(turned)).tolist() == cover(Polygon(turned[::-1])).tolist() == expected


def test_many_are_covered_as_each_alone():
    random = np.random.default_rng(4)
    few = [volume(kind(random)) for _ in range(8) for kind in (drone, sliver, tiny)]
    volumes = few * 700                    # more than a thread takes at once
    ids, ends = cover_columns(Columns.of(volumes))
    expected = [cover(one).tolist() for one in few] * 700
    assert [ids[a:b].tolist() for a, b in pairwise(ends)] == expected
    assert cover(few[0].outline).tolist() == expected[0]


def test_nothing_has_no_covering():
    ids, ends = cover_columns(Columns.of(()))
    assert ids.dtype == np.uint64 and len(ids) == 0 and ends.tolist() == [0]


def test_columns_that_cannot_be_written_are_read():
    columns = Columns.of([volume(Circle(47.0, 8.0, 900.0))])
    columns.places_deg.flags.writeable = False
    assert cover_columns(columns)[0].tolist() == cover(columns.volume(0)).tolist()


def test_too_many_cells_are_refused():
    with pytest.raises(BadInput, match="at most 1000000 cells"):
        cover(Circle(47.0, 8.0, limits.RADIUS_M_MAX))
    with pytest.raises(BadInput, match="at most 1000000 cells"):
        cover(Circle(CORNER_DEG, 45.0, 700e3))       # on three faces, none of which has too many
    assert len(cover(Circle(47.0, 8.0, limits.RADIUS_M_MAX), 7)) == len(
        s2_cover(Circle(47.0, 8.0, limits.RADIUS_M_MAX), 7))


@pytest.mark.parametrize("level", [-1, 31])
def test_levels_that_s2_does_not_have_are_refused(level):
    with pytest.raises(BadInput, match="level: must be 0 to 30"):
        cover(Circle(47.0, 8.0, 900.0), level)


RING = ((46.0, 7.0), (46.0, 7.1), (46.1, 7.05))


@pytest.mark.parametrize(("places", "radius_m", "reason"), [
    (((46.0, 7.0), (46.0, 180.1), (46.1, 7.0)), 0.0, "latitudes of -90 to 90"),
    (((46.0, 7.0), (math.nan, 7.1), (46.1, 7.0)), 0.0, "latitudes of -90 to 90"),
    (RING[:2], 0.0, "3 vertices or more"),
    ((), 0.0, "3 vertices or more"),
    (RING * (limits.RING_VERTICES_MAX // 3 + 1), 0.0,
     f"at most {limits.RING_VERTICES_MAX} vertices"),
    (RING[:1], -1.0, "a radius of"),
    (RING[:1], math.nan, "a radius of"),
    (RING[:1], 2e6 + 1, "a radius of"),
    (RING, 5.0, "a radius of"),
    (((0.0, 0.0), (0.0, 120.0), (0.0, -120.0)), 0.0, "half of the Earth"),
])
def test_numbers_that_are_no_outline_are_refused(places, radius_m, reason):
    good = 16_400
    ends = np.array([*range(0, 3 * good + 1, 3), 3 * good + len(places)])
    columns = Columns(np.array(RING * good + places).reshape(-1, 2), ends,
                      np.array([0.0] * good + [radius_m]), np.zeros((good + 1, 2)),
                      np.zeros((good + 1, 2), np.int64))
    with pytest.raises(BadInput, match=reason) as raised:
        cover_columns(columns)
    assert raised.value.field == f"volumes[{good}]"
