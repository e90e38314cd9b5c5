"""A statement and what was disclosed of it: disclosures matched, and read as its content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from luftrom.airspace.intent import derive_ovn
from luftrom.errors import BadInput, LuftromError, Unverified
from luftrom.statements.claims import Entity
from luftrom.statements.disclosure import check_name, disclosure_digest, parse_disclosure
from luftrom.statements.kinds import KINDS
from luftrom.statements.statement import Statement

BodyT = TypeVar("BodyT", covariant=True)
ContentT = TypeVar("ContentT", covariant=True)


@dataclass(frozen=True, slots=True)
class Item(Generic[BodyT, ContentT]):
    """A verified leaf with its content opened, or None where it is closed to us.

    `ovn` is that of the version that it declares, where its kind has such. `void` says why the
    statement counts for nothing: what it committed to is no content; empty where it counts.
    """

    statement: Statement[BodyT]
    disclosures: tuple[bytes, ...] = ()
    content: ContentT | None = None
    ovn: str = ""
    void: str = ""

    @property
    def entity(self) -> Entity | None:
        """The version that it is, where its kind has such and it is open."""
        return KINDS[self.statement.type].entity(self.statement, self.content)


def open_disclosures(statement: Statement[Any], disclosures: Sequence[bytes]) -> dict[str, Any]:
    """The claims that the disclosures open, in their order (RFC 9901, section 7.1).

    Each digest stands for one claim of the kind. Raises Unverified (wrong_disclosure) unless each
    disclosure matches one, no two the same and each the claim of its place; BadInput if one is
    malformed.
    """
    opened: dict[str, Any] = {}
    names = dict(zip(statement.digests, KINDS[statement.type].opens, strict=True))
    for disclosure in disclosures:
        expected = names.pop(disclosure_digest(disclosure), None)
        if expected is None:
            raise Unverified(f"leaf {statement.index} of {statement.party} does not commit to what "
                             "was disclosed, or not twice", code="wrong_disclosure")
        name, value = parse_disclosure(disclosure)
        check_name(name, KINDS[statement.type].signed)
        if name != expected:
            raise BadInput(f"is named {name!r}; in its place stands {expected}", field="disclosure")
        opened[name] = value
    return opened


def match_disclosures(statement: Statement[Any], disclosures: Sequence[bytes]) -> None:
    """Unverified (wrong_disclosure) unless these are exactly those that the leaf committed to.

    Whatever they say is the author's: what does not read as content is void, and stops nothing.
    """
    if tuple(disclosure_digest(each) for each in disclosures) != statement.digests:
        raise Unverified(f"leaf {statement.index} of {statement.party} does not commit to what was "
                         "disclosed, or to more than that", code="wrong_disclosure")


def open_item(statement: Statement[Any], disclosures: Sequence[bytes]) -> Item[Any, Any]:
    """A statement with its content, as far as it was disclosed; BadInput where that is none.

    Disclosures that do not match their digests raise Unverified; content that breaks the rules of
    a volume or a state raises BadInput.
    """
    if not disclosures:
        return Item(statement)
    opened = open_disclosures(statement, disclosures)
    content = KINDS[statement.type].open(statement, opened)
    if content is None:
        return Item(statement, tuple(disclosures))
    raw = dict(zip(opened, disclosures, strict=True))
    item = Item(statement, tuple(disclosures), content)
    return replace(item, ovn=ovn_of(item, raw))


def open_or_void(statement: Statement[Any], disclosures: Sequence[bytes]) -> Item[Any, Any]:
    """As `open_item`; what all disclosures together make no content of is void, for everybody.

    Which it is follows from the signed digests alone, so that all who read it agree.
    """
    try:
        item = open_item(statement, disclosures)
    except LuftromError as error:
        return Item(statement, tuple(disclosures), void=str(error))
    if item.content is None and KINDS[statement.type].must_open and disclosures:
        return replace(item, void="what it committed to is not whole")
    return item


def ovn_of(item: Item[Any, Any], disclosures: Mapping[str, bytes]) -> str:
    """The OVN of the version that a statement declares, from its disclosures by claim; or none."""
    name, entity = KINDS[item.statement.type].ovn_of, item.entity
    if not name or entity is None:
        return ""
    return derive_ovn(entity.entity_id, entity.version, disclosures[name])
