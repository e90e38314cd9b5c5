"""Counters of the API and gauges of the node as Prometheus text (exposition format 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import Any

from luftrom import __version__
from luftrom.node.channel import Channel
from luftrom.node.node import Node

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STATES = ("fresh", "withholding", "stale", "silent", "broken")


class Metrics:
    """What was asked, how it was answered, and how long it took."""

    def __init__(self) -> None:
        self._requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._buckets: dict[str, list[int]] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        self._requests[operation, status] += 1
        buckets = self._buckets.get(operation)
        if buckets is None:
            buckets = self._buckets[operation] = [0] * (len(BUCKETS_S) + 1)
        buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self._seconds[operation] += seconds

    def text(self, node: Node, streams: int) -> bytes:
        """The exposition of everything as it stands."""
        lines: list[str] = []
        self._requests_lines(lines)
        intents, constraints, conflicts = node.counts()
        _gauge(lines, "luftrom_build_info", "The version of this node.",
               [(f'version="{__version__}",party="{node.party}"', 1)])
        _gauge(lines, "luftrom_log_leaves", "Leaves of the own log.", [("", node.log.size)])
        _gauge(lines, "luftrom_airspace_revision", "Revision of the airspace.",
               [("", node.airspace.revision)])
        _gauge(lines, "luftrom_airspace_items", "What stands in the airspace.",
               [('kind="operational_intents"', intents), ('kind="constraints"', constraints),
                ('kind="conflicts"', conflicts)])
        _gauge(lines, "luftrom_event_streams", "Open event streams.", [("", streams)])
        for name, text in (("used", "Of each bound, how much a party uses."),
                           ("most", "Of each bound, what is agreed.")):
            _gauge(lines, f"luftrom_bound_{name}", text,
                   [(f'party="{party.name}",term="{each.term}"', getattr(each, name))
                    for party in (node.agreement.parties if node.agreement else ())
                    for each in node.airspace.bounds.usage(party.name)])
        _gauge(lines, "luftrom_signs", "1 while the node signs; 0 while its log may not be whole.",
               [("", int(node.wholeness.state == "open"))])
        self._channel_lines(lines, node.channels())
        _gauge(lines, "luftrom_proofs", "Kept proofs of misbehaviour.", [("", len(node.proofs()))])
        return ("\n".join(lines) + "\n").encode()

    def _requests_lines(self, lines: list[str]) -> None:
        name = "luftrom_http_requests_total"
        lines += [f"# HELP {name} Answered requests.", f"# TYPE {name} counter"]
        lines += [f'{name}{{operation="{operation}",status="{status}"}} {count}'
                  for (operation, status), count in sorted(self._requests.items())]
        name = "luftrom_http_request_seconds"
        lines += [f"# HELP {name} Time from request to answer.", f"# TYPE {name} histogram"]
        for operation, buckets in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*BUCKETS_S, "+Inf"), buckets, strict=True):
                total += count
                lines.append(f'{name}_bucket{{operation="{operation}",le="{bound}"}} {total}')
            lines.append(f'{name}_sum{{operation="{operation}"}} {self._seconds[operation]:.6f}')
            lines.append(f'{name}_count{{operation="{operation}"}} {total}')

    def _channel_lines(self, lines: list[str], channels: list[Channel]) -> None:
        def each(value: str) -> list[tuple[str, Any]]:
            return [(f'peer="{c.peer}"', getattr(c, value)) for c in channels
                    if getattr(c, value) is not None]

        _gauge(lines, "luftrom_channel_state", "1 for the state that a channel is in.",
               [(f'peer="{c.peer}",state="{state}"', int(c.state == state))
                for c in channels for state in _STATES])
        _gauge(lines, "luftrom_channel_age_seconds", "Since the peer's last verified word.",
               each("age_s"))
        _gauge(lines, "luftrom_channel_round_trip_milliseconds", "The last exchange.",
               each("round_trip_ms"))
        _gauge(lines, "luftrom_channel_clock_offset_seconds",
               "How far the peer's clock is ahead of ours.", each("clock_offset_s"))
        _gauge(lines, "luftrom_receipts_outstanding", "Own leaves without the peer's receipt.",
               each("receipts_outstanding"))
        _gauge(lines, "luftrom_mirror_leaves", "Leaves of the peer's log held here.",
               each("mirror_size"))
        _gauge(lines, "luftrom_channel_withheld_seconds", "For how long the peer owes what it "
               "withholds.", [(f'peer="{c.peer}",what="{each.what}"', each.age_s)
                              for c in channels for each in c.withheld])
        _gauge(lines, "luftrom_channel_forked_time_seconds", "Since when the peer is told to have "
               "forked, in seconds since 1970.",
               [(f'peer="{c.peer}"', c.forked.iat_s) for c in channels if c.forked is not None])
        for name, value in (("made", "checks_made"), ("missed", "checks_missed")):
            _gauge(lines, f"luftrom_channel_checks_{name}_total", f"Checks {name}.", each(value),
                   kind="counter")


def _gauge(lines: list[str], name: str, text: str, values: list[tuple[str, Any]],
           kind: str = "gauge") -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"
              for labels, value in values]
