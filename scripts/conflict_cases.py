"""Write docs/conflict-cases.md and its pictures from tests/material/hard_cases.py.

`python scripts/conflict_cases.py` writes them anew; a test says when that is due. A picture shows
both outlines from above in a plane around their middle (azimuthal equidistant), for some cases once
more from nearer, with their times below and their altitudes beside it.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "material"))
sys.path.insert(0, str(ROOT / "src"))

from hard_cases import CASES, Case  # noqa: E402 - found by the paths above
from luftrom.clock import NS_PER_S, TIME_NS_MAX, TIME_NS_MIN  # noqa: E402 - as above
from luftrom.geometry.volume import Circle, Volume4D  # noqa: E402 - as above
from outlines import densified, forward, inverse  # noqa: E402 - as above

PAGE = "docs/conflict-cases.md"
PICTURES = "docs/images/cases"
VIEW, GAP, FOOT, SIDE = 170, 10, 46, 78    # pixels: a view, between parts, times, altitudes
INKS = {"A": "#1d5fbf", "B": "#c2410c"}
TEXT, PAPER, RULE = "#24292f", "#ffffff", "#d0d7de"
CORNERS_MAX = 160                          # of a ring that is drawn as a whole
CIRCLE_CORNERS = 120
EDGE_STEP_M = 100_000.0                    # longer edges are drawn bent
_TIE = 0.0137                              # so that no figure stands where rounding is a toss-up
_HEAD = """\
# Forty hard cases

Written by `scripts/conflict_cases.py` from `tests/material/hard_cases.py`; do not edit.

Each case is two 4D volumes, A (blue) and B (orange), and the minima that they must keep. What is
right is argued from geometry or built with another library's geodesics, never taken from the
engine. Tests ask the index, `encounter` and, where it can, the plain reference in `definition.py`,
both ways round, and again with the first vertex, the winding, the longitudes and the hemisphere
changed. The one tolerance is 1 mm: an overlap that is nowhere deeper, or a minimum missed by no
more, counts as touching, which is no conflict.

Pictures show both outlines from above; a second view looks closer. Bars show the times below and
the altitudes beside, each over the span of the two.

