"""The conflict engine beside its peers and the machine's limits, all in one run.

`make bench` installs the peers, runs this, and so writes bench/results/: `engine.md` with the
table, `engine.json` with every number, and plots. `--quick` takes two minutes, at smaller sizes,
and writes to build/bench-results/.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import growth
import machine
import numpy as np
import ours
import peers
import plots
import snapshot
import traffic
from machine import best_s
from rows import Compared, Row, as_json, as_table
from traffic import SEPARATION, Load

from luftrom.conflicts import encounter
from luftrom.volume import Separation

_ROOT = Path(__file__).parents[1]
_OTHERS = ("approach", "coverings", "error")
_FAR = Separation(lateral_m=20_000.0, vertical_m=0.0, time_s=0.0)
_LOOKED_AT = 500                           # differing pairs whose distance is computed
_MISSING = (ImportError, OSError, subprocess.CalledProcessError)
_AIMS_S = {100_000: 0.030, 1_000_000: 0.5}
_COLD_NOTE = "interpreter, imports, kernels from the cache; the limit is the import of numba alone"


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
    cold = ours.cold_starts_s(scale.runs)
    load = traffic.europe(min(scale.batch[-1], 100_000))
    limits = machine.limits(load.columns, ours.pairs(load), SEPARATION)
    held, absent = peers_at_hand()
    try:
        versions = [f"{name} {peer.version}" for name, peer in held.items()
                    if hasattr(peer, "version")]
        rows = batch_rows(scale, limits, held) + online_rows(scale, limits, held)
    finally:
        for peer in held.values():
            peer.close()
    rows += [cold_row("cold start, first of all", cold[0], None,
                      limits), cold_row("cold start", cold[1], 1.0, limits)]
    others, gone = other_rows()
    say("growth")
    curves = growth.measure(scale.growth, scale.budget_s)
    about = machine.describe()
    about["versions"] = ", ".join([about["versions"], *versions])
    result = {"about": about, "seconds": round(time.monotonic() - began_s), "limits": limits,
              "not_there": absent + gone, "rows": as_json(rows + others),
              "growth": curves.as_json()}
    (place / "engine.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (place / "engine.md").write_text(page(result, rows + others, curves), encoding="utf-8")
    plots.draw(place, rows, curves)
    print((place / "engine.md").read_text(encoding="utf-8"))
    print(f"written to {place}", file=sys.stderr)


def say(what: str) -> None:
    """Where the run is."""
    print(time.strftime("%H:%M:%S"), what, file=sys.stderr, flush=True)


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
        return f"{len(want):,} pairs, the same"
    pairs = np.stack(np.divmod(np.concatenate((more, missed)), size), axis=1)
    if len(pairs) > _LOOKED_AT:
        pairs = np.random.default_rng(1).choice(pairs, _LOOKED_AT, replace=False)
    off_m = []
    for a, b in pairs.tolist():
        met = encounter((asking.columns.volume(a),), (load.columns.volume(b),), _FAR)
        off_m.append(abs(met.lateral_m - SEPARATION.lateral_m) if met else np.inf)
    within = f"within {max(off_m):.2f} m of it" if max(off_m) < 100.0 else (
        f"up to {max(off_m):,.0f} m from it")
    return (f"{len(want):,} pairs; {len(more):,} too many, {len(missed):,} missing: their "
            f"distances are {within}")


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
    module = module_of(peer)
    return Compared(module.NAME, took_s, f"{module.QUESTION}; "
                    f"{difference(load, load, right, found[0])}; {hold_share:.0%} is loading")


# -- batch ---------------------------------------------------------------------------------------

def batch_rows(scale: Scale, limits: dict[str, float], held: dict[str, Any]) -> list[Row]:
    """All pairs at each size, with every peer that can be asked at it."""
    cores = machine.threads()
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
    size = scale.online
    say(f"index of {size:,}")
    load, asking = _as_party(traffic.europe(size), 0), _as_party(
        traffic.europe(scale.asked, seed=1), 1)
    some = _as_party(traffic.europe(scale.calls, seed=2), 1)
    index, filled_s = ours.filled(load)
    found = ours.answers(index, asking)
    cores, read_s = machine.threads(), limits["waiting_read_ns"] / 1e9
    one_s = read_s + len(found) / scale.asked * limits["plane_pair_ns"] / 1e9
    query = Row("query in bulk", size, "s",
                best_s(lambda: index.query_columns(asking.columns), scale.runs) / scale.asked,
                2e-6, one_s / cores,
                f"a question, of {scale.asked:,} asked at once; the limit: one read of memory that "
                "must be waited for, and the least arithmetic about its answers, on all cores")
    per_volume = index.nbytes / size
    insert = Row("insert in bulk", size, "s", filled_s / size, 1e-6,
                 read_s + per_volume / limits["copied_bytes_per_s"],
                 "a volume, into an empty index, once; the limit: one read that must be waited "
                 "for, and its bytes written")
    memory = Row("memory a volume", size, "B", per_volume, 250.0,
                 (load.columns.places_deg.nbytes + 32 * size) / size,
                 note="the limit: its corners, band and times as they were given")
    calls = call_rows(index, some, size, one_s, limits)
    saved = snapshot.rows(index, size, limits)
    replay = replay_rows(load, scale, filled_s, limits)
    del index
    for peer in held.values():
        if hasattr(peer, "query"):
            _ask_peer(peer, load, asking, some, found, query, insert, calls)
    return [query, insert, memory, *calls, *replay, *saved]


def _as_party(load: Load, party: int) -> Load:
    return Load(load.name, load.columns, np.full(len(load.columns), party, np.int64))


def _ask_peer(peer: Any, load: Load, asking: Load, some: Load, found: np.ndarray, query: Row,
              insert: Row, calls: list[Row]) -> None:
    """A peer that holds the same load is asked the same, and given what the calls insert."""
    module = module_of(peer)
    say(f"the same of {module.NAME}")
    began_s = time.perf_counter()
    peer.hold(load)
    hold_s = time.perf_counter() - began_s
    insert.peers.append(Compared(module.NAME, hold_s / len(load.columns), "loaded in bulk"))
    answer: list[np.ndarray] = []
    took_s = best_s(lambda: answer.append(peer.query(asking)), 1)
    compared = Compared(module.NAME, took_s / len(asking.columns),
                        f"{module.QUESTION}; {difference(load, asking, found, answer[0])}")
    query.peers.append(compared)
    if hasattr(peer, "insert"):
        took_s = best_s(lambda: peer.insert(some), 1) / len(some.columns)
        next(row for row in calls if row.task == "insert, one call, median").peers.append(
            Compared(module.NAME, took_s, "mean; one call each"))


def call_rows(index: Any, some: Load, size: int, one_s: float,
              limits: dict[str, float]) -> list[Row]:
    """Median and p99 of single calls from Python."""
    ours.call_times_s(index, traffic.europe(100, seed=3), size)        # compiled, and warm
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


def cold_row(task: str, took_s: float, aim_s: float | None, limits: dict[str, float]) -> Row:
    """A process until its first answer."""
    note = _COLD_NOTE if aim_s else "everything compiled: what an installation does once"
    return Row(task, 1, "s", took_s, aim_s, limits["python_start_s"], note)


# -- other benchmarks and the page -----------------------------------------------------------------

def other_rows() -> tuple[list[Row], list[str]]:
    """What `approach`, `coverings` and `error` measure, and lines about those that cannot."""
    rows: list[Row] = []
    gone = []
    for name in _OTHERS:
        say(name)
        try:
            measured = importlib.import_module(name).measure()
        except _MISSING as error:
            gone.append(f"{name}: not measured, {type(error).__name__}: {error}")
            continue
        for each in measured:
            figure, unit = each.get("seconds", each.get("value")), each.get("unit", "s")
            row = next((row for row in rows if (row.task, row.size) == (
                each["task"], each["size"])), None)
            if row is None:
                row = Row(each["task"], each["size"], unit, None)
                rows.append(row)
            if each["subject"] == "luftrom":
                row.ours, row.note = figure, each["note"]
            else:
                row.peers.append(Compared(each["subject"], figure, each["note"]))
    return rows, gone


def page(result: dict[str, Any], rows: list[Row], curves: growth.Growth) -> str:
    """engine.md."""
    limits = result["limits"]
    parts = [
        "# The conflict engine, its peers and the machine's limits", "",
        *(f"{text}  " for text in result["about"].values()),
        f"Measured in {result['seconds']} s by `make bench`. How to read it: [README](../README.md)",
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
        "", as_table(rows), ""]
    parts += [f"- {line}" for line in result["not_there"]]
    parts += ["", "## Growth", "",
              *(f"![{title}]({name})" for name, title in plots.NAMES.items()), "",
              growth.as_table(curves), ""]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
