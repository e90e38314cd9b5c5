"""F3548-21 over HTTP: two USSs deconflict through one node as their DSS."""

from __future__ import annotations

import pytest

from conftest import AN_ID, new_id, volume

REFERENCES = "/dss/v1/operational_intent_references"


def put(lat, lng, key=(), **more):
    return {"extents": [volume(lat, lng)], "state": "Accepted", "key": list(key),
            "uss_base_url": "https://uss.example/utm"} | more


def test_create_read_update_query_delete(house, client):
    entity_id = new_id()
    made = client.put(f"{REFERENCES}/{entity_id}", json=put(10, 10))
    assert made.status_code == 201, made.text
    reference = made.json()["operational_intent_reference"]
    assert made.json()["subscribers"] == []
    assert reference["version"] == 1 and len(reference["ovn"]) >= 16
    assert reference["manager"] == "uss1" and reference["uss_availability"] == "Unknown"

    read = client.get(f"{REFERENCES}/{entity_id.upper()}").json()
    assert read["operational_intent_reference"] == reference
    with house.client("uss2") as other:    # the standard: never the OVN of others
        seen = other.get(f"{REFERENCES}/{entity_id}").json()["operational_intent_reference"]
        assert "ovn" not in seen and seen["id"] == entity_id

    changed = client.put(f"{REFERENCES}/{entity_id}/{reference['ovn']}", json=put(10, 10.001))
    assert changed.status_code == 200, changed.text
    newer = changed.json()["operational_intent_reference"]
    assert newer["version"] == 2 and newer["ovn"] != reference["ovn"]

    query = {"area_of_interest": {"volume": volume(10.005, 10.005, size=0.001)["volume"]}}
    found = client.post(f"{REFERENCES}/query", json=query).json()
    assert [r["id"] for r in found["operational_intent_references"]] == [entity_id]

    stale = client.delete(f"{REFERENCES}/{entity_id}/{reference['ovn']}")
    assert stale.status_code == 409 and stale.json()["code"] == "stale_ovn"
    gone = client.delete(f"{REFERENCES}/{entity_id}/{newer['ovn']}")
    assert gone.status_code == 200
    assert client.get(f"{REFERENCES}/{entity_id}").status_code == 404
    assert client.delete(f"{REFERENCES}/{entity_id}/{newer['ovn']}").status_code == 404


def test_the_key_must_name_whom_one_meets(house, client):
    first, second = new_id(), new_id()
    made = client.put(f"{REFERENCES}/{first}", json=put(12, 12))
    ovn = made.json()["operational_intent_reference"]["ovn"]
    with house.client("uss2") as other:
        refused = other.put(f"{REFERENCES}/{second}", json=put(12, 12.005))
        assert refused.status_code == 409
        missing = refused.json()["missing_operational_intents"]
        assert [r["id"] for r in missing] == [first] and "ovn" not in missing[0]
        assert other.get(f"{REFERENCES}/{second}").status_code == 404
        accepted = other.put(f"{REFERENCES}/{second}", json=put(12, 12.005, [ovn]))
        assert accepted.status_code == 201, accepted.text


def test_only_the_manager_changes_its_own(house, client):
    entity_id = new_id()
    made = client.put(f"{REFERENCES}/{entity_id}", json=put(14, 14)).json()
    ovn = made["operational_intent_reference"]["ovn"]
    with house.client("uss2") as other:
        path = f"{REFERENCES}/{entity_id}/{ovn}"
        assert other.put(path, json=put(14, 14)).status_code == 403
        assert other.delete(path).status_code == 403
    again = client.put(f"{REFERENCES}/{entity_id}", json=put(14, 14))
    assert again.status_code == 409 and again.json()["code"] == "exists"


def test_details_of_what_the_node_manages_and_of_nothing_else(house, client):
    own, theirs = new_id(), new_id()
    body = {"name": "SURVEY", "priority": 3, "volumes": [volume(16, 16)]}
    assert client.put(f"/v1/operational_intents/{own}", json=body).status_code == 201
    assert client.put(f"{REFERENCES}/{theirs}", json=put(17, 17)).status_code == 201
    with house.client("uss2") as other:
        details = other.get(f"/uss/v1/operational_intents/{own}")
        assert details.status_code == 200
        intent = details.json()["operational_intent"]
        assert intent["details"]["priority"] == 3
        assert intent["details"]["volumes"] == body["volumes"]
        assert intent["reference"]["ovn"]  # whoever asks for the details is told the OVN
        assert other.get(f"/uss/v1/operational_intents/{theirs}").status_code == 404
        assert other.get(f"/uss/v1/operational_intents/{new_id()}").status_code == 404


def test_notifications_are_recorded_closed(house, client):
    entity_id = new_id()
    reference = {"id": entity_id, "manager": "uss1", "state": "Accepted", "version": 1,
                 "ovn": "0123456789abcdef", "uss_base_url": "https://uss.example",
                 "uss_availability": "Unknown", "subscription_id": new_id()}
    body = {"operational_intent_id": entity_id,
            "subscriptions": [{"subscription_id": new_id(), "notification_index": 1}],
            "operational_intent": {"reference": reference,
                                   "details": {"volumes": [volume(18, 18)], "priority": 0}}}
    size = client.get("/v1/status").json()["log"]["size"]
    assert client.post("/uss/v1/operational_intents", json=body).status_code == 204
    assert client.get("/v1/status").json()["log"]["size"] == size + 1
    with house.client("uss2") as other:
        assert other.post("/uss/v1/operational_intents", json=body).status_code == 403
    bad = client.post("/uss/v1/operational_intents", json=body | {"subscriptions": []})
    assert bad.status_code == 400 and bad.json()["field"] == "subscriptions"


@pytest.mark.parametrize("more", [
    {"subscription_id": "2f8343be-6482-4d1b-a474-16847e01af1e"},
    {"new_subscription": {"uss_base_url": "https://uss.example"}},
    {"state": "Activated"}, {"state": "Contingent"}])
def test_no_notification_is_promised_that_would_not_come(client, unchanged, more):
    answer = client.put(f"{REFERENCES}/{new_id()}", json=put(20, 20, **more))
    assert answer.status_code == 501
    assert "subscription" in answer.json()["message"]


@pytest.mark.parametrize(("method", "path"), [
    ("PUT", f"/dss/v1/subscriptions/{AN_ID}"), ("POST", "/dss/v1/subscriptions/query"),
    ("GET", "/dss/v1/uss_availability/uss1"), ("POST", "/dss/v1/reports"),
    ("GET", f"/uss/v1/operational_intents/{AN_ID}/telemetry"),
    ("GET", "/uss/v1/log_sets/1")])
def test_what_is_not_built_says_so(client, unchanged, method, path):
    answer = client.request(method, path, json={} if method != "GET" else None)
    assert answer.status_code == 501
    assert "not built" in answer.json()["message"]


def test_scopes(house, unchanged):
    path = f"{REFERENCES}/{new_id()}"
    with house.client(scope="utm.constraint_management") as other:
        refused = other.get(path)
        assert refused.status_code == 403 and "message" in refused.json()
        assert "insufficient_scope" in refused.headers["www-authenticate"]
    with house.client(scope="utm.conformance_monitoring_sa") as other:
        assert other.get(path).status_code == 404
        assert other.put(path, json=put(22, 22)).status_code == 403
    with house.client(scope="luftrom.read") as other:
        assert other.put(f"/v1/operational_intents/{new_id()}", json={}).status_code == 403
    with house.client(exp=1) as other:
        refused = other.get(path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
