"""What several commands print in the same words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def print_conflicts(shown: Sequence[Mapping[str, Any]], count: int) -> None:
    """The first of `count` conflicts, as documents: each a sentence, and where it is."""
    from luftrom.cli.terminal import plural, print_line, print_table

    print_line(plural(count, "conflict") if count else "No conflict", "title" if count else "ok")
    print_table(("", ""), [(f"{number:,}", f"{item['sentence']}\n{_place(item)}")
                           for number, item in enumerate(shown, 1)], header=False)
    if count > len(shown):
        print_line(f"and {count - len(shown):,} more", "dim")


def _place(item: Mapping[str, Any]) -> str:
    """Where two meet: 46.75° N 7.43° E, 700–820 m W84."""
    lat, lng = item["where"]["lat"], item["where"]["lng"]
    return (f"{abs(lat):.3f}° {'N' if lat >= 0 else 'S'} {abs(lng):.3f}° "
            f"{'E' if lng >= 0 else 'W'}, {item['altitude_m_w84_lower']:,.0f}–"
            f"{item['altitude_m_w84_upper']:,.0f} m W84")


def print_usage(usage: Sequence[Mapping[str, Any]]) -> None:
    """How much of each quota each party uses; one that is nine tenths used stands out."""
    from luftrom.cli.terminal import print_table

    def cell(quota: Mapping[str, Any]) -> object:
        text = f"{quota['used']:,.6g} of {quota['most']:,.6g}"
        return ("warning", text) if quota["used"] >= 0.9 * quota["most"] else text

    rows = [(each["party"], *map(cell, each["quotas"])) for each in usage if each["quotas"]]
    if rows:
        print_table(("Party", *(quota["term"] for quota in usage[0]["quotas"])), rows)
