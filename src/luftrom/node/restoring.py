"""The way back: the own log from wherever it still is, verified against the own keys.

In go what is left of the own database, if anything, and the peers, who have mirrored the log and
were disclosed what is in it; out comes a new database. Nothing is signed but, where the newest
checkpoint is lost with its row, one over leaves that all bear our signature already: the node does
the rest when it starts, behind its gate (`gate`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from luftrom import limits
from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.clock import NS_PER_S, Clock
from luftrom.config.keys import NodeKeys
from luftrom.errors import Conflict, LuftromError, NotFound, Unavailable, Unverified
from luftrom.exchange.returning import parse_page
from luftrom.exchange.word import DISCLOSURES, Word, new_ask
from luftrom.logs.signed import verify_party_checkpoint, verify_receipt_note
from luftrom.node.new_log import taken_up_row
from luftrom.node.wholeness import LEAVES_AT_ONCE, LOST_ROW, examine_mirror
from luftrom.node.words import AskTransport, ask_disclosures, ask_word
from luftrom.statements.disclosure import disclosure_digest
from luftrom.statements.leaf import verify_statement
from luftrom.statements.statement import Statement
from luftrom.store.protocol import Store, Writes
from luftrom.transparency.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from luftrom.transparency.merkle import TILE_WIDTH, Tree, leaf_hash, parse_entry_bundle, tile_path
from luftrom.transparency.note import encode_signatures, parse_note, parse_vkey


class FetchTransport(AskTransport, Protocol):
    """Carries asks, and fetches what a peer shows to everybody."""

    async def fetch(self, base_url: str, path: str, bytes_max: int) -> tuple[int, bytes]:
        """Status and body of the answer; Unavailable if there is none."""
        ...


@dataclass(slots=True)
class Found:
    """The own log as it was found; `source` is whose copy of the leaves was taken.

    `unheard` says of each peer that was asked for content and did not answer as it should, why.
    """

    note: bytes = b""
    leaves: list[bytes] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    statements: list[Statement[object]] = field(default_factory=list)
    source: str = ""
    opened: dict[int, dict[str, bytes]] = field(default_factory=dict)   # by leaf, by digest
    given_back: dict[str, int] = field(default_factory=dict)            # disclosures by peer
    unheard: dict[str, str] = field(default_factory=dict)
    lost: tuple[int, ...] = ()
    kept_mirrors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Searcher:
    """Who looks for its log, and where."""

    own: Party
    keys: NodeKeys
    agreement: Agreement | None
    clock: Clock
    transport: FetchTransport

    @property
    def peers(self) -> list[Party]:
        """All other parties."""
        parties = self.agreement.parties if self.agreement else ()
        return [party for party in parties if party.name != self.own.name]

    # -- words -------------------------------------------------------------------------------

    async def words(self) -> tuple[dict[str, Word], dict[str, str]]:
        """What each peer says that it holds of the log, and of those who say nothing, why."""
        digest = self.agreement.digest if self.agreement else ""

        async def one(peer: Party) -> Word | LuftromError:
            try:
                async with asyncio.timeout(2 * limits.WORD_S_MAX):
                    word = await ask_word(self.transport, peer, self.own.name, digest, self.keys)
                if word.agreement != digest:
                    raise Unverified("gives its word under another agreement")
                if word.size:
                    verify_party_checkpoint(word.checkpoint, self.own)
                return word
            except TimeoutError:
                return Unavailable("does not answer in time")
            except LuftromError as error:
                return error

        said = dict(zip([peer.name for peer in self.peers],
                        await asyncio.gather(*map(one, self.peers)), strict=True))
        return ({name: word for name, word in said.items() if isinstance(word, Word)},
                {name: str(word) for name, word in said.items() if isinstance(word, LuftromError)})

    # -- the log -----------------------------------------------------------------------------

    async def find(self, words: Mapping[str, Word], local: Store | None) -> Found:
        """The own log up to where it really ended. Raises NotFound, Unverified or Conflict."""
        held, note = _read_local(local, self.own) if local else ([], b"")
        notes = {name: word.checkpoint for name, word in words.items() if word.size}
        if note:
            notes[self.own.name] = note
        ends = {name: verify_party_checkpoint(note, self.own) for name, note in notes.items()}
        if (start := self.own.new_log) is not None:
            if not note or ends[self.own.name].origin != self.own.log_origin:
                held = held[:start.size]   # what stands behind is of the log before
            ends["the agreement"] = Checkpoint(self.own.log_origin, start.size, start.root)
        if not ends and not held:
            return Found()
        end = max(ends.values(), key=lambda body: body.size, default=None)
        found = await self._leaves(end, words, held)
        found.note = next((note for name, note in notes.items() if ends[name] == end
                           and ends[name].origin == self.own.log_origin), b"")
        tree = found.tree
        tree.extend([leaf_hash(leaf) for leaf in found.leaves])
        for name, body in ends.items():
            if tree.root(body.size) != body.root:
                raise Conflict(f"{name} has a checkpoint of {body.size} leaves that our log key "
                               "signed and that these leaves do not continue: the log was "
                               "continued twice, and no copy of it can be gone on with",
                               code="forked")
        found.statements = [self._verified(leaf, index)
                            for index, leaf in enumerate(found.leaves)]
        if not found.note or end is None or end.size < len(found.leaves):
            body = Checkpoint(self.own.log_origin, tree.size, tree.root(tree.size))
            found.note = sign_checkpoint(body, self.keys.log, self.clock.now_ns() // NS_PER_S)
        return found

    async def _leaves(self, end: Checkpoint | None, words: Mapping[str, Word],
                      held: list[bytes]) -> Found:
        """The leaves under a checkpoint, from our own disk or else from a mirror of them."""
        if end is None or _root(held, end.size) == end.root:
            return Found(leaves=held, source=self.own.name)
        reasons = []
        for peer in self.peers:
            if peer.name not in words or words[peer.name].held < end.size:
                continue
            try:
                leaves = await self._fetch(peer, end.size)
            except LuftromError as error:
                reasons.append(f"{peer.name}: {error}")
                continue
            if _root(leaves, end.size) == end.root:
                return Found(leaves=leaves, source=peer.name)
            reasons.append(f"{peer.name}: its leaves do not hash to our checkpoint")
        raise NotFound(f"our log key signed {end.size} leaves, and nobody who answers has them"
                       + (f" ({'; '.join(reasons)})" if reasons else "")
                       + ": ask again when all peers answer")

    async def _fetch(self, peer: Party, size: int) -> list[bytes]:
        prefix = hashlib.sha256(self.own.log_origin.encode()).hexdigest()
        leaves: list[bytes] = []
        while len(leaves) < size:
            bundle, width = len(leaves) // TILE_WIDTH, min(TILE_WIDTH, size - len(leaves))
            path = f"/mirror/{prefix}/{tile_path('entries', bundle, width)}"
            status, data = await self.transport.fetch(peer.base_url, path,
                                                      width * (limits.LEAF_BYTES_MAX + 2))
            if status != 200:
                raise Unavailable(f"answers {status} at {path}")
            found = parse_entry_bundle(data)
            if len(found) != width:
                raise Unverified(f"has {len(found)} leaves at {path}, not {width}")
            leaves += found
        return leaves

    def _verified(self, leaf: bytes, index: int) -> Statement[object]:
        statement = verify_statement(leaf, self.own.keys.statements, self.own.name)
        if statement.index != index:
            raise Unverified(f"the statement at leaf {index} says it is leaf {statement.index}")
        return statement

    # -- its content -------------------------------------------------------------------------

    async def open(self, found: Found, words: Mapping[str, Word], local: Store | None) -> None:
        """The disclosures of the log, from our own disk and from whoever was shown them."""
        wanted = {index: set(statement.digests) for index, statement in enumerate(found.statements)
                  if statement.digests}
        if local is not None:
            for start in range(0, len(found.leaves), LEAVES_AT_ONCE):
                for index, opened in _quietly(local, self.own.name, start).items():
                    _take(found, wanted, index, opened)
        for peer in self.peers:
            if wanted and peer.name in words:
                before = sum(map(len, found.opened.values()))
                await self._take_back(peer, words[peer.name], found, wanted)
                found.given_back[peer.name] = sum(map(len, found.opened.values())) - before
        known = {index for statement in found.statements if statement.type == "lost"
                 for index in getattr(statement.body, "leaves", ())}
        found.lost = tuple(sorted(wanted.keys() - known))

    async def _take_back(self, peer: Party, word: Word, found: Found,
                         wanted: dict[int, set[str]]) -> None:
        counter = max(word.counter, self.clock.now_ns())
        first = min(wanted)
        while wanted and first <= max(wanted):
            counter += 1
            ask = new_ask(self.own.name, peer.name, word.agreement, DISCLOSURES, counter=counter,
                          first=first)
            try:
                following, opened = parse_page(
                    await ask_disclosures(self.transport, peer, ask, self.keys))
            except LuftromError as error:
                found.unheard[peer.name] = str(error)
                return                     # others may give it back
            for index, disclosures in opened.items():
                _take(found, wanted, index, disclosures)
            if following <= first:
                return
            first = following


def _root(leaves: Sequence[bytes], size: int) -> bytes | None:
    if len(leaves) < size:
        return None
    tree = Tree()
    tree.extend([leaf_hash(leaf) for leaf in leaves[:size]])
    return tree.root(size)


def _take(found: Found, wanted: dict[int, set[str]], index: int, opened: Iterable[bytes]) -> None:
    """Keep those of a leaf's disclosures that it commits to."""
    for disclosure in opened:
        digest = disclosure_digest(disclosure)
        if digest in wanted.get(index, ()):
            wanted[index].remove(digest)
            found.opened.setdefault(index, {})[digest] = disclosure
            if not wanted[index]:
                del wanted[index]


