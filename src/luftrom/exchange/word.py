"""A peer's signed word on the own log (PROTOCOL.md, 19): what it holds, asked for and answered.

In goes an ask, signed by the channel key of whoever wants to know; out comes the word, signed by
the channel key of whoever tells. The word repeats the nonce of its ask, so that an old one says
nothing; whoever carries the two can hold them up and do no more.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from luftrom import limits
from luftrom.agreement.party import Party
from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput, NotAuthenticated
from luftrom.logs.compact import read_compact, sign_compact, verify_compact

ASK_TYPE, WORD_TYPE = "luftrom-ask+json", "luftrom-word+json"
CONTENT_TYPE = "application/jose"
WORD, DISCLOSURES = "word", "disclosures"    # what can be asked for
_NONCE = re.compile(r"[0-9A-Za-z_-]{22}", re.ASCII)
_NUMBER_MAX = 2**63 - 1                    # a counter is a time in nanoseconds


@dataclass(frozen=True, slots=True)
class Ask:
    """What one party asks another to say of the first one's log.

    `about` is `WORD` or `DISCLOSURES`, of which `first` is the first leaf wanted. `counter` rises
    above that of every message before where content is asked for, or where the sender's log may be
    an older copy: whoever then gives its word takes no message of before. Else it is 0.
    """

    sender: str
    recipient: str
    agreement: str
    about: str
    nonce: str
    counter: int = 0
    first: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """What `sender` says that it holds of the log of `recipient`; `text` is the signed word.

    `size` and `root` are those of the newest checkpoint that the recipient signed, which is
    `checkpoint` (a signed note, empty with size 0); of its leaves `held` can be had here. `head`
    is the newest signed head of the recipient, or empty. `receipt` is its newest receipt for the
    sender's log, a note, or empty. `counter` is that of the newest message that was taken from it.
    `time_ns` is when the sender said so, by its clock.
    """

    sender: str
    recipient: str
    agreement: str
    nonce: str
    size: int
    root: bytes
    checkpoint: bytes
    held: int
    head: str
    receipt: bytes
    counter: int
    time_ns: int
    text: bytes = b""


def new_ask(sender: str, recipient: str, agreement: str, about: str = WORD, *, counter: int = 0,
            first: int = 0) -> Ask:
    """An ask with a fresh nonce."""
    nonce = encode_base64url(secrets.token_bytes(16))
    return Ask(sender, recipient, agreement, about, nonce, counter, first)


def sign_ask(ask: Ask, key: Ed25519PrivateKey) -> bytes:
    """The bytes of an ask."""
    return sign_compact(ASK_TYPE, ask.sender, {
        "from": ask.sender, "to": ask.recipient, "agreement": ask.agreement, "about": ask.about,
        "nonce": ask.nonce, "counter": ask.counter, "first": ask.first}, key).encode()


def ask_sender(text: bytes) -> str:
    """The name that an ask claims, still unverified: whose key to check it with."""
    return str(read_compact(_bounded(text, limits.ASK_BYTES_MAX), ASK_TYPE).get("from", ""))


def verify_ask(text: bytes, sender: Party, recipient: str, about: str) -> Ask:
    """An ask that the sender signed for the recipient. Raises NotAuthenticated or BadInput."""
    claims = verify_compact(_bounded(text, limits.ASK_BYTES_MAX), ASK_TYPE, sender.name,
                            sender.keys.channel)
    _check_members(claims, {"from", "to", "agreement", "about", "nonce", "counter", "first"})
    _check_names(claims, sender.name, recipient)
    if claims["about"] != about:
        raise BadInput(f"must be {about!r} at this door", field="about")
    return Ask(sender.name, recipient, _text(claims, "agreement", 64), about,
               _nonce(claims), _number(claims, "counter"), _number(claims, "first"))


def sign_word(word: Word, key: Ed25519PrivateKey) -> bytes:
    """The bytes of a word; its `text` is not looked at."""
    return sign_compact(WORD_TYPE, word.sender, {
        "from": word.sender, "to": word.recipient, "agreement": word.agreement,
        "nonce": word.nonce, "size": word.size, "root": encode_base64url(word.root),
        "checkpoint": word.checkpoint.decode(), "held": word.held, "head": word.head,
        "receipt": word.receipt.decode(), "counter": word.counter, "time_ns": word.time_ns},
        key).encode()


def verify_word(text: bytes, sender: Party, ask: Ask) -> Word:
    """The word that answers an ask, signed by whom it was asked of.

    What it says of the own log is still to be compared with the own keys (`node.gate`).
    Raises NotAuthenticated, BadInput or TooLarge.
    """
    word = read_word(text, sender, ask.sender)
    if word.nonce != ask.nonce:
        raise NotAuthenticated("the word is the answer to another ask", code="replayed")
    return word


def read_word(text: bytes, sender: Party, recipient: str) -> Word:
    """A word that was kept: as `verify_word`, whatever it answered."""
    claims = verify_compact(_bounded(text, limits.WORD_BYTES_MAX), WORD_TYPE, sender.name,
                            sender.keys.channel)
    _check_members(claims, {"from", "to", "agreement", "nonce", "size", "root", "checkpoint",
                            "held", "head", "receipt", "counter", "time_ns"})
    _check_names(claims, sender.name, recipient)
    root = parse_base64url(_text(claims, "root", 43), "root")
    word = Word(sender.name, recipient, _text(claims, "agreement", 64), _nonce(claims),
                _number(claims, "size"), root,
                _text(claims, "checkpoint", limits.NOTE_BYTES_MAX).encode(),
                _number(claims, "held"), _text(claims, "head", limits.WORD_BYTES_MAX),
                _text(claims, "receipt", limits.NOTE_BYTES_MAX).encode(),
                _number(claims, "counter"), _number(claims, "time_ns"), text)
    if len(root) != 32 or bool(word.size) != bool(word.checkpoint) or word.held > word.size:
        raise BadInput("a word has a root of 32 bytes, a checkpoint unless its size is 0, and "
                       "holds no more leaves than that", field="word")
    return word


def _bounded(text: bytes, bytes_max: int) -> bytes:
    if len(text) > bytes_max:
        raise BadInput(f"has {len(text)} bytes; at most {bytes_max} are taken", field="word")
    return text


def _check_members(claims: dict[str, Any], names: set[str]) -> None:
    if claims.keys() != names:
        raise BadInput(f"must have exactly {', '.join(sorted(names))}", field="word")


def _check_names(claims: dict[str, Any], sender: str, recipient: str) -> None:
    if (claims["from"], claims["to"]) != (sender, recipient):
        raise NotAuthenticated(f"is not from {sender} to {recipient}")


def _number(claims: dict[str, Any], name: str) -> int:
    value = claims[name]
    if type(value) is not int or not 0 <= value <= _NUMBER_MAX:
        raise BadInput(f"must be a whole number from 0 to {_NUMBER_MAX}", field=name)
    return value


def _nonce(claims: dict[str, Any]) -> str:
    nonce = _text(claims, "nonce", 22)
    if not _NONCE.fullmatch(nonce):
        raise BadInput("must be 16 bytes in base64url", field="nonce")
    return nonce


def _text(claims: dict[str, Any], name: str, chars_max: int) -> str:
    value = claims[name]
    if not isinstance(value, str) or len(value) > chars_max:
        raise BadInput(f"must be text of at most {chars_max} characters", field=name)
    return value
