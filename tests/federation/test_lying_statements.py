"""A peer with real keys that lies in what it signs: statements, disclosures, versions, rulings."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hosting import ALFA, BRAVO, CHARLIE
from liar import Liar, content, new_id, ring, volume
from refusing import refused
from talking import liar  # noqa: F401 - fixtures, which pytest finds by name

from luftrom import limits
from luftrom.exchange.message import Message
from luftrom.statements.disclosure import make_disclosure
from parties import ed25519

# -- the statement itself ------------------------------------------------------------------------


def payload_signed(liar: Liar, payload: bytes) -> bytes:
    """A leaf with these very bytes as its payload."""
    head = liar.leaves[0].split(b".")[0]
    signed = head + b"." + base64.urlsafe_b64encode(payload).rstrip(b"=")
    signature = liar.keys.statements.sign(signed)
    return signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


def payload_of(liar: Liar, **claims: Any) -> bytes:
    part = liar.statement("agreement", **claims).split(b".")[1]
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def with_head(liar: Liar, role: str) -> bytes:
    """Signed with the key of another role, whose name the header bears."""
    leaf = liar.statement("agreement", key=ed25519(BRAVO, role))
    head = base64.urlsafe_b64encode(json.dumps(
        {"alg": "Ed25519", "kid": f"{BRAVO}#{role}", "typ": "vnd.luftrom.statement.v1+sd-jwt"},
        separators=(",", ":")).encode()).rstrip(b"=")
    signed = head + b"." + leaf.split(b".")[1]
    signature = ed25519(BRAVO, role).sign(signed)
    return signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


Leaf = Callable[[Liar], bytes]
# What the leaf is; the code of the refusal; whether it proves by itself that bravo broke the format
# (None: bravo's statements key did not sign it, so that it is no evidence of anything).
LEAVES: dict[str, tuple[Leaf, str, bool | None]] = {
    "of no bytes": (lambda liar: b"", "bad_input", None),
    "of 65,535 zeroes": (lambda liar: bytes(65_535), "bad_input", None),
    "of 65,535 letters": (lambda liar: b"a" * 65_535, "bad_input", None),
    "with bytes behind it": (lambda liar: liar.statement("agreement") + b"x", "bad_input", None),
    "in four parts": (lambda liar: liar.statement("agreement") + b".x", "bad_input", None),
    "signed with the channel key": (lambda liar: liar.statement(
        "agreement", key=liar.keys.channel), "wrong_signature", None),
    "signed with the key of alfa": (lambda liar: liar.statement(
        "agreement", key=ed25519(ALFA, "statements")), "wrong_signature", None),
    "by the channel key, as it says": (lambda liar: with_head(liar, "channel"), "wrong_role",
                                       None),
    "by the log key, as it says": (lambda liar: with_head(liar, "log"), "wrong_role", None),
    "of another party": (lambda liar: liar.statement("agreement", party=ALFA), "wrong_party",
                         None),
    "of another party, under bravo's name": (
        lambda liar: liar.statement("agreement", iss=ALFA), "wrong_party", True),
    "for another index": (lambda liar: liar.statement("agreement", index=0), "wrong_index", False),
    "beyond the next index": (lambda liar: liar.statement(
        "agreement", index=len(liar.leaves) + 1), "wrong_index", False),
    "under another agreement": (lambda liar: liar.statement(
        "agreement", agreement="0" * 64), "other_agreement", False),
    "under no agreement": (lambda liar: liar.statement(
        "agreement", agreement=None, seen=None), "other_agreement", False),
    "of an unknown type": (lambda liar: payload_signed(liar, payload_of(liar).replace(
        b'"agreement",', b'"surprise",', 1)), "bad_input", True),
    "with a space": (lambda liar: payload_signed(liar, b" " + payload_of(liar)), "bad_input", True),
    "with a member twice": (lambda liar: payload_signed(liar, payload_of(liar).replace(
        b'"iat":', b'"iat":1,"iat":')), "bad_input", True),
    "with NaN": (lambda liar: payload_signed(liar, payload_of(liar).replace(
        b'"index":', b'"index":NaN,"x":')), "bad_input", True),
    "nested deep": (lambda liar: payload_signed(liar, b"[" * 40_000), "bad_input", True),
    "with a giant number": (lambda liar: payload_signed(liar, payload_of(liar).replace(
        b'"iat":', b'"iat":' + b"9" * 5000)), "bad_input", True),
    "from the end of time": (lambda liar: liar.statement("agreement", iat=2**53 - 1),
                             "bad_input", True),
}


@pytest.mark.parametrize("name", LEAVES)
def test_leaves(liar: Liar, name: str) -> None:
    """Such a leaf is under a signed checkpoint: it is refused for good, and kept."""
    make, code, proves = LEAVES[name]
    liar.append(make(liar))
    proof = None if proves is None else "statement"
    refused(liar, liar.message(), 422, code, f"leaf {liar.taken}", proof=proof,
            proves=bool(proves))
    liar.append(liar.statement("agreement"))
    refused(liar, liar.message(), 422, code, proof=proof, proves=bool(proves))


# -- what it says to have seen -------------------------------------------------------------------

def seen_of(liar: Liar, **changes: Any) -> dict[str, Any]:
    return {ALFA: liar.seen()[ALFA] | changes}


SEEN: dict[str, tuple[Callable[[Liar], dict[str, Any]], str]] = {
    "another history of ours": (lambda liar: seen_of(liar, root=bytes(32)), "seen_unknown"),
    "more than there is": (lambda liar: seen_of(liar, size=len(liar.alfa) + 1), "seen_unknown"),
    "a stranger": (lambda liar: liar.seen() | {CHARLIE: {"size": 0, "root": bytes(32)}},
                   "unverified"),
    "itself": (lambda liar: liar.seen() | {BRAVO: {"size": 0, "root": bytes(32)}}, "unverified"),
    "nobody": (lambda liar: {}, "seen_went_back")}


@pytest.mark.parametrize("name", SEEN)
def test_what_it_says_to_have_seen(liar: Liar, name: str) -> None:
    make, code = SEEN[name]
    liar.append(liar.statement("agreement", seen=make(liar)))
    refused(liar, liar.message(), 422, code, proof="statement", proves=False)


def test_seen_goes_back_within_one_message(liar: Liar) -> None:
    liar.append(liar.statement("agreement"))
    liar.append(liar.statement("agreement", seen=liar.seen(0)))
    refused(liar, liar.message(), 422, "seen_went_back", proof="statement", proves=False)


def test_seen_behind_a_receipt(liar: Liar) -> None:
    """Bravo receipts our notice, then signs as if it had never heard of it."""
    liar.house.http.put(f"/v1/constraints/{new_id()}",
                        json={"name": "Closed", "volumes": [volume(lat=50.0)]})
    before = liar.seen()
    liar.talk()
    liar.talk()
    assert liar.house.channel()["receipt_size"] == len(liar.alfa) > before[ALFA]["size"]
    liar.declare(seen=before, iat=liar_time(liar) + 5)
    refused(liar, liar.message(), 422, "equivocation", "behind the receipt", proof="seen")


def test_dated_ahead_of_our_clock(liar: Liar) -> None:
    """It is not known whose clock is wrong: nothing is kept, and time mends it."""
    now_s = liar_time(liar)
    liar.declare(iat=now_s + limits.STATEMENT_AHEAD_S_MAX)
    liar.talk()
    index = liar.declare(iat=now_s + limits.STATEMENT_AHEAD_S_MAX + 300)
    refused(liar, liar.message(), 422, "ahead_of_clock", f"leaf {index} of {BRAVO} is dated")
    liar.append(liar.statement("agreement"))     # what follows it waits as well
    refused(liar, liar.message(), 422, "ahead_of_clock", f"leaf {index} of {BRAVO} is dated")
    liar.house.node.clock.late_s = 300
    liar.talk()
    assert liar.taken == len(liar.leaves) and liar.house.channel()["last_error"] is None


def liar_time(liar: Liar) -> int:
    return liar.house.node.clock.now_ns() // 10**9


# -- disclosures ---------------------------------------------------------------------------------

def carrying(liar: Liar, *disclosures: Any) -> Message:
    return liar.message(disclosures=(*liar.opened[liar.taken:-1], *disclosures))


def test_disclosures_that_are_not_those_committed_to(liar: Liar) -> None:
    first = content()
    liar.declare(first)
    reference, details = first
    other = content(name="Other")
    for shown, code in ((None, "not_disclosed"), ((), "not_disclosed"),
                        ((reference,), "not_disclosed"), ((details,), "not_disclosed"),
                        (other, "wrong_disclosure"), ((reference, other[1]), "wrong_disclosure"),
                        ((reference, details, details), "wrong_disclosure"),
                        ((reference, details, b""), "wrong_disclosure"),
                        ((reference, details + b"="), "wrong_disclosure"),
                        ((reference, details, other[0]), "wrong_disclosure")):
        refused(liar, carrying(liar, shown), 422, code)
    liar.talk()                            # the right ones mend it: nothing was lost
    assert liar.house.channel()["last_error"] is None


def test_disclosures_of_another_leaf(liar: Liar) -> None:
    liar.declare(one := content())
    liar.declare(two := content(name="Two"))
    refused(liar, liar.message(disclosures=(two, one)), 422, "wrong_disclosure")
    refused(liar, liar.message(disclosures=(one, one)), 422, "wrong_disclosure")
    liar.append(liar.statement("agreement"))
    refused(liar, liar.message(disclosures=(one, two, one)), 422, "wrong_disclosure")
    liar.talk()


def raw_disclosure(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def details(text: bytes) -> tuple[bytes, bytes]:
    """Details that are these very bytes, validly committed to."""
    return content()[0], raw_disclosure(b'["c2FsdHNhbHRzYWx0c2FsdA","details",' + text + b"]")


BOX = b'{"volumes":[%s]}'
STAR = ring(*[(46 + math.sin(a * 4 * math.pi / 5), 7 + math.cos(a * 4 * math.pi / 5))
              for a in range(5)])
GEAR = ring(*[(46 + .1 * math.sin(i * math.tau / 10_001), 7 + .1 * math.cos(i * math.tau / 10_001))
              for i in range(10_001)])
# Content that bravo signed and no node takes.
CONTENTS: dict[str, tuple[bytes, ...]] = {
    "a ring that crosses itself": content(volume(**STAR)),
    "a bow tie": content(volume(**ring((46, 7), (46.1, 7.1), (46, 7.1), (46.1, 7)))),
    "10,001 vertices": content(volume(**GEAR)),
    "two vertices": content(volume(**ring((46, 7), (46.1, 7.1)))),
    "no area": content(volume(**ring((46, 7), (46.1, 7), (46.2, 7)))),
    "a circle as large as Europe": content(volume(outline_circle={
        "center": {"lat": 46, "lng": 7}, "radius": {"value": 3e6, "units": "M"}})),
    "a place off the Earth": content(volume(lat=91.0)),
    "an altitude in space": content(volume(altitude_upper={"value": 2e5, "reference": "W84",
                                                           "units": "M"})),
    "an upside down volume": content(volume(altitude_upper={"value": 50, "reference": "W84",
                                                            "units": "M"})),
    "no time": content({"volume": volume()["volume"]}),
    "the year 9999": content(volume() | {"time_end": {"value": "9999-12-31T00:00:00Z",
                                                      "format": "RFC3339"}}),
    "an end before the start": content(volume(start_s=3600) | {
        "time_end": volume(start_s=0)["time_start"]}),
    "no volume": content(volumes=[]), "volumes that are none": content(volumes={"a": 1}),
    "more volumes than are taken": content(*[volume()] * (limits.VOLUMES_MAX + 1)),
    "an unknown state": content(state="Pending"), "an endless name": content(name="x" * 129),
    "a name with a bell": content(name="\a"), "a name that is a number": content(name=7),
    "a priority of 40 bits": content(priority=2**40), "half a priority": content(priority=0.5),
    "a key that is no list": content(key="x"), "a key of numbers": content(key=[1]),
    "an unknown member": content(wings=2),
    "NaN": details(BOX % b"NaN"), "infinity": details(BOX % b"1e999"),
    "a member twice": details(b'{"volumes":[],"volumes":[]}'),
    "deep lists": details(BOX % (b"[" * 100 + b"]" * 100)),
    "deeper lists": details(b"[" * 200_000), "half a surrogate pair": details(b'"\\ud800"'),
    "no JSON": (content()[0], raw_disclosure(b'["c2FsdHNhbHRzYWx0c2FsdA","details",')),
    "no base64": (content()[0], b"*"),
    "no salt": (content()[0], raw_disclosure(b'["","details",1]')),
    "a claim of the statement": (*content(), raw_disclosure(
        b'["c2FsdHNhbHRzYWx0c2FsdA","iss","alfa.example"]'))}


@pytest.mark.parametrize("name", CONTENTS)
def test_content_that_no_node_takes(liar: Liar, name: str) -> None:
    """Refused for good and kept: it is under bravo's signed checkpoint, and a log has no gaps. The
    channel is not broken, for a later version may take it; the operator is told why it stands."""
    liar.declare(CONTENTS[name])
    # What is too long for a document of evidence is left out of it: a record, and no proof.
    proves = max(map(len, CONTENTS[name])) <= limits.JSON_STRING_CHARS_MAX
    problem = refused(liar, liar.message(), 422, "bad_statement", proof="statement", proves=proves)
    assert len(problem["detail"]) < 600
    refused(liar, liar.message(), 422, "bad_statement", proof="statement", proves=proves)
    assert liar.house.channel()["state"] == "fresh"   # it speaks, and what it said is refused


def test_a_giant_disclosure(liar: Liar) -> None:
    liar.declare(content(remarks="x" * limits.DISCLOSURE_BYTES_MAX))
    refused(liar, liar.message(), 400, "bad_input", str(limits.DISCLOSURE_BYTES_MAX))


def test_a_notice_of_no_use(liar: Liar) -> None:
    shown = (make_disclosure("notice", {"manager": "m", "name": "", "kind": "k", "remarks": "",
                                        "volumes": [volume(**STAR)]}),)
    liar.append(liar.statement("notice", shown, entity={"id": new_id(), "version": 1}), shown)
    refused(liar, liar.message(), 422, "bad_statement", proof="statement")


# -- versions ------------------------------------------------------------------------------------

def accepted(liar: Liar, **more: Any) -> tuple[str, int]:
    """An intent of bravo's that stands: identifier and leaf."""
    entity_id = more.pop("entity_id", None) or new_id()
    index = liar.declare(entity_id=entity_id, **more)
    liar.talk()
    liar.rule(index)
    liar.talk()
    return entity_id, index


