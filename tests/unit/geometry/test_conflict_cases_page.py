"""The page of hard cases and its pictures are what the table of cases says."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).parents[3]
SPEC = importlib.util.spec_from_file_location("conflict_cases", ROOT / "scripts/conflict_cases.py")
conflict_cases = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(conflict_cases)


def test_the_page_and_its_pictures_are_up_to_date() -> None:
    files = conflict_cases.files()
    for path, text in files.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, (
            f"{path}; run: python scripts/conflict_cases.py")
    there = {f"{conflict_cases.PICTURES}/{path.name}"
             for path in (ROOT / conflict_cases.PICTURES).iterdir()}
    assert there == set(files) - {conflict_cases.PAGE}


def test_pictures_are_small_and_show_both() -> None:
    for path, text in conflict_cases.files().items():
        if path == conflict_cases.PAGE:
            continue
        assert len(text) < 8_000, path
        root = ET.fromstring(text)
        drawn = [shape.get("fill") for shape in root.iter() if shape.get("fill-opacity")]
        for ink in conflict_cases.INKS.values():
            assert drawn.count(ink) >= 3, path      # an outline, its times, its altitudes
