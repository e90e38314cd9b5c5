"""The benchmarks that stand by themselves, in the same table: approach, coverings and error.

Each has `measure()`, which compares answers first and gives rows of task, size, subject, seconds
(or value and unit) and note; it raises ValueError where answers differ.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from rows import Compared, Row

_BLUESKY = Path(sys.prefix).with_name("bluesky") / "bin" / "python"
# Arguments of a quick run, which asks for less.
_QUICK: dict[str, dict[str, Any]] = {
    "approach": {"sizes": (1_000, 10_000)}, "coverings": {"count": 2_000}, "error": {"pairs": 500}}
_AIMS = {("closest points of approach", 10_000): 2e-3,
         ("closest points of approach", 200_000): 0.1,
         ("coverings of level 13, polygons of 5 km", 100_000): 0.06,
         ("largest error of a distance, tip against edge", "drones, 5 km"): 0.02,
         ("largest error of a distance, tip against edge", "corridors, 100 km"): 0.10,
         ("largest error of a distance, any two rings", "drones, 5 km"): 0.02,
         ("largest error of a distance, any two rings", "corridors, 100 km"): 0.10}


def measure(quick: bool) -> tuple[list[Row], list[str]]:
    """Rows of all that can be measured, and a line about each benchmark that cannot, and why."""
    rows: list[Row] = []
    gone = []
    for name in ("approach", "coverings", "error"):
        arguments = _QUICK[name] if quick else {}
        if name == "approach":
            arguments = {"python": _BLUESKY if _BLUESKY.exists() else None, **arguments}
        try:
            rows += _as_rows(importlib.import_module(name).measure(**arguments))
        except (ImportError, OSError, subprocess.CalledProcessError, ValueError) as error:
            gone.append(f"{name}: not measured, {type(error).__name__}: {error}")
        if name == "approach" and not _BLUESKY.exists():
            gone.append("BlueSky: not compared with, it is not installed")
    return rows, gone


def _as_rows(measured: list[dict[str, Any]]) -> list[Row]:
    """One row for each figure of ours; a peer's figures go to those of their task and size."""
    rows: list[Row] = []
    met: dict[tuple[Any, ...], int] = {}
    for each in measured:
        if _is_ours(each):
            whose = each["subject"].partition(", ")[2]
            rows.append(Row(each["task"], each["size"], each.get("unit", "s"), _figure(each),
                            _AIMS.get((each["task"], each["size"])),
                            note="; ".join(filter(None, (whose, each["note"])))))
    for each in measured:
        if _is_ours(each):
            continue
        same = [row for row in rows if (row.task, row.size) == (each["task"], each["size"])]
        if not same:
            same = [Row(each["task"], each["size"], each.get("unit", "s"), None)]
            rows += same
        key = each["task"], each["size"], each["subject"]
        place = met[key] = met.get(key, -1) + 1
        same[min(place, len(same) - 1)].peers.append(
            Compared(each["subject"], _figure(each), each["note"]))
    return rows


def _is_ours(each: dict[str, Any]) -> bool:
    return each["subject"].lower().startswith("luftrom")


def _figure(each: dict[str, Any]) -> float:
    return each["seconds"] if "seconds" in each else each["value"]