@pytest.mark.parametrize("version", [1, 3, 2**53 - 1])
def test_versions_that_do_not_follow(liar: Liar, version: int) -> None:
    """Version, OVN and content are bound: the OVN is a digest of the other two."""
    entity_id, _ = accepted(liar)
    liar.declare(content(name="Changed"), entity_id=entity_id, version=version)
    refused(liar, liar.message(), 422, "unverified", "the next version is 2", proof="contradiction")


def test_details_changed_under_the_same_version(liar: Liar) -> None:
    """The same statement cannot open to other details, whoever is asked."""
    entity_id = new_id()
    reference, shown = content()
    index = liar.declare((reference, shown), entity_id=entity_id)
    _, other = content(volume(lat=47.0))
    refused(liar, carrying(liar, (reference, other)), 422, "wrong_disclosure")
    liar.talk()
    record = liar.house.node.airspace.records[BRAVO, index]
    assert record.ovn and record.ovn not in liar.house.http.get(
        f"/v1/operational_intents/{entity_id}").text


def test_a_second_declaration_before_the_ruling(liar: Liar) -> None:
    entity_id = new_id()
    liar.declare(entity_id=entity_id)
    liar.declare(entity_id=entity_id, version=2)
    refused(liar, liar.message(), 422, "unverified", "still waits", proof="contradiction")