| from above | the case |
|---|---|
"""

Place = tuple[float, float]
Plane = list[tuple[float, float]]


# -- the plane -----------------------------------------------------------------------------------

def in_plane(places: list[Place], middle: Place) -> Plane:
    """Metres east and north of a middle."""
    points = []
    for place in places:
        azimuth_deg, distance_m = inverse(middle, place)
        azimuth = math.radians(azimuth_deg)
        points.append((distance_m * math.sin(azimuth), distance_m * math.cos(azimuth)))
    return points


def places_of(volume: Volume4D, all_corners: bool) -> list[Place]:
    """The outline as places near enough to each other to be joined by straight lines."""
    outline = volume.outline
    if isinstance(outline, Circle):
        count = CIRCLE_CORNERS * (8 if all_corners else 1)
        return [forward((outline.lat_deg, outline.lng_deg), 360.0 * i / count, outline.radius_m)[0]
                for i in range(count)]
    ring = outline.vertices
    if not all_corners and len(ring) > CORNERS_MAX:
        ring = ring[::len(ring) // CORNERS_MAX]
    return densified(ring, EDGE_STEP_M)


def frame(outlines: list[list[Place]]) -> tuple[Place, float]:
    """The middle of all places, and the width in metres of a square around them with a margin."""
    middle = outlines[0][0]
    for _ in range(3):
        xs, ys = zip(*(point for places in outlines for point in in_plane(places, middle)),
                     strict=True)
        x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
        middle, _ = forward(middle, math.degrees(math.atan2(x, y)), math.hypot(x, y))
    return middle, 1.12 * max(max(xs) - min(xs), max(ys) - min(ys))


def clipped(points: Plane, half_m: float) -> Plane:
    """What of a ring lies in a square around the middle (Sutherland and Hodgman)."""
    for axis, side in ((0, 1), (0, -1), (1, 1), (1, -1)):
        kept = []
        for one, other in zip(points[-1:] + points[:-1], points, strict=True):
            within, was_within = other[axis] * side <= half_m, one[axis] * side <= half_m
            if within != was_within:
                t = (half_m - one[axis] * side) / ((other[axis] - one[axis]) * side)
                kept.append((one[0] + t * (other[0] - one[0]), one[1] + t * (other[1] - one[1])))
            if within:
                kept.append(other)
        points = kept
        if not points:
            return []
    return points


# -- pictures ------------------------------------------------------------------------------------

def figure(value: float) -> str:
    return f"{value + _TIE:.1f}".removesuffix(".0")


def length(metres: float) -> str:
    """A length as people write it."""
    for unit, size in (("km", 1000.0), ("m", 1.0), ("cm", 0.01)):
        if metres >= size or unit == "cm":
            return f"{metres / size:,.4g} {unit}" if metres < 1e6 else f"{metres / size:,.0f} km"
    raise ValueError(metres)


def view(case: Case, left: float, middle: Place, width_m: float, is_closer: bool) -> str:
    """Both outlines in a square, with a scale."""
    scale = VIEW / width_m
    drawn = []
    for name, volume in zip("AB", (case.one, case.other), strict=True):
        points = in_plane(places_of(volume, is_closer), middle)
        if is_closer:
            points = clipped(points, width_m)
        pixels = [(VIEW / 2 + x * scale, VIEW / 2 - y * scale) for x, y in points]
        ink = f'fill="{INKS[name]}" stroke="{INKS[name]}"'
        if not pixels:
            continue
        if all(max(axis) - min(axis) < 3 for axis in zip(*pixels, strict=True)):
            drawn.append(f'<circle cx="{figure(pixels[0][0])}" cy="{figure(pixels[0][1])}" r="3" '
                         f'{ink} fill-opacity=".6"/>')
        else:
            path = " ".join(f"{figure(x)},{figure(y)}" for x, y in pixels)
            drawn.append(f'<polygon points="{path}" {ink} fill-opacity=".22" stroke-width="1.2" '
                         'stroke-linejoin="round"/>')
    step = 10.0 ** math.floor(math.log10(width_m / 2))
    bar_m = next(step * k for k in (5, 2, 1) if step * k <= width_m / 2)
    end = VIEW - 8
    start = end - bar_m * scale
    return "\n".join([
        f'<svg x="{figure(left)}" y="{GAP}" width="{VIEW}" height="{VIEW}">', *drawn,
        f'<path d="M{figure(start)},{VIEW - 10}v4H{figure(end)}v-4" fill="none" stroke="{TEXT}"/>',
        f'<text x="{end}" y="{VIEW - 14}" text-anchor="end" stroke="{PAPER}" stroke-width="3" '
        f'paint-order="stroke">{length(bar_m)}</text>',
        "</svg>",
        f'<rect x="{figure(left)}" y="{GAP}" width="{VIEW}" height="{VIEW}" fill="none" '
        f'stroke="{RULE}"/>'])


def instant(time_ns: int) -> str:
    if time_ns in (TIME_NS_MIN, TIME_NS_MAX):
        return "earliest" if time_ns < 0 else "latest"
    time_s = time_ns // NS_PER_S
    return f"{time_s // 86_400} d" if time_s >= 86_400 else f"{time_s:,} s"


def times(case: Case, width: float) -> str:
    """Two bars, one below the other, from the first beginning to the last end."""
    both = (case.one, case.other)
    first, last = min(v.time_start_ns for v in both), max(v.time_end_ns for v in both)
    top, left = VIEW + 2 * GAP, 2 * GAP + 6
    scale = (width - left) / (last - first)
    drawn = []
    for k, (name, v) in enumerate(zip("AB", both, strict=True)):
        size = max(2.0, (v.time_end_ns - v.time_start_ns) * scale)
        drawn.append(f'<text x="{GAP}" y="{top + 7 + 10 * k}" font-weight="bold" '
                     f'fill="{INKS[name]}">{name}</text>'
                     f'<rect x="{figure(left + (v.time_start_ns - first) * scale)}" '
                     f'y="{top + 10 * k}" width="{figure(size)}" height="7" '
                     f'fill="{INKS[name]}" fill-opacity=".75"/>')
    drawn.append(f'<text x="{left}" y="{top + 30}">{instant(first)}</text>'
                 f'<text x="{figure(width)}" y="{top + 30}" text-anchor="end">{instant(last)}'
                 '</text>')
    return "\n".join(drawn)


def altitudes(case: Case, left: float) -> str:
    """Two bars side by side, from the lowest to the highest altitude."""
    both = (case.one, case.other)
    low, high = (min(v.altitude_m_w84_lower for v in both), max(v.altitude_m_w84_upper
                                                                for v in both))
    top, tall = GAP + 12, VIEW - 24
    scale = tall / (high - low)
    drawn = [f'<text x="{figure(left)}" y="{GAP + 7}">{high:,.7g} m</text>',
             f'<text x="{figure(left)}" y="{GAP + VIEW - 2}">{low:,.7g} m</text>']
    for k, (name, v) in enumerate(zip("AB", both, strict=True)):
        size = max(2.0, (v.altitude_m_w84_upper - v.altitude_m_w84_lower) * scale)
        y = top + (high - v.altitude_m_w84_upper) * scale
        drawn.append(f'<rect x="{figure(left + 11 * k)}" y="{figure(min(y, top + tall - 2))}" '
                     f'width="8" height="{figure(size)}" fill="{INKS[name]}" '
                     'fill-opacity=".75"/>')
    return "\n".join(drawn)


def picture(case: Case) -> str:
    """The picture of a case, as SVG."""
    middle, width_m = frame([places_of(v, False) for v in (case.one, case.other)])
    views = [view(case, GAP, middle, width_m, False)]
    if case.closer is not None:
        views.append(view(case, 2 * GAP + VIEW, *case.closer, True))
    right = len(views) * (GAP + VIEW)
    width, height = right + SIDE, VIEW + FOOT + GAP
    answer = "conflict" if case.conflict else "no conflict"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="10" fill="{TEXT}" role="img">',
        f"<title>{case.name}: {answer}</title>",
        f'<rect width="{width}" height="{height}" rx="6" fill="{PAPER}"/>',
        *views, times(case, right), altitudes(case, right + GAP), "</svg>", ""])


# -- the page ------------------------------------------------------------------------------------

def minima(case: Case) -> str:
    separation = case.separation
    asked = [f"{value:,.10g} {unit} {name}" for value, unit, name in (
        (separation.lateral_m, "m", "lateral"), (separation.vertical_m, "m", "vertical"),
        (separation.time_s, "s", "in time")) if value]
    return "minimum " + ", ".join(asked) if asked else "no minimum"


def file_name(number: int, case: Case) -> str:
    return f"{number:02}-{case.slug}.svg"


def files() -> dict[str, str]:
    """All files, by their path in the repository."""
    rows, out = [], {}
    for number, case in enumerate(CASES, 1):
        name = file_name(number, case)
        out[f"{PICTURES}/{name}"] = picture(case)
        apart = ("" if not case.distance_m else
                 f" The outlines are {length(case.distance_m)} apart.")
        rows.append(f"| ![{case.name}](images/cases/{name}) | **{number}. {case.name}**, "
                    f"{minima(case)}: **{'conflict' if case.conflict else 'no conflict'}**."
                    f"<br>{case.why}{apart} |\n")
    out[PAGE] = _HEAD + "".join(rows)
    return out


def main() -> None:
    """Write the page and the pictures, and remove pictures of cases that are gone."""
    (ROOT / PICTURES).mkdir(parents=True, exist_ok=True)
    written = files()
    for path in (ROOT / PICTURES).glob("*.svg"):
        if f"{PICTURES}/{path.name}" not in written:
            path.unlink()
    for path, text in written.items():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
