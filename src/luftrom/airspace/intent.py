"""An operational intent as its manager declares it, and the states it may go through.

States and transitions follow ASTM F3548-21. What cannot be such a value raises BadInput.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from luftrom import limits
from luftrom.base64url import encode_base64url
from luftrom.errors import BadInput
from luftrom.geometry.volume import Polygon, Volume4D

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
        check_vertices(self.all_volumes)
        if self.off_nominal_volumes and self.state not in OFF_NOMINAL_STATES:
            raise BadInput(f"must be empty in state {self.state}", field="off_nominal_volumes")
        check_text(self.name, "name", limits.NAME_CHARS_MAX)
        check_text(self.remarks, "remarks", limits.REMARKS_CHARS_MAX)

    @property
    def all_volumes(self) -> tuple[Volume4D, ...]:
        """Nominal and off-nominal volumes: what others must stay clear of."""
        return self.volumes + self.off_nominal_volumes


def derive_ovn(entity_id: str, version: int, details: bytes) -> str:
    """The OVN of a version: a digest of its identity and of the disclosure that holds its details.

    The disclosure is salted (RFC 9901) and its digest stands in the signed statement, so version,
    OVN and content are bound in one statement, and nobody can tell the OVN who was not shown it.
    """
    text = f"luftrom-ovn/1\n{entity_id}\n{version}\n".encode() + details
    return encode_base64url(hashlib.sha256(text).digest())


def check_transition(before: str | None, after: str) -> None:
    """BadInput unless F3548-21 lets an intent go from state `before` (None: new) to `after`."""
    if after not in TRANSITIONS[before]:
        raise BadInput(f"cannot go from {before} to {after}", field="state")


def check_vertices(volumes: tuple[Volume4D, ...]) -> None:
    """BadInput if polygons have more vertices in all than a declaration may."""
    count = sum(len(v.outline.vertices) for v in volumes if isinstance(v.outline, Polygon))
    if count > limits.INTENT_VERTICES_MAX:
        raise BadInput(f"have {count} vertices in all; at most {limits.INTENT_VERTICES_MAX} are "
                       "taken", field="volumes")


def check_text(text: str, field: str, most: int) -> None:
    """BadInput if a text is longer than `most` characters or has control characters."""
    if len(text) > most:
        raise BadInput(f"has {len(text)} characters; at most {most} are taken", field=field)
    if any(ord(c) < 32 and c not in "\n\t" for c in text):
        raise BadInput("must not contain control characters", field=field)
