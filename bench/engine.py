"""The conflict engine beside its peers and the machine's limits, all in one run.

`make bench` installs the peers, runs this, and so writes bench/results/: `engine.md` with the
table, `engine.json` with every number, and plots. `--quick` takes two minutes, at smaller sizes,
and writes to build/bench-results/.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import growth
import machine
import others
import ours
import peers
import traffic
from luftrom.geometry.encounter import encounter
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.volume import Separation
from machine import best_s, say
from rows import Compared, Row, as_json, as_table
from traffic import SEPARATION, Load

_ROOT = Path(__file__).parents[1]
_FAR = Separation(lateral_m=20_000.0, vertical_m=0.0, time_s=0.0)
_LOOKED_AT = 500                           # differing pairs whose distance is computed
_MISSING = (ImportError, OSError, subprocess.CalledProcessError)
_AIMS_S = {100_000: 0.030, 1_000_000: 0.5}


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is asked."""

    batch: tuple[int, ...]                 # sizes at which all pairs are found
    online: int                            # volumes held by the index that is asked
    asked: int                             # asked in bulk
    calls: int                             # asked, inserted and removed call by call
    values: int                            # replayed from values, call by call
    growth: int
    budget_s: float                        # of one point of a growth curve
    runs: int


FULL = Scale((1_000, 10_000, 100_000, 1_000_000), 1_000_000, 100_000, 10_000, 100_000,
             10_000_000, 40.0, 5)
QUICK = Scale((1_000, 10_000), 30_000, 3_000, 1_000, 1_000, 10_000, 2.0, 3)


def main() -> None:
    """Measure, and write the page."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true",
                         help="smaller sizes, two minutes, and results below build/")
    quick = options.parse_args().quick
    scale = QUICK if quick else FULL
    place = _ROOT / ("build/bench-results" if quick else "bench/results")
    place.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    say("compiling")
    ours.warm_up()
    say("limits")
    load = traffic.europe(min(scale.batch[-1], 100_000))
    limits = machine.limits(load.columns, ours.pairs(load), SEPARATION)
    held, absent = peers_at_hand()
    try:
        versions = [peer.version for peer in held.values() if hasattr(peer, "version")]
        asked = {module_of(peer).NAME: module_of(peer) for peer in held.values()}
        rows = batch_rows(scale, limits, held) + online_rows(scale, limits, held)
    finally:
        for peer in held.values():
            peer.close()
    rows += cold_rows(scale, limits)
    say("approach, coverings, error")
    more, gone = others.measure(quick)
    say("growth")
    curves = growth.measure(scale.growth, scale.budget_s)
    about = machine.describe()
    about["memory"] = ("At most " + str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20)
                       + " GiB of memory were in use")
    about["versions"] = ", ".join([about["versions"], *versions])
    result = {"about": about, "seconds": round(time.monotonic() - began_s), "limits": limits,
              "questions": {name: module.QUESTION for name, module in asked.items()},
              "not_there": absent + gone, "rows": as_json(rows + more),
              "growth": curves.as_json()}
    try:
        plots = importlib.import_module("plots").draw(
            place, rows, {name for name, each in asked.items() if each.IS_SAME}, curves)
    except ImportError as error:
        plots = {}
        result["not_there"].append(f"plots: not drawn, {error}")
    (place / "engine.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (place / "engine.md").write_text(page(result, rows + more, curves, plots), encoding="utf-8")
    print((place / "engine.md").read_text(encoding="utf-8"))
    print(f"written to {place}", file=sys.stderr)


# -- peers ---------------------------------------------------------------------------------------

def peers_at_hand() -> tuple[dict[str, Any], list[str]]:
    """The peers that are installed, by the name of their module, and lines about the others."""
    held: dict[str, Any] = {}
    absent = []
    for name in peers.MODULES:
        try:
            held[name] = importlib.import_module(f"peers.{name}").Peer(SEPARATION)
        except (*_MISSING, KeyError) as error:
            absent.append(f"{name}: not compared with, {type(error).__name__}: {error}")
    return held, absent


def module_of(peer: Any) -> Any:
    """The module that a peer's class is in: NAME, QUESTION, SIZE_MAX."""
    return sys.modules[type(peer).__module__]


