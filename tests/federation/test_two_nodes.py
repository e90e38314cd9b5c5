"""Two nodes as real processes over HTTP: they agree, also when one of them is away."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from liar import volume
from processes import (
    Client,
    check_on_disk,
    kill,
    luftrom,
    start,
    two_nodes,
    wait_for,
    wait_until_equal,
)

import tlog_client as tlog
from luftrom.cli.demo import twonodes
from luftrom.cli.demo.twonodes import PartyNode
from luftrom.config.agreements import load_agreement
from luftrom.config.settings import load_settings
from luftrom.transparency.checkpoint import verify_checkpoint
from luftrom.transparency.note import parse_vkey
from luftrom.transparency.receipt import verify_kept_receipt

Pair = tuple[list[PartyNode], list[Client]]
REFERENCES = "/dss/v1/operational_intent_references"
ACCEPTED, REFUSED = 201, 409


@pytest.fixture(scope="module")
def holding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_nodes(tmp_path_factory.mktemp("hold"), "hold", after_s=2.0) as pair:
        yield pair


@pytest.fixture(scope="module")
def proceeding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_nodes(tmp_path_factory.mktemp("proceed"), "proceed", after_s=0.5) as pair:
        yield pair


def test_crossing_declarations_have_one_outcome(holding: Pair) -> None:
    """Both ask for the same place at the same moment, forty times: one of each pair has it."""
    _, (alfa, bravo) = holding
    with ThreadPoolExecutor(16) as pool:
        asked = [(pool.submit(alfa.declare, 10 + i), pool.submit(bravo.declare, 10 + i))
                 for i in range(40)]
        results = [(a.result().status_code, b.result().status_code) for a, b in asked]
    assert set(results) <= {(ACCEPTED, REFUSED), (REFUSED, ACCEPTED)}, results
    wait_until_equal(alfa, bravo)
    for client in (alfa, bravo):
        airspace = client.get("/v1/status")["airspace"]
        assert (airspace["operational_intents"], airspace["conflicts"]) == (40, 0)


def test_permitted_conflicts_are_the_same_at_both(holding: Pair) -> None:
    _, (alfa, bravo) = holding
    for client in (alfa, bravo, alfa):
        answer = client.declare(60.0, priority=10, name=f"At {client.node.party}")
        assert answer.status_code == ACCEPTED, answer.text
    wait_until_equal(alfa, bravo)
    one, other = (client.get("/v1/conflicts") for client in (alfa, bravo))
    assert one["conflicts"] == other["conflicts"] and len(one["conflicts"]) == 3
    assert {c["right_of_way"]["rule"] for c in one["conflicts"]} == {"declared_first"}


def test_nodes_tell_each_other_by_which_code_they_decide(holding: Pair) -> None:
    _, (alfa, bravo) = holding
    wait_until_equal(alfa, bravo)
    for client in (alfa, bravo):
        status = client.get("/v1/status")
        assert len(status["kernels_digest"]) == 64
        assert [c["kernels_digest"] for c in status["channels"]] == [status["kernels_digest"]]


def test_what_one_declared_the_other_refuses_to_cross(holding: Pair) -> None:
    _, (alfa, bravo) = holding
    entity_id = str(uuid.uuid4())
    assert alfa.declare(50.0, entity_id, name="First").status_code == ACCEPTED
    lost = bravo.declare(50.0)
    assert lost.status_code == REFUSED
    against, = lost.json()["against"]
    assert (against["party"], against["id"], against["rule"]) == (
        "alfa.example", entity_id, "declared_first")
    assert bravo.declare(51.0, entity_id).status_code == 403   # it is homed at alfa
    ended = alfa.http.delete(f"/v1/operational_intents/{entity_id}", headers={"If-Match": "*"})
    assert ended.status_code == 200
    wait_until_equal(alfa, bravo)
    assert bravo.declare(50.0).status_code == ACCEPTED


def test_what_is_free_of_both_parties_activities_is_suggested_and_accepted(holding: Pair) -> None:
    _, (alfa, bravo) = holding
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    assert alfa.declare(55.0, first, name="First").status_code == ACCEPTED
    lost = bravo.declare(55.0, second, name="Second")
    assert lost.status_code == REFUSED
    found = {each["kind"]: each["volumes"] for each in lost.json()["suggestions"]}
    assert list(found) == ["time", "altitude", "lateral"]
    # What was free at bravo may be taken at alfa; then the next is suggested.
    assert alfa.declare(55.0, volumes=found["altitude"]).status_code == ACCEPTED
    wait_until_equal(alfa, bravo)
    assert bravo.declare(55.0, second, volumes=found["altitude"]).status_code == REFUSED
    path = f"/v1/operational_intents/{second}/suggestions"
    again = {each["kind"]: each["volumes"] for each in bravo.get(path)["suggestions"]}
    assert again["altitude"] != found["altitude"]
    assert alfa.http.get(path).status_code == 404
    assert bravo.declare(55.0, second, volumes=again["altitude"]).status_code == ACCEPTED
    wait_until_equal(alfa, bravo)
    assert bravo.http.get(path).status_code == 409


def reference(client: Client, lat: float, key: list[str], **more: Any) -> dict[str, Any]:
    return {"extents": [volume(lat=lat)], "key": key, "state": "Accepted",
            "uss_base_url": client.node.base_url} | more


def test_the_same_by_the_routes_of_f3548(holding: Pair) -> None:
    _, (alfa, bravo) = holding
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    made = alfa.http.put(f"{REFERENCES}/{first}", json=reference(alfa, 70.0, []))
    assert made.status_code == 201, made.text
    ovn = made.json()["operational_intent_reference"]["ovn"]
    wait_until_equal(alfa, bravo)
    unnamed = bravo.http.put(f"{REFERENCES}/{second}", json=reference(bravo, 70.0, []))
    assert unnamed.status_code == 409
    missing, = unnamed.json()["missing_operational_intents"]
    assert missing["id"] == first and "ovn" not in missing
    named = bravo.http.put(f"{REFERENCES}/{second}", json=reference(bravo, 70.0, [ovn]))
    assert named.status_code == 201, named.text
    wait_until_equal(alfa, bravo)
    asked = {"area_of_interest": volume(lat=70.0)}
    for client in (alfa, bravo):
        found = client.http.post(f"{REFERENCES}/query", json=asked).json()
        assert {r["id"] for r in found["operational_intent_references"]} == {first, second}
    ended = alfa.http.delete(f"{REFERENCES}/{first}/{ovn}")
    assert ended.status_code == 200, ended.text
    wait_until_equal(alfa, bravo)
    assert bravo.http.get(f"{REFERENCES}/{first}").status_code == 404


def test_stop_and_start_lose_nothing(holding: Pair) -> None:
    nodes, clients = holding
    digest = wait_until_equal(*clients)
    twonodes.stop(nodes)
    assert [node.process.returncode for node in nodes] == [0, 0]
    check_on_disk(nodes, digest)
    start(*nodes)
    assert wait_until_equal(*clients) == digest
    wait_for(lambda: clients[0].get("/v1/status")["channels"][0]["state"] == "fresh",
             "the channel stays silent")
    assert clients[0].declare(5.0).status_code == ACCEPTED


def test_a_dead_peer_under_hold(holding: Pair) -> None:
    """Nothing is accepted, the client is told so, and the dead peer's log is read at ours."""
    nodes, (alfa, bravo) = holding
    assert bravo.declare(-10.0, name="Last words").status_code == ACCEPTED
    wait_until_equal(alfa, bravo)
    kill(nodes[1])
    before = alfa.get("/v1/status")["airspace"]
    answer = alfa.declare(-20.0)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_acknowledged")
    assert int(answer.headers["retry-after"]) > 0
    after = alfa.get("/v1/status")["airspace"]
    assert after["operational_intents"] == before["operational_intents"]
    channel, = alfa.get("/v1/status")["channels"]
    assert "no answer" in channel["last_error"] and channel["checks_missed"] > 0
    read_the_mirror(alfa, nodes[0], size=channel["mirror_size"])
    start(nodes[1])
    wait_until_equal(alfa, bravo)
    assert alfa.declare(-20.0).status_code == ACCEPTED
    assert wait_until_equal(alfa, bravo)


