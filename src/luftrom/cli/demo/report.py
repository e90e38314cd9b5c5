"""What the demo shows: progress while it loads, refusals, conflicts and verdicts, at 80 columns."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from luftrom.cli.demo.loading import Result, Tell

INDENT = 3
PLAIN_EVERY_S = 3.0
RULES = {"declared_first": "declared first", "priority": "higher priority",
         "turn": "has the turn", "constraint": "closed area"}


class Report:
    """The demo's text on one console; every line fits 80 columns unless it is a link."""

    def __init__(self, console: Console):
        self._console = console
        self._steps = 0

    def title(self, text: str) -> None:
        """The first line."""
        self._console.print(f"[bold]Luftrom[/bold]  {escape(text)}")

    def step(self, text: str) -> None:
        """The heading of the next step."""
        self._steps += 1
        self._console.print(f"\n[bold]{self._steps}  {escape(text)}[/bold]")

    def line(self, text: str, style: str | None = None) -> None:
        """One indented line, wrapped where it must be."""
        self._console.print(Padding(Text(text, style or ""), (0, 0, 0, INDENT), expand=False))

    def link(self, label: str, url: str) -> None:
        """A line that is never wrapped, so that it can be copied whole."""
        self._console.print(" " * INDENT + f"{label}  {url}", soft_wrap=True, markup=False,
                            highlight=False)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Tell]:
        """Rate, count and time left while the block runs: a bar, or plain lines elsewhere."""
        if not self._console.is_terminal:
            plain = _PlainProgress(self, what, total)
            yield plain.tell
            plain.close()
            return
        columns = (TextColumn(" " * (INDENT - 1) + "{task.description}"), BarColumn(20),
                   MofNCompleteColumn(), _Rate(), TimeRemainingColumn(compact=True))
        with Progress(*columns, console=self._console) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done, refused: bar.advance(task, done)

    def results(self, results: Sequence[Result]) -> None:
        """How many declarations were accepted, and for each refusal the reason."""
        counts = Counter(result.status for result in results)
        words = [f"{count} {status}" for status, count in sorted(counts.items())]
        self.line(f"{', '.join(words) or 'nothing to declare'}")
        for result in results:
            if result.status != "accepted":
                self.line(f"{result.name} ({result.party}) {result.status}: {result.sentence}",
                          "yellow" if result.status == "refused" else "red")

    def conflicts(self, conflicts: Sequence[Mapping[str, Any]], flights: set[str],
                  rows: int) -> None:
        """The table of conflicts: those of planned activities first, then the recorded flights'."""
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
        for name in ("When", "Who meets whom", "Where", "Closest", "Right of way"):
            table.add_column(name, overflow="fold")
        shown = sorted(conflicts, key=lambda c: (
            c["first"]["id"] in flights and c["second"]["id"] in flights, c["time_start"], c["id"]))
        for conflict in shown[:rows]:
            table.add_row(*_conflict_cells(conflict))
        self._console.print(Padding(table, (0, 0, 0, INDENT), expand=False))
        if len(shown) > rows:
            self.line(f"and {len(shown) - rows:,} more: --rows {len(shown)} shows them here, "
                      "the consoles on the map.", "dim")

    def verdicts(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """One line a party: what its log holds and whether it proves itself."""
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
        for name in ("Party", "Statements", "Receipts", "Tree", "Root", "Verdict"):
            is_number = name in ("Statements", "Receipts", "Tree")
            table.add_column(name, justify="right" if is_number else "left",
                             no_wrap=name != "Verdict")
        for row in rows:
            table.add_row(row["party"], f"{row['statements']:,}", f"{row['receipts_held']:,}",
                          f"{row['size']:,}", row["root"][:12] + "…",
                          Text(row["verdict"], "green" if row["verified"] else "bold red"))
        self._console.print(Padding(table, (0, 0, 0, INDENT), expand=False))


class _Rate(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f}/s" if speed else "")


class _PlainProgress:
    """A line now and then, for logs and pipes."""

    def __init__(self, report: Report, what: str, total: int):
        self._report, self._what, self._total = report, what, total
        self._done = 0
        self._began_s = self._told_s = time.monotonic()

    def tell(self, done: int, refused: int) -> None:
        self._done += done
        now_s = time.monotonic()
        if now_s - self._told_s >= PLAIN_EVERY_S and self._done < self._total:
            self._told_s = now_s
            rate = self._done / (now_s - self._began_s)
            left_s = (self._total - self._done) / rate if rate else 0
            self._report.line(f"{self._what}: {self._done:,} of {self._total:,}, "
                              f"{rate:,.0f} a second, {left_s:.0f} s left")

    def close(self) -> None:
        elapsed_s = time.monotonic() - self._began_s
        rate = self._done / elapsed_s if elapsed_s else 0
        self._report.line(f"{self._what}: {self._done:,} of {self._total:,} in {elapsed_s:.1f} s, "
                          f"{rate:,.0f} a second")


def _conflict_cells(conflict: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """When, who, where, closest and right of way of one conflict, short enough for 80 columns."""
    start, end = (conflict[name][11:19] for name in ("time_start", "time_end"))
    when = f"{start}–\n{end}Z" if start[:5] == end[:5] else f"{start[:5]}–{end[:5]}Z"
    first, second, way = conflict["first"], conflict["second"], conflict["right_of_way"]
    where = conflict["where"]
    altitude_m = (conflict["altitude_m_w84_lower"] + conflict["altitude_m_w84_upper"]) / 2
    return (when, escape(f"{first['name']}\n{second['name']}"),
            f"{_degrees(where['lat'], 'NS')} {_degrees(where['lng'], 'EW')}\n"
            f"{altitude_m:,.0f} m W84",
            _closest(conflict["lateral_m"], conflict["vertical_m"]),
            escape(f"{way['name']}\n{RULES.get(way['rule'], way['rule'])}"))


def _degrees(value: float, letters: str) -> str:
    return f"{abs(value):.2f}{letters[value < 0]}"


def _closest(lateral_m: float, vertical_m: float) -> str:
    if lateral_m <= 0 and vertical_m <= 0:
        return "overlap"
    parts = [f"{value:,.0f} m {word}" for value, word in
             ((lateral_m, "lateral"), (vertical_m, "vertical")) if value > 0]
    return ", ".join(parts)
