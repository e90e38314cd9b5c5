"""Every refusal Luftrom can give, each with a stable code, an HTTP status and a reason to act on.

One base class explains itself: edges turn it into RFC 9457 problem+json, the F3548 `ErrorResponse`
or a line on the terminal, and never need to know which subclass they hold. What one part of
Luftrom must know of another's refusal is a member with a type: a size, or evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# -- evidence ------------------------------------------------------------------------------------
# What a refusal carries where signed bytes show who is at fault. `audit.equivocation` makes a
# document of it that verifies offline.


@dataclass(frozen=True, slots=True)
class TwoCheckpoints:
    """Two checkpoints of one log of which neither continues the other.

    Where their sizes differ `root` is what the larger one's tree had at the smaller size, and
    `proof` that it had; empty where the larger tree is not whole here.
    """

    party: str
    notes: tuple[bytes, ...]
    root: bytes = b""
    proof: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class TwoStatements:
    """Two different statements for one leaf of a log."""

    party: str
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SeenBehindReceipt:
    """A statement that had seen less of a log than its author's signed `head` says is mirrored.

    The head names the size of the author's log at that moment: the statement stands behind it, the
    last of the `leaves` from there on. Between the two a restore may explain it (PROTOCOL.md, 19).
    """

    party: str
    leaves: tuple[bytes, ...]
    head: bytes


@dataclass(frozen=True, slots=True)
class TwoHeads:
    """Two heads of one party to another, of which the one of the larger log says less.

    `leaves` are those of its log between the two sizes.
    """

    party: str
    heads: tuple[bytes, ...]
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class HeadAgainstCheckpoint:
    """A head and a checkpoint, as large or larger, of a log that had another root at that size.

    Where their sizes differ `root` is what the checkpoint's tree had at the size of the head, and
    `proof` that it had.
    """

    party: str
    head: bytes
    note: bytes
    root: bytes = b""
    proof: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A run of consecutive statements of which the last cannot follow; empty if it is too long."""

    party: str
    leaves: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class BadStatement:
    """A signed leaf that is no statement, or that commits to content that no node takes."""

    party: str
    leaf: bytes
    disclosures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class VoidStatement:
    """A declaration or a notice outside the agreement's terms, with what was disclosed of it."""

    party: str
    leaf: bytes
    disclosures: tuple[bytes, ...] = ()


Evidence = (TwoCheckpoints | TwoStatements | TwoHeads | HeadAgainstCheckpoint | SeenBehindReceipt
            | Contradiction | BadStatement | VoidStatement)


# -- refusals ------------------------------------------------------------------------------------

class LuftromError(Exception):
    """A refusal with its reason.

    `code` names the kind of refusal for programs and never changes meaning; `field` is the path of
    the value at fault (`extents[0].volume.altitude_lower.value`) or None; `detail` holds plain
    JSON facts (limits, sizes, references) that the edges may show and nothing else reads.
    """

    code = "error"
    status = 500

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None,
                 status: int | None = None, detail: Mapping[str, Any] | None = None):
        super().__init__(message)
        self.message = message
        self.field = field
        self.detail = dict(detail or {})
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class BadInput(LuftromError):
    """The input is not what its format says (400)."""

    code, status = "bad_input", 400


class NotAuthenticated(LuftromError):
    """No token, or one that does not verify (401)."""

    code, status = "not_authenticated", 401


class Forbidden(LuftromError):
    """The caller is known but may not do this (403)."""

    code, status = "forbidden", 403


class NotFound(LuftromError):
    """There is nothing by that name here (404)."""

    code, status = "not_found", 404


class Conflict(LuftromError):
    """The request contradicts the present state (409)."""

    code, status = "conflict", 409


class OutOfStep(Conflict):
    """A message that does not follow what is held here; gap, rolled_back or unseen (409).

    `have` leaves of its sender are applied here and `mirrored` are held: it is told, to go on.
    """

    def __init__(self, message: str, *, code: str, have: int, mirrored: int):
        super().__init__(message, code=code, detail={"have": have, "mirrored": mirrored})
        self.have, self.mirrored = have, mirrored


class TooLarge(LuftromError):
    """A size limit of `limits` is exceeded (413)."""

    code, status = "too_large", 413


class TooMuchWork(LuftromError):
    """What is asked for would take more work than it may (413), or than is left now (429).

    Work is counted in the units of `limits`, and what was done of it has changed nothing.
    """

    code, status = "too_much_work", 413

    def __init__(self, work_max: float, is_busy: bool = False):
        words = ("others ask for too much at the same moment; ask again" if is_busy else
                 "ask with fewer volumes, fewer vertices, a smaller area or a shorter time")
        super().__init__(
            f"comparing these volumes with what is held takes more than {work_max:.0f} units of "
            f"work: {words}", status=429 if is_busy else None, detail={"work_max": int(work_max)})


class NotBuilt(LuftromError):
    """The standard has this operation and Luftrom does not have it yet (501)."""

    code, status = "not_built", 501


class Unavailable(LuftromError):
    """The node cannot do this now, and the request may be repeated (503)."""

    code, status = "unavailable", 503


class NotAcknowledged(Unavailable):
    """A peer was silent and the agreement says `hold`: nothing was accepted (503)."""

    code = "not_acknowledged"


class Unverified(LuftromError):
    """Bytes of a peer or of a log that do not prove themselves (422); not kept as true.

    `evidence` is there where what was refused was signed, and shows by itself who is at fault.
    """

    code, status = "unverified", 422

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None,
                 evidence: Evidence | None = None):
        super().__init__(message, code=code, field=field)
        self.evidence = evidence


class OtherHistory(Unverified):
    """What is said of a party's log is not of the history held here: it, or who says so, lies."""

    code = "seen_unknown"

    def __init__(self, message: str, party: str, *, code: str | None = None):
        super().__init__(message, code=code)
        self.party = party


class Equivocation(Unverified):
    """Two signed statements of one party that cannot both be true; `evidence` holds both."""

    code = "equivocation"
