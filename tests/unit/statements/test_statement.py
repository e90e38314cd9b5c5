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

from holdings import intent
from leaves import LeafSigner
from luftrom import limits
from luftrom.airspace.intent import derive_ovn
from luftrom.errors import BadInput, TooLarge, Unverified
from luftrom.formats.f3548.volumes import encode_volume4d
from luftrom.geometry.measure import CLASS_MAX, CLASS_MIN, size_class
from luftrom.logs.fork import Branch, Fork
from luftrom.statements.claims import Entity
from luftrom.statements.disclosure import (
    digests_of,
    disclosure_digest,
    make_disclosure,
    parse_disclosure,
)
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.declaration import Declared
from luftrom.statements.kinds.lost import LEAVES_MAX, Lost
from luftrom.statements.kinds.passed_over import PassedOver
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
from luftrom.statements.opening import (
    Item,
    match_disclosures,
    open_disclosures,
    open_item,
    open_or_void,
)
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
        "seen": {"bravo.example": {"size": 4, "root": bytes(range(32)), "time": 1_789_999_990}}}
SEEN = Seen(4, bytes(range(32)), 1_789_999_990)
RULINGS = [{"index": 3, "accepted": True, "against": [], "unacknowledged": ["bravo.example"]},
           {"index": 5, "accepted": False, "against": [["bravo.example", 2, "turn"]],
            "unacknowledged": []}]
PEER_HEAD = "eyJhIjoxfQ.eyJiIjoyfQ.c2lnbmVk"
HEAD_DIGEST = base64.urlsafe_b64decode("B" * 42 + "A=")
CLAIMS: dict[str, dict[str, Any]] = {
    "agreement": {}, "declaration": {"audience": ["bravo.example"], "size": -7},
    "withdrawal": {"of": 3}, "notice": {"entity": ENTITY},
    "notice_withdrawal": {"of": 3, "reason": "Né"}, "notification": {},
    "restored": {"held": [{"party": "bravo.example", "size": 4, "root": "A" * 43,
                           "head": "B" * 42 + "A"}], "reason": "Charlie is away."},
    "forked": {"of": "bravo.example", "end": 2, "before": ["A" * 43], "branches": [
        {"checkpoint": "bravo.example/log\n", "leaf": "A" * 43, "proof": []},
        {"checkpoint": "—\n", "leaf": "B" * 42 + "A", "proof": ["A" * 43]}]},
    "lost": {"leaves": [2, 5]}, "passed_over": {"of": [2, 5], "opened": {"bravo.example": 3}},
    "ruling": {"rulings": RULINGS, "heads": {"charlie.example": PEER_HEAD},
               "opened": {"bravo.example": 2}}}
BODIES: dict[str, Any] = {
    "agreement": None, "declaration": Declared(-7, ("bravo.example",)),
    "withdrawal": Withdrawal(3), "notice": Entity(ENTITY["id"], ENTITY["version"]),
    "notice_withdrawal": Withdrawal(3, "Né"), "notification": None,
    "restored": Restored((PeerWord("bravo.example", 4, bytes(32), HEAD_DIGEST),),
                         "Charlie is away."), "lost": Lost((2, 5)),
    "passed_over": PassedOver((2, 5), {"bravo.example": 3}),
    "forked": Fork("bravo.example", 2, (bytes(32),), (
        Branch(b"bravo.example/log\n", bytes(32), ()),
        Branch("—\n".encode(), HEAD_DIGEST, (bytes(32),)))),
    "ruling": Rulings((Ruling(3, True, (), ("bravo.example",)),
                       Ruling(5, False, (("bravo.example", 2, "turn"),), ())),
                      {"charlie.example": PEER_HEAD}, {"bravo.example": 2})}


def disclosures_of(kind: str) -> list[bytes]:
    return [make_disclosure(name, {"name": "Flight"}) for name in KINDS[kind].opens]


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
        assert claims["size"] == -7 and "_sd" not in claims and "entity" not in claims
        assert {"details", "reference", "remarks"} & claims.keys() == set(
            KINDS["declaration"].opens[3 - len(shown):])
    assert claims["seen"]["bravo.example"]["size"] == 4


# -- statements ----------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_statements_come_back(kind: str) -> None:
    leaf = sign(kind)
    statement = verify_statement(leaf, PUBLIC, PARTY)
    assert statement == parse_statement(leaf) and statement.leaf == leaf
    assert (statement.party, statement.type, statement.index, statement.iat_s) == (
        PARTY, kind, 7, 1_790_000_000)
    assert statement.seen == {"bravo.example": SEEN}
    assert statement.body == BODIES[kind]
    assert len(statement.digests) == len(KINDS[kind].opens)


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
                      {"bravo.example": SEEN}, digests_of(disclosures))
    assert StatementSigner(PARTY, KEY).sign(draft).leaf == leaf
    claims = [name for name in json.loads(base64.urlsafe_b64decode(leaf.split(b".")[1] + b"=="))]
    said = [name.rstrip("?") for name in KINDS[kind].claims if not name.endswith("?")
            or name[:-1] in CLAIMS[kind]]
    assert claims == ["iss", "type", "index", "iat", "agreement", "seen", *said,
                      *(["_sd", "_sd_alg"] if KINDS[kind].opens else [])]


