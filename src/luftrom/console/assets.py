"""The web console: the files of one page that shows a node's airspace in a browser.

In goes the path of a file below /console/, out come its bytes and content type. The names are read
once from the package, so no path of a request ever reaches the file system. MapLibre GL JS is
served as it lies in the installed `maplibre` package; there is no build step.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from luftrom.errors import NotFound

INDEX = "index.html"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8", ".json": "application/json",
    ".svg": "image/svg+xml"}

# MapLibre starts its worker from a blob it makes itself, and its style sheet carries its icons as
# data URLs. Everything else comes from this node, and the page speaks to nobody but it. Trusted
# types make the browser refuse text as markup: main.js lets blob URLs of workers pass, no more.
CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "worker-src blob:", "style-src 'self'",
    "img-src 'self' data: blob:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
    "frame-ancestors 'none'", "require-trusted-types-for 'script'",
    "trusted-types default"))

_MAPLIBRE = {"maplibre/maplibre-gl.js": "maplibre-gl.js",
             "maplibre/maplibre-gl.css": "maplibre-gl.css"}


def asset(path: str) -> tuple[bytes, str]:
    """The bytes and the content type of a file below /console/; "" is the page. NotFound."""
    name = path or INDEX
    place = _places().get(name)
    if place is None:
        raise NotFound("the console has no such file")
    return _read(place), CONTENT_TYPES[place.suffix]


@cache
def _places() -> dict[str, Path]:
    static = Path(__file__).parent / "static"
    places = {each.relative_to(static).as_posix(): each for each in sorted(static.rglob("*"))
              if each.suffix in CONTENT_TYPES}
    library = _library()
    return places | {name: library / file for name, file in _MAPLIBRE.items()}


def _library() -> Path:
    """Where the `maplibre` package keeps its scripts. Found, not imported: importing it is slow."""
    found = importlib.util.find_spec("maplibre")
    if found is None or not found.submodule_search_locations:
        raise NotFound("the console needs the Python package maplibre, which is not installed")
    return Path(found.submodule_search_locations[0]) / "srcjs"


@cache
def _read(place: Path) -> bytes:
    return place.read_bytes()
