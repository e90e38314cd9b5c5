"""`luftrom conflicts --in FILE`: all conflicts of the volumes in files, without a node."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from luftrom.airspace.sentences import meeting_sentence
from luftrom.batch.arrow import require_pyarrow
from luftrom.batch.chunks import DataSet, Gathering
from luftrom.batch.files import read_chunks
from luftrom.batch.meetings import (
    IntentPair,
    Meeting,
    Side,
    digest,
    intent_pairs,
    meetings,
    volume_pairs,
)
from luftrom.batch.results import WRITERS
from luftrom.cli.sentences import print_conflicts
from luftrom.cli.terminal import plural, print_json, print_line
from luftrom.clock import format_time
from luftrom.config.agreements import load_agreement, load_agreement_file, verify_agreement
from luftrom.config.settings import load_settings
from luftrom.files import naming, replacing
from luftrom.geometry.volume import Separation

_SHOWN_ROWS = 20


def compare_files(files: Sequence[IO[bytes]], directory: Path | None, *, rows: int | None,
                  as_json: bool, agreement_file: Path | None, lateral: float | None,
                  vertical: float | None, time_s: float | None, between_parties: bool,
                  out: Path | None) -> int:
    """Read, compare, show and write; how many conflicts there are."""
    separation = _separation(directory, agreement_file, (lateral, vertical, time_s))
    if out is not None and out.suffix not in WRITERS:
        raise click.UsageError(f"--out {out}: the name must end in {', '.join(WRITERS)}")
    # What is written to is opened first: hours of work must not end in a file that cannot be.
    with replacing(out) if out is not None else nullcontext() as file:
        if out is not None and out.suffix == ".parquet":
            require_pyarrow()
        data, groups, found = _compare(files, separation, between_parties)
        if out is not None and file is not None:
            WRITERS[out.suffix](file, map(document_of, found))
    if as_json:
        print_json({"conflicts": [document_of(each) for each in found[:rows]]}
                   | _summary(data, len(found), separation, digest(data, groups, separation)))
        return len(found)
    shown = found[:_SHOWN_ROWS if rows is None else rows]
    print_conflicts([document_of(each) for each in shown], len(found))
    _print_summary(_summary(data, len(found), separation, digest(data, groups, separation)))
    return len(found)


def _compare(files: Sequence[IO[bytes]], separation: Separation, between_parties: bool
             ) -> tuple[DataSet, list[IntentPair], list[Meeting]]:
    """The data set, its pairs of intents by their ids, and how they meet by the time."""
    with _progress() as bar:
        data = _read(files, bar)
        bar.add_task(f"Comparing {plural(len(data.columns), 'volume')}", total=None)
        groups = intent_pairs(data, volume_pairs(data, separation,
                                                 between_parties=between_parties))
        found = list(bar.track(meetings(data, groups, separation), len(groups),
                               description=f"Measuring {plural(len(groups), 'conflict')}"))
    found.sort(key=lambda meeting: meeting.encounter.time_start_ns)
    return data, groups, found


def _separation(directory: Path | None, agreement_file: Path | None,
                minima: tuple[float | None, ...]) -> Separation:
    """The minima as given, or those of an agreement, or of the agreement of a directory."""
    given = [each for each in minima if each is not None]
    if given and agreement_file is not None:
        raise click.UsageError("--agreement says what the minima are; leave out --lateral, "
                               "--vertical and --time, or it")
    if len(given) == 3:
        return Separation(*given)
    if given:
        raise click.UsageError("give all of --lateral, --vertical and --time; 0 means none")
    if agreement_file is not None:
        return verify_agreement(load_agreement_file(agreement_file)).separation
    if directory is None and Path("config.toml").exists():
        directory = Path(".")
    agreement = load_agreement(load_settings(directory)) if directory is not None else None
    if agreement is None:
        raise click.UsageError("say how near is too near: --lateral, --vertical and --time, or "
                               "--agreement FILE, or --dir DIR of a party with an agreement")
    return agreement.separation


# -- reading, with progress ----------------------------------------------------------------------

def _progress() -> Progress:
    """On a terminal, on standard error; nothing stays of it."""
    return Progress(TextColumn("{task.description}"), BarColumn(20), TimeElapsedColumn(),
                    TimeRemainingColumn(compact=True), console=Console(stderr=True),
                    transient=True, disable=not sys.stderr.isatty())


def _read(files: Sequence[IO[bytes]], bar: Progress) -> DataSet:
    gathering = Gathering()
    sizes = [_size(file) for file in files]
    task = bar.add_task("Reading", total=sum(sizes) if all(sizes) else None)
    for number, file in enumerate(files):
        with naming(Path(str(file.name))):
            for chunk in read_chunks(file):
                gathering.add(chunk, number)
                done = sum(sizes[:number]) + (file.tell() if sizes[number] else 0)
                bar.update(task, completed=done,
                           description=f"Reading {plural(len(gathering), 'volume')}")
    return gathering.data_set()


def _size(file: IO[bytes]) -> int:
    """The bytes of a file, or 0 if that is not known: a pipe."""
    found = os.fstat(file.fileno())
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


# -- showing -------------------------------------------------------------------------------------

def document_of(meeting: Meeting) -> dict[str, Any]:
    """A conflict, in the shape in which a node shows one, without right of way."""
    met = meeting.encounter
    return {
        "kind": "constraint" if meeting.first.is_notice or meeting.second.is_notice
        else "operational_intents",
        "first": _side(meeting.first), "second": _side(meeting.second),
        "time_start": format_time(met.time_start_ns), "time_end": format_time(met.time_end_ns),
        "lateral_m": met.lateral_m, "vertical_m": met.vertical_m,
        "where": {"lat": met.lat_deg, "lng": met.lng_deg},
        "altitude_m_w84_lower": met.altitude_m_w84_lower,
        "altitude_m_w84_upper": met.altitude_m_w84_upper,
        "sentence": meeting_sentence(meeting.first.label, meeting.second.label, met)}


def _side(side: Side) -> dict[str, str]:
    return {"id": side.id, "party": side.party, "name": side.name}


def _summary(data: DataSet, count: int, separation: Separation, found: str) -> dict[str, Any]:
    return {"count": count, "volumes": len(data.columns), "activities": len(data.ids),
            "separation": {"lateral_m": separation.lateral_m, "vertical_m": separation.vertical_m,
                           "time_s": separation.time_s}, "digest": found}


def _print_summary(summary: Mapping[str, Any]) -> None:
    minima = summary["separation"]
    print_line(f"Compared {plural(summary['volumes'], 'volume')} of "
               f"{plural(summary['activities'], 'activity', 'activities')}, exactly, with minima "
               f"of {minima['lateral_m']:g} m lateral, {minima['vertical_m']:g} m vertical and "
               f"{minima['time_s']:g} s.", "dim")
    print_line(f"digest {summary['digest']}", "dim")
