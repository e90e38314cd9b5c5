"""A statement and what was disclosed of it: disclosures matched, and read as its content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent, derive_ovn
from luftrom.errors import (
    Unverified,
)
from luftrom.statements.disclosure import disclosure_digest, parse_disclosure
from luftrom.statements.kinds.constraint import NOTICE, read_notice
from luftrom.statements.kinds.declaration import DETAILS, REFERENCE, read_intent
from luftrom.statements.statement import Statement


def open_disclosures(statement: Statement, disclosures: Sequence[bytes]) -> dict[str, Any]:
    """The claims that the disclosures open, in their order (RFC 9901, section 7.1).

    Raises Unverified (wrong_disclosure) unless each matches a digest of the statement, no two the
    same one and no two claims have one name; BadInput if one is malformed.
    """
    opened: dict[str, Any] = {}
    left = set(statement.digests)
    for disclosure in disclosures:
        digest = disclosure_digest(disclosure)
        if digest not in left:
            twice = " a second time" if digest in statement.digests else ""
            raise Unverified(f"leaf {statement.index} of {statement.party} does not commit to what "
                             f"was disclosed{twice}", code="wrong_disclosure")
        left.remove(digest)
        name, value = parse_disclosure(disclosure)
        if name in opened:
            raise Unverified(f"leaf {statement.index} of {statement.party} discloses {name!r} "
                             "twice", code="wrong_disclosure")
        opened[name] = value
    return opened


@dataclass(frozen=True, slots=True)
class Item:
    """A verified leaf with its content opened, or None where it is closed to us."""

    statement: Statement
    disclosures: tuple[bytes, ...]
    intent: Intent | None = None
    notice: Constraint | None = None
    ovn: str = ""


def open_item(statement: Statement, disclosures: tuple[bytes, ...] | None) -> Item:
    """A statement with its content, as far as it was disclosed.

    Disclosures that do not match their digests raise Unverified; content that breaks the rules of
    a volume or a state raises BadInput.
    """
    if not disclosures:
        return Item(statement, ())
    opened = open_disclosures(statement, disclosures)
    raw = dict(zip(opened, disclosures, strict=True))
    if statement.type == "declaration" and REFERENCE in opened and DETAILS in opened:
        return Item(statement, disclosures, intent=read_intent(statement.entity_id, opened),
                    ovn=derive_ovn(statement.entity_id, statement.version, raw[DETAILS]))
    if statement.type == "notice" and NOTICE in opened:
        return Item(statement, disclosures, notice=read_notice(statement.entity_id, opened),
                    ovn=derive_ovn(statement.entity_id, statement.version, raw[NOTICE]))
    return Item(statement, disclosures)
