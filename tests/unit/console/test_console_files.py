"""The console's files: what is served, and what the page may do."""

from __future__ import annotations

import json
import re

import pytest

from luftrom.console.assets import CONTENT_SECURITY_POLICY, asset
from luftrom.errors import NotFound


@pytest.mark.parametrize("path, content_type", [
    ("", "text/html; charset=utf-8"), ("index.html", "text/html; charset=utf-8"),
    ("console.css", "text/css; charset=utf-8"), ("js/main.js", "text/javascript; charset=utf-8"),
    ("icon.svg", "image/svg+xml"), ("land.json", "application/json"),
    ("maplibre/maplibre-gl.js", "text/javascript; charset=utf-8"),
    ("maplibre/maplibre-gl.css", "text/css; charset=utf-8")])
def test_files_are_served_with_their_type(path, content_type):
    body, served_as = asset(path)
    assert body and served_as == content_type


@pytest.mark.parametrize("path", [
    "../__init__.py", "js/../../__init__.py", "/etc/passwd", "js", "js/", "nothing.js",
    "maplibre/pywidget.js", "..%2f__init__.py", "JS/main.js", "\x00"])
def test_other_names_are_not_found(path):
    with pytest.raises(NotFound):
        asset(path)


def test_page_has_no_script_or_style_of_its_own():
    page = asset("")[0].decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|https?://", page) == []


def test_every_file_that_page_and_modules_name_exists():
    page = asset("")[0].decode()
    for name in re.findall(r'(?:src|href)="([^"#]+)"', page):
        asset(name)
    seen, waiting = set(), ["main.js"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        text = asset(f"js/{name}")[0].decode()
        waiting += [n for n in re.findall(r'from "\./([^"]+)"', text) if n not in seen]
    assert len(seen) > 15


def test_no_module_writes_markup_or_is_too_long():
    page = asset("")[0].decode()
    assert "js/main.js" in page
    seen, waiting = set(), ["main.js"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        text = asset(f"js/{name}")[0].decode()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(",
                             text)
        assert len(text.splitlines()) <= 600
        waiting += [n for n in re.findall(r'from "\./([^"]+)"', text) if n not in seen]


def test_policy_allows_nothing_from_elsewhere():
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY and "*" not in CONTENT_SECURITY_POLICY


def test_land_is_small_and_whole():
    body = asset("land.json")[0]
    assert len(body) < 1_000_000
    land = json.loads(body)
    used = {i if i >= 0 else ~i for polygon in land["land"] for ring in polygon for i in ring}
    assert max(used | set(land["borders"])) < len(land["arcs"])
    for polygon in land["land"][:50]:
        for ring in polygon:                 # arcs of a ring meet end to end
            ends = [_ends(land["arcs"][i if i >= 0 else ~i], i < 0) for i in ring]
            assert all(a[1] == b[0] for a, b in zip(ends, ends[1:] + ends[:1], strict=True))


def _ends(deltas, is_backwards):
    first = (deltas[0], deltas[1])
    last = (sum(deltas[0::2]), sum(deltas[1::2]))
    return (last, first) if is_backwards else (first, last)
