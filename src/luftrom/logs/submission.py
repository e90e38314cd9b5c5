"""C2SP tlog-mirror's submission endpoints: `add-checkpoint` and `add-entries`, bytes to changes.

A client uploads a peer's log here in the public format; every entry is proven against a checkpoint
that the peer signed before it is held. What comes this way is closed (no disclosures): it is kept
as pending entries, and the mirror checkpoint and its cosignature move when an exchange opens it
(`mirror` says why). Until then `add-entries` answers 202 with nothing left to send (`Partial`);
asked again with an empty range it answers 200 with the cosignature lines (`Held`). `node` conducts
and commits.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from luftrom import limits
from luftrom.errors import (
    BadInput,
    Conflict,
    Equivocation,
    LuftromError,
    NotFound,
    TwoCheckpoints,
    Unverified,
)
from luftrom.logs.mirror import Mirror
from luftrom.store.protocol import Writes
from luftrom.transparency.checkpoint import parse_checkpoint
from luftrom.transparency.merkle import (
    EMPTY_ROOT,
    Tree,
    leaf_hash,
    verify_consistency,
    verify_subtree_consistency,
)
from luftrom.transparency.note import parse_note

SIZE_TYPE = "text/x.tlog.size"
MIRROR_INFO_TYPE = "text/x.tlog.mirror-info"
_PACKAGE = 256


@dataclass(frozen=True, slots=True)
class Upload:
    """What an `add-entries` request says before its packages."""

    origin: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Partial:
    """Packages were taken; there is more to come, or to wait for (202).

    The pending checkpoint covers `size` leaves; `next_entry` is the first that is not held.
    """

    size: int
    next_entry: int

    def body(self) -> bytes:
        """As the specification writes it (MIRROR_INFO_TYPE), without a ticket."""
        return f"{self.size}\n{self.next_entry}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Held:
    """All entries are held and opened (200)."""

    mirror: Mirror

    def body(self) -> bytes:
        """The cosignature lines of the mirror, as far as they are published."""
        return self.mirror.given_lines


class Elsewhere(Conflict):
    """An upload that does not fit what is held here (409).

    `body`, of `content_type`, is what the specification answers: where to go on.
    """

    def __init__(self, message: str, body: bytes, content_type: str, code: str | None = None):
        super().__init__(message, code=code)
        self.body, self.content_type = body, content_type


def add_checkpoint(body: bytes, mirrors: Mapping[str, Mirror], writes: Writes) -> None:
    """Verify an `add-checkpoint` request and stage its checkpoint as the pending one.

    `mirrors` is keyed by log origin. Raises with the status codes of tlog-witness: 400, 403, 404,
    409 (Elsewhere) and 422; 403 is for one without the peer's Ed25519 signature, or with a false
    line by any of its log keys. Equivocation, which is 422 as well, if the peer signed two
    histories of one size.
    """
    old, proof, note = _parse_add_checkpoint(body)
    mirror = _mirror(mirrors, parse_checkpoint(parse_note(note).text).origin)
    try:
        checkpoint = mirror.verify_checkpoint(note).checkpoint
    except Unverified as error:
        raise LuftromError(error.message, code=error.code, status=403) from None
    if old > checkpoint.size:
        raise BadInput(f"old is {old}, the checkpoint covers {checkpoint.size} leaves", field="old")
    size, pending = mirror.pending
    if old != size:
        raise Elsewhere(f"the pending checkpoint covers {size} leaves", f"{size}\n".encode(),
                        SIZE_TYPE, code="out_of_step")
    if old == 0:
        if proof or (checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT):
            raise Unverified("a proof from an empty tree is empty, and its root is that of nothing")
    else:
        before = parse_checkpoint(parse_note(pending).text).root
        if size == checkpoint.size and before != checkpoint.root:
            raise Equivocation(f"{mirror.party} signed two histories of {size} leaves",
                               evidence=TwoCheckpoints(mirror.party, (pending, note)))
        verify_consistency(old, checkpoint.size, proof, before, checkpoint.root)
    if checkpoint.size > size:
        mirror.expect(checkpoint.size, note, writes)


def _parse_add_checkpoint(body: bytes) -> tuple[int, tuple[bytes, ...], bytes]:
    head, separator, note = body.partition(b"\n\n")
    lines = head.split(b"\n")
    if not separator or not lines[0].startswith(b"old "):
        raise BadInput("must be an old size line, proof lines, an empty line and a checkpoint")
    digits = lines[0][4:]
    if not digits.isdigit() or len(digits) > 18 or str(int(digits)).encode() != digits:
        raise BadInput("must be a decimal without leading zeroes", field="old")
    if len(lines) - 1 > limits.PROOF_HASHES_MAX:
        raise BadInput(f"has {len(lines) - 1} proof lines; at most {limits.PROOF_HASHES_MAX} are "
                       "taken")
    try:
        proof = tuple(base64.b64decode(line, validate=True) for line in lines[1:])
    except (ValueError, binascii.Error):
        proof = (b"",)
    if any(len(item) != 32 or base64.b64encode(item) != line
           for item, line in zip(proof, lines[1:], strict=True)):
        raise BadInput("each proof line must be 32 bytes in base64")
    return int(digits), proof, note


def add_entries(body: bytes, mirrors: Mapping[str, Mirror], writes: Writes) -> Held | Partial:
    """Verify an `add-entries` request and stage its entries.

    `Partial` is the answer to a prefix of the upload, and to one that is whole and still closed.
    Raises with the status codes of tlog-mirror: 400, 404, 409 (Elsewhere) and 422.
    """
    upload, at = _parse_upload(body)
    mirror = _mirror(mirrors, upload.origin)
    size, note = mirror.pending
    if upload.end == mirror.given_size > 0:
        size, note = mirror.size, mirror.note
    # Without any checkpoint no size is known: a client that asks for 0 to 0 is told so.
    if not note or upload.end != size or upload.start > mirror.tree.size:
        raise Elsewhere("the upload does not fit what is held here", _partial(mirror).body(),
                        MIRROR_INFO_TYPE)
    root = parse_checkpoint(parse_note(note).text).root
    saved = 0
    for start in _package_starts(upload):
        first, end = max(start, upload.start), min(upload.end, start + _PACKAGE)
        package = _take_package(body, at, end - first)
        if package is None:
            break
        entries, proof, at = package
        _verify_package(mirror, first, entries, proof, (start, end, size), root)
        mirror.hold(entries[max(0, mirror.tree.size - first):], writes)
        saved += 1
    else:
        if at != len(body):
            raise BadInput(f"{len(body) - at} bytes follow the last package")
        return Held(mirror) if 0 < upload.end <= mirror.given_size else _partial(mirror)
    if not saved:
        raise BadInput(f"ends inside the first package, at byte {len(body)}")
    return _partial(mirror)


def _package_starts(upload: Upload) -> range:
    """Where the packages of the canonical sequence begin; an empty upload has none."""
    if upload.start == upload.end:
        return range(0)
    return range(upload.start - upload.start % _PACKAGE, upload.end, _PACKAGE)


def _partial(mirror: Mirror) -> Partial:
    return Partial(mirror.pending[0], mirror.tree.size)


def _mirror(mirrors: Mapping[str, Mirror], origin: str) -> Mirror:
    if origin not in mirrors:
        raise NotFound(f"no log of origin {origin[:200]!r} is mirrored here")
    return mirrors[origin]


def _parse_upload(body: bytes) -> tuple[Upload, int]:
    try:
        length = struct.unpack_from(">H", body)[0]
        origin = body[2:2 + length].decode()
        start, end, ticket = struct.unpack_from(">QQH", body, 2 + length)
    except (struct.error, UnicodeDecodeError):
        raise BadInput("ends inside its header, or names no origin") from None
    if start > end:
        raise BadInput(f"upload_start {start} is beyond upload_end {end}")
    return Upload(origin, start, end), 2 + length + 18 + ticket


def _take_package(body: bytes, at: int, count: int) -> tuple[list[bytes], list[bytes], int] | None:
    """One entry package from `at`, or None if the body ends inside it."""
    entries = []
    for _ in range(count):
        if at + 2 > len(body):
            return None
        length = int.from_bytes(body[at:at + 2], "big")
        entries.append(body[at + 2:at + 2 + length])
        at += 2 + length
    if at >= len(body):
        return None
    hashes, at = body[at], at + 1
    if hashes > limits.PROOF_HASHES_MAX:
        raise BadInput(f"a package has {hashes} hashes; at most {limits.PROOF_HASHES_MAX} are "
                       "taken")
    if at + 32 * hashes > len(body):
        return None
    proof = [body[at + 32 * i:at + 32 * i + 32] for i in range(hashes)]
    return entries, proof, at + 32 * hashes


def _verify_package(mirror: Mirror, first: int, entries: list[bytes], proof: list[bytes],
                    interval: tuple[int, int, int], root: bytes) -> None:
    """Prove that the entries, behind those of the same tile held here, are under the root."""
    start, end, size = interval
    subtree = Tree()
    subtree.extend([mirror.tree.leaf_hash_at(i) for i in range(start, first)])
    subtree.extend([leaf_hash(entry) for entry in entries])
    verify_subtree_consistency(start, end, size, proof, subtree.root(), root)
