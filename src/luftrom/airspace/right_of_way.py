"""Who has right of way between two declarations: pairwise rules, and nothing cascades.

Everything here is a pure function of signed statements and the agreement, so that two nodes that
hold the same statements come to the same answer, bit for bit. The rules are those of the protocol
model (tests/federation/simulation.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from luftrom.agreement.terms import Agreement
from luftrom.airspace.intent import OFF_NOMINAL_STATES, Intent

PRIORITY, DECLARED_FIRST, TURN = "priority", "declared_first", "turn"
UNNAMED, CONSTRAINT, SAME_ENTITY = "unnamed", "constraint", "same_entity"
SILENT = "silent"                          # accepted under `proceed` while the other said nothing
DOUBTFUL = "doubtful"                      # ruled past what its author had seen and was not shown
OUTSIDE_TERMS = "outside_terms"            # it loses to nobody else: it does not count


class Declared(Protocol):
    """What the rules need of a declaration: where it stands, what its author knew, what it asks."""

    @property
    def party(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def seen(self) -> Mapping[str, int]: ...
    @property
    def intent(self) -> Intent: ...
    @property
    def ovn(self) -> str: ...


@dataclass(frozen=True, slots=True)
class RightOfWay:
    """Who of two has right of way and by which rule, with what `sentences` needs to say why.

    `first` says whether it is the first of the two; `party` is whose it is, `priorities` are those
    of the two, and `time_ns` is when their overlap begins.
    """

    first: bool
    rule: str
    party: str
    time_ns: int
    priorities: tuple[int, int] = (0, 0)


def knew(later: Declared, earlier: Declared) -> bool:
    """Had the author of `later` applied `earlier` when it signed? A fact of the two statements."""
    if later.party == earlier.party:
        return later.index > earlier.index
    return later.seen.get(earlier.party, 0) > earlier.index


def refusal(asking: Declared, standing: Declared, agreement: Agreement | None,
            overlap_start_ns: Callable[[], int]) -> str | None:
    """The rule by which `asking` loses to `standing`, or None.

    The two conflict, and `standing` stood where the rule looks: in what the author of `asking` had
    seen, or on the wire when the two crossed. `overlap_start_ns` is asked only if a turn decides.
    """
    same_entity = asking.intent.entity_id == standing.intent.entity_id
    if asking.intent.state in OFF_NOMINAL_STATES and not same_entity:
        return None                        # flown as it must be: the standard asks for no key here
    if same_entity:
        if knew(asking, standing):
            return SAME_ENTITY
    elif knew(asking, standing):
        return _refusal_of_the_later(asking, standing, agreement)
    return _refusal_of_the_crossed(asking, standing, agreement, overlap_start_ns)


def _refusal_of_the_later(asking: Declared, standing: Declared,
                          agreement: Agreement | None) -> str | None:
    own, other = asking.intent.priority, standing.intent.priority or 0
    if own is None:
        if standing.ovn not in asking.intent.key:
            return UNNAMED
        if agreement is None or agreement.undeclared_priority_permits:
            return None
        own = 0
    if own != other:
        return None if own > other else PRIORITY
    return None if _permits(agreement, own) else DECLARED_FIRST


def _refusal_of_the_crossed(asking: Declared, standing: Declared, agreement: Agreement | None,
                            overlap_start_ns: Callable[[], int]) -> str | None:
    own, other = asking.intent.priority, standing.intent.priority
    if (own or 0) != (other or 0):
        return None if (own or 0) > (other or 0) else PRIORITY
    same_entity = asking.intent.entity_id == standing.intent.entity_id
    if (own is not None and other is not None and not same_entity
            and _permits(agreement, own)):
        return None
    return None if _turn(asking, standing, agreement, overlap_start_ns()) == asking.party else TURN


def right_of_way(x: Declared, y: Declared, agreement: Agreement | None,
                 overlap_start_ns: int, silent: frozenset[str] = frozenset()) -> RightOfWay:
    """Who has right of way where two accepted intents conflict; `first` says whether it is `x`.

    `silent` names those of the two parties without whom the other's intent was accepted: who was
    silent yields, and if both were, the rules decide as ever.
    """
    own, other = x.intent.priority or 0, y.intent.priority or 0
    if len(silent) == 1 and not knew(x, y) and not knew(y, x):
        first, rule = y.party in silent, SILENT
    elif own != other:
        first, rule = own > other, PRIORITY
    elif knew(y, x) != knew(x, y):
        first, rule = knew(y, x), DECLARED_FIRST
    else:
        first, rule = _turn(x, y, agreement, overlap_start_ns) == x.party, TURN
    return RightOfWay(first, rule, x.party if first else y.party, overlap_start_ns, (own, other))


def closed(notice_party: str, overlap_start_ns: int) -> RightOfWay:
    """Right of way of a constraint, the second of the two: whoever enters it yields."""
    return RightOfWay(False, CONSTRAINT, notice_party, overlap_start_ns)


def _permits(agreement: Agreement | None, priority: int) -> bool:
    return agreement is not None and agreement.permits_conflicts(priority)


def _turn(x: Declared, y: Declared, agreement: Agreement | None, time_ns: int) -> str:
    if agreement is None or x.party == y.party:
        return x.party if x.index < y.index else y.party
    return agreement.turn(x.party, y.party, time_ns)