def test_what_a_sealed_leaf_shows() -> None:
    """Nobody can tell from it what is declared, or under which identifier."""
    payload = json.loads(base64.urlsafe_b64decode(LEAF.split(b".")[1] + b"=="))
    assert list(payload) == ["iss", "type", "index", "iat", "agreement", "seen", "audience",
                             "size", "_sd", "_sd_alg"]
    assert KINDS["declaration"].opens == ("details", "reference", "remarks")
    assert payload["_sd"] == [disclosure_digest(each) for each in LEAF_DISCLOSURES]
    assert list(payload["seen"]["bravo.example"]) == ["size", "root", "time"]


def test_whom_a_declaration_is_for() -> None:
    audience = KINDS["declaration"].audience
    assert audience(parse_statement(LEAF)).includes("bravo.example")
    assert not audience(parse_statement(LEAF)).includes("charlie.example")
    all_of_us = parse_statement(SIGNER.sign({"type": "declaration", **HEAD, "size": 0},
                                            LEAF_DISCLOSURES))
    assert all_of_us.body == Declared(0) and audience(all_of_us).includes("charlie.example")


@pytest.mark.parametrize("audience", [
    [], ["bravo.example", "bravo.example"], ["Bravo"], [7], "bravo.example", {},
    [f"{n}.example" for n in range(limits.PARTIES_MAX + 1)]])
def test_audiences_that_name_nobody_or_too_many(audience: Any) -> None:
    with pytest.raises(BadInput):
        sign_and_read(audience=audience)


def test_an_audience_and_a_size_class_have_a_largest() -> None:
    everybody = [f"{n}.example" for n in range(limits.PARTIES_MAX)]
    body = sign_and_read(audience=everybody, size=CLASS_MAX).body
    assert body == Declared(CLASS_MAX, tuple(everybody))
    for size in (CLASS_MAX + 1, CLASS_MIN - 1, 3.0, True, None, "3"):
        with pytest.raises(BadInput):
            sign_and_read(size=size)


def sign_and_read(**changes: Any) -> Statement[Any]:
    return parse_statement(SIGNER.sign(
        {"type": "declaration"} | HEAD | CLAIMS["declaration"] | changes, LEAF_DISCLOSURES))


def test_a_node_signs_nothing_that_its_peers_refuse() -> None:
    signer = StatementSigner(PARTY, KEY)
    digests = digests_of(disclosures_of("notice"))
    for draft in (Statement(PARTY, "notice", 7, 1, Entity("a b", 1), digests=digests),
                  Statement(PARTY, "withdrawal", -1, 1, Withdrawal(3)),
                  Statement(PARTY, "withdrawal", 7, 1, Withdrawal(-3)),
                  Statement(PARTY, "declaration", 7, 1, Declared(-7)),   # nothing to be opened
                  Statement(PARTY, "declaration", 7, 1, Declared(-7), digests=digests)):
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
    {"size": numbers, "root": st.binary(min_size=32, max_size=32),
     "time": st.integers(0, 4_000_000_000)}), max_size=3)
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
reasons = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=50)
said = st.one_of(
    st.builds(lambda h: {"type": "agreement"} | h, heads),
    st.builds(lambda h, o, r: {"type": "withdrawal"} | h | {"reason": r, "of": o},
              heads, numbers, reasons),
    st.builds(lambda h, r, o: {"type": "ruling", "rulings": r} | h | ({"opened": o} if o else {}),
              heads, rulings, st.dictionaries(parties, numbers, max_size=3)))


@given(said)
def test_whatever_is_signed_comes_back(claims: dict[str, Any]) -> None:
    statement = verify_statement(SIGNER.sign(claims, ()), PUBLIC, PARTY)
    assert (statement.type, statement.index, statement.iat_s) == (
        claims["type"], claims["index"], claims["iat"])
    assert statement.seen == {name: Seen(seen["size"], seen["root"], seen["time"])
                              for name, seen in claims["seen"].items()}
    if claims["type"] == "withdrawal":
        assert statement.body.reason == claims["reason"]
    elif claims["type"] == "ruling":
        assert [r.index for r in statement.body.rulings] == [r["index"] for r in claims["rulings"]]
        assert statement.body.opened == claims.get("opened", {})


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_statements_are_refused(path: Path) -> None:
    leaf = path.read_bytes()
    with pytest.raises((BadInput, TooLarge)):
        parse_statement(leaf)
    with pytest.raises((BadInput, TooLarge, Unverified)):
        verify_statement(leaf, PUBLIC, PARTY)


