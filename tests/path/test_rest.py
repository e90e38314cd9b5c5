"""REST over HTTP: declare, change, withdraw, batches, GeoJSON, deltas, conflicts, events."""

from __future__ import annotations

import concurrent.futures
import json

import httpx
import jsonschema
import pytest

from conftest import moment, new_id, volume
from luftrom.api.http.openapi import make_openapi
from luftrom.api.routes import ROUTES

INTENTS = "/v1/operational_intents"
SCHEMAS = make_openapi(ROUTES, "http://x")["components"]


def valid(name, value):
    schema = {"$ref": f"#/components/schemas/{name}", "components": SCHEMAS}
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


def body(lat, lng, **more):
    return {"name": "SURVEY", "priority": 0, "volumes": [volume(lat, lng)]} | more


def test_declare_change_withdraw(house, client):
    path = f"{INTENTS}/{new_id()}"
    made = client.put(path, json=body(30, 30, remarks="über", name="A"))
    assert made.status_code == 201, made.text
    document = valid("LuftromOperationalIntent", made.json())
    assert (document["status"], document["version"], document["state"]) == (
        "accepted", 1, "Accepted")
    assert made.headers["etag"] == f'"{document["ovn"]}"' and made.headers["location"] == path
    assert client.put(path, json=body(30, 30)).status_code == 409
    with house.client("uss2") as other:
        assert "ovn" not in other.get(path).json()
        assert other.put(path, json=body(30, 30), headers={
            "If-Match": made.headers["etag"]}).status_code == 403
    changed = client.put(path, json=body(30, 30, state="Activated"),
                         headers={"If-Match": made.headers["etag"]})
    assert changed.status_code == 200 and changed.json()["version"] == 2
    stale = client.delete(path, headers={"If-Match": made.headers["etag"]})
    assert stale.status_code == 409 and stale.json()["code"] == "stale_ovn"
    assert stale.headers["content-type"] == "application/problem+json"
    gone = client.delete(path, headers={"If-Match": "*"})
    assert gone.status_code == 200 and gone.json()["status"] == "withdrawn"
    assert client.get(path).json()["status"] == "withdrawn"
    assert client.delete(path).status_code == 404


def test_the_loser_is_told_to_whom_and_why(house, client):
    first = client.put(f"{INTENTS}/{new_id()}", json=body(32, 32, name="ALFA-12")).json()
    with house.client("uss2") as other:
        path = f"{INTENTS}/{new_id()}"
        refused = other.put(path, json=body(32, 32.005, name="BRAVO-7"))
        assert refused.status_code == 409
        problem = valid("Problem", refused.json())
        assert problem["code"] == "refused"
        [against] = problem["against"]
        assert (against["id"], against["name"], against["rule"]) == (
            first["id"], "ALFA-12", "declared_first")
        assert "ALFA-12" in against["sentence"]
        shown = other.get(path).json()
        assert shown["status"] == "refused" and shown["ruling"]["against"] == [against]
        higher = other.put(f"{INTENTS}/{new_id()}", json=body(32, 32.005, name="RESCUE",
                                                              priority=50))
        assert higher.status_code == 201
    conflicts = valid("Conflicts", client.get("/v1/conflicts").json())
    [conflict] = [c for c in conflicts["conflicts"] if c["first"]["id"] == first["id"]]
    assert conflict["right_of_way"]["name"] == "RESCUE"
    assert conflict["right_of_way"]["rule"] == "priority"
    assert "RESCUE has right of way" in conflict["sentence"] and conflicts["horizon"]


def test_a_batch_has_a_result_for_each_item_in_order(client):
    items = [body(34, 34 + i / 10, name=f"N{i}") for i in range(20)]
    items[7]["volumes"] = "none"
    items[9] = items[8] | {"name": "LATE"}
    answer = client.post(INTENTS, json={"operational_intents": items})
    assert answer.status_code == 200
    results = valid("Results", answer.json())["results"]
    assert len(results) == 20
    assert results[7]["status"] == "failed"
    assert results[7]["problem"]["field"] == "operational_intents[7].volumes"
    assert {results[8]["status"], results[9]["status"]} == {"accepted", "refused"}
    assert all(r["status"] == "accepted" for i, r in enumerate(results) if i not in (7, 8, 9))
    assert client.get(f"{INTENTS}/{results[0]['id']}").json()["name"] == "N0"


