"""When a 4D volume is over, so that it plays no part between two declarations any more.

Both times are those that the declarations themselves name; see docs/decisions/over.md.
"""

from __future__ import annotations

from luftrom.clock import NS_PER_S
from luftrom.geometry.volume import Separation, Volume4D

# More than a peer's clock may be ahead (`limits.STATEMENT_AHEAD_S_MAX`): whoever dates a statement
# as late as it is taken still meets everything that is not over.
OVER_S = 7_200


def over_until_ns(later_s: int, separation: Separation) -> int:
    """Up to which end, in ns since 1970, a volume is over where two declarations are compared.

    `later_s` is the later of their two times, in seconds (`Record.as_of_s` in `state`). What ended
    `OVER_S` and the time minimum before it can come near nothing that is yet to be flown.
    """
    return (later_s - OVER_S) * NS_PER_S - round(separation.time_s * NS_PER_S)


def not_over(volumes: tuple[Volume4D, ...], over_until_ns: int) -> tuple[Volume4D, ...]:
    """Those that end after a time, in ns since 1970."""
    return tuple(v for v in volumes if v.time_end_ns > over_until_ns)
