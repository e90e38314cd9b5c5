"""statement: SD-JWTs that any library reads, with one form each, and disclosures that open them."""

from __future__ import annotations

import base64
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey
from jwcrypto.jwk import JWK
from jwcrypto.jws import default_allowed_algs
from sd_jwt.verifier import SDJWTVerifier

from leaves import LeafSigner
from luftrom import limits
from luftrom.errors import BadInput, TooLarge, Unverified
from luftrom.statements.claims import Entity
from luftrom.statements.disclosure import (
    digests_of,
    disclosure_digest,
    make_disclosure,
    parse_disclosure,
)
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.lost import LEAVES_MAX, Lost
from luftrom.statements.kinds.restored import PeerWord, Restored
from luftrom.statements.kinds.ruling import Ruling, Rulings
from luftrom.statements.kinds.withdrawal import Withdrawal
from luftrom.statements.leaf import (
    TYP,
    StatementSigner,
    parse_statement,
    verify_signature,
    verify_statement,
)
from luftrom.statements.opening import open_disclosures
from luftrom.statements.statement import Seen, Statement

VECTORS = Path(__file__).parents[2] / "vectors"
RFC9901 = json.loads((VECTORS / "rfc9901-disclosures.json").read_text(encoding="utf-8"))["vectors"]
BAD = sorted((VECTORS / "bad").glob("statement-*.jws"))
PARTY = "alfa.example"
KEY = Ed25519PrivateKey.from_private_bytes(b"statements of alfa.example......")   # as make_bad.py
PUBLIC = KEY.public_key().public_bytes_raw()
SIGNER = LeafSigner(PARTY, KEY)
ENTITY = {"id": "2f8343be-6482-4d1b-a474-16847e01af1e", "version": 3}
HEAD = {"index": 7, "iat": 1_790_000_000, "agreement": "ab" * 32,
        "seen": {"bravo.example": {"size": 4, "root": bytes(range(32))}}}
RULINGS = [{"index": 3, "accepted": True, "against": [], "unacknowledged": ["bravo.example"]},
           {"index": 5, "accepted": False, "against": [["bravo.example", 2, "turn"]],
            "unacknowledged": []}]
CLAIMS: dict[str, dict[str, Any]] = {
    "agreement": {}, "declaration": {"entity": ENTITY}, "withdrawal": {"entity": ENTITY, "of": 3},
    "notice": {"entity": ENTITY}, "notice_withdrawal": {"entity": ENTITY, "of": 3, "reason": "Né"},
    "ruling": {"rulings": RULINGS}, "notification": {}, "lost": {"leaves": [2, 5]},
    "restored": {"held": [{"party": "bravo.example", "size": 7, "root": "A" * 43,
                           "head": "A" * 43}], "reason": "Né"}}
_ENTITY = Entity(ENTITY["id"], ENTITY["version"])
BODIES: dict[str, Any] = {
    "agreement": None, "declaration": _ENTITY, "withdrawal": Withdrawal(3, _ENTITY),
    "notice": _ENTITY, "notice_withdrawal": Withdrawal(3, _ENTITY, "Né"), "notification": None,
    "lost": Lost((2, 5)),
    "restored": Restored((PeerWord("bravo.example", 7, bytes(32), bytes(32)),), "Né"),
    "ruling": Rulings((Ruling(3, True, (), ("bravo.example",)),
                       Ruling(5, False, (("bravo.example", 2, "turn"),), ())))}


def disclosures_of(kind: str) -> list[bytes]:
    if not KINDS[kind].discloses:
        return []
    return [make_disclosure("reference", {"name": "Flight"}), make_disclosure("details", [1.5])]


def sign(kind: str, **changes: Any) -> bytes:
    return SIGNER.sign({"type": kind} | HEAD | CLAIMS[kind] | changes, disclosures_of(kind))


def sd_jwt(leaf: bytes, disclosures: list[bytes]) -> str:
    return "~".join([leaf.decode(), *(d.decode() for d in disclosures), ""])


# -- what others say -----------------------------------------------------------------------------

@pytest.mark.parametrize("disclosure, digest, name, value", RFC9901)
def test_disclosures_of_rfc_9901(disclosure: str, digest: str, name: str, value: str) -> None:
    assert disclosure_digest(disclosure.encode()) == digest
    assert parse_disclosure(disclosure.encode()) == (name, value)