def test_there_are_bad_statements() -> None:
    assert len(BAD) >= 50


LEAF_DISCLOSURES = disclosures_of("declaration")
LEAF = SIGNER.sign({"type": "declaration"} | HEAD | CLAIMS["declaration"], LEAF_DISCLOSURES)


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


def test_a_leaf_of_the_version_before_is_refused_clearly() -> None:
    leaf = next((VECTORS / "formats-1" / "served" / PARTY / "log").glob("tile/entries/*/*"))
    length = int.from_bytes(leaf.read_bytes()[:2], "big")
    old = leaf.read_bytes()[2:2 + length]
    for read in (parse_statement, lambda each: verify_statement(each, PUBLIC, PARTY)):
        with pytest.raises(BadInput) as refused:
            read(old)
        assert refused.value.field == "header"
        assert "is of the format 'vnd.luftrom.statement.v1+sd-jwt'" in refused.value.message
        assert "read it with the version that wrote it" in refused.value.message


@pytest.mark.parametrize("heads", [
    [], {"Bravo": PEER_HEAD}, {"bravo.example": "a.b"}, {"bravo.example": PEER_HEAD + "="},
    {"bravo.example": PEER_HEAD + "."}, {"bravo.example": 7},
    {f"{n}.example": PEER_HEAD for n in range(limits.PARTIES_MAX + 1)}])
def test_heads_of_rulings_that_are_none(heads: Any) -> None:
    with pytest.raises(BadInput) as refused:
        parse_statement(sign("ruling", heads=heads))
    assert refused.value.field == "heads"


@pytest.mark.parametrize("opened", [[], {"Bravo": 3}, {"bravo.example": -1}, {"bravo.example": .5}])
def test_sizes_said_to_be_open_that_are_none(opened: Any) -> None:
    with pytest.raises(BadInput) as refused:
        parse_statement(sign("ruling", opened=opened))
    assert refused.value.field == "opened"


@pytest.mark.parametrize("time_s", [None, -1, 1.5, True, 2**62])
def test_times_of_heads_that_are_none(time_s: Any) -> None:
    seen = {"bravo.example": {"size": 4, "root": bytes(32), "time": time_s}}
    with pytest.raises(BadInput):
        parse_statement(sign("agreement", seen=seen))


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


def of_three(**others: bytes) -> list[bytes]:
    """What a declaration opens, with something else in some of the places."""
    return [others.get(name, make_disclosure(name, {"of": name}))
            for name in KINDS["declaration"].opens]


def declaration(committed: list[bytes]) -> Statement[Any]:
    return parse_statement(SIGNER.sign({"type": "declaration", **HEAD, "size": 3}, committed))


def test_disclosures_open_a_statement_in_their_order() -> None:
    committed = of_three()
    statement = declaration(committed)
    assert list(open_disclosures(statement, committed).items()) == [
        (name, {"of": name}) for name in ("details", "reference", "remarks")]
    assert open_disclosures(statement, committed[1:2]) == {"reference": {"of": "reference"}}
    assert open_disclosures(statement, ()) == {}
    match_disclosures(statement, committed)


@pytest.mark.parametrize("how", ["twice", "foreign", "salted anew"])
def test_what_was_not_committed_to_opens_nothing(how: str) -> None:
    committed = of_three()
    shown = {"twice": [committed[0], committed[0]],
             "foreign": [*committed[:2], make_disclosure("remarks", "Other.")],
             "salted anew": [make_disclosure("details", {"of": "details"})]}[how]
    for check in (open_disclosures, match_disclosures):
        with pytest.raises(Unverified) as refused:
            check(declaration(committed), shown)
        assert refused.value.code == "wrong_disclosure"


@pytest.mark.parametrize("shown", [
    lambda three: three[:2], lambda three: three[::-1], lambda three: [], lambda three: three * 2])
def test_only_the_whole_in_its_order_matches(shown: Any) -> None:
    committed = of_three()
    with pytest.raises(Unverified) as refused:
        match_disclosures(declaration(committed), shown(committed))
    assert refused.value.code == "wrong_disclosure"


@pytest.mark.parametrize("name", ["remarks", "size", "iss", "colour", "audience", "of"])
def test_a_digest_stands_for_the_claim_of_its_place(name: str) -> None:
    """An author that commits to another claim has committed to no content."""
    committed = of_three(details=make_disclosure(name, {}))
    match_disclosures(declaration(committed), committed)
    with pytest.raises(BadInput):
        open_disclosures(declaration(committed), committed)
    assert open_or_void(declaration(committed), committed).void


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_leaf_has_a_digest_for_each_of_its_claims_and_none_to_spare(number: int) -> None:
    committed = [make_disclosure(f"claim{n}", n) for n in range(number)]
    with pytest.raises(BadInput) as refused:
        declaration(committed)
    assert refused.value.field == "_sd"


