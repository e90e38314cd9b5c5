"""The plots of bench/results: batch beside the peers, growth of the batch, growth of the index."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib import pyplot
from matplotlib.axes import Axes

from growth import Growth
from rows import Row

matplotlib.use("Agg")
_TITLES = {"peers.svg": "All pairs, beside the peers", "growth.svg": "Growth of the batch",
           "index.svg": "Growth of the index"}
_MARKERS = "osD^vP*X"
_LIMIT_COLOUR = "0.6"


def draw(place: Path, rows: list[Row], same: set[str], curves: Growth) -> dict[str, str]:
    """Write the plots into a directory, and say which: titles by file name.

    `same` names the peers that answer the same question. The same figures make the same bytes.
    """
    with pyplot.rc_context({"svg.hashsalt": "luftrom", "font.size": 10, "axes.grid": True,
                            "grid.alpha": 0.25, "axes.axisbelow": True, "lines.markersize": 4,
                            "legend.fontsize": 9}):
        for name, draw_one in (("peers.svg", lambda: _peers(rows, same)),
                               ("growth.svg", lambda: _growth(curves)),
                               ("index.svg", lambda: _index(curves))):
            figure = draw_one()
            figure.savefig(place / name, metadata={"Date": None}, bbox_inches="tight")
            pyplot.close(figure)
    return _TITLES


def _axes(axes: Axes, title: str, across: str, up: str, legend: str) -> None:
    axes.set(title=title, xlabel=across, ylabel=up, xscale="log", yscale="log")
    axes.legend(loc=legend)


def _peers(rows: list[Row], same: set[str]) -> pyplot.Figure:
    """Seconds by volumes: ours, each peer's, and the limit."""
    rows = [row for row in rows if row.task == "batch, all pairs"]
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    axes.plot([row.size for row in rows], [row.ours for row in rows], "-o", lw=2.5, color="black",
              label="luftrom")
    names = dict.fromkeys(peer.name for row in rows for peer in row.peers)
    for marker, name in zip(_MARKERS[1:], names, strict=False):
        seen = [(row.size, peer) for row in rows for peer in row.peers if peer.name == name]
        dashes, remark = ("-", "") if name in same else ("--", " (another question)")
        axes.plot([size for size, _ in seen], [peer.figure for _, peer in seen],
                  dashes + marker, label=name + remark)
    axes.plot([row.size for row in rows], [row.limit for row in rows], ":", color=_LIMIT_COLOUR,
              label="limit of the machine")
    _axes(axes, "All conflicting pairs, from columns to pairs", "volumes", "seconds",
          "lower right")
    return figure


def _growth(curves: Growth) -> pyplot.Figure:
    """Seconds by volumes, and what each volume and answer costs."""
    figure, (whole, each) = pyplot.subplots(1, 2, figsize=(12, 4.8))
    kinds = dict.fromkeys(point.kind for point in curves.points)
    for marker, kind in zip(_MARKERS, kinds, strict=False):
        points = [point for point in curves.points if point.kind == kind]
        volumes = [point.volumes for point in points]
        whole.plot(volumes, [point.batch_s for point in points], "-" + marker, label=kind)
        each.plot([point.volumes + point.answers for point in points],
                  [point.each_s * 1e6 for point in points],
                  "-" + marker, label=kind)
    _axes(whole, "All conflicting pairs", "volumes", "seconds", "lower right")
    _axes(each, "The same, for each volume and answer", "volumes and answers", "microseconds",
          "upper right")
    whole.get_legend().remove()
    return figure


def _index(curves: Growth) -> pyplot.Figure:
    """Microseconds a question and an insertion by volumes held."""
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    kinds = dict.fromkeys(point.kind for point in curves.index_points)
    for colour, (marker, kind) in enumerate(zip(_MARKERS, kinds, strict=False)):
        points = [point for point in curves.index_points if point.kind == kind]
        volumes = [point.volumes for point in points]
        axes.plot(volumes, [point.query_s * 1e6 for point in points], "-" + marker,
                  color=f"C{colour}", label=f"query, {kind}")
        axes.plot(volumes, [point.insert_s * 1e6 for point in points], "--" + marker,
                  color=f"C{colour}", label=f"insert, {kind}")
    _axes(axes, "The index, in bulk", "volumes held", "microseconds each", "upper left")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))
    return figure