@pytest.mark.parametrize("kind", KINDS)
def test_joserfc_verifies_every_statement(kind: str) -> None:
    leaf = sign(kind)
    read = jws.deserialize_compact(leaf, OKPKey.import_key({
        "kty": "OKP", "crv": "Ed25519",
        "x": base64.urlsafe_b64encode(PUBLIC).rstrip(b"=").decode()}), algorithms=["Ed25519"])
    assert read.headers() == {"alg": "Ed25519", "kid": "alfa.example#statements", "typ": TYP}
    payload = json.loads(read.payload)
    assert (payload["iss"], payload["type"], payload["index"]) == (PARTY, kind, 7)


def test_the_sd_jwt_package_opens_what_we_write(monkeypatch: pytest.MonkeyPatch) -> None:
    # It leaves the choice of algorithms to jwcrypto, whose list may still lack RFC 9864's name.
    if "Ed25519" not in default_allowed_algs:
        monkeypatch.setattr("jwcrypto.jws.default_allowed_algs", [*default_allowed_algs, "Ed25519"])
    disclosures = disclosures_of("declaration")
    leaf = SIGNER.sign({"type": "declaration"} | HEAD | CLAIMS["declaration"], disclosures)
    x = base64.urlsafe_b64encode(PUBLIC).rstrip(b"=").decode()
    key = JWK(kty="OKP", crv="Ed25519", x=x)
    for shown in (disclosures, disclosures[1:], []):
        claims = SDJWTVerifier(sd_jwt(leaf, shown), lambda issuer, header: key
                               ).get_verified_payload()
        assert claims["entity"] == ENTITY and "_sd" not in claims
        assert ("details" in claims, "reference" in claims) == (bool(shown), len(shown) == 2)
    assert claims["seen"]["bravo.example"]["size"] == 4


# -- statements ----------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_statements_come_back(kind: str) -> None:
    leaf = sign(kind)
    statement = verify_statement(leaf, PUBLIC, PARTY)
    assert statement == parse_statement(leaf) and statement.leaf == leaf
    assert (statement.party, statement.type, statement.index, statement.iat_s) == (
        PARTY, kind, 7, 1_790_000_000)
    assert statement.seen == {"bravo.example": Seen(4, bytes(range(32)))}
    assert statement.body == BODIES[kind]
    assert len(statement.digests) == (2 if KINDS[kind].discloses else 0)
    assert list(statement.digests) == sorted(statement.digests)


@pytest.mark.parametrize("leaves", [[], [3, 3], [5, 2], [7], list(range(LEAVES_MAX + 1))])
def test_what_lost_may_not_name(leaves: list[int]) -> None:
    with pytest.raises(BadInput, match="leaves"):
        parse_statement(sign("lost", leaves=leaves))


def test_lost_names_no_more_than_its_bound() -> None:
    leaves = list(range(LEAVES_MAX))
    statement = parse_statement(sign("lost", leaves=leaves, index=LEAVES_MAX))
    assert statement.body == Lost(tuple(leaves))


def test_a_restored_log_says_why() -> None:
    with pytest.raises(BadInput, match="reason"):
        parse_statement(SIGNER.sign({"type": "restored"} | HEAD | {"held": []},
                                    disclosures_of("restored")))
    held = CLAIMS["restored"]["held"]
    with pytest.raises(BadInput, match="none twice"):
        parse_statement(sign("restored", held=held * 2))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_node_signs_is_what_others_write(kind: str) -> None:
    """Byte for byte, so that the order of claims never moves."""
    disclosures = disclosures_of(kind)
    leaf = SIGNER.sign({"type": kind} | HEAD | CLAIMS[kind], disclosures)
    draft = Statement(PARTY, kind, 7, 1_790_000_000, BODIES[kind], "ab" * 32,
                      {"bravo.example": Seen(4, bytes(range(32)))}, digests_of(disclosures))
    assert StatementSigner(PARTY, KEY).sign(draft).leaf == leaf
    claims = [name for name in json.loads(base64.urlsafe_b64decode(leaf.split(b".")[1] + b"=="))]
    said = [name.rstrip("?") for name in KINDS[kind].claims if not name.endswith("?")
            or name[:-1] in CLAIMS[kind]]
    assert claims == ["iss", "type", "index", "iat", "agreement", "seen", *said,
                      *(["_sd_alg"] if "_sd" in said else [])]


def test_a_node_signs_nothing_that_its_peers_refuse() -> None:
    signer = StatementSigner(PARTY, KEY)
    for draft in (Statement(PARTY, "withdrawal", 7, 1, Withdrawal(3, Entity("a b", 1))),
                  Statement(PARTY, "withdrawal", -1, 1, Withdrawal(3, Entity("a", 1))),
                  Statement(PARTY, "declaration", 7, 1, Entity("a", 1))):   # nothing disclosed
        with pytest.raises(BadInput):
            signer.sign(draft)