# -- content: what is sealed, and what is void ---------------------------------------------------

VOLUME = encode_volume4d(intent(1, 1).volumes[0])
DETAILS = {"id": ENTITY["id"], "version": 1, "state": "Accepted", "volumes": [VOLUME]}
REFERENCE = {"manager": "uss1", "name": "Flight", "uss_base_url": ""}


def opened(details: Any = None, reference: Any = None, remarks: Any = "", size: int = -7
           ) -> Item[Any, Any]:
    committed = [make_disclosure("details", DETAILS if details is None else details),
                 make_disclosure("reference", REFERENCE if reference is None else reference),
                 make_disclosure("remarks", remarks)]
    statement = parse_statement(SIGNER.sign({"type": "declaration", **HEAD, "size": size},
                                            committed))
    return open_or_void(statement, committed)


def test_a_sealed_declaration_is_closed_and_then_open() -> None:
    item = opened(DETAILS | {"version": 3, "priority": 0, "key": ["b", "a"]}, remarks="Über.")
    closed = open_or_void(item.statement, ())
    assert (closed.content, closed.entity, closed.ovn, closed.void) == (None, None, "", "")
    assert (item.void, item.entity) == ("", Entity(ENTITY["id"], 3))
    found = item.content.intent
    assert (found.name, found.priority, found.key, found.remarks) == (
        "Flight", 0, frozenset("ab"), "Über.")
    assert item.ovn == derive_ovn(ENTITY["id"], 3, item.disclosures[0])
    assert [parse_disclosure(each)[1] for each in item.disclosures] == [
        DETAILS | {"version": 3, "priority": 0, "key": ["b", "a"]}, REFERENCE, "Über."]
    assert KINDS["declaration"].disclose(item.content) == [
        DETAILS | {"version": 3, "priority": 0, "key": ["a", "b"]}, REFERENCE, "Über."]


@pytest.mark.parametrize("content", [
    {"size": -8}, {"size": -6}, {"size": 35}, {"details": {}}, {"details": []}, {"details": "x"},
    {"details": DETAILS | {"version": 0}}, {"details": DETAILS | {"id": "a b"}},
    {"details": DETAILS | {"colour": "red"}}, {"details": DETAILS | {"state": "Flying"}},
    {"details": DETAILS | {"volumes": []}}, {"details": DETAILS | {"volumes": [{}]}},
    {"details": DETAILS | {"volumes": [VOLUME] * (limits.VOLUMES_MAX + 1)}},
    {"details": DETAILS | {"priority": "high"}}, {"details": DETAILS | {"key": "ab"}},
    {"details": DETAILS | {"key": ["x"] * (limits.KEY_OVNS_MAX + 1)}},
    {"details": {name: DETAILS[name] for name in ("id", "version", "state")}},
    {"reference": {}}, {"reference": REFERENCE | {"name": 7}},
    {"reference": REFERENCE | {"more": ""}}, {"remarks": 7}])
def test_what_is_no_content_is_void_and_says_why(content: dict[str, Any]) -> None:
    item = opened(**content)
    assert item.void and item.content is None and item.ovn == "" and item.entity is None
    assert len(item.disclosures) == 3      # kept: they and the leaf are the proof
    with pytest.raises(BadInput):
        open_item(item.statement, item.disclosures)


def test_what_is_at_its_bound_is_content() -> None:
    for details in (DETAILS | {"volumes": [VOLUME] * 1}, DETAILS | {"key": [
            str(n) for n in range(limits.KEY_OVNS_MAX)]}):
        assert not opened(details).void
    many = DETAILS | {"volumes": [VOLUME] * limits.VOLUMES_MAX}
    assert not opened(many, size=size_class(intent(1, 1).volumes * limits.VOLUMES_MAX)).void


def test_a_disclosure_that_cannot_be_read_is_void() -> None:
    committed = of_three(details=b"~")
    item = open_or_void(declaration(committed), committed)
    assert item.void and "disclosure" in item.void


def test_what_is_shown_in_part_is_not_void_for_others() -> None:
    """A part of a declaration that is no whole is void where it is all that the leaf has."""
    item = opened()
    part = open_or_void(item.statement, item.disclosures[1:])
    assert part.void == "what it committed to is not whole"


def test_values_are_what_others_expect_of_them() -> None:
    statement = Statement(PARTY, "agreement", 0, 1, None)
    assert (statement.agreement, statement.seen, statement.digests) == ("", {}, ())
    with pytest.raises(AttributeError):
        statement.index = 2
    assert uuid.UUID(ENTITY["id"]).version == 4
