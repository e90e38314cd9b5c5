"""The clock as a parameter, RFC 3339 in and out. Times are UTC, integer nanoseconds since 1970.

Nothing below the edges reads a clock of its own: whoever needs the time is given a `Clock`.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from luftrom.errors import BadInput

NS_PER_S = 1_000_000_000
TIME_NS_MIN = -(1 << 62)   # "no start": earlier than any real time
TIME_NS_MAX = 1 << 62      # "no end": later than any real time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_RFC3339 = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z", re.ASCII)


class Clock(Protocol):
    """Where a node gets its time from."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z."""
        ...

    def elapsed_ns(self) -> int:
        """Nanoseconds since some fixed moment; never goes back, whatever is done to the clock."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        return time.time_ns()

    def elapsed_ns(self) -> int:
        return time.monotonic_ns()


def parse_time(text: str, field: str | None = None) -> int:
    """RFC 3339 with time zone `Z` (F3548-21, schema Time) to nanoseconds since 1970.

    Raises BadInput: another zone, a day that does not exist, a leap second, more than nine digits.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise BadInput("must be an RFC 3339 time with zone Z and at most nine digits of a second, "
                       "such as 2026-11-24T12:04:00Z", field=field)
    day, hour, minute, second, fraction = match.groups()
    try:
        ordinal = _ordinal(day)
    except ValueError as error:
        raise BadInput(f"no such time: {error}", field=field) from None
    if hour > "23" or minute > "59" or second > "59":
        raise BadInput("no such time: hours are 00 to 23, minutes and seconds 00 to 59",
                       field=field)
    seconds = ((ordinal * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
    return seconds * NS_PER_S + (int(fraction.ljust(9, "0")) if fraction else 0)


@lru_cache(maxsize=4096)                   # one activity after the other names the same days
def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal() - _EPOCH_DAY


@lru_cache(maxsize=4096)
def format_time(time_ns: int) -> str:
    """Nanoseconds since 1970 to RFC 3339 with `Z`, with as many digits of a second as needed."""
    seconds, ns = divmod(time_ns, NS_PER_S)
    text = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return f"{text}.{ns:09d}".rstrip("0") + "Z" if ns else f"{text}Z"