def test_geojson_declares_intents_and_notices(client):
    ring = [[36, 36], [36.01, 36], [36.01, 36.01], [36, 36.01], [36, 36]]
    properties = {"name": "AREA", "time_start": moment(5), "time_end": moment(60),
                  "altitude_m_w84_lower": 0, "altitude_m_w84_upper": 300}
    features = [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]},
         "properties": properties},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [36.005, 36.005]},
         "properties": properties | {"kind": "constraint", "radius_m": 200, "name": "CLOSED"}}]
    answer = client.post(INTENTS, json={"type": "FeatureCollection", "features": features},
                         headers={"Content-Type": "application/geo+json"})
    results = valid("Results", answer.json())["results"]
    assert [r["status"] for r in results] == ["accepted", "accepted"]
    notice = valid("LuftromConstraint", client.get(f"/v1/constraints/{results[1]['id']}").json())
    assert notice["name"] == "CLOSED" and notice["kind"] == "closed area"
    assert client.get(f"{INTENTS}/{results[1]['id']}").status_code == 404
    conflicts = client.get("/v1/conflicts").json()["conflicts"]
    [conflict] = [c for c in conflicts if c["kind"] == "constraint"
                  and c["second"]["id"] == results[1]["id"]]
    assert conflict["right_of_way"]["name"] == "CLOSED"


def test_a_notice_is_given_replaced_and_withdrawn(house, client):
    path = f"/v1/constraints/{new_id()}"
    notice = {"name": "STADIUM", "kind": "event", "volumes": [volume(38, 38)], "remarks": ""}
    assert client.put(path, json=notice).status_code == 201
    again = client.put(path, json=notice | {"name": "STADIUM 2"})
    assert again.status_code == 200 and again.json()["version"] == 2
    listed = valid("Constraints", client.get("/v1/constraints").json())["constraints"]
    assert [c["name"] for c in listed if path.endswith(c["id"])] == ["STADIUM 2"]
    with house.client("uss2") as other:
        assert other.delete(path).status_code == 403
    assert client.delete(path).json()["status"] == "withdrawn"
    assert client.delete(path).status_code == 404


