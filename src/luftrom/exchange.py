"""Node to node: everything that waits in both directions, in one round trip.

A message carries a signed checkpoint of the sender's log with its consistency proof, the leaves
the recipient lacks, their disclosures, and the sender's receipt for the recipient's log: the same
bytes that C2SP tlog-mirror moves in two requests each way. Whoever receives one verifies all of it
before anything touches the mirror, applies it, and answers with a message of the same form that
holds all its own leaves up to that moment. `node` conducts; nothing here changes any state.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from luftrom import limits
from luftrom.agreement import Agreement
from luftrom.airspace import Intent, Notice, derive_ovn
from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.checkpoint import Checkpoint, VerifiedCheckpoint, parse_checkpoint
from luftrom.content import DETAILS, NOTICE, REFERENCE, read_intent, read_notice
from luftrom.errors import (
    BadInput,
    Conflict,
    Equivocation,
    LuftromError,
    NotAuthenticated,
    TooLarge,
    Unverified,
)
from luftrom.log import HeldLog, OwnLog
from luftrom.merkle import leaf_hash, verify_consistency
from luftrom.mirror import Mirror
from luftrom.note import parse_note
from luftrom.statement import (
    Statement,
    open_disclosures,
    verify_signature,
    verify_statement,
)
from luftrom.wire import parse_json

MAGIC = b"luftrom-exchange/1\n"
BAD_STATEMENT, CONTRADICTION = "statement", "contradiction"   # kinds of kept evidence
CONTENT_TYPE = "application/vnd.luftrom.exchange"
SIGNATURE_HEADER = "Luftrom-Signature"
_SIGNATURE_TYPE = "luftrom-exchange+json"
_WITHHELD = 0xFFFF
# What a peer must show of a statement: without it there is nothing to stay clear of.
_OPEN = ("declaration", "notice")


@dataclass(frozen=True, slots=True)
class Message:
    """What one node says to another.

    `first` is the index of the first leaf carried; the checkpoint covers exactly the leaves up to
    the last. `old` is the size that the consistency proof starts from. `have` is how many leaves of
    the recipient's log the sender has applied. `whole` says that these are all the sender's leaves;
    only then may a receipt ride along. Disclosures are None where they are withheld.
    """

    sender: str
    recipient: str
    first: int
    old: int
    have: int
    whole: bool
    checkpoint: bytes
    proof: tuple[bytes, ...] = ()
    receipt_size: int = 0
    receipt: bytes = b""
    leaves: tuple[bytes, ...] = ()
    disclosures: tuple[tuple[bytes, ...] | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A verified leaf with its content opened, or None where it is closed to us."""

    statement: Statement
    disclosures: tuple[bytes, ...]
    intent: Intent | None = None
    notice: Notice | None = None
    ovn: str = ""


@dataclass(frozen=True, slots=True)
class VerifiedMessage:
    """A message that proved itself: what it adds to the mirror."""

    message: Message
    checkpoint: VerifiedCheckpoint
    items: tuple[Item, ...] = field(default=())


def encode_message(message: Message) -> bytes:
    """A message to its bytes; lengths are big-endian."""
    header = {"from": message.sender, "to": message.recipient, "first": message.first,
              "old": message.old, "have": message.have, "whole": message.whole,
              "receipt_size": message.receipt_size, "count": len(message.leaves)}
    head = json.dumps(header, separators=(",", ":")).encode()
    parts = [MAGIC]
    for block in (head, message.checkpoint, message.receipt):
        parts += [struct.pack(">I", len(block)), block]
    parts += [bytes([len(message.proof)]), *message.proof]
    for leaf, disclosures in zip(message.leaves, message.disclosures, strict=True):
        parts += [struct.pack(">H", len(leaf)), leaf]
        if disclosures is None:
            parts.append(struct.pack(">H", _WITHHELD))
            continue
        parts.append(struct.pack(">H", len(disclosures)))
        for disclosure in disclosures:
            parts += [struct.pack(">I", len(disclosure)), disclosure]
    return b"".join(parts)


