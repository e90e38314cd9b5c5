"""A peer with real keys that lies in what it signs: statements, disclosures, versions, rulings."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hosting import ALFA, BRAVO, CHARLIE
from liar import Liar, Said, content, new_id, ring, size_of, volume
from refusing import audits, keeps, refused, serves, void
from talking import liar  # noqa: F401 - fixtures, which pytest finds by name

from leaves import TYP, LeafSigner
from luftrom import limits
from luftrom.geometry.measure import CLASS_MAX
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
        {"alg": "Ed25519", "kid": f"{BRAVO}#{role}", "typ": TYP},
        separators=(",", ":")).encode()).rstrip(b"=")
    signed = head + b"." + leaf.split(b".")[1]
    signature = ed25519(BRAVO, role).sign(signed)
    return signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


def of_version_1(liar: Liar) -> bytes:
    """As the version before had it."""
    signer = LeafSigner(BRAVO, liar.keys.statements)
    leaf = signer.sign({"type": "agreement", "index": len(liar.leaves), "iat": 1}, ())
    head = base64.urlsafe_b64encode(json.dumps(
        {"alg": "Ed25519", "kid": f"{BRAVO}#statements", "typ": TYP.replace(".v2", ".v1")},
        separators=(",", ":")).encode()).rstrip(b"=")
    signed = head + b"." + leaf.split(b".")[1]
    return signed + b"." + base64.urlsafe_b64encode(
        liar.keys.statements.sign(signed)).rstrip(b"=")


def sealed(liar: Liar, *disclosures: bytes, **claims: Any) -> bytes:
    """A declaration that commits to these disclosures."""
    return liar.statement("declaration", disclosures or content(), **({"size": 20} | claims))


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
    "under no agreement, and has seen": (lambda liar: liar.statement(
        "agreement", agreement=None), "bad_input", True),
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
    "of the version before": (of_version_1, "bad_input", None),
    "with no digest": (lambda liar: liar.statement("declaration", size=20), "bad_input", True),
    "with two digests": (lambda liar: sealed(liar, *content()[:2]), "bad_input", True),
    "with four digests": (lambda liar: sealed(liar, *content(), b"x"), "bad_input", True),
    "with a digest twice": (lambda liar: sealed(liar, b"x", b"x", b"y"), "bad_input", True),
    "without a size class": (lambda liar: sealed(liar, size=None), "bad_input", True),
    "with a size class beyond all": (lambda liar: sealed(liar, size=CLASS_MAX + 1),
                                     "bad_input", True),
    "with its identifier in the clear": (lambda liar: sealed(
        liar, entity={"id": new_id(), "version": 1}), "bad_input", True),
    "for nobody": (lambda liar: sealed(liar, audience=[]), "bad_input", True),
    "for one party twice": (lambda liar: sealed(liar, audience=[ALFA, ALFA]), "bad_input", True),
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
    "more than there is": (lambda liar: seen_of(liar, size=2**40), "seen_unknown"),
    "a stranger": (lambda liar: liar.seen() | {CHARLIE: {"size": 0, "root": bytes(32)}},
                   "seen_unknown"),
    "itself": (lambda liar: liar.seen() | {BRAVO: {"size": 0, "root": bytes(32)}}, "seen_unknown"),
    "nobody": (lambda liar: {}, "seen_unknown")}


@pytest.mark.parametrize("name", SEEN)
def test_what_it_says_to_have_seen(liar: Liar, name: str) -> None:
    make, code = SEEN[name]
    liar.append(liar.statement("agreement", seen=make(liar)))
    refused(liar, liar.message(), 422, code, proof="statement" if name in UNREADABLE else None,
            proves=False)


# These break the head of the statement, whatever is held: the leaf is kept.
UNREADABLE = ("a stranger", "itself", "nobody")


def went_back(liar: Liar, kind: str = "declaration", **more: Any) -> int:
    """A statement that has seen less than the one before it, though it signed for nothing."""
    liar.house.http.put(f"/v1/constraints/{new_id()}",
                        json={"name": "Closed", "volumes": [volume(lat=50.0)]})
    before = len(liar.alfa)
    liar.talk(gives_receipt=False)
    assert len(liar.alfa) > before
    liar.append(liar.statement("agreement"))
    said = more.pop("disclosures", content())
    return liar.append(liar.statement(kind, said, seen=liar.seen(before), **more), said)


def test_a_declaration_whose_seen_goes_back_is_void(liar: Liar) -> None:
    """It stands in the log, counts for nothing, and stops nothing: honest heads void it."""
    shown = content()
    index = went_back(liar, disclosures=shown, size=size_of(shown))
    liar.talk(gives_receipt=False)
    liar.talk()
    record = void(liar, index, f"leaves of {ALFA}; an earlier one")
    liar.rule(index)                       # what is void cannot be accepted
    refused(liar, liar.message(), 422, "unlawful_ruling", "is void", proof="contradiction",
            proves=False)
    assert liar.house.node.airspace.records[BRAVO, record.index].status == "void"


def test_a_declaration_under_no_agreement_behind_one_under_it_is_void(liar: Liar) -> None:
    """It has seen nothing, so no ruling on it could be held to anything."""
    index = liar.declare(agreement=None, seen=None)
    liar.settle()
    void(liar, index, "under no agreement")


def test_a_ruling_under_no_agreement_behind_one_under_it_has_no_effect(liar: Liar) -> None:
    index = liar.declare()
    liar.settle()
    liar.rule(index, agreement=None, seen=None)
    liar.talk()
    assert liar.house.node.airspace.records[BRAVO, index].status == "pending"
    assert liar.house.channel()["applied_size"] == len(liar.leaves)
    assert liar.house.status()["airspace"]["operational_intents"] == 0
    audits(liar)


def test_a_ruling_whose_seen_goes_back_has_no_effect(liar: Liar) -> None:
    index = liar.declare()
    liar.settle()
    head = liar.covering(index)
    ruling = {"index": index, "accepted": True, "unacknowledged": [], "against": []}
    went_back(liar, "ruling", disclosures=(), rulings=[ruling], heads={ALFA: head.text})
    liar.talk(gives_receipt=False)
    assert liar.house.node.airspace.records[BRAVO, index].status == "pending"
    assert liar.house.channel()["applied_size"] == len(liar.leaves)
    liar.rule(index)
    liar.talk()
    assert liar.house.node.airspace.records[BRAVO, index].status == "accepted"
    assert liar.house.node.proofs() == []
    audits(liar)


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

def showing(liar: Liar, index: int, *disclosures: bytes) -> Said:
    return liar.message(openings=((index, disclosures),))


def test_disclosures_that_are_not_those_committed_to(liar: Liar) -> None:
    """Whoever hands them on, the author or another: the right ones mend it, and nothing is kept."""
    first = content()
    index = liar.declare(first)
    liar.talk()
    details, reference, remarks = first
    other = content(name="Other")
    for shown in ((details,), (reference, remarks), (details, reference), other,
                  (other[0], reference, remarks), (reference, details, remarks),
                  (details, details, remarks), (*first, b""), (*first, other[0]),
                  (details + b"=", reference, remarks)):
        refused(liar, showing(liar, index, *shown), 422, "wrong_disclosure")
    assert liar.house.channel()["applied_size"] == index
    liar.talk()
    assert liar.house.channel()["applied_size"] == index + 1
    assert liar.house.channel()["last_error"] is None


def test_disclosures_of_another_leaf(liar: Liar) -> None:
    one, two = liar.declare(content()), liar.declare(content(name="Two"))
    liar.talk()
    shown = liar.opened
    for first, second in ((two, one), (one, one)):
        openings = ((one, shown[first]), (two, shown[second]))
        refused(liar, liar.message(openings=openings), 422, "wrong_disclosure")
    plain = liar.append(liar.statement("agreement"))
    refused(liar, liar.message(openings=((plain, shown[one]),)), 422, "wrong_disclosure")
    liar.talk()
    liar.talk()
    assert liar.house.channel()["applied_size"] == len(liar.leaves)


def test_what_it_opens_at_once_is_taken(liar: Liar) -> None:
    """Its own risk: nobody is held to seal his own."""
    index = liar.declare()
    liar.talk(opens=[index])
    assert liar.house.node.airspace.records[BRAVO, index].status == "pending"


def test_what_it_never_opens_holds_back_its_own_log_alone(liar: Liar) -> None:
    index = liar.declare()
    for _ in range(3):
        liar.append(liar.statement("agreement"))
        liar.talk(opens=[])
    channel = liar.house.channel()
    assert (channel["mirror_size"], channel["applied_size"]) == (len(liar.leaves), index)
    assert liar.house.node.proofs() == [] and channel["state"] == "fresh"
    serves(liar)
    liar.talk()                            # opened late: it counts from there
    assert liar.house.channel()["applied_size"] == len(liar.leaves)
    assert liar.house.node.airspace.records[BRAVO, index].status == "pending"


def test_what_is_not_for_us_is_passed_over(liar: Liar) -> None:
    """A leaf for others has no content here, and nothing of ours is held up by it."""
    index = liar.declare(audience=[BRAVO])
    liar.talk(opens=[])
    record = liar.house.node.airspace.records[BRAVO, index]
    assert (record.status, record.content, record.volumes) == ("void", None, ())
    assert liar.house.channel()["applied_size"] == len(liar.leaves)
    liar.rule(index, accepted=False)
    liar.talk(opens=[])
    assert liar.house.channel()["applied_size"] == len(liar.leaves)
    serves(liar)


def test_what_is_not_for_us_is_never_accepted(liar: Liar) -> None:
    """Nobody has to yield to what was not shown to all."""
    index = liar.declare(audience=[BRAVO])
    liar.talk(opens=[])
    liar.rule(index)
    refused(liar, liar.message(opens=[]), 422, "unlawful_ruling", "not shown to alfa.example",
            proof="contradiction", proves=False)


def raw_disclosure(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def details(text: bytes) -> tuple[bytes, ...]:
    """Details that are these very bytes, validly committed to."""
    return (raw_disclosure(b'["c2FsdHNhbHRzYWx0c2FsdA","details",' + text + b"]"), *content()[1:])


def without(claim: str) -> tuple[bytes, ...]:
    """Details that lack a claim."""
    return content(**{claim: None})


BOX = b'{"id":"0a8343be-6482-4d1b-a474-16847e01af1e","version":1,"state":"Accepted","volumes":[%s]}'
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
    "no identifier": without("id"), "no version": without("version"),
    "no state": without("state"), "an identifier that is none": content(entity_id="a b"),
    "version 0": content(version=0), "a version that is no number": content(version="1"),
    "remarks that are none": content(remarks=7),
    "endless remarks": content(remarks="x" * (limits.REMARKS_CHARS_MAX + 1)),
    "claims in another order": content()[::-1],
    "one claim twice": (content()[0], content()[0], content()[2]),
    "deep lists": details(BOX % (b"[" * 100 + b"]" * 100)),
    "deeper lists": details(b"[" * 200_000), "half a surrogate pair": details(b'"\\ud800"'),
    "no JSON": (raw_disclosure(b'["c2FsdHNhbHRzYWx0c2FsdA","details",'), *content()[1:]),
    "no base64": (b"*", *content()[1:]),
    "no salt": (raw_disclosure(b'["","details",1]'), *content()[1:]),
    "a claim of the statement": (*content()[:2], raw_disclosure(
        b'["c2FsdHNhbHRzYWx0c2FsdA","iss","alfa.example"]'))}


@pytest.mark.parametrize("name", CONTENTS)
def test_content_that_no_node_takes(liar: Liar, name: str) -> None:
    """Void for everybody, since it follows from the signed digests; the proof is kept, the channel
    is not broken, and the log goes on."""
    index = liar.declare(CONTENTS[name])
    liar.settle()
    # What is too long for a document of evidence is left out of it: a record, and no proof.
    proves = max(map(len, CONTENTS[name])) <= limits.JSON_STRING_CHARS_MAX
    record = void(liar, index, proof=True, proves=proves)
    assert 0 < len(record.void) < 600
    liar.rule(index, accepted=False)       # the only ruling that it can have
    liar.talk()
    assert (record.status, liar.house.channel()["last_error"]) == ("void", None)


@pytest.mark.parametrize("off", [-1, 1])
def test_a_size_class_that_is_not_that_of_what_was_sealed(liar: Liar, off: int) -> None:
    """One claim in the clear, so that bounds count before anything is open: it may not be false."""
    shown = content()
    index = liar.declare(shown, size=size_of(shown) + off)
    liar.settle()
    void(liar, index, "size", proof=True)


def test_each_party_is_shown_the_same_or_nothing(liar: Liar) -> None:
    """There is one digest for each claim: no leaf commits to two contents for two readers."""
    one, other = content(name="For alfa"), content(name="For others")
    liar.append(liar.statement("declaration", (*one, *other), size=size_of(one)), one)
    refused(liar, liar.message(), 422, "bad_input", "_sd", proof="statement")


def test_a_giant_disclosure(liar: Liar) -> None:
    index = liar.declare(content(remarks="x" * limits.DISCLOSURE_BYTES_MAX))
    liar.talk()
    refused(liar, liar.message(), 400, "bad_input", str(limits.DISCLOSURE_BYTES_MAX))
    assert liar.house.channel()["applied_size"] == index


def test_a_notice_of_no_use(liar: Liar) -> None:
    shown = (make_disclosure("notice", {"manager": "m", "name": "", "kind": "k", "remarks": "",
                                        "volumes": [volume(**STAR)]}),)
    index = liar.append(liar.statement("notice", shown, entity={"id": new_id(), "version": 1}),
                        shown)
    liar.settle()
    void(liar, index, proof=True)
    # 1 of bravo's was void; ours of `serves` stand.
    assert all(r.party == ALFA for r in liar.house.node.airspace.current.values())


# -- versions ------------------------------------------------------------------------------------

def test_versions_follow(liar: Liar) -> None:
    entity_id = new_id()
    liar.stand(content(entity_id=entity_id))
    index = liar.stand(content(entity_id=entity_id, version=2))
    assert liar.house.node.airspace.records[BRAVO, index].status == "accepted"


@pytest.mark.parametrize("version", [1, 3, 2**53 - 1])
def test_versions_that_do_not_follow(liar: Liar, version: int) -> None:
    """Out of turn in its own log: void, and what stood before it stands."""
    entity_id = new_id()
    standing = liar.stand(content(entity_id=entity_id))
    index = liar.declare(content(name="Changed", entity_id=entity_id, version=version))
    liar.settle()
    void(liar, index, "the next version is 2")
    assert liar.house.node.airspace.records[BRAVO, standing].status == "accepted"


def test_details_changed_under_the_same_version(liar: Liar) -> None:
    """The same statement cannot open to other details, whoever is asked."""
    entity_id = new_id()
    shown = content(entity_id=entity_id)
    index = liar.declare(shown)
    liar.talk()
    other = content(volume(lat=47.0), entity_id=entity_id)
    refused(liar, showing(liar, index, other[0], *shown[1:]), 422, "wrong_disclosure")
    liar.talk()
    record = liar.house.node.airspace.records[BRAVO, index]
    assert record.ovn and record.ovn not in liar.house.http.get(
        f"/v1/operational_intents/{entity_id}").text


def test_a_second_declaration_before_the_ruling(liar: Liar) -> None:
    entity_id = new_id()
    first = liar.declare(content(entity_id=entity_id))
    second = liar.declare(content(entity_id=entity_id, version=2))
    liar.settle()
    void(liar, second, "still waits")
    liar.rule(first)
    liar.talk()
    assert liar.house.node.airspace.records[BRAVO, first].status == "accepted"


def test_void_ones_in_a_row(liar: Liar) -> None:
    """Each is void, the log goes on behind them, and a proof is kept."""
    indexes = [liar.declare(content(state="Pending")) for _ in range(3)]
    liar.settle()
    for index in indexes:
        record = liar.house.node.airspace.records[BRAVO, index]
        assert record.status == "void" and "state" in record.void
    assert liar.house.channel()["applied_size"] == len(liar.leaves)
    keeps(liar, "statement")
