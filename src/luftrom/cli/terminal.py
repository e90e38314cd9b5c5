"""What commands print: tables and lines for people at 80 columns, JSON for programs.

Texts that came from elsewhere pass `clean` before they reach a terminal, so that nobody's remarks
can move the cursor, change colours or reverse the direction of reading.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {"ok": "green", "warning": "yellow", "bad": "bold red", "dim": "dim", "title": "bold"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def clean(text: object) -> str:
    """The text without control and format characters, which become U+FFFD; line ends stay."""
    return "".join("\ufffd" if unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign != "\n"
                   else sign for sign in str(text))


def has_colour(stream: IO[str]) -> bool:
    """Is colour wanted there? On a terminal, unless NO_COLOR (no-color.org) or TERM=dumb say no."""
    return (stream.isatty() and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb")


def console() -> Console:
    """Standard output: 80 columns unless it is a wider or narrower terminal."""
    import sys

    from rich.console import Console

    width = None if sys.stdout.isatty() else 80
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=False, width=width,
                   no_color=not has_colour(sys.stdout))


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, indent=2))


def print_line(text: str, style: str = "") -> None:
    """A line, wrapped at words where it must be."""
    from rich.text import Text

    console().print(Text(clean(text), STYLES.get(style, style)))


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values in two columns."""
    print_table(("", ""), [(("dim", name), value) for name, value in pairs], header=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *,
                header: bool = True, right: Sequence[str] = (),
                whole: Sequence[str] = ()) -> None:
    """A table without lines. `right` columns are aligned right, `whole` ones are never wrapped.

    A cell is a value, or a pair (style, value) with a style of STYLES.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, show_header=header,
                  header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in whole,
                         justify="right" if name in right else "left")
    for row in rows:
        styled: list[tuple[str, object]] = [cell if isinstance(cell, tuple) else ("", cell)
                                            for cell in row]
        table.add_row(*(Text(clean(value), STYLES.get(style, style)) for style, value in styled))
    screen = console()
    with screen.capture() as captured:
        screen.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip(), color=True)


def format_span(time_start: str | None, time_end: str | None) -> str:
    """Two RFC 3339 times as people say them: 24 Nov 15:20–16:20Z. The end is not included."""
    if not time_start or not time_end:
        return ""
    start, end = _minute(time_start), _minute(time_end)
    if time_start[:10] == time_end[:10]:
        end = end.rpartition(" ")[2]
    return f"{start}–{end}Z"


def _minute(time: str) -> str:
    return f"{time[8:10]} {_MONTHS[int(time[5:7]) - 1]} {time[11:16]}"


def format_age(age_s: float | None) -> str:
    """An age in words of one unit."""
    if age_s is None:
        return "never"
    for limit, unit_s, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if age_s < limit:
            return f"{age_s / unit_s:.{1 if unit_s == 1 and age_s < 10 else 0}f} {name}"
    return f"{age_s / 86_400:.0f} days"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun: 1 conflict, 1,203 conflicts."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def short(digest: str, length: int = 16) -> str:
    """The start of a long digest."""
    return digest if len(digest) <= length else digest[:length] + "…"


def span_of(items: Iterable[Mapping[str, Any]], name: str) -> tuple[float, float] | None:
    """The lowest `<name>_lower` and highest `<name>_upper` in metres of F3548 volumes."""
    bounds = [(item["volume"][f"{name}_lower"]["value"], item["volume"][f"{name}_upper"]["value"])
              for item in items]
    return (min(low for low, _ in bounds), max(high for _, high in bounds)) if bounds else None