class _Reader:
    """A cursor over received bytes that names what was missing."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, size: int, what: str) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise BadInput(f"ends inside {what}, at byte {len(self.data)}")
        block, self.at = self.data[self.at:end], end
        return block

    def number(self, form: str, what: str) -> int:
        return struct.unpack(form, self.take(struct.calcsize(form), what))[0]

    def block(self, most: int, what: str) -> bytes:
        size = self.number(">I", f"the length of {what}")
        if size > most:
            raise BadInput(f"{what} has {size} bytes; at most {most} are taken")
        return self.take(size, what)


def parse_message(data: bytes) -> Message:
    """Bytes to a message, strictly; BadInput says what was wrong and where."""
    reader = _Reader(data)
    if reader.take(len(MAGIC), "the first line") != MAGIC:
        raise BadInput(f"does not begin with {MAGIC.decode().strip()}: not an exchange message, "
                       "or one of another version")
    header = _parse_header(reader.block(4096, "the header"))
    checkpoint = reader.block(limits.NOTE_BYTES_MAX, "the checkpoint")
    receipt = reader.block(limits.NOTE_BYTES_MAX, "the receipt")
    hashes = reader.number(">B", "the number of proof hashes")
    if hashes > limits.PROOF_HASHES_MAX:
        raise BadInput(f"a proof has {hashes} hashes; at most {limits.PROOF_HASHES_MAX} are taken")
    proof = tuple(reader.take(32, "a proof hash") for _ in range(hashes))
    leaves, disclosures = [], []
    for i in range(header.pop("count")):
        leaves.append(reader.take(reader.number(">H", f"leaf {i}"), f"leaf {i}"))
        count = reader.number(">H", f"the disclosures of leaf {i}")
        disclosures.append(None if count == _WITHHELD else tuple(
            reader.block(limits.DISCLOSURE_BYTES_MAX, f"a disclosure of leaf {i}")
            for _ in range(count)))
    if reader.at != len(data):
        raise BadInput(f"{len(data) - reader.at} bytes follow the last leaf")
    if header["receipt_size"] and not header["whole"]:
        raise BadInput("a receipt rides along with all the sender's leaves only",
                       field="header.receipt_size")
    return Message(checkpoint=checkpoint, receipt=receipt, proof=proof, leaves=tuple(leaves),
                   disclosures=tuple(disclosures), **header)


def _parse_header(data: bytes) -> dict[str, Any]:
    header = parse_json(data, field="header")
    names = {"from", "to", "first", "old", "have", "whole", "receipt_size", "count"}
    if not isinstance(header, dict) or set(header) != names:
        raise BadInput(f"must be an object with exactly {', '.join(sorted(names))}", field="header")
    for name in ("from", "to"):
        if not isinstance(header[name], str):
            raise BadInput("must be a party's name", field=f"header.{name}")
    for name in ("first", "old", "have", "receipt_size", "count"):
        value = header[name]
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            raise BadInput("must be a whole number of at least 0", field=f"header.{name}")
    if not isinstance(header["whole"], bool):
        raise BadInput("must be true or false", field="header.whole")
    if header["count"] > limits.EXCHANGE_LEAVES_MAX:
        raise BadInput(f"at most {limits.EXCHANGE_LEAVES_MAX} leaves are taken at once",
                       field="header.count")
    header["sender"], header["recipient"] = header.pop("from"), header.pop("to")
    return header


# -- who sent it ---------------------------------------------------------------------------------

def sign_body(body: bytes, sender: str, recipient: str, counter: int,
              key: Ed25519PrivateKey) -> str:
    """The value of the signature header: a compact JWS over names, counter and body digest."""
    head = encode_base64url(json.dumps({"alg": "Ed25519", "kid": f"{sender}#channel",
                            "typ": _SIGNATURE_TYPE}, separators=(",", ":")).encode())
    claims = encode_base64url(json.dumps({"from": sender, "to": recipient, "counter": counter,
                              "sha256": hashlib.sha256(body).hexdigest()},
                             separators=(",", ":")).encode())
    signed = f"{head}.{claims}"
    return f"{signed}.{encode_base64url(key.sign(signed.encode()))}"


def read_sender(header: str | None) -> str:
    """The name a signature header claims, still unverified: whose key to check it with."""
    return str(_parse_signature(header)[1].get("from", ""))


@dataclass(frozen=True, slots=True)
class BodySignature:
    """What a verified signature header says: whose message this is, and which body it has."""

    sender: str
    counter: int
    sha256: str


def verify_header(header: str | None, sender: str, recipient: str, key: bytes) -> BodySignature:
    """Check that `sender` signed the header for `recipient`, before any body is read.

    The counter rises with every message, so a captured message is worth nothing a second time; no
    clock is involved. Raises NotAuthenticated with the step that failed.
    """
    signed, claims, signature = _parse_signature(header)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        raise NotAuthenticated(f"the signature is not by the channel key of {sender}",
                               code="wrong_signature") from None
    if (claims.get("from"), claims.get("to")) != (sender, recipient):
        raise NotAuthenticated(f"the message is not from {sender} to {recipient}")
    counter = claims.get("counter")
    if isinstance(counter, bool) or not isinstance(counter, int) or not 0 < counter < 2**63:
        raise NotAuthenticated("the counter is not a number above 0")
    return BodySignature(sender, counter, str(claims.get("sha256")))


def verify_body(body: bytes, signature: BodySignature) -> None:
    """Check that this is the body that was signed. Raises NotAuthenticated."""
    if signature.sha256 != hashlib.sha256(body).hexdigest():
        raise NotAuthenticated("the body is not the one that was signed", code="wrong_signature")


def _parse_signature(header: str | None) -> tuple[bytes, dict[str, Any], bytes]:
    if not header or header.count(".") != 2 or len(header) > 4096 or not header.isascii():
        raise NotAuthenticated(f"needs a {SIGNATURE_HEADER} header: a compact JWS",
                               code="not_authenticated")
    head, claims, signature = header.split(".")
    try:
        parsed = [parse_json(parse_base64url(part)) for part in (head, claims)]
        raw = parse_base64url(signature)
    except (BadInput, ValueError):
        raise NotAuthenticated(f"{SIGNATURE_HEADER} is not a compact JWS") from None
    if not all(isinstance(part, dict) for part in parsed) or (
            parsed[0].get("alg"), parsed[0].get("typ")) != ("Ed25519", _SIGNATURE_TYPE):
        raise NotAuthenticated(f"{SIGNATURE_HEADER} must have alg Ed25519 and typ "
                               f"{_SIGNATURE_TYPE}")
    return f"{head}.{claims}".encode(), parsed[1], raw


# -- what it says --------------------------------------------------------------------------------

def build_message(own: OwnLog, mirror: Mirror, have: int, mirrored: int,
                  closed: Container[int], time_s: int) -> Message:
    """What to tell a peer that has applied `have` and mirrored `mirrored` of the own leaves.

    The disclosures of the leaves in `closed` are withheld. Where not everything fits into one
    message an intermediate checkpoint is signed; the rest follows.
    """
    have, mirrored = min(have, own.size), min(mirrored, own.size)
    end = min(own.size, have + limits.EXCHANGE_LEAVES_MAX)
    leaves = own.store.leaves(own.party, have, end)
    opened = own.store.disclosures(own.party, have, end)
    disclosures = [None if i in closed else tuple(opened.get(i, ())) for i in range(have, end)]
    count = _fitting(leaves, disclosures)
    end = have + count
    whole = end == own.size
    return Message(
        sender=own.party, recipient=mirror.party, first=have, old=mirrored, have=mirror.applied,
        whole=whole, checkpoint=own.note if whole else own.sign(end, time_s),
        proof=tuple(own.tree.consistency_proof(mirrored, end)) if 0 < mirrored < end else (),
        receipt_size=mirror.given_size if whole else 0,
        receipt=mirror.given_lines if whole else b"",
        leaves=tuple(leaves[:count]), disclosures=tuple(disclosures[:count]))


def _fitting(leaves: list[bytes], disclosures: list[tuple[bytes, ...] | None]) -> int:
    """How many leaves fit into one message; at least one, however large."""
    total = 0
    for count, (leaf, opened) in enumerate(zip(leaves, disclosures, strict=True)):
        total += len(leaf) + sum(map(len, opened or ()))
        if count and total > limits.EXCHANGE_BODY_BYTES_MAX // 4:
            return count
    return len(leaves)


def prove_leaves(message: Message, first: int, public_key: bytes) -> frozenset[int]:
    """The indexes, from `first` on, of those leaves that the sender's statements key signed.

    It needs no state and most of its time no interpreter either, so it may run in a thread.
    """
    proven = []
    for index, leaf in enumerate(message.leaves[max(0, first - message.first):],
                                 max(first, message.first)):
        try:
            verify_signature(leaf, public_key, message.sender)
        except LuftromError:
            continue                       # `verify_message` finds it again and says what is wrong
        proven.append(index)
    return frozenset(proven)


def verify_message(message: Message, mirror: Mirror, held: Mapping[str, HeldLog],
                   agreement: Agreement, last_seen: Mapping[str, int], now_s: int,
                   proven: frozenset[int] = frozenset()) -> VerifiedMessage:
    """Check everything a peer says, in numbered steps; nothing is changed.

    `held` maps the names of all other parties, ours included, to their logs as held here;
    `last_seen` is what the last applied statement of this peer had seen; `now_s` is our clock, in
    seconds since 1970; `proven` is what `prove_leaves` said of this message.

    Raises BadInput, Conflict (out of step: `detail` says where we are), Unverified, or
    Equivocation with both statements in `detail['evidence']`.
    """
    # 1. The checkpoint bears every agreed signature and covers exactly the leaves carried.
    verified = mirror.verify_checkpoint(message.checkpoint)
    body = verified.checkpoint
    if message.first + len(message.leaves) != body.size:
        raise BadInput(f"the checkpoint covers {body.size} leaves; the message ends at "
                       f"{message.first + len(message.leaves)}")
    # 2. It is not another history, and not an older one.
    _check_history(message, body, mirror)
    # 3. It follows from what is held here.
    if message.old > mirror.tree.size or message.first > mirror.applied:
        raise Conflict("the message begins beyond what is held here", code="gap",
                       detail=where(mirror))
    _check_growth(message, body, mirror)
    # 4. Every new statement is signed, stands where it says, and opens to what was committed.
    fresh = message.leaves[mirror.applied - message.first:]
    opened = message.disclosures[mirror.applied - message.first:]
    context = _Seen(mirror, held, agreement, last_seen)
    items = []
    for index, (leaf, disclosures) in enumerate(zip(fresh, opened, strict=True), mirror.applied):
        items.append(_verify_item(index, leaf, disclosures, context, index in proven))
        _check_time(items[-1].statement, now_s)
    return VerifiedMessage(message, verified, tuple(items))


def _verify_item(index: int, leaf: bytes, disclosures: tuple[bytes, ...] | None,
                 context: _Seen, is_proven: bool) -> Item:
    """The leaf at an index, verified and opened.

    What is wrong with a leaf stays wrong, since the peer's checkpoint covers it: such a refusal
    says in `detail` that the leaf is evidence, if the peer's statements key signed it. What is
    wrong with the disclosures beside it is mended by sending the right ones, unless they open what
    the leaf committed to.
    """
    mirror = context.mirror
    evidence = {"kind": BAD_STATEMENT, "party": mirror.party, "index": index, "leaf": leaf}
    try:
        statement = verify_statement(leaf, mirror.peer.keys.statements, mirror.party,
                                     is_proven=is_proven)
        context.check(statement, index)
    except Equivocation:
        raise
    except LuftromError as error:
        raise Unverified(f"leaf {index} of {mirror.party}: {error}", code=error.code,
                         detail=evidence if _is_signed(leaf, mirror) else None) from None
    try:
        item = open_item(statement, disclosures)
    except (BadInput, TooLarge) as error:
        raise Unverified(f"leaf {index} of {mirror.party} discloses what no node takes: {error}",
                         code="bad_statement",
                         detail=evidence | {"disclosures": list(disclosures)}) from None
    if statement.type in _OPEN and item.intent is None and item.notice is None:
        raise Unverified(f"leaf {index} of {mirror.party} is a {statement.type}, and its content "
                         "did not come with it", code="not_disclosed")
    return item


def _check_time(statement: Statement, now_s: int) -> None:
    """Unverified (ahead_of_clock) where a statement is dated beyond what clocks may differ by.

    Nothing is kept of it: whose clock is wrong is not known, and it is taken once ours is there.
    """
    ahead_s = statement.iat_s - now_s
    if ahead_s > limits.STATEMENT_AHEAD_S_MAX:
        raise Unverified(
            f"leaf {statement.index} of {statement.party} is dated {ahead_s} s ahead of the clock "
            f"here; at most {limits.STATEMENT_AHEAD_S_MAX} s are taken: compare the clocks",
            code="ahead_of_clock")


def _is_signed(leaf: bytes, mirror: Mirror) -> bool:
    try:
        verify_signature(leaf, mirror.peer.keys.statements, mirror.party)
    except LuftromError:
        return False
    return True


def where(mirror: Mirror) -> dict[str, int]:
    """What a peer must know to send what is missing here."""
    return {"have": mirror.applied, "mirrored": mirror.tree.size}


def _check_history(message: Message, body: Checkpoint, mirror: Mirror) -> None:
    """What was applied stands: same size, same root; same index, same leaf."""
    applied = mirror.applied
    if 0 < body.size <= applied and mirror.tree.root(body.size) != body.root:
        raise _two_histories(mirror, message.checkpoint, mirror.staged_note, body.size, applied)
    start = message.first
    for index in range(start, min(applied, body.size)):
        leaf = message.leaves[index - start]
        if leaf_hash(leaf) != mirror.tree.leaf_hash_at(index):
            other = verify_statement(leaf, mirror.peer.keys.statements, mirror.party)
            if other.index != index:
                raise Unverified(f"the statement at leaf {index} says it is leaf {other.index}",
                                 code="wrong_index")
            raise Equivocation(f"{mirror.party} signed two statements for leaf {index}",
                               detail={"kind": "statements", "party": mirror.party,
                                       "leaves": [mirror.leaf(index), leaf]})
    if message.whole and body.size < applied:
        raise Conflict(f"the checkpoint of {body.size} leaves is older than the {applied} "
                       "held here: a repeated or rolled-back message",
                       code="rolled_back", detail=where(mirror))


def _check_growth(message: Message, body: Checkpoint, mirror: Mirror) -> None:
    """The new leaves hash to the checkpoint's root, and contradict no pending checkpoint.

    Pending entries (`submission`) are set aside meanwhile: they are no history yet.
    """
    tree, applied = mirror.tree, mirror.applied
    fresh = [leaf_hash(leaf) for leaf in message.leaves[applied - message.first:]]
    aside = [tree.leaf_hash_at(i) for i in range(applied, tree.size)]
    pending_size, pending = mirror.pending
    tree.truncate(applied)
    tree.extend(fresh)
    try:
        if tree.root(body.size) != body.root:
            raise Unverified("the leaves do not hash to the checkpoint's root", code="wrong_root")
        if 0 < message.old < body.size:
            verify_consistency(message.old, body.size, message.proof, tree.root(message.old),
                               body.root)
        if applied < pending_size <= body.size:
            if tree.root(pending_size) != parse_checkpoint(parse_note(pending).text).root:
                raise _two_histories(mirror, message.checkpoint, pending, pending_size, body.size)
    finally:
        tree.truncate(applied)
        tree.extend(aside)
    if fresh[:len(aside)] != aside[:len(fresh)]:
        raise _two_histories(mirror, message.checkpoint, pending, body.size, pending_size)


def _two_histories(mirror: Mirror, note: bytes, held: bytes, size: int, larger: int
                   ) -> Equivocation:
    """Two checkpoints, of `size` and `larger` leaves, of which neither continues the other.

    The tree as it is now is the larger one's; if it is whole, it proves its root at `size`.
    """
    detail: dict[str, Any] = {"kind": "checkpoints", "party": mirror.party, "notes": [held, note]}
    tree = mirror.tree
    if size < larger <= tree.size:
        detail |= {"root": tree.root(size), "proof": tree.consistency_proof(size, larger)}
    return Equivocation(f"{mirror.party} signed two histories of {size} leaves", detail=detail)


class _Seen:
    """Checks what statements say their author had seen, leaf after leaf."""

    def __init__(self, mirror: Mirror, held: Mapping[str, HeldLog], agreement: Agreement,
                 last_seen: Mapping[str, int]):
        self.mirror, self.held, self.agreement = mirror, held, agreement
        self.last = dict(last_seen)
        self.roots: dict[tuple[str, int], bytes] = {}

    def check(self, statement: Statement, index: int) -> None:
        author = statement.party
        if statement.index != index:
            raise Unverified(f"the statement at leaf {index} says it is leaf {statement.index}",
                             code="wrong_index")
        if statement.agreement != self.agreement.digest and (statement.agreement or self.last):
            raise Unverified(f"leaf {index} names another agreement", code="other_agreement")
        for name, seen in statement.seen.items():
            if name == author or self.agreement.party(name) is None:
                raise Unverified(f"leaf {index} has seen {name}, which is no peer of {author}")
            if seen.size < self.last.get(name, 0):
                raise Unverified(f"leaf {index} has seen {seen.size} leaves of {name}; an earlier "
                                 f"one had seen {self.last[name]}", code="seen_went_back")
            self.last[name] = seen.size
            self._check_root(statement, name)
        peers = [p.name for p in self.agreement.parties if p.name != author]
        for name in peers if statement.agreement else self.last:
            if name not in statement.seen:
                raise Unverified(f"leaf {index} does not say what it has seen of {name}",
                                 code="seen_went_back")
        self._check_receipt(statement)

    def _check_root(self, statement: Statement, name: str) -> None:
        seen, log = statement.seen[name], self.held[name]
        if seen.size > log.size:
            if isinstance(log, Mirror):
                return                     # a third party's log may be further along elsewhere
            raise Unverified(f"leaf {statement.index} has seen {seen.size} leaves of {name}; "
                             f"there are {log.size}", code="seen_unknown")
        key = (name, seen.size)
        if key not in self.roots:
            self.roots[key] = log.tree.root(seen.size)
        if self.roots[key] != seen.root:
            raise Unverified(f"leaf {statement.index} has seen another history of {name} than "
                             "the one held here", code="seen_unknown")

    def _check_receipt(self, statement: Statement) -> None:
        own = next(log for log in self.held.values() if not isinstance(log, Mirror))
        seen = statement.seen.get(own.party)
        size = seen.size if seen else 0
        mirror = self.mirror
        if statement.index < mirror.receipt_peer_size or size >= mirror.receipt_size:
            return
        raise Equivocation(
            f"leaf {statement.index} has seen {size} of our leaves, behind the receipt for "
            f"{mirror.receipt_size} that {statement.party} had given",
            detail={"kind": "seen", "party": mirror.party, "leaf": statement.leaf,
                    "note": mirror.receipt_note, "checkpoint": mirror.staged_note})


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
