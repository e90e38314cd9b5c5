"""What was measured, as rows of one table, and how they are written."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

_HEADINGS = ("task", "size", "luftrom", "aim", "limit", "times the limit", "peer", "its figure",
             "times ours", "its answers")
_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


@dataclass(slots=True)
class Compared:
    """What a peer did with the same data; `figure` None where it could not be asked."""

    name: str
    figure: float | None
    answer: str                            # how its answers differ from ours


@dataclass(slots=True)
class Row:
    """One task at one size. Figures are in `unit`; a smaller one is a better one."""

    task: str
    size: int | str
    unit: str                              # s, B or m
    ours: float | None
    aim: float | None = None
    limit: float | None = None
    note: str = ""
    peers: list[Compared] = field(default_factory=list)


def as_json(rows: list[Row]) -> list[dict[str, Any]]:
    """The rows as they are."""
    return [asdict(row) for row in rows]


def as_table(rows: list[Row]) -> str:
    """Markdown: a line for each row and each of its peers, and the notes below by number."""
    notes: list[str] = []
    lines = ["| " + " | ".join(_HEADINGS) + " |", "|" + "---|" * len(_HEADINGS)]
    for row in rows:
        if row.note and row.note not in notes:
            notes.append(row.note)
        mark = f" ({notes.index(row.note) + 1})" if row.note else ""
        size = f"{row.size:,}" if isinstance(row.size, int) else row.size
        own = [row.task + mark, size, show(row.ours, row.unit), show(row.aim, row.unit),
               show(row.limit, row.unit), _ratio(row.ours, row.limit)]
        for peer in row.peers or [Compared("", None, "")]:
            lines.append("| " + " | ".join([*own, peer.name, show(peer.figure, row.unit),
                                            _ratio(peer.figure, row.ours), peer.answer]) + " |")
            own = [""] * len(own)
    numbered = (f"{number}. {note}" for number, note in enumerate(notes, 1))
    return "\n".join([*lines, "", *numbered])


def show(figure: float | None, unit: str) -> str:
    """Three digits with the unit that suits them."""
    if figure is None:
        return ""
    if unit == "s":
        factor, unit = next((each for each in _TIMES if figure >= each[0]), _TIMES[-1])
    elif unit == "m":
        factor, unit = (1.0, "m") if figure >= 1.0 else (1e-2, "cm") if figure >= 1e-2 else (
            1e-3, "mm")
    else:
        factor = 1.0
    return f"{_digits(figure / factor)} {unit}"


def _ratio(figure: float | None, other: float | None) -> str:
    return _digits(figure / other) if figure is not None and other else ""


def _digits(number: float) -> str:
    if number == 0.0 or number >= 100.0:
        return f"{number:,.0f}"
    return f"{number:.{max(0, 2 - math.floor(math.log10(number)))}f}"