def difference(load: Load, asking: Load, right: np.ndarray, found: np.ndarray) -> str:
    """How a peer's pairs differ from ours, in words; and by how little, if it is little."""
    size = len(load.columns)
    want, have = np.unique(right @ (size, 1)), np.unique(found @ (size, 1))
    more, missed = np.setdiff1d(have, want), np.setdiff1d(want, have)
    if not len(more) and not len(missed):
        return f"{len(want):,} pairs, all the same"
    pairs = np.stack(np.divmod(np.concatenate((more, missed)), size), axis=1)
    if len(pairs) > _LOOKED_AT:
        pairs = np.random.default_rng(1).choice(pairs, _LOOKED_AT, replace=False)
    off_m = 0.0
    for a, b in pairs.tolist():
        met = encounter((asking.columns.volume(a),), (load.columns.volume(b),), _FAR)
        off_m = max(off_m, abs(met.lateral_m - SEPARATION.lateral_m) if met else _FAR.lateral_m)
    near = f"all within {off_m:.1f} m of the minimum" if off_m < _FAR.lateral_m else (
        f"up to {off_m / 1000:.0f} km off and more")
    return f"of {len(want):,} pairs {len(missed):,} missing, {len(more):,} too many; {near}"


def timed_peer(peer: Any, load: Load, right: np.ndarray) -> Compared:
    """All pairs of a load, from columns to pairs; once, or the best of three if it is quick."""
    def work() -> None:
        peer.hold(load)
        held_s.append(time.perf_counter())
        found.append(peer.pairs())
    held_s: list[float] = []
    found: list[np.ndarray] = []
    began_s = time.perf_counter()
    took_s = best_s(work, 1)
    hold_share = (held_s[0] - began_s) / took_s
    if took_s < 1.0:
        took_s = min(took_s, best_s(work, 2))
    return Compared(module_of(peer).NAME, took_s, f"{difference(load, load, right, found[0])}; "
                    f"{hold_share:.0%} of the time is loading")


# -- batch ---------------------------------------------------------------------------------------

def batch_rows(scale: Scale, limits: dict[str, float], held: dict[str, Any]) -> list[Row]:
    """All pairs at each size, with every peer that can be asked at it."""
    cores = os.cpu_count()
    rows = []
    for size in scale.batch:
        say(f"batch {size:,}")
        load = traffic.europe(size)
        right = ours.pairs(load)
        columns = load.columns
        read = sum(each.nbytes for each in (columns.places_deg, columns.ends, columns.radii_m,
                                            columns.bands_m_w84, columns.times_ns, load.groups))
        row = Row("batch, all pairs", size, "s", ours.batch_s(load, scale.runs), _AIMS_S.get(size),
                  2 * read / limits["copied_bytes_per_s"]
                  + len(right) * limits["plane_pair_ns"] / 1e9 / cores,
                  "the limit: each number read and written once, and for each answer the least "
                  "arithmetic about two quads, in a plane, on all cores")
        row.peers = [timed_peer(peer, load, right) for peer in held.values()
                     if size <= module_of(peer).SIZE_MAX]
        rows.append(row)
    return rows


# -- online --------------------------------------------------------------------------------------

def online_rows(scale: Scale, limits: dict[str, float], held: dict[str, Any]) -> list[Row]:
    """The index of one load, asked about another: everyone meets everyone, parties or not."""
    say(f"index of {scale.online:,}")
    load, asking = _as_party(traffic.europe(scale.online), 0), _as_party(
        traffic.europe(scale.asked, seed=1), 1)
    some = _as_party(traffic.europe(scale.calls, seed=2), 1)
    rows, found = own_online_rows(scale, limits, load, asking, some)
    for peer in held.values():
        if hasattr(peer, "query"):
            _ask_peer(peer, load, asking, some, found, {row.task: row for row in rows})
    return rows