def read_the_mirror(client: Client, node: PartyNode, size: int) -> None:
    """Anybody reads the whole log of the other party there, with both parties' signatures."""
    agreement = load_agreement(load_settings(node.directory))
    peer, own = agreement.party("bravo.example"), agreement.party("alfa.example")
    prefix = f"/mirror/{hashlib.sha256(peer.log_origin.encode()).hexdigest()}"
    with httpx.Client(base_url=client.node.base_url, trust_env=False) as stranger:
        note = stranger.get(f"{prefix}/checkpoint").content
        body = verify_checkpoint(note, [parse_vkey(k) for k in peer.keys.log],
                                 peer.log_origin).checkpoint
        verify_kept_receipt(note, [parse_vkey(k) for k in own.keys.mirror], peer.log_origin)
        assert body.size == size
        leaves: list[bytes] = []
        while len(leaves) < size:
            width = min(256, size - len(leaves))
            partial = "" if width == 256 else f".p/{width}"
            answer = stranger.get(f"{prefix}/tile/entries/{len(leaves) // 256:03d}{partial}")
            leaves += tlog.parse_entry_bundle(answer.content)
    assert tlog.hash_of(leaves) == body.root
    assert leaves[0].startswith(b"ey")


def test_a_dead_peer_under_proceed(proceeding: Pair) -> None:
    """Accepted and marked; when the peer is back both know, and the conflict says who yields."""
    nodes, (alfa, bravo) = proceeding
    assert alfa.declare(-30.0).status_code == ACCEPTED
    assert bravo.declare(-30.0).status_code == REFUSED
    wait_until_equal(alfa, bravo)
    kill(nodes[1])
    alone = alfa.declare(-40.0, name="Alone")
    assert alone.status_code == ACCEPTED
    assert alone.json()["unacknowledged"] == ["bravo.example"]
    kill(nodes[0])
    start(nodes[1])
    also = bravo.declare(-40.0, name="Also alone")
    assert also.status_code == ACCEPTED
    assert also.json()["unacknowledged"] == ["alfa.example"]
    start(nodes[0])
    wait_until_equal(alfa, bravo)
    for client in (alfa, bravo):
        conflict, = client.get("/v1/conflicts")["conflicts"]
        assert {conflict["first"]["name"], conflict["second"]["name"]} == {"Alone", "Also alone"}
        assert conflict["right_of_way"]["rule"] == "turn"
        intents = client.get("/v1/operational_intents")["operational_intents"]
        assert [i["unacknowledged"] for i in intents if i["status"] == "accepted"] == [[]] * 3
    code, audit = luftrom("audit", nodes[0].directory)   # beside the running node
    assert code == 0 and audit["verified"]
