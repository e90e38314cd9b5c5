"""Is what the disk holds the whole of it? An examination of the store, which changes nothing.

In go the store, the own keys and the agreement; out come faults, each with its table, its row and
what to do. It rests on rows alone: whether the directory is an old copy is another question
(`config.instance`), and whether peers hold more is theirs to say (`gate`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.errors import LuftromError, Unverified
from luftrom.logs.signed import verify_party_checkpoint, verify_receipt_lines
from luftrom.statements.disclosure import digests_of
from luftrom.statements.kinds.lost import KIND as LOST
from luftrom.statements.leaf import parse_statement
from luftrom.statements.statement import Statement
from luftrom.store.protocol import Store
from luftrom.transparency.merkle import Tree, leaf_hash
from luftrom.transparency.note import parse_vkey

LEAVES_AT_ONCE = 1_024
FAULTS_MAX = 16                            # of one log; whoever has more needs no longer list
LOST_ROW = "lost "                         # counters that name own leaves known to be lost
RESTORE = "`luftrom restore --from-peers` fetches it from the peers"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that the store should hold and does not: where, what, and what to do."""

    table: str
    row: str
    what: str
    mend: str = RESTORE

    def __str__(self) -> str:
        return f"table {self.table}, row {self.row}: {self.what}"


@dataclass(slots=True)
class _Log:
    """One log as it is being read."""

    tree: Tree
    missing: int = 0                       # disclosures, of statements that commit to some


@dataclass(frozen=True, slots=True)
class Examined:
    """What is missing or wrong in a store, worst first: nothing if it is whole.

    `lost` are own leaves that a restore found nobody to have the content of, and that no statement
    names yet.
    """

    faults: tuple[Fault, ...] = ()
    lost: tuple[int, ...] = ()


def examine(store: Store, own: Party, agreement: Agreement | None) -> Examined:
    """Look at every row that the own log and the mirrors rest on."""
    faults, lost = _own(store, own)
    peers = [p for p in agreement.parties if p.name != own.name] if agreement else []
    gone = _missing_disclosures(store)
    for peer in peers:
        found, mirror = _mirror(store, own, peer)
        faults += found
        if gone and mirror.missing and not faults:
            faults.append(Fault("disclosure", peer.name, f"{gone} rows are gone; {mirror.missing} "
                                f"of those that open statements of {peer.name} are not here"))
    if gone and not faults:
        faults.append(Fault("disclosure", "of any log", f"{gone} rows are gone"))
    return Examined(tuple(faults[:FAULTS_MAX]), lost)


def examine_mirror(store: Store, own: Party, peer: Party) -> tuple[Fault, ...]:
    """The faults of one mirror; one that lacks disclosures has one where rows are gone."""
    faults, mirror = _mirror(store, own, peer)
    if mirror.missing and _missing_disclosures(store):
        faults.append(Fault("disclosure", peer.name, "rows are gone"))
    return tuple(faults)


def _missing_disclosures(store: Store) -> int:
    """How many rows fewer there are than the account in the same transaction says."""
    held, counted = store.disclosure_count()
    return max(0, counted - held)


def _own(store: Store, own: Party) -> tuple[list[Fault], tuple[int, ...]]:
    log, told = _Log(Tree()), set[int]()
    incomplete: dict[int, tuple[int, int]] = {}
    try:
        for index, statement, opened in _read(store, own.name, log, store.size(own.name)):
            if statement.type == LOST.name:
                told |= set(statement.body.leaves)
            if digests_of(opened) != statement.digests:
                incomplete[index] = len(opened), len(statement.digests)
    except Unverified as error:
        return [Fault("leaf", f"{own.name} {log.tree.size}", error.message)], ()
    left = [index for index in incomplete if index not in told]
    lost = tuple(index for index in left if store.counter(f"{LOST_ROW}{index}"))
    faults = [Fault("disclosure", f"{own.name} {index}",
                    "{} of the {} disclosures of the own statement are there".format(
                        *incomplete[index])) for index in left if index not in lost]
    faults += _checkpoint(store, own, log.tree)
    held = store.checkpoint(own.name)
    if held is not None and held[0] < log.tree.size:
        faults.append(Fault("checkpoint", own.name, f"it covers {held[0]} of the {log.tree.size} "
                            "leaves held: it is an older one"))
    return faults, lost


