"""Asks and words: signed, bounded, each for its ask alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from luftrom import limits
from luftrom.errors import BadInput, LuftromError, NotAuthenticated
from luftrom.exchange.returning import MAGIC, encode_page, parse_page
from luftrom.exchange.word import (
    ASK_TYPE,
    DISCLOSURES,
    WORD,
    WORD_TYPE,
    Word,
    ask_sender,
    new_ask,
    sign_ask,
    sign_word,
    verify_ask,
    verify_word,
)
from luftrom.logs.compact import sign_compact
from parties import make_keys, make_party

ALFA, BRAVO = "alfa.example", "bravo.example"
KEYS = {name: make_keys(name) for name in (ALFA, BRAVO)}
PARTIES = {name: make_party(name, keys) for name, keys in KEYS.items()}
ASK = new_ask(ALFA, BRAVO, "0" * 64)
WORDED = Word(BRAVO, ALFA, "0" * 64, ASK.nonce, 7, b"r" * 32, b"a note", 5, "", b"", 2**62, 1)


def test_an_ask_and_its_word() -> None:
    text = sign_ask(ASK, KEYS[ALFA].channel)
    assert ask_sender(text) == ALFA
    assert verify_ask(text, PARTIES[ALFA], BRAVO, WORD) == ASK
    said = sign_word(WORDED, KEYS[BRAVO].channel)
    assert verify_word(said, PARTIES[BRAVO], ASK) == replace(WORDED, text=said)


def test_a_word_is_for_its_ask_alone() -> None:
    said = sign_word(WORDED, KEYS[BRAVO].channel)
    with pytest.raises(NotAuthenticated, match="another ask"):
        verify_word(said, PARTIES[BRAVO], new_ask(ALFA, BRAVO, "0" * 64))
    with pytest.raises(NotAuthenticated, match="not from"):
        verify_word(said, PARTIES[BRAVO], replace(ASK, sender="charlie.example"))


@pytest.mark.parametrize("signer", [ALFA])
def test_another_key_says_nothing(signer: str) -> None:
    with pytest.raises(NotAuthenticated, match="channel key of bravo"):
        verify_word(sign_word(WORDED, KEYS[signer].channel), PARTIES[BRAVO], ASK)


def test_one_type_is_never_another() -> None:
    """An ask cannot be held up as a word, nor a signed message as either."""
    for typ, verify in ((WORD_TYPE, lambda t: verify_ask(t, PARTIES[ALFA], BRAVO, WORD)),
                        (ASK_TYPE, lambda t: verify_word(t, PARTIES[ALFA], ASK)),
                        ("luftrom-exchange+json", lambda t: verify_word(t, PARTIES[ALFA], ASK))):
        text = sign_compact(typ, ALFA, {"from": ALFA, "to": BRAVO}, KEYS[ALFA].channel).encode()
        with pytest.raises(NotAuthenticated, match="typ"):
            verify(text)


def test_a_door_takes_its_own_asks() -> None:
    text = sign_ask(new_ask(ALFA, BRAVO, "", DISCLOSURES), KEYS[ALFA].channel)
    with pytest.raises(BadInput, match="at this door"):
        verify_ask(text, PARTIES[ALFA], BRAVO, WORD)


@pytest.mark.parametrize(("name", "value"), [
    ("size", -1), ("size", True), ("size", "7"), ("counter", 2**63), ("held", 8), ("root", "x"),
    ("checkpoint", ""), ("head", 1), ("nonce", "short"), ("more", 1)])
def test_what_a_word_may_not_say(name: str, value: Any) -> None:
    import json

    from luftrom.base64url import parse_base64url

    claims = json.loads(parse_base64url(sign_word(WORDED, KEYS[BRAVO].channel).split(b".")[1]))
    text = sign_compact(WORD_TYPE, BRAVO, claims | {name: value}, KEYS[BRAVO].channel).encode()
    with pytest.raises(LuftromError):
        verify_word(text, PARTIES[BRAVO], ASK)


def test_the_bounds_of_ask_and_word() -> None:
    with pytest.raises(BadInput, match=f"at most {limits.ASK_BYTES_MAX}"):
        ask_sender(b"x" * (limits.ASK_BYTES_MAX + 1))
    with pytest.raises(NotAuthenticated):  # at the bound it is read, and is none
        ask_sender(b"x" * limits.ASK_BYTES_MAX)
    with pytest.raises(BadInput, match=f"at most {limits.WORD_BYTES_MAX}"):
        verify_word(b"x" * (limits.WORD_BYTES_MAX + 1), PARTIES[BRAVO], ASK)


def test_pages_go_there_and_back() -> None:
    opened = {3: [b"one", b"two"], 9: [b""]}
    assert parse_page(encode_page(opened, 10, 10)) == (0, {3: (b"one", b"two"), 9: (b"",)})
    assert parse_page(encode_page(opened, 10, 20)) == (10, {3: (b"one", b"two"), 9: (b"",)})
    assert parse_page(encode_page({}, 0, 0)) == (0, {})


def test_a_full_page_is_cut_behind_a_leaf() -> None:
    large = b"x" * (limits.RETURNED_BYTES_MAX // 2)
    page = encode_page({1: [large], 2: [large], 3: [large]}, 10, 10)
    following, opened = parse_page(page)
    assert (following, list(opened)) == (2, [1])
    assert list(parse_page(encode_page({1: [large] * 3}, 10, 10))[1]) == [1]   # one always fits


def test_broken_pages() -> None:
    page = encode_page({3: [b"one"]}, 10, 10)
    for cut in range(len(MAGIC), len(page) - 1):
        if cut == len(MAGIC) + 8:
            continue                       # a page of nothing
        with pytest.raises(BadInput):
            parse_page(page[:cut])
    with pytest.raises(BadInput):
        parse_page(b"luftrom-disclosures/2\n")