def test_before_an_agreement_there_are_no_peers() -> None:
    leaf = SIGNER.sign({"type": "withdrawal", "index": 0, "iat": 1, **CLAIMS["withdrawal"]}, ())
    statement = parse_statement(leaf)
    assert (statement.agreement, statement.seen) == ("", {})


parties = st.from_regex(re.compile(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", re.ASCII),
                        fullmatch=True)
numbers = st.integers(0, 2**53 - 1)
seens = st.dictionaries(parties, st.fixed_dictionaries(
    {"size": numbers, "root": st.binary(min_size=32, max_size=32)}), max_size=3)
againsts = st.lists(st.tuples(parties, numbers, st.sampled_from(["turn", "priority"])).map(list),
                    min_size=1, max_size=3)
rulings = st.lists(st.one_of(
    st.fixed_dictionaries({"accepted": st.just(True), "against": st.just([]),
                           "unacknowledged": st.lists(parties, max_size=2)}),
    st.fixed_dictionaries({"accepted": st.just(False), "against": againsts,
                           "unacknowledged": st.lists(parties, max_size=2)})),
    min_size=1, max_size=5).map(lambda found: [{"index": 3 * i, **r} for i, r in enumerate(found)])
heads = st.fixed_dictionaries({
    "index": numbers, "iat": st.integers(0, 4_000_000_000),
    "agreement": st.binary(min_size=32, max_size=32).map(bytes.hex), "seen": seens})
entities = st.fixed_dictionaries({"id": st.uuids(version=4).map(str),
                                  "version": st.integers(1, 2**53 - 1)})
reasons = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=50)
said = st.one_of(
    st.builds(lambda h: {"type": "agreement"} | h, heads),
    st.builds(lambda h, e, o, r: {"type": "withdrawal"} | h | {"reason": r, "of": o, "entity": e},
              heads, entities, numbers, reasons),
    st.builds(lambda h, r: {"type": "ruling", "rulings": r} | h, heads, rulings))


@given(said)
def test_whatever_is_signed_comes_back(claims: dict[str, Any]) -> None:
    statement = verify_statement(SIGNER.sign(claims, ()), PUBLIC, PARTY)
    assert (statement.type, statement.index, statement.iat_s) == (
        claims["type"], claims["index"], claims["iat"])
    assert statement.seen == {n: Seen(**s) for n, s in claims["seen"].items()}
    if claims["type"] == "withdrawal":
        assert statement.body.reason == claims["reason"]
    elif claims["type"] == "ruling":
        assert [r.index for r in statement.body.rulings] == [r["index"] for r in claims["rulings"]]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_statements_are_refused(path: Path) -> None:
    leaf = path.read_bytes()
    with pytest.raises((BadInput, TooLarge)):
        parse_statement(leaf)
    with pytest.raises((BadInput, TooLarge, Unverified)):
        verify_statement(leaf, PUBLIC, PARTY)


def test_there_are_bad_statements() -> None:
    assert len(BAD) >= 50


LEAF = sign("declaration")


@settings(max_examples=400)
@given(st.data())
def test_no_changed_byte_verifies(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(LEAF) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != LEAF[at]))
    with pytest.raises((Unverified, BadInput)):
        verify_statement(LEAF[:at] + bytes([byte]) + LEAF[at + 1:], PUBLIC, PARTY)


def test_each_failure_has_its_code() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    cases = {
        "wrong_signature": (LEAF, other.public_key().public_bytes_raw(), PARTY),
        "wrong_party": (LEAF, PUBLIC, "bravo.example"),
        "wrong_role": (resigned({"kid": "alfa.example#log"}), PUBLIC, PARTY)}
    for code, (leaf, key, party) in cases.items():
        with pytest.raises(Unverified) as refused:
            verify_statement(leaf, key, party)
        assert refused.value.code == code
    with pytest.raises(Unverified) as refused:
        verify_statement(resigned(claims={"iss": "bravo.example"}), PUBLIC, PARTY)
    assert refused.value.code == "wrong_party"


def resigned(head: dict[str, Any] | None = None, claims: dict[str, Any] | None = None) -> bytes:
    """LEAF with another header or other claims, signed by the right key all the same."""
    parts = []
    for part, changes in zip(LEAF.split(b"."), (head, claims), strict=False):
        value = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
        value |= changes or {}
        text = json.dumps(value, separators=(",", ":")).encode()
        parts.append(base64.urlsafe_b64encode(text).rstrip(b"="))
    signed = b".".join(parts)
    return signed + b"." + base64.urlsafe_b64encode(KEY.sign(signed)).rstrip(b"=")


def test_a_signature_can_be_checked_over_what_is_no_statement() -> None:
    leaf = resigned(claims={"type": "greeting"})
    assert b'"greeting"' in verify_signature(leaf, PUBLIC, PARTY)
    with pytest.raises(BadInput):
        verify_statement(leaf, PUBLIC, PARTY)


