"""No finding of ruff or mypy is silenced without its code and a reason beside it."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATHS = sorted(path for folder in ("src", "tests", "bench", "scripts")
               for path in (ROOT / folder).rglob("*.py"))
SILENCED = re.compile(r"#\s*(?:ruff:|flake8:|mypy:|noqa|type:\s*ignore|pragma:)")
# The reason stands behind a dash after the codes of ruff, behind a second `#` after those of mypy.
SAYS_WHY = re.compile(r"# noqa: [A-Z]+\d+(?:, [A-Z]+\d+)* - \S.+"
                      r"|# type: ignore\[[a-z-]+(?:, [a-z-]+)*\]  # \S.+")


def comments(text: str) -> list[str]:
    """The comments of a Python file; what stands in strings is none."""
    return [token.string for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT]


def test_what_is_silenced_says_why() -> None:
    found = [f"{path.relative_to(ROOT)}: {comment}" for path in PATHS
             for comment in comments(path.read_text(encoding="utf-8"))
             if SILENCED.search(comment) and not SAYS_WHY.search(comment)]
    assert not found


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: F401", "#noqa", "# type: ignore",
                                     "# type: ignore[misc]", "# ruff: noqa",
                                     "# mypy: ignore-errors"])
def test_a_bare_one_is_found(comment: str) -> None:
    assert SILENCED.search(comment) and not SAYS_WHY.search(comment)


def test_what_the_settings_silence_says_why() -> None:
    """In pyproject.toml a comment stands in each line that ignores something, or above it."""
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    start = lines.index("[tool.ruff.lint]")
    for number in range(start, len(lines)):
        line = lines[number]
        is_silencing = (re.match(r'ignore = |"[^"]+" = \[', line)
                        or line == "[[tool.mypy.overrides]]")
        if is_silencing and "#" not in line:
            above = lines[number - 1] if lines[number - 1] else ""
            below = lines[number + 1]
            assert "#" in above or "#" in below, f"pyproject.toml:{number + 1}: {line}"