def _read_local(store: Store, own: Party) -> tuple[list[bytes], bytes]:
    """The own leaves without a gap, each signed by us, and the checkpoint, if it is ours."""
    leaves: list[bytes] = []
    try:
        for start in range(0, store.size(own.name), LEAVES_AT_ONCE):
            for leaf in store.leaves(own.name, start, start + LEAVES_AT_ONCE):
                if verify_statement(leaf, own.keys.statements, own.name).index != len(leaves):
                    raise Unverified("rows are gone")
                leaves.append(leaf)
    except LuftromError:
        pass                               # up to here it is whole; the rest is the peers' to give
    try:
        held = store.checkpoint(own.name)
        if held is not None:
            verify_party_checkpoint(held[1], own)
            return leaves, held[1]
    except LuftromError:
        pass
    return leaves, b""


def _quietly(store: Store, party: str, start: int) -> dict[int, list[bytes]]:
    try:
        return store.disclosures(party, start, start + LEAVES_AT_ONCE)
    except LuftromError:
        return {}


# -- the new database ----------------------------------------------------------------------------

def write_found(found: Found, words: Mapping[str, Word], searcher: Searcher, local: Store | None,
                store: Store) -> None:
    """Put the log, and the mirrors and proofs that are whole, into a new store: one transaction.

    The own receipts are kept as the peers show them: nothing is signed until all that they cover
    is here again, and what a peer ruled on the strength of one is lawful.
    """
    own = searcher.own
    writes = Writes(leaves=[(own.name, i, leaf) for i, leaf in enumerate(found.leaves)])
    for index, opened in sorted(found.opened.items()):
        digests = found.statements[index].digests
        writes.disclosures += [(own.name, index, n, opened[digest]) for n, digest in enumerate(
            digest for digest in digests if digest in opened)]
    if found.note:
        writes.checkpoints.append((own.name, len(found.leaves), found.note))
    writes.counters += [(LOST_ROW + str(index), 1) for index in found.lost]
    revision = searcher.clock.now_ns() // NS_PER_S   # above all that readers may have seen
    if local is not None:
        revision = max(revision, _keep(local, searcher, found, writes))
    writes.counters.append(("revision", revision))
    for peer in searcher.peers:
        if peer.name in words and words[peer.name].receipt:
            try:
                size, lines = _own_receipt(words[peer.name].receipt, own, peer)
            except LuftromError:
                continue                   # as good as none: it might have shown none at all
            if size > max((kept for name, kept, _ in writes.given if name == peer.name),
                          default=0):
                writes.given.append((peer.name, size, lines))   # the later row of two counts
    store.commit(writes)