def own_online_rows(scale: Scale, limits: dict[str, float], load: Load, asking: Load,
                    some: Load) -> tuple[list[Row], np.ndarray]:
    """Our figures, and the answers; the index is let go of before the peers build theirs."""
    size = scale.online
    index, filled_s = ours.filled(load)
    found = ours.answers(index, asking)
    cores, read_s = os.cpu_count(), limits["waiting_read_ns"] / 1e9
    one_s = read_s + len(found) / scale.asked * limits["plane_pair_ns"] / 1e9
    per_volume = index.nbytes / size
    write_s = read_s + per_volume / limits["copied_bytes_per_s"]
    rows = [
        Row("query in bulk", size, "s",
            best_s(lambda: index.query_columns(asking.columns), scale.runs) / scale.asked, 2e-6,
            one_s / cores,
            f"a question, of {scale.asked:,} asked at once that have "
            f"{len(found) / scale.asked:.1f} answers each; the limit: one read of memory that "
            "must be waited for, and the least arithmetic about its answers, on all cores"),
        Row("insert in bulk", size, "s", filled_s / size, 1e-6, write_s,
            "a volume, into an empty index, once; the limit: one read that must be waited for, "
            "and its bytes written"),
        Row("memory a volume", size, "B", per_volume, 250.0,
            (load.columns.places_deg.nbytes + 32 * size) / size,
            "the limit: its corners, band and times as they were given")]
    rows += call_rows(index, some, size, one_s, limits)
    serials = np.arange(scale.asked) + 2 * size
    more_s = best_s(lambda: index.insert_columns(serials, asking.columns), 1)
    rows.append(Row("insert, one by one", size, "s", more_s / scale.asked, 1e-6, write_s,
                    f"a volume, of {scale.asked:,} that a compiled loop adds to those held, once; "
                    "the limit as for one in bulk"))
    return [*rows, *replay_rows(load, scale, filled_s, limits),
            *snapshot_rows(index, size, limits), expire_row(index, size, limits)], found


def _as_party(load: Load, party: int) -> Load:
    return Load(load.name, load.columns, np.full(len(load.columns), party, np.int64))


def _ask_peer(peer: Any, load: Load, asking: Load, some: Load, found: np.ndarray,
              rows: dict[str, Row]) -> None:
    """A peer that holds the same load is asked the same, and given what the calls insert."""
    name = module_of(peer).NAME
    say(f"the same of {name}")
    most = getattr(module_of(peer), "QUESTIONS_MAX", len(asking.columns))
    asking, found = asking.first(most), found[found[:, 0] < most]
    hold_s = best_s(lambda: peer.hold(load), 1) / len(load.columns)
    rows["insert in bulk"].peers.append(Compared(name, hold_s, "loaded in bulk"))
    answer: list[np.ndarray] = []
    query_s = best_s(lambda: answer.append(peer.query(asking)), 1) / len(asking.columns)
    rows["query in bulk"].peers.append(
        Compared(name, query_s, difference(load, asking, found, answer[0])))
    if hasattr(peer, "insert"):
        insert_s = best_s(lambda: peer.insert(some), 1) / len(some.columns)
        rows["insert, one call, median"].peers.append(Compared(name, insert_s, "the mean"))


def call_rows(index: VolumeIndex, some: Load, size: int, one_s: float,
              limits: dict[str, float]) -> list[Row]:
    """Median and p99 of single calls from Python."""
    times = ours.call_times_s(index, some, size)
    call_s, read_s = limits["call_ns"] / 1e9, limits["waiting_read_ns"] / 1e9
    least = {"query": call_s + one_s, "insert": call_s + read_s,
             "query and insert": 2 * call_s + one_s + read_s, "remove": call_s + read_s}
    rows = []
    for name, each in times.items():
        note = (f"one volume a call, {len(each):,} calls; the limit: the call of a compiled "
                "function besides")
        rows.append(Row(f"{name}, one call, median", size, "s", statistics.median(each), None,
                        least[name], note))
        rows.append(Row(f"{name}, one call, p99", size, "s", float(np.quantile(each, 0.99)),
                        15e-6 if name == "query" else None, least[name], note))
    return rows