def _checkpoint(store: Store, party: Party, tree: Tree) -> list[Fault]:
    """The newest checkpoint is by the party's key and covers exactly the leaves that are held."""
    held = store.checkpoint(party.name)
    if held is None:
        return [Fault("checkpoint", party.name, f"there is none over the {tree.size} leaves held")
                ] if tree.size else []
    try:
        body = verify_party_checkpoint(held[1], party)
    except LuftromError as error:
        return [Fault("checkpoint", party.name, str(error))]
    if body.size > tree.size:
        return [Fault("leaf", f"{party.name} {tree.size}",
                      f"{tree.size} of the {body.size} leaves under the checkpoint are there")]
    if tree.root(body.size) != body.root:
        return [Fault("leaf", party.name, "the leaves do not hash to their checkpoint")]
    return []


def _mirror(store: Store, own: Party, peer: Party) -> tuple[list[Fault], _Log]:
    # What C2SP's add-entries brought lies behind the checkpoint, and an exchange brings it again.
    log, held = _Log(Tree()), store.checkpoint(peer.name)
    size = held[0] if held else 0
    try:
        for _, statement, opened in _read(store, peer.name, log, size):
            if log.tree.size <= store.applied(peer.name):
                log.missing += max(0, len(statement.digests) - len(opened))
    except Unverified as error:
        return [Fault("leaf", f"{peer.name} {log.tree.size}", error.message)], log
    faults, tree = [], log.tree
    if held is not None or store.applied(peer.name):
        faults += _checkpoint(store, peer, tree)
    if store.applied(peer.name) > size:
        faults.append(Fault("applied", peer.name, f"{store.applied(peer.name)} leaves of "
                            f"{peer.name} are applied; its checkpoint covers {size}"))
    if held is not None or store.applied(peer.name):
        faults += _given(store, own, peer, tree)   # else a restored receipt waits for its leaves
    return faults, log


def _given(store: Store, own: Party, peer: Party, tree: Tree) -> list[Fault]:
    given = store.given(peer.name)
    if given is None:
        return [Fault("given", peer.name, f"the own receipt for {peer.name} is not there, though "
                      f"{tree.size} leaves are held")] if tree.size else []
    size, lines = given
    if size > tree.size:
        return []                          # nothing is signed until that is caught up (`gate`)
    try:
        verify_receipt_lines(size, tree.root(size), lines,
                             [parse_vkey(vkey) for vkey in own.keys.mirror], peer)
    except LuftromError as error:
        return [Fault("given", peer.name, f"the own receipt is not over what is held: {error}")]
    return []


def _read(store: Store, party: str, log: _Log, size: int
          ) -> Iterator[tuple[int, Statement[Any], list[bytes]]]:
    """The first statements of a log in order, with what is open of them; Unverified at a gap."""
    for start in range(0, size, LEAVES_AT_ONCE):
        end = min(start + LEAVES_AT_ONCE, size)
        opened: Mapping[int, list[bytes]] = store.disclosures(party, start, end)
        leaves = store.leaves(party, start, end)
        for index, leaf in enumerate(leaves, start):
            try:
                statement = parse_statement(leaf)
            except LuftromError as error:
                raise Unverified(f"is no statement: {error}") from None
            if (statement.party, statement.index) != (party, index):
                raise Unverified(f"the statement there says it is leaf {statement.index} of "
                                 f"{statement.party}: rows before it are gone")
            log.tree.append(leaf_hash(leaf))
            yield index, statement, opened.get(index, [])
        if len(leaves) != end - start:
            raise Unverified(f"rows are gone: {size} leaves should be there")