def _own_receipt(note: bytes, own: Party, peer: Party) -> tuple[int, bytes]:
    """How many of a peer's leaves our receipt covers, and its lines, all by our own keys."""
    keys = {key.key: key for key in map(parse_vkey, own.keys.mirror)}
    lines = tuple(line for line in parse_note(note).signatures if line.key in keys)
    body = verify_receipt_note(note, [keys[line.key] for line in lines], peer)
    return body.size, encode_signatures(lines).encode()


def _keep(local: Store, searcher: Searcher, found: Found, writes: Writes) -> int:
    """Carry over what is whole beside the own log; returns the revision that readers have seen."""
    for peer in searcher.peers:
        try:
            if examine_mirror(local, searcher.own, peer):
                continue
            _keep_mirror(local, peer, writes)
            found.kept_mirrors += (peer.name,)
        except LuftromError:
            continue                       # what cannot be read comes again by the exchange
    try:
        writes.proofs += local.proofs()
        # Receipts over another history of the log are none.
        writes.receipts += [row for row in local.receipts() if row.size <= found.tree.size
                            and parse_checkpoint(parse_note(row.note).text).root
                            == found.tree.root(row.size)]
        rows = [f"exchange {peer.name}" for peer in searcher.peers]
        rows += [taken_up_row(peer.name, peer.new_log)
                 for peer in searcher.peers if peer.new_log]
        writes.counters += [(row, local.counter(row)) for row in rows]
        return local.counter("revision")
    except LuftromError:
        return 0


def _keep_mirror(local: Store, peer: Party, writes: Writes) -> None:
    held, applied, given = (local.checkpoint(peer.name), local.applied(peer.name),
                            local.given(peer.name))
    if held is None or given is None:
        return
    name, kept = peer.name, Writes()
    for start in range(0, held[0], LEAVES_AT_ONCE):
        end = min(start + LEAVES_AT_ONCE, held[0])
        kept.leaves += [(name, i, leaf)
                        for i, leaf in enumerate(local.leaves(name, start, end), start)]
        for index, opened in local.disclosures(name, start, end).items():
            kept.disclosures += [(name, index, n, one) for n, one in enumerate(opened)]
    writes.leaves += kept.leaves
    writes.disclosures += kept.disclosures
    writes.checkpoints.append((name, *held))
    writes.applied.append((name, applied))
    writes.given.append((name, *given))
