"""A statement and what was disclosed of it: disclosures matched, and read as its content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from luftrom.airspace.intent import derive_ovn
from luftrom.errors import Unverified
from luftrom.statements.disclosure import check_name, disclosure_digest, parse_disclosure
from luftrom.statements.kinds import KINDS
from luftrom.statements.statement import Statement

BodyT = TypeVar("BodyT", covariant=True)
ContentT = TypeVar("ContentT", covariant=True)


@dataclass(frozen=True, slots=True)
class Item(Generic[BodyT, ContentT]):
    """A verified leaf with its content opened, or None where it is closed to us.

    `ovn` is that of the version that it declares, where its kind has such.
    """

    statement: Statement[BodyT]
    disclosures: tuple[bytes, ...] = ()
    content: ContentT | None = None
    ovn: str = ""


def open_disclosures(statement: Statement[Any], disclosures: Sequence[bytes]) -> dict[str, Any]:
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
        check_name(name, KINDS[statement.type].signed)
        if name in opened:
            raise Unverified(f"leaf {statement.index} of {statement.party} discloses {name!r} "
                             "twice", code="wrong_disclosure")
        opened[name] = value
    return opened


def open_item(statement: Statement[Any], disclosures: tuple[bytes, ...] | None) -> Item[Any, Any]:
    """A statement with its content, as far as it was disclosed.

    Disclosures that do not match their digests raise Unverified; content that breaks the rules of
    a volume or a state raises BadInput.
    """
    if not disclosures:
        return Item(statement)
    opened = open_disclosures(statement, disclosures)
    content = KINDS[statement.type].open(statement, opened)
    if content is None:
        return Item(statement, disclosures)
    raw = dict(zip(opened, disclosures, strict=True))
    return Item(statement, disclosures, content, ovn_of(statement, raw))


def ovn_of(statement: Statement[Any], disclosures: Mapping[str, bytes]) -> str:
    """The OVN of the version that a statement declares, from its disclosures by claim; or none."""
    name = KINDS[statement.type].ovn_of
    if not name:
        return ""
    return derive_ovn(statement.body.entity_id, statement.body.version, disclosures[name])
