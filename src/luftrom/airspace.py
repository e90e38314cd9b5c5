"""What flies, and who has right of way: the values of the airspace, the rules between two of them.

Everything here is a pure function of signed statements and the agreement, so that two nodes that
hold the same statements come to the same answer, bit for bit. States and transitions follow ASTM
F3548-21; the rules are those of the protocol model, pairwise, and nothing cascades.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from luftrom import limits
from luftrom.agreement import Agreement
from luftrom.base64url import encode_base64url
from luftrom.clock import NS_PER_S, format_time
from luftrom.errors import BadInput
from luftrom.volume import Polygon, Separation, Volume4D

ACCEPTED, ACTIVATED = "Accepted", "Activated"
NONCONFORMING, CONTINGENT = "Nonconforming", "Contingent"
STATES = (ACCEPTED, ACTIVATED, NONCONFORMING, CONTINGENT)
OFF_NOMINAL_STATES = (NONCONFORMING, CONTINGENT)
# F3548-21, state diagram of an operational intent; a contingent intent can only be ended.
TRANSITIONS: Mapping[str | None, tuple[str, ...]] = {
    None: (ACCEPTED, ACTIVATED, NONCONFORMING, CONTINGENT),
    ACCEPTED: (ACCEPTED, ACTIVATED, NONCONFORMING, CONTINGENT),
    ACTIVATED: (ACTIVATED, NONCONFORMING, CONTINGENT),
    NONCONFORMING: (NONCONFORMING, ACTIVATED, CONTINGENT),
    CONTINGENT: (CONTINGENT,),
}

PRIORITY, DECLARED_FIRST, TURN = "priority", "declared_first", "turn"
UNNAMED, CONSTRAINT, SAME_ENTITY = "unnamed", "constraint", "same_entity"

# More than a peer's clock may be ahead (`limits.STATEMENT_AHEAD_S_MAX`): whoever dates a statement
# as late as it is taken still meets everything that is not over.
OVER_S = 7_200


@dataclass(frozen=True, slots=True)
class Intent:
    """The content of an operational intent as its manager declares it.

    `priority` is None where the manager did not tell it (plain F3548 DSS clients, who answer for
    the priority themselves and prove by `key` that they knew whom they meet).
    """

    entity_id: str
    manager: str
    name: str
    state: str
    priority: int | None
    volumes: tuple[Volume4D, ...]
    off_nominal_volumes: tuple[Volume4D, ...] = ()
    uss_base_url: str = ""
    remarks: str = ""
    key: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise BadInput(f"must be one of {', '.join(STATES)}", field="state")
        count = len(self.volumes) + len(self.off_nominal_volumes)
        if not count:
            raise BadInput("must hold at least one 4D volume", field="volumes")
        if count > limits.VOLUMES_MAX:
            raise BadInput(f"has {count} 4D volumes; at most {limits.VOLUMES_MAX} are taken",
                           field="volumes")
        _check_vertices(self.all_volumes)
        if self.off_nominal_volumes and self.state not in OFF_NOMINAL_STATES:
            raise BadInput(f"must be empty in state {self.state}", field="off_nominal_volumes")
        _check_text(self.name, "name", limits.NAME_CHARS_MAX)
        _check_text(self.remarks, "remarks", limits.REMARKS_CHARS_MAX)

    @property
    def all_volumes(self) -> tuple[Volume4D, ...]:
        """Nominal and off-nominal volumes: what others must stay clear of."""
        return self.volumes + self.off_nominal_volumes


@dataclass(frozen=True, slots=True)
class Notice:
    """The content of a constraint (a prior notice): airspace closed or hazardous for a time."""

    entity_id: str
    manager: str
    name: str
    kind: str
    volumes: tuple[Volume4D, ...]
    remarks: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.volumes) <= limits.VOLUMES_MAX:
            raise BadInput(f"must hold 1 to {limits.VOLUMES_MAX} 4D volumes", field="volumes")
        _check_vertices(self.volumes)
        _check_text(self.name, "name", limits.NAME_CHARS_MAX)
        _check_text(self.kind, "kind", limits.NAME_CHARS_MAX)
        _check_text(self.remarks, "remarks", limits.REMARKS_CHARS_MAX)


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
    """Who of two has right of way, by which rule, and the reason as half a sentence."""

    first: bool
    rule: str
    reason: str


def derive_ovn(entity_id: str, version: int, details: bytes) -> str:
    """The OVN of a version: a digest of its identity and of the disclosure that holds its details.

    The disclosure is salted (RFC 9901) and its digest stands in the signed statement, so version,
    OVN and content are bound in one statement, and nobody can tell the OVN who was not shown it.
    """
    text = f"luftrom-ovn/1\n{entity_id}\n{version}\n".encode() + details
    return encode_base64url(hashlib.sha256(text).digest())


def over_until_ns(later_s: int, separation: Separation) -> int:
    """Up to which end, in ns since 1970, a volume is over where two declarations are compared.

    `later_s` is the later of their two times, in seconds (`Record.as_of_s` in `index`). What ended
    `OVER_S` and the time minimum before it can come near nothing that is yet to be flown.
    """
    return (later_s - OVER_S) * NS_PER_S - round(separation.time_s * NS_PER_S)


def not_over(volumes: tuple[Volume4D, ...], over_until_ns: int) -> tuple[Volume4D, ...]:
    """Those that end after a time, in ns since 1970."""
    return tuple(v for v in volumes if v.time_end_ns > over_until_ns)


def check_transition(before: str | None, after: str) -> None:
    """BadInput unless F3548-21 lets an intent go from state `before` (None: new) to `after`."""
    if after not in TRANSITIONS[before]:
        raise BadInput(f"cannot go from {before} to {after}", field="state")


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
    declared = own is not None and other is not None
    same_entity = asking.intent.entity_id == standing.intent.entity_id
    if declared and not same_entity and _permits(agreement, own):
        return None
    return None if _turn(asking, standing, agreement, overlap_start_ns()) == asking.party else TURN


def refusal_sentence(rule: str, name: str, party: str) -> str:
    """Why a declaration was refused, as one sentence about the one it lost to."""
    reasons = {
        PRIORITY: f"{name} of {party} has the higher priority.",
        DECLARED_FIRST: f"{name} of {party} was declared first, and conflicts are not permitted "
                        "at this priority.",
        TURN: f"{name} of {party} crossed it on the wire, and {party} has the turn in that hour.",
        UNNAMED: f"{name} of {party} was known, and the key does not name its OVN.",
        SAME_ENTITY: f"{name} of {party} bears the same identifier and was declared first."}
    return reasons.get(rule, f"It loses to {name} of {party}: {rule}.")


def right_of_way(x: Declared, y: Declared, agreement: Agreement | None,
                 overlap_start_ns: int) -> RightOfWay:
    """Who has right of way where two accepted intents conflict; `first` says whether it is `x`."""
    own, other = x.intent.priority or 0, y.intent.priority or 0
    if own != other:
        return RightOfWay(own > other, PRIORITY,
                          f"its priority is {max(own, other)}, the other's is {min(own, other)}")
    if knew(y, x) != knew(x, y):
        return RightOfWay(knew(y, x), DECLARED_FIRST, "it was declared first")
    party = _turn(x, y, agreement, overlap_start_ns)
    hour = format_time(overlap_start_ns)[11:13]
    return RightOfWay(party == x.party, TURN,
                      f"the two crossed on the wire and {party} has the turn from {hour}:00Z")


def _permits(agreement: Agreement | None, priority: int) -> bool:
    return agreement is not None and agreement.permits_conflicts(priority)


def _turn(x: Declared, y: Declared, agreement: Agreement | None, time_ns: int) -> str:
    if agreement is None or x.party == y.party:
        return x.party if x.index < y.index else y.party
    return agreement.turn(x.party, y.party, time_ns)


def format_distance(lateral_m: float, vertical_m: float) -> str:
    """The closest distance of two volumes as words."""
    def metres(value: float) -> str:
        if value < 1:
            return "under 1 m"
        return f"{value:.0f} m" if value < 10_000 else f"{value / 1000:.0f} km"

    if lateral_m <= 0 and vertical_m <= 0:
        return "volumes overlap"
    parts = [f"{metres(value)} {word}" for value, word in
             ((lateral_m, "lateral"), (vertical_m, "vertical")) if value > 0]
    return ", ".join(parts)


def format_interval(time_start_ns: int, time_end_ns: int) -> str:
    """`12:04–12:09Z`: seconds within one minute, the day in front where the ends' days differ."""
    start, end = (format_time(t // NS_PER_S * NS_PER_S) for t in (time_start_ns, time_end_ns))
    if start[:10] != end[:10]:
        return f"{start[:16]}Z–{end[:16]}Z"
    digits = 19 if start[:16] == end[:16] else 16
    return f"{start[11:digits]}–{end[11:digits]}Z"


def _check_vertices(volumes: tuple[Volume4D, ...]) -> None:
    count = sum(len(v.outline.vertices) for v in volumes if isinstance(v.outline, Polygon))
    if count > limits.INTENT_VERTICES_MAX:
        raise BadInput(f"have {count} vertices in all; at most {limits.INTENT_VERTICES_MAX} are "
                       "taken", field="volumes")


def _check_text(text: str, field: str, most: int) -> None:
    if len(text) > most:
        raise BadInput(f"has {len(text)} characters; at most {most} are taken", field=field)
    if any(ord(c) < 32 and c not in "\n\t" for c in text):
        raise BadInput("must not contain control characters", field=field)
