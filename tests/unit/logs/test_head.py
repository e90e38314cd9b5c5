"""logs.head: what a head says is what was signed, and nothing but a head is taken for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import NotAuthenticated
from luftrom.logs.head import (
    HEAD_CHARS_MAX,
    HEAD_TYPE,
    Head,
    check_body,
    read_sender,
    sign_head,
    verify_head,
)
from luftrom.statements.kinds.ruling import KIND as RULING

ALFA, BRAVO = "alfa.example", "bravo.example"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
KERNELS = "5e" * 32
DRAFT = Head(ALFA, BRAVO, "ab" * 32, 7, "", 12, bytes(range(32)), 9, 8, 1_790_000_000, KERNELS)
BODY = b"luftrom-exchange/2\n"


def signed(**changes: Any) -> str:
    return sign_head(replace(DRAFT, **changes), BODY, KEY)


def read(text: str | None) -> Head:
    return verify_head(text, ALFA, BRAVO, PUBLIC)


def parts(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, claims, _ = text.split(".")
    return json.loads(parse_base64url(head)), json.loads(parse_base64url(claims))


def resigned(head: Any = None, claims: Any = None, without: str = "") -> str:
    """The head with other members, signed by the right key all the same."""
    told, said = parts(signed())
    if isinstance(claims, dict) or without:
        said = {name: value for name, value in (said | (claims or {})).items() if name != without}
    elif claims is not None:
        said = claims
    told = told | head if isinstance(head, dict) else told if head is None else head
    text = ".".join(encode_base64url(json.dumps(each).encode()) for each in (told, said))
    return f"{text}.{encode_base64url(KEY.sign(text.encode()))}"


def test_a_head_comes_back() -> None:
    text = signed()
    head = read(text)
    check_body(BODY, head)
    assert head == replace(DRAFT, sha256=head.sha256, text=text)
    assert read_sender(text) == ALFA


def test_another_library_verifies_a_head() -> None:
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(PUBLIC)})
    told = jws.deserialize_compact(signed(), key, algorithms=["Ed25519"])
    assert told.headers() == {"alg": "Ed25519", "kid": f"{ALFA}#channel", "typ": HEAD_TYPE}
    said = json.loads(told.payload)
    assert (said["from"], said["to"], said["size"], said["mirrored"], said["opened"]) == (
        ALFA, BRAVO, 12, 9, 8)


counts = st.integers(0, 2**53 - 1)


@given(st.builds(Head, st.just(ALFA), st.just(BRAVO), st.just("ab" * 32),
                 st.integers(1, 2**63 - 1), st.just(""), counts,
                 st.binary(min_size=32, max_size=32), counts, counts, counts,
                 st.none() | st.just(KERNELS)), st.binary(max_size=50))
def test_whatever_is_signed_comes_back(draft: Head, body: bytes) -> None:
    text = sign_head(draft, body, KEY)
    head = read(text)
    check_body(body, head)
    assert replace(head, sha256="", text="") == draft


def test_a_head_can_stand_in_a_ruling() -> None:
    body = RULING.read({"rulings": [{"index": 1, "accepted": True, "unacknowledged": [],
                                     "against": []}], "heads": {ALFA: signed()}})
    assert read(body.heads[ALFA]).mirrored == 9


@pytest.mark.parametrize(("told", "shown"), [
    (KERNELS, KERNELS), (None, None), ("5E" * 32, None), (KERNELS + "0", None), ("", None)])
def test_the_digest_of_the_kernels_is_shown_only_if_it_is_one(told: str | None,
                                                              shown: str | None) -> None:
    assert read(signed(kernels=told)).kernels == shown


@pytest.mark.parametrize("name", ["counter", "size", "mirrored", "opened", "time"])
@pytest.mark.parametrize("value", [None, -1, 2.0, True, "3", [3], 2**63])
def test_counts_that_are_none(name: str, value: Any) -> None:
    with pytest.raises(NotAuthenticated, match=f"the {name} of the head is not a number"):
        read(resigned(claims={name: value}))
    with pytest.raises(NotAuthenticated, match=f"the {name} of the head is not a number"):
        read(resigned(without=name))


def test_counts_at_their_bounds() -> None:
    most = 2**53 - 1
    for name in ("size", "mirrored", "opened", "time"):
        for value in (0, most):
            assert getattr(read(resigned(claims={name: value})),
                           "time_s" if name == "time" else name) == value
        with pytest.raises(NotAuthenticated):
            read(resigned(claims={name: most + 1}))
    for value in (1, 2**63 - 1):
        assert read(resigned(claims={"counter": value})).counter == value
    for value in (0, 2**63):
        with pytest.raises(NotAuthenticated):
            read(resigned(claims={"counter": value}))


@pytest.mark.parametrize("root", [
    None, "", "x", 7, encode_base64url(bytes(31)), encode_base64url(bytes(33)),
    encode_base64url(bytes(32)) + "=", "A" * 42 + "B"])
def test_roots_that_are_none(root: Any) -> None:
    with pytest.raises(NotAuthenticated, match="root of the head is not 32 bytes"):
        read(resigned(claims={"root": root}))


BROKEN: dict[str, Callable[[], str | None]] = {
    "none": lambda: None, "empty": lambda: "", "two parts": lambda: signed().rpartition(".")[0],
    "four parts": lambda: signed() + ".", "words": lambda: "a head",
    "padding": lambda: signed() + "=", "a line end": lambda: signed() + "\n",
    "no claims": lambda: ".".join((signed().split(".")[0], "", signed().split(".")[2])),
    "a list for claims": lambda: resigned(claims=[]), "a list for head": lambda: resigned(head=[]),
    "deep": lambda: f"{signed().split('.')[0]}.{encode_base64url(b'[' * 900)}.AA",
    "other letters": lambda: signed()[:-1] + "é",
    "another algorithm": lambda: resigned(head={"alg": "EdDSA"}),
    "no algorithm": lambda: resigned(head={"alg": "none"}),
    "the type of a message of version 1": lambda: resigned(head={"typ": "luftrom-exchange+json"}),
    "the type of a statement": lambda: resigned(
        head={"typ": "vnd.luftrom.statement.v2+sd-jwt"}),
    "no type": lambda: resigned(head={"typ": None}),
    "critical parameters": lambda: resigned(head={"crit": ["b64"], "b64": True}),
    "too long": lambda: resigned(claims={"note": "x" * HEAD_CHARS_MAX}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_head(name: str) -> None:
    for look in (read, read_sender):
        with pytest.raises(NotAuthenticated):
            look(BROKEN[name]())


@pytest.mark.parametrize("text", [None, ""])
def test_a_node_of_the_version_before_is_told_what_to_do(text: str | None) -> None:
    with pytest.raises(NotAuthenticated, match=r"needs a Luftrom-Head header.*another version"):
        read_sender(text)


def test_a_head_has_a_length() -> None:
    """What other versions may add is no fault, up to there."""
    spare = HEAD_CHARS_MAX - len(resigned(claims={"note": ""}))
    note = "x" * (spare // 4 * 3)
    while len(longest := resigned(claims={"note": note})) <= HEAD_CHARS_MAX:
        assert read(longest).size == 12
        note += "x"
    assert len(longest) - HEAD_CHARS_MAX <= 2
    with pytest.raises(NotAuthenticated):
        read(longest)


def test_a_head_of_others_is_refused() -> None:
    text = signed()
    for sender, recipient in (("charlie.example", BRAVO), (ALFA, "charlie.example"),
                              (BRAVO, ALFA)):
        with pytest.raises(NotAuthenticated, match=f"not from {sender} to {recipient}"):
            verify_head(text, sender, recipient, PUBLIC)
    with pytest.raises(NotAuthenticated, match="channel key") as refused:
        verify_head(text, ALFA, BRAVO, bytes(32))
    assert refused.value.code == "wrong_signature"


@given(st.data())
def test_no_changed_sign_verifies(data: st.DataObject) -> None:
    text = signed()
    at = data.draw(st.integers(0, len(text) - 1))
    sign = data.draw(st.characters(codec="ascii").filter(lambda sign: sign != text[at]))
    with pytest.raises(NotAuthenticated):
        read(text[:at] + sign + text[at + 1:])


def test_another_body_is_refused() -> None:
    with pytest.raises(NotAuthenticated, match="not the one that was signed") as refused:
        check_body(BODY + b"x", read(signed()))
    assert refused.value.code == "wrong_signature"


@pytest.mark.parametrize("digest", [None, "", 7, "AB" * 32])
def test_a_head_over_no_digest_heads_no_body(digest: Any) -> None:
    with pytest.raises(NotAuthenticated):
        check_body(BODY, read(resigned(claims={"sha256": digest})))
