"""Suggestions over HTTP: what is offered can be declared as it is given, and is asked for again."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from conftest import ALFA, BRAVO, moment, new_id, running, volume
from luftrom import limits
from luftrom.formats.f3548.volumes import parse_time_text
from parties import make_agreement, make_keys, make_party

INTENTS = "/v1/operational_intents"


@pytest.fixture(scope="module")
def agreed(tmp_path_factory):
    """A node whose peer is always silent, under an agreement that says proceed."""
    parties = tuple(make_party(name, make_keys(name)) for name in (ALFA, BRAVO))
    agreement = make_agreement(parties, mode="proceed", after_s=0.1)
    with running(tmp_path_factory.mktemp("agreed"), agreement) as each:
        yield each


@pytest.fixture
def asking(agreed):
    with agreed.client() as client:
        yield client


def valid(client, name, document):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    Draft202012Validator({"$ref": f"#/components/schemas/{name}",
                          "components": {"schemas": schemas}}).validate(document)
    return document


def body(*volumes, **more):
    return {"volumes": list(volumes)} | more


def put(client, document, entity_id=None):
    return client.put(f"{INTENTS}/{entity_id or new_id()}", json=document)


def by_kind(answer):
    assert answer.status_code == 409, answer.text
    return {each["kind"]: each for each in answer.json()["suggestions"]}


def test_what_is_suggested_is_accepted_as_it_is_given(asking):
    assert put(asking, body(volume(10, 10), name="FIRST")).status_code == 201
    second = body(volume(10, 10.002), name="SECOND")
    entity_id = new_id()
    refused = put(asking, second, entity_id)
    valid(asking, "Problem", refused.json())
    found = by_kind(refused)
    assert list(found) == ["time", "altitude", "lateral"]
    for kind, each in found.items():
        shifts = {"time": each["time_shift_s"], "altitude": each["altitude_shift_m"],
                  "lateral": each["lateral_shift_m"]}
        assert [name for name, shift in shifts.items() if shift] == [kind]
        assert each["sentence"].endswith(" is free")
        assert (each["bearing_deg"] is None) is (kind != "lateral")
        assert parse_time_text(each["verified_at"], "verified_at") <= parse_time_text(
            moment(0.05), "now")
        made = put(asking, second | {"volumes": each["volumes"]}, entity_id)
        assert made.status_code == 201, made.text
        assert asking.delete(f"{INTENTS}/{entity_id}",
                             headers={"If-Match": "*"}).status_code == 200


def test_what_is_free_is_asked_for_again_and_is_then_another(asking):
    assert put(asking, body(volume(12, 10))).status_code == 201
    entity_id = new_id()
    path = f"{INTENTS}/{entity_id}/suggestions"
    assert asking.get(path).status_code == 404
    before = by_kind(put(asking, body(volume(12, 10)), entity_id))
    answer = asking.get(path)
    document = valid(asking, "Suggestions", answer.json())
    assert (answer.status_code, document["id"]) == (200, entity_id)
    again = {each["kind"]: each for each in document["suggestions"]}
    assert [again[kind]["volumes"] for kind in again] == [before[kind]["volumes"]
                                                          for kind in before]
    assert put(asking, body(*before["altitude"]["volumes"])).status_code == 201
    after = {each["kind"]: each for each in asking.get(path).json()["suggestions"]}
    assert after["altitude"]["altitude_shift_m"] == -before["altitude"]["altitude_shift_m"]
    assert put(asking, body(*after["time"]["volumes"]), entity_id).status_code == 201
    stands = asking.get(path)
    assert stands.status_code == 409 and "accepted" in stands.json()["detail"]


def test_what_became_free_is_free_as_it_was_declared(asking):
    first, second = new_id(), new_id()
    assert put(asking, body(volume(14, 10)), first).status_code == 201
    assert put(asking, body(volume(14, 10)), second).status_code == 409
    asking.delete(f"{INTENTS}/{first}", headers={"If-Match": "*"})
    only, = asking.get(f"{INTENTS}/{second}/suggestions").json()["suggestions"]
    assert (only["kind"], only["time_shift_s"]) == ("time", 0)
    assert only["sentence"] == "it is free now as it was declared"


def test_who_would_yield_is_not_in_the_way_and_a_notice_is(asking):
    here = {"start": 10, "end": 40}
    assert put(asking, body(volume(16, 10, **here), priority=20)).status_code == 201
    ours = body(volume(16, 10, **here), priority=10)
    first = by_kind(put(asking, ours))["altitude"]["volumes"]
    above = first[0]["volume"]
    low = put(asking, body(*first, priority=0))
    assert low.status_code == 201
    assert by_kind(put(asking, ours))["altitude"]["volumes"] == first
    notice = asking.put(f"/v1/constraints/{new_id()}", json={"volumes": first})
    assert notice.status_code == 201
    other = by_kind(put(asking, ours))["altitude"]["volumes"][0]["volume"]
    assert other["altitude_lower"] != above["altitude_lower"]


def test_nothing_beyond_the_band_of_the_agreement(agreed, asking):
    lower, upper = agreed.node.agreement.altitude_m_w84_lower, \
        agreed.node.agreement.altitude_m_w84_upper
    whole = volume(18, 10, lower=lower + 1, upper=upper - 1)
    assert put(asking, body(whole)).status_code == 201
    assert set(by_kind(put(asking, body(whole)))) == {"time", "lateral"}


def test_a_batch_is_answered_without_and_the_standard_s_answer_is_as_it_was(house, client):
    assert client.put(f"{INTENTS}/{new_id()}", json=body(volume(-20, 10))).status_code == 201
    results = client.post(INTENTS, json=body(volume(-20, 10))).json()["results"]
    assert results[0]["status"] == "refused" and "suggestions" not in results[0]["problem"]
    asked = client.get(f"{INTENTS}/{results[0]['id']}/suggestions").json()["suggestions"]
    assert asked[0]["kind"] == "time"
    reference = {"extents": [volume(-20, 10)], "key": [], "state": "Accepted",
                 "uss_base_url": house.url}
    with house.client("uss2") as other:
        refused = other.put(f"/dss/v1/operational_intent_references/{new_id()}", json=reference)
    assert refused.status_code == 409
    assert set(refused.json()) == {"message", "code", "missing_operational_intents"}


def test_what_takes_too_much_work_is_left_out_and_the_refusal_stays(asking, monkeypatch):
    monkeypatch.setattr(limits, "SUGGESTIONS_WORK_MAX", 1.0)
    assert put(asking, body(volume(22, 10))).status_code == 201
    entity_id = new_id()
    assert by_kind(put(asking, body(volume(22, 10)), entity_id)) == {}
    path = f"{INTENTS}/{entity_id}/suggestions"
    assert asking.get(path).json()["suggestions"] == []
    monkeypatch.undo()
    assert len(asking.get(path).json()["suggestions"]) == 3
