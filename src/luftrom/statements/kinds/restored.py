"""`restored`: the first statement after a start on a directory that may have been an older copy.

It says on whose words, or on what reason of an operator, the log goes on from here. The signed
words are disclosed beside it: whoever gave one and shows more of the log later stands convicted by
the two (PROTOCOL.md, 19).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luftrom import limits
from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput
from luftrom.statements.claims import (
    DIGEST,
    NAME,
    Claims,
    read_list,
    read_matching,
    read_number,
    read_object,
    read_reason,
)
from luftrom.statements.content import read_claim
from luftrom.statements.kind import Cost, Kind
from luftrom.statements.statement import Statement

WORDS = "words"                            # the claim of both: what they say, and they themselves


@dataclass(frozen=True, slots=True)
class PeerWord:
    """What one peer said that it holds: size and root of the log, SHA-256 of its newest head."""

    party: str
    size: int
    root: bytes
    head_sha256: bytes


@dataclass(frozen=True, slots=True)
class Restored:
    """The words that were had, by party, and an operator's reason to go on without the others."""

    words: tuple[PeerWord, ...]
    reason: str = ""


def read(claims: Claims) -> Restored:
    """The body; BadInput names the claim at fault."""
    words = tuple(_read_word(item) for item in read_list(claims.get("held"), "held", 0))
    names = [word.party for word in words]
    if len(words) > limits.PARTIES_MAX or names != sorted(set(names)):
        raise BadInput("must be sorted by party and name none twice", field="held")
    reason = read_reason(claims.get("reason", ""))
    if not words and not reason:
        raise BadInput("must be there where no peer gave its word", field="reason")
    return Restored(words, reason)


def _read_word(item: Any) -> PeerWord:
    read_object(item, "held", ("party", "size", "root", "head"))
    root, head = (parse_base64url(read_matching(DIGEST, item[name], f"held.{name}"))
                  for name in ("root", "head"))
    return PeerWord(read_matching(NAME, item["party"], "held.party"),
                    read_number(item["size"], "held.size"), root, head)


def encode(body: Restored) -> Claims:
    """The claims."""
    reason = {"reason": body.reason} if body.reason else {}
    return {"held": [{"party": word.party, "size": word.size, "root": encode_base64url(word.root),
                      "head": encode_base64url(word.head_sha256)} for word in body.words],
            **reason}


def disclose(words: tuple[str, ...]) -> Sequence[Any]:
    """The value of the one claim that it commits to: the signed words as they came."""
    return [{WORDS: list(words)}]


def open_words(statement: Statement[Restored], opened: Mapping[str, Any]
               ) -> tuple[str, ...] | None:
    """The signed words; BadInput unless they are texts."""
    if WORDS not in opened:
        return None
    words = read_list(read_claim(opened, WORDS, (WORDS,), ())[WORDS], WORDS, 0)
    if len(words) > limits.PARTIES_MAX or not all(isinstance(word, str) for word in words):
        raise BadInput(f"must be at most {limits.PARTIES_MAX} texts", field=WORDS)
    return tuple(words)


KIND: Kind[Restored, tuple[str, ...]] = Kind(
    "restored", ("held", "reason?"), read, encode, (WORDS,), disclose=disclose, open=open_words,
    cost=Cost(disclosures_max=1))
