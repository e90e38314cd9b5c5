"""All that one party holds: its own log, its mirrors, the receipts both ways, and kept proofs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.audit.equivocation import verify_equivocation
from luftrom.audit.log import LogAudit, Subject, Terms
from luftrom.audit.report import Report, Step, Tally
from luftrom.errors import BadInput, LuftromError, Unverified
from luftrom.logs.head import verify_head
from luftrom.logs.signed import verify_receipt_lines, verify_receipt_note
from luftrom.transparency.checkpoint import verify_line
from luftrom.transparency.note import NoteVerifier, parse_note, parse_vkey


class Kept(Protocol):
    """A receipt as a database keeps it; see `store.ReceiptRow`."""

    @property
    def cosigner(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def peer_size(self) -> int: ...
    @property
    def note(self) -> bytes: ...
    @property
    def head(self) -> str: ...


class Reader(Protocol):
    """What an auditor needs of a database: a part of `store.Store`, read at one moment."""

    def parties(self) -> Sequence[str]: ...
    def size(self, party: str) -> int: ...
    def leaves(self, party: str, start: int, end: int) -> Sequence[bytes]: ...
    def disclosures(self, party: str, start: int, end: int) -> Mapping[int, Sequence[bytes]]: ...
    def checkpoint(self, party: str) -> tuple[int, bytes] | None: ...
    def applied(self, party: str) -> int: ...
    def receipts(self, cosigner: str | None = None, from_size: int = 0) -> Iterable[Kept]: ...
    def given(self, party: str) -> tuple[int, bytes] | None: ...
    def proofs(self) -> Sequence[tuple[str, str, bytes]]: ...
    def disclosure_count(self) -> tuple[int, int]: ...


def subject_of(party: Party) -> Subject:
    """A party's log as the agreement, or its own key card, describes it."""
    keys = tuple(parse_vkey(vkey) for vkey in party.keys.log)
    return Subject(party.name, party.log_origin, keys, party.keys.statements, party.new_log)


def audit_holding(reader: Reader, own: Party, agreement: Agreement | None,
                  earlier: Sequence[Agreement] = ()) -> Report:
    """Audit everything that `own` holds; `earlier` are the agreements no longer in force."""
    peers = [p for p in agreement.parties if p.name != own.name] if agreement else []
    log = LogAudit(reader, subject_of(own), "log")
    mirrors = {peer.name: LogAudit(reader, subject_of(peer), "mirror") for peer in peers}
    logs = {own.name: log, **mirrors}
    for each in logs.values():
        each.read_checkpoint()
        each.build_tree()
    # A log that went on as a new one has receipts that bear the keys of the one before.
    keys = [key for before in earlier if (party := before.party(own.name))
            for key in subject_of(party).log_keys]
    receipts, step = _receipts(reader, own, log, keys, peers)
    ends = _forks(logs.values(), agreement) if agreement else {}
    terms = Terms(agreement, frozenset(before.digest for before in earlier), ends)
    for name, each in logs.items():
        others = {other: held for other, held in logs.items() if other != name}
        if each is not log:
            # The key of that row is the mirror's own business (`mirror.py`, pending checkpoint).
            each.check_pending(f"{name} pending")
        each.check_statements(terms, others, receipts.get(name, ()),
                              own.name if each is not log else "")
    log.check_account(reader.disclosure_count)
    log.add(step)
    log.add(_rulings(log, receipts))
    for peer in peers:
        seen = log.last_seen.get(peer.name, 0)
        # Of a forked log any history may have been seen, and what is common is held.
        seen = min(seen, ends.get(peer.name, seen))
        mirrors[peer.name].add(_given(reader, own, peer, mirrors[peer.name], seen))
    steps, sentences = _rest(reader, [own, *peers], agreement, earlier)
    return Report(own.name, tuple(each.report() for each in logs.values()), steps, sentences)


def _receipts(reader: Reader, own: Party, log: LogAudit, earlier_keys: Sequence[NoteVerifier],
              peers: Sequence[Party]) -> tuple[dict[str, list[tuple[int, int]]], Step]:
    """Each receipt is by the agreed mirror keys and over the log as it is held.

    Returns, for each peer, pairs of how large its log was and what the receipt covers.
    """
    tally = Tally("receipts")
    found: dict[str, list[tuple[int, int]]] = {peer.name: [] for peer in peers}
    by_name = {peer.mirror_name: peer for peer in peers}
    try:
        for row in reader.receipts():
            peer = by_name.get(row.cosigner)
            try:
                if peer is None:
                    raise Unverified(f"one is by {str(row.cosigner)[:200]!r}, who is no peer")
                _check_kept(row, peer, own, log, earlier_keys)
                pair, before = (row.peer_size, row.size), found[peer.name][-1:]
                if before and (before[0][0] > pair[0] or before[0][1] >= pair[1]):
                    raise Unverified(f"the receipt of {peer.name} for {row.size} leaves does not "
                                     "follow the one before it")
                found[peer.name].append(pair)
                log.receipts += 1
            except LuftromError as error:
                tally.fail(str(error))
    except LuftromError as error:
        tally.fail(str(error))
    covered = ", ".join(f"{name} up to leaf {pairs[-1][1] - 1}"
                        for name, pairs in found.items() if pairs)
    return found, tally.close(f"{log.receipts} verify; {covered or 'none yet'}")