def replay_rows(load: Load, scale: Scale, filled_s: float, limits: dict[str, float]) -> list[Row]:
    """A whole log into an empty index: from columns, and from values that are built on the way."""
    write_s = limits["waiting_read_ns"] / 1e9
    return [Row("replay, from columns", scale.online, "s", filled_s, None,
                write_s * scale.online, "all volumes; the limit: one read each"),
            Row("replay, from values", scale.values, "s", ours.replay_s(load, scale.values), None,
                write_s * scale.values, "each value built, checked and inserted by calls of its "
                "own")]


def snapshot_rows(index: VolumeIndex, size: int, limits: dict[str, float]) -> list[Row]:
    """The whole index to a file and back; loaded, it is mapped and its digest verified."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "index"
        save_s = best_s(lambda: index.save(path, "bench"), 1)
        load_s = best_s(lambda: VolumeIndex.load(path, SEPARATION, "bench"), 3)
        file_bytes = path.stat().st_size
    copied_s = file_bytes / limits["copied_bytes_per_s"]
    note = f"{file_bytes / 1e6:,.0f} MB; the limit: copying as much"
    return [Row("snapshot, save", size, "s", save_s, None, copied_s, note),
            Row("snapshot, load", size, "s", load_s, None, copied_s, note)]


def expire_row(index: VolumeIndex, size: int, limits: dict[str, float]) -> Row:
    """Half of the day is over."""
    held = index.volumes
    expire_s = best_s(lambda: index.expire(traffic.START_NS + traffic.DAY_NS // 2), 1)
    return Row("expire", size, "s", expire_s / (held - index.volumes), None,
               limits["waiting_read_ns"] / 1e9,
               f"a volume that is gone, of {held - index.volumes:,} at once; the limit: one read "
               "that must be waited for")


def cold_rows(scale: Scale, limits: dict[str, float]) -> list[Row]:
    """A process until its first answer."""
    say("cold start")
    rows = [Row("cold start", 1, "s", ours.cold_start_s(scale.runs), 1.0, limits["python_start_s"],
                "interpreter, imports, kernels from their cache, a volume held and a question "
                "answered; the limit: a process that imports numba")]
    if scale is FULL:
        rows.append(Row("cold start, first of all", 1, "s", ours.first_start_s(), None, None,
                        "the same, and everything compiled: once for each installation"))
    return rows


# -- the page --------------------------------------------------------------------------------------

def page(result: dict[str, Any], rows: list[Row], curves: growth.Growth,
         plots: dict[str, str]) -> str:
    """engine.md."""
    limits = result["limits"]
    parts = [
        "# The conflict engine, its peers and the machine's limits", "",
        *(f"{text}  " for text in result["about"].values()),
        f"Measured in {result['seconds']} s by `make bench`. How to read it: "
        "[README](../README.md)",
        "", "| limit of this machine | |", "|---|---|",
        f"| memory copied, all cores, read and written | {limits['copied_bytes_per_s'] / 1e9:.1f} "
        "GB/s |",
        f"| a read at random that the next one waits for / that none waits for | "
        f"{limits['waiting_read_ns']:.0f} / {limits['free_read_ns']:.1f} ns |",
        f"| two quads that conflict, edge by edge in a plane, one core | "
        f"{limits['plane_pair_ns']:.0f} ns |",
        f"| the same on the ellipsoid, by the exact kernel | {limits['exact_pair_ns']:.0f} ns |",
        f"| the call of a compiled function from Python | {limits['call_ns']:.0f} ns |",
        f"| a process that imports numba | {limits['python_start_s'] * 1e3:.0f} ms |",
        "", as_table(rows), "", "What the peers answer:", "",
        *(f"- {name}: {question}" for name, question in result["questions"].items()),
        *(f"- {line}" for line in result["not_there"]), "", "## Growth", "",
              *(f"![{title}]({name})" for name, title in plots.items()), "",
              growth.as_table(curves), ""]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