def test_a_repeated_post_makes_one_record(client):
    headers = {"Idempotency-Key": new_id()}
    request = body(40, 40, name="ONCE")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(
            lambda _: client.post(INTENTS, json=request, headers=headers), range(4)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1
    assert sum("idempotent-replayed" in a.headers for a in answers) == 3
    other = client.post(INTENTS, json=body(41, 40), headers=headers)
    assert other.status_code == 409 and other.json()["code"] == "idempotency_key_reused"


def test_pages_and_deltas_are_one_feed(client):
    made = client.post(INTENTS, json={"operational_intents": [
        body(42, 42 + i / 10, name=f"P{i}") for i in range(7)]}).json()["results"]
    found, following = [], f"{INTENTS}?limit=3"
    while following:
        page = valid("OperationalIntents", client.get(following).json())
        assert len(page["operational_intents"]) <= 3
        found += page["operational_intents"]
        following = page["next"]
    revisions = [item["revision"] for item in found]
    assert revisions == sorted(revisions) and {r["id"] for r in made} <= {i["id"] for i in found}
    last = page["revision"]
    assert client.get(f"{INTENTS}?after={last}").json()["operational_intents"] == []
    client.delete(f"{INTENTS}/{made[3]['id']}")
    delta = client.get(f"{INTENTS}?after={last}").json()["operational_intents"]
    assert [(item["id"], item["status"]) for item in delta] == [(made[3]["id"], "withdrawn")]


def read_event(lines):
    event = {}
    for line in lines:
        if not line and "data" in event:
            return event
        name, _, value = line.partition(": ")
        event[name] = value
    raise AssertionError("the stream ended")


def test_events_tell_of_changes_and_lose_none(client):
    with client.stream("GET", "/v1/events") as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        lines = stream.iter_lines()
        seen = [read_event(lines), read_event(lines)]
        assert {event["event"] for event in seen} == {"status", "change"}
        status = next(json.loads(e["data"]) for e in seen if e["event"] == "status")
        valid("Status", status)
        last = next(e["id"] for e in seen if e["event"] == "change")
        client.put(f"{INTENTS}/{new_id()}", json=body(44, 44))
        event = read_event(lines)
        while event["event"] != "change":
            event = read_event(lines)
        assert int(event["id"]) > int(last)
    with client.stream("GET", "/v1/events", headers={"Last-Event-ID": last}) as stream:
        lines = stream.iter_lines()
        events = [read_event(lines), read_event(lines)]
        assert any(e["event"] == "change" and int(e["id"]) > int(last) for e in events)
    assert client.get("/v1/events", headers={"Last-Event-ID": "x"}).status_code == 400


def test_a_silent_peer_means_nothing_is_accepted(lonely):
    with lonely.client() as client:
        path = f"{INTENTS}/{new_id()}"
        answer = client.put(path, json=body(1, 1))
        assert answer.status_code == 503 and answer.json()["code"] == "not_acknowledged"
        assert answer.headers["retry-after"]
        assert client.get(path).json()["status"] == "withdrawn"
        status = valid("Status", client.get("/v1/status").json())
        assert status["state"] == "in_force" and status["channels"][0]["state"] == "silent"
        results = client.post(INTENTS, json=body(2, 2)).json()["results"]
        assert results[0]["status"] == "failed"
        assert results[0]["problem"]["code"] == "not_acknowledged"


def test_pages_health_and_metrics_are_open(house, client):
    with httpx.Client(base_url=house.url, trust_env=False) as stranger:
        assert stranger.get("/healthz").json()["status"] == "ok"
        metrics = stranger.get("/metrics").text
        assert "luftrom_http_requests_total{" in metrics and "luftrom_log_leaves " in metrics
        assert stranger.get("/openapi.json").json()["openapi"] == "3.1.0"
        docs = stranger.get("/docs")
        assert "default-src 'none'" in docs.headers["content-security-policy"]
        root = stranger.get("/")
        assert (root.status_code, root.headers["location"]) == (307, "/console/")
        head = stranger.head("/healthz")
        assert head.status_code == 200 and head.content == b""
        assert int(head.headers["content-length"]) > 0
        assert stranger.get("/v1/status").status_code == 401
        assert stranger.get("/nothing").json()["code"] == "not_found"
        refused = stranger.delete("/healthz")
        assert refused.status_code == 405 and refused.headers["allow"] == "GET, HEAD"
        assert refused.headers["content-type"] == "application/problem+json"


def test_the_logs_are_tiles(house, client):
    from luftrom.transparency.checkpoint import verify_checkpoint
    from luftrom.transparency.merkle import parse_entry_bundle, tile_path

    client.put(f"{INTENTS}/{new_id()}", json=body(46, 46))
    with httpx.Client(base_url=house.url, trust_env=False) as reader:
        note = reader.get("/log/checkpoint")
        assert note.headers["content-type"] == "text/plain; charset=utf-8"
        verifiers = [signer.verifier for signer in house.node._keys.log]
        size = verify_checkpoint(note.content, verifiers, "alfa.example/log").checkpoint.size
        width = min(size, 256)
        bundle = reader.get("/log/" + tile_path("entries", 0, width))
        assert len(parse_entry_bundle(bundle.content)) == width
        assert "immutable" in bundle.headers["cache-control"]
        hashes = reader.get("/log/" + tile_path(0, 0, width))
        assert len(hashes.content) == 32 * width
        for path in (f"tile/0/000.p/{width + 90}", "tile/0/0", "tile/00/000", "tile/9/000",
                     "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/999"):
            assert reader.get("/log/" + path).status_code == 404, path
        assert reader.get("/mirror/" + "0" * 64 + "/checkpoint").status_code == 404


@pytest.mark.parametrize("manager", ["uss1", "a" * 128])
def test_any_manager_may_have_its_own(house, manager):
    with house.client(manager) as client:
        made = client.put(f"{INTENTS}/{new_id()}", json=body(48, len(manager) / 10))
        assert made.status_code == 201 and made.json()["manager"] == manager
