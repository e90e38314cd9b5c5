"""`ruling`: a node accepts or refuses declarations of its own, with the reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.statements.claims import (
    NAME,
    Claims,
    read_list,
    read_matching,
    read_number,
    read_object,
)
from luftrom.statements.course import Course
from luftrom.statements.kind import Before, Kind
from luftrom.statements.statement import Statement

_HEAD = re.compile(r"[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+", re.ASCII)
_RULE = re.compile(r"[a-z_]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an author ruled on its own declaration at leaf `index`.

    `against` names whom it lost to: (party, leaf index, rule). `unacknowledged` lists peers that
    had not receipted it, or not opened what may have crossed it, when their time was up.
    """

    index: int
    accepted: bool
    against: tuple[tuple[str, int, str], ...] = ()
    unacknowledged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rulings:
    """All rulings of one statement, by the leaf that they rule on, and what they rest on.

    `heads` are the peers' signed heads: each covers the ruled leaves, and all below its own size
    was open to the author. `opened` is how much of the log of each silent peer was.
    """

    rulings: tuple[Ruling, ...]
    heads: Mapping[str, str] = field(default_factory=dict)
    opened: Mapping[str, int] = field(default_factory=dict)


def read(claims: Claims) -> Rulings:
    """The body of a ruling; BadInput names the claim at fault."""
    rulings = tuple(_read_ruling(item) for item in read_list(claims.get("rulings"), "rulings"))
    if any(one.index >= other.index for one, other in pairwise(rulings)):
        raise BadInput("must be sorted by leaf and rule on none twice", field="rulings")
    return Rulings(rulings, _read_heads(claims.get("heads", {})),
                   {name: read_number(size, "opened")
                    for name, size in _read_peers(claims.get("opened", {}), "opened").items()})


def _read_heads(value: Any) -> dict[str, str]:
    return {name: read_matching(_HEAD, head, "heads")
            for name, head in _read_peers(value, "heads").items()}


def _read_peers(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > limits.PARTIES_MAX:
        raise BadInput("must be an object, a member for each peer", field=name)
    return {read_matching(NAME, peer, name): item for peer, item in value.items()}


def _read_ruling(item: Any) -> Ruling:
    read_object(item, "rulings", ("index", "accepted", "unacknowledged", "against"))
    if not isinstance(item["accepted"], bool):
        raise BadInput("must be true or false", field="rulings.accepted")
    ruling = Ruling(
        read_number(item["index"], "rulings.index"), item["accepted"],
        tuple(_read_against(one) for one in read_list(item["against"], "rulings.against", 0)),
        tuple(read_matching(NAME, name, "rulings.unacknowledged")
              for name in read_list(item["unacknowledged"], "rulings.unacknowledged", 0)))
    if ruling.accepted and ruling.against:
        raise BadInput("must be empty where it is accepted", field="rulings.against")
    return ruling


def _read_against(value: Any) -> tuple[str, int, str]:
    if len(read_list(value, "rulings.against")) != 3:
        raise BadInput("must be party, leaf index and rule", field="rulings.against")
    return (read_matching(NAME, value[0], "rulings.against"),
            read_number(value[1], "rulings.against"),
            read_matching(_RULE, value[2], "rulings.against"))


def encode(body: Rulings) -> Claims:
    """The claims of a ruling."""
    claims: dict[str, Any] = {"rulings": [
        {"index": r.index, "accepted": r.accepted, "unacknowledged": list(r.unacknowledged),
         "against": [list(one) for one in r.against]} for r in body.rulings]}
    if body.heads:
        claims["heads"] = dict(body.heads)
    if body.opened:
        claims["opened"] = dict(body.opened)
    return claims


def follow(course: Course, statement: Statement[Rulings], content: None) -> None:
    """What it rules on must be declarations that wait."""
    course.rule(statement.index, ((r.index, r.accepted) for r in statement.body.rulings))


def first_needed(statement: Statement[Rulings], before: Before) -> int:
    """The first leaf that it rules on shows, with all up to it, whether it can."""
    return min(statement.index, *(ruling.index for ruling in statement.body.rulings))


KIND: Kind[Rulings, None] = Kind(
    "ruling", ("rulings", "heads?", "opened?"), read, encode, follow=follow,
    first_needed=first_needed, lingers=True)
