"""The lists that people rely on are whole: formats in CHANGELOG.md, decisions in their index."""

from __future__ import annotations

import re
from pathlib import Path

from luftrom.store.protocol import FORMAT_VERSION

ROOT = Path(__file__).parents[2]
VERSION = re.compile(r"luftrom-[a-z-]+/[0-9]+|luftrom-[a-z-]+\+json"
                     r"|vnd\.luftrom\.[a-z0-9.+-]*[a-z0-9]")
# | number | [title](file) | date |
ROW = re.compile(r"(?m)^\| (\d+) \| \[([^]]+)\]\(([\w-]+\.md)\) \| \d{4}-\d\d-\d\d \| ")
# Files of ours; what lies beside them was compiled or belongs to others.
TEXTS = (".py", ".js", ".json", ".geojson", ".html")


def formats_section() -> str:
    """The section of CHANGELOG.md that lists what is written and read."""
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return page.partition("\n## Formats and stores\n")[2].partition("\n## ")[0]


def test_every_version_string_of_the_code_stands_in_the_changelog() -> None:
    section, found = formats_section(), set()
    for path in (ROOT / "src").rglob("*"):
        if path.suffix in TEXTS:
            found.update(VERSION.findall(path.read_text(encoding="utf-8")))
    assert len(found) > 10
    assert sorted(found - set(VERSION.findall(section))) == []
    assert f"`user_version` {FORMAT_VERSION}" in section


def test_every_decision_stands_in_the_index_once_and_has_a_number_of_its_own() -> None:
    place = ROOT / "docs" / "decisions"
    index = (place / "README.md").read_text(encoding="utf-8")
    rows = ROW.findall(index)
    assert sorted(name for _, _, name in rows) == sorted(
        path.name for path in place.glob("*.md") if path.name != "README.md")
    assert [int(number) for number, _, _ in rows] == list(range(1, len(rows) + 1))
    for _, title, name in rows:
        assert (place / name).read_text(encoding="utf-8").startswith(f"# {title}\n")