@pytest.mark.parametrize("reason", ["", "a\nb", "\ud800", "x" * 5_000])
def test_reasons_that_nobody_gives(reason: str) -> None:
    with pytest.raises(BadInput):
        parse_statement(sign("withdrawal", reason=reason))


def test_a_statement_has_a_size() -> None:
    many = [{"index": i, "accepted": True, "against": [], "unacknowledged": []}
            for i in range(128)]
    assert len(parse_statement(sign("ruling", rulings=many)).body.rulings) == 128
    with pytest.raises(TooLarge):
        sign("ruling", rulings=[{**r, "index": i} for i, r in enumerate(many * 8)])
    with pytest.raises(TooLarge):
        parse_statement(b"x" * (limits.LEAF_BYTES_MAX + 1))


# -- disclosures ---------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers(-2**53, 2**53) | st.floats(allow_nan=False,
                                                                       allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs",)), max_size=8), inner, max_size=3),
    max_leaves=12)


@given(st.sampled_from(["reference", "details", "x", "Möbius"]), values)
def test_disclosures_come_back(name: str, value: Any) -> None:
    assert parse_disclosure(make_disclosure(name, value)) == (name, value)


def test_each_disclosure_has_its_own_salt() -> None:
    assert len({make_disclosure("a", 1) for _ in range(50)}) == 50
    salt = json.loads(base64.urlsafe_b64decode(make_disclosure("a", 1) + b"=="))[0]
    assert len(base64.urlsafe_b64decode(salt + "==")) == 16


def encoded(value: Any) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


SALT = "2GLC42sKQveCfGfryNRN9w"


@pytest.mark.parametrize("disclosure", [
    b"", b"~", b"=", encoded([SALT, "a", 1]) + b"=", encoded([SALT, "a"]), encoded({"a": 1}),
    encoded([SALT, "a", 1, 2]), encoded([SALT[:-1], "a", 1]), encoded([1, "a", 1]),
    encoded([SALT, 1, 1]), encoded([SALT, "", 1]), encoded([SALT, "_sd", []]),
    encoded([SALT, "...", 1]), encoded([SALT, "iss", "bravo.example"]),
    encoded([SALT, "type", "ruling"]), encoded([SALT, "cnf", {}]),
    encoded([SALT, "a", float("nan")]), encoded([SALT, "a", []])[:-1] + b"!",
    base64.urlsafe_b64encode(b'["' + SALT.encode() + b'","a",{"b":1,"b":2}]').rstrip(b"="),
    base64.urlsafe_b64encode(b'["' + SALT.encode() + b'","a",' + b"[" * 99_999).rstrip(b"=")])
def test_bad_disclosures_are_refused(disclosure: bytes) -> None:
    with pytest.raises(BadInput):
        parse_disclosure(disclosure)


def test_a_disclosure_has_a_size() -> None:
    with pytest.raises(TooLarge):
        parse_disclosure(b"A" * (limits.DISCLOSURE_BYTES_MAX + 1))


def opening(*disclosures: bytes, committed: list[bytes] | None = None) -> dict[str, Any]:
    leaf = SIGNER.sign({"type": "notification"} | HEAD, committed or list(disclosures))
    return open_disclosures(parse_statement(leaf), disclosures)


def test_disclosures_open_a_statement_in_their_order() -> None:
    one, other = make_disclosure("details", {"a": [1]}), make_disclosure("reference", "x")
    assert list(opening(one, other).items()) == [("details", {"a": [1]}), ("reference", "x")]
    assert opening(other, committed=[one, other]) == {"reference": "x"}
    assert opening(committed=[one, other]) == {}


@pytest.mark.parametrize("how", ["twice", "foreign", "salted anew", "one name"])
def test_what_was_not_committed_to_opens_nothing(how: str) -> None:
    one, other = make_disclosure("details", 1), make_disclosure("details", 2)
    shown, committed = {"twice": ([one, one], [one]), "foreign": ([other], [one]),
                        "salted anew": ([make_disclosure("details", 1)], [one]),
                        "one name": ([one, other], [one, other])}[how]
    with pytest.raises(Unverified) as refused:
        opening(*shown, committed=committed)
    assert refused.value.code == "wrong_disclosure"


def test_values_are_what_others_expect_of_them() -> None:
    statement = Statement(PARTY, "agreement", 0, 1, None)
    assert (statement.agreement, statement.seen, statement.digests) == ("", {}, ())
    with pytest.raises(AttributeError):
        statement.index = 2
    assert uuid.UUID(ENTITY["id"]).version == 4