def _check_kept(row: Kept, peer: Party, own: Party, log: LogAudit,
                earlier_keys: Iterable[NoteVerifier]) -> None:
    what = f"the receipt of {peer.name} for {row.size} leaves"
    if not (isinstance(row.note, bytes) and isinstance(row.size, int)
            and isinstance(row.peer_size, int) and isinstance(row.head, str)):
        raise BadInput(f"{what} is not what its row should hold")
    try:
        body = verify_receipt_note(row.note, _mirror_keys(peer), own)
        # The log's own lines may stand there too; if they do they must be true, and none else.
        known = {key.key: key for key in (*earlier_keys, *log.subject.log_keys,
                                          *_mirror_keys(peer))}
        for line in parse_note(row.note).signatures:
            if line.key not in known:
                raise Unverified(f"bears a line of an unknown key of {line.name}")
            verify_line(body, line, known[line.key])
        head = verify_head(row.head, peer.name, log.party, peer.keys.channel)
    except LuftromError as error:
        raise Unverified(f"{what}: {error}") from None
    if body.size != row.size:
        raise Unverified(f"{what} covers {body.size}")
    if (head.mirrored, head.size) != (row.size, row.peer_size):
        raise Unverified(f"{what} came with a head that says {head.mirrored}, at {head.size} "
                         f"leaves of its own and not {row.peer_size}")
    if body.size > log.tree.size or log.tree.root(body.size) != body.root:
        raise Unverified(f"{what} is over another history than the one held here")


def _forks(logs: Iterable[LogAudit], agreement: Agreement) -> dict[str, int]:
    """Who is proven to have forked by what is held, and how many leaves of its log count."""
    ends: dict[str, int] = {}
    for log in logs:
        for name, end in log.forks(agreement).items():
            ends[name] = min(end, ends.get(name, end))
    return ends


def _rulings(log: LogAudit, receipts: Mapping[str, Sequence[tuple[int, int]]]) -> Step:
    """Every ruling rests on a receipt of each peer, save those that it names as silent."""
    tally = Tally("rulings")
    covers = {name: pairs[-1][1] if pairs else 0 for name, pairs in receipts.items()}
    for leaf, ruled, silent in log.rulings:
        for name, size in covers.items():
            if name not in silent and size <= ruled and leaf <= log.told.get(name, leaf):
                tally.fail(f"leaf {leaf} rules on leaf {ruled} without a receipt of {name}", leaf)
    return tally.close(f"{len(log.rulings)} rest on receipts, or say whose is missing")


def _given(reader: Reader, own: Party, peer: Party, mirror: LogAudit, seen: int) -> Step:
    """The own receipt for a peer's log covers what is held of it, and nothing more.

    It is no less than the own statements had seen.
    """
    tally = Tally("receipt given")
    size = 0
    try:
        held = reader.given(peer.name)
        if held is not None:
            size, lines = held
            if not isinstance(size, int) or not isinstance(lines, bytes):
                raise BadInput("is not what its row should hold")
            if not 0 <= size <= mirror.tree.size:
                raise Unverified(f"covers {size} leaves; {mirror.tree.size} are held")
            verify_receipt_lines(size, mirror.tree.root(size), lines, _mirror_keys(own), peer)
        if size != mirror.size:
            # Checkpoint and receipt are written in one transaction.
            raise Unverified(f"covers {size} leaves, the mirror's checkpoint {mirror.size}")
        if seen > mirror.size:
            raise Unverified(f"covers {size} leaves; the own statements had seen {seen}")
        # What is mirrored and still closed is not applied; `seen` counts it all the same.
        applied = reader.applied(peer.name)
        if not isinstance(applied, int) or not 0 <= applied <= mirror.size:
            raise Unverified(f"{applied} leaves are said to be applied; {mirror.size} are covered")
    except LuftromError as error:
        tally.fail(str(error))
    return tally.close(f"covers all {size} leaves" if size else "none yet")


def _rest(reader: Reader, parties: Sequence[Party], agreement: Agreement | None,
          earlier: Sequence[Agreement]) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Nothing is held of strangers, and kept proofs prove what they say."""
    strangers, proofs, sentences = Tally("strangers"), Tally("proofs"), []
    try:
        names = {party.name for party in parties}
        for name in reader.parties():
            if name not in names:
                strangers.fail(f"leaves of {str(name)[:200]!r} are held, who is no party")
        for name, kind, document in reader.proofs():
            if agreement is None:
                proofs.skip("there is no agreement to verify them with")
                continue
            try:
                sentences.append(_sentence(document, (agreement, *earlier)))
            except LuftromError as error:
                _judge_proof(proofs, f"one against {name} ({kind}): {error}", error)
    except LuftromError as error:
        strangers.fail(str(error))
    steps = (strangers.close("leaves of nobody else are held"),
             proofs.close(f"{len(sentences)} kept, all verify offline" if sentences
                          else "none kept"))
    return steps, tuple(sentences)


def _sentence(document: bytes, agreements: Sequence[Agreement]) -> str:
    """What a kept proof shows by the version of the agreement that it was made under."""
    failures = []
    for agreement in agreements:
        try:
            return verify_equivocation(document, agreement).sentence
        except LuftromError as error:
            failures.append(error)
    raise failures[0]


def _judge_proof(proofs: Tally, said: str, error: LuftromError) -> None:
    """A record of what was caught need not be a proof; one that was altered is a failure."""
    if error.code == "not_proven":
        proofs.skip(said)
    else:
        proofs.fail(said)


def _mirror_keys(party: Party) -> tuple[NoteVerifier, ...]:
    return tuple(parse_vkey(vkey) for vkey in party.keys.mirror)
