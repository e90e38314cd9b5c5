"""F3548 request bodies: what the schemas ask for, and what breaks it by name."""

from __future__ import annotations

import json

import pytest
from test_wire_volumes import document

from luftrom.errors import BadInput
from luftrom.formats.f3548 import operational_intents as bodies

ID = "2f8343be-6482-4d1b-a474-16847e01af1e"
OVN = "0123456789abcdef"


def parse_put_reference(value):
    return bodies.parse_put_reference(json.dumps(value).encode())


def parse_notification(value):
    return bodies.parse_notification(json.dumps(value).encode())


def parse_query(value):
    return bodies.parse_query(json.dumps(value).encode())


def put(**changes):
    body = {"extents": [document()], "state": "Accepted", "key": [OVN],
            "uss_base_url": "https://uss.example/utm"}
    return {name: value for name, value in (body | changes).items() if value != "absent"}


def notification(**changes):
    reference = {"id": ID, "manager": "uss1", "state": "Accepted", "ovn": OVN, "version": 2,
                 "uss_base_url": "https://uss.example"}
    return {"operational_intent_id": ID,
            "subscriptions": [{"subscription_id": ID, "notification_index": 3}],
            "operational_intent": {"reference": reference | changes,
                                   "details": {"volumes": [document()], "priority": 2}}}


def test_a_put_and_what_may_be_left_out():
    asked = parse_put_reference(put(unknown={"a": 1}, subscription_id=None))
    assert asked.key == {OVN} and asked.subscription_id is None and not asked.has_new_subscription
    assert parse_put_reference(put(key="absent")).key == frozenset()
    new = parse_put_reference(put(new_subscription={"uss_base_url": "https://uss.example"}))
    assert new.has_new_subscription


@pytest.mark.parametrize(("changes", "field"), [
    ({"extents": "absent"}, "extents"), ({"extents": []}, "extents"), ({"extents": {}}, "extents"),
    ({"extents": [document(time_end=None)]}, "extents[0].time_end"),
    ({"state": "absent"}, "state"), ({"state": "Ended"}, "state"), ({"state": ["x"]}, "state"),
    ({"key": "all"}, "key"), ({"key": [OVN, 7]}, "key[1]"), ({"key": ["short"]}, "key[0]"),
    ({"key": [OVN] * 10_001}, "key"),
    ({"uss_base_url": "absent"}, "uss_base_url"), ({"uss_base_url": "ftp://x"}, "uss_base_url"),
    ({"uss_base_url": "https://x/"}, "uss_base_url"),
    ({"subscription_id": "1"}, "subscription_id"),
    ({"new_subscription": {}}, "new_subscription.uss_base_url"),
])
def test_each_fault_of_a_put_is_named(changes, field):
    with pytest.raises(BadInput) as refused:
        parse_put_reference(put(**changes))
    assert refused.value.field == field


def test_a_notification_of_a_change_and_of_an_end():
    changed = parse_notification(notification())
    assert (changed.operational_intent_id, changed.manager) == (ID, "uss1")
    gone = parse_notification(notification() | {"operational_intent": None})
    assert gone.manager is None and "operational_intent" not in gone.document


@pytest.mark.parametrize(("body", "field"), [
    ([], "body"), ({}, "operational_intent_id"),
    (notification() | {"subscriptions": []}, "subscriptions"),
    (notification() | {"subscriptions": [{"subscription_id": ID}]},
     "subscriptions[0].notification_index"),
    (notification(id=ID.replace("2", "3", 1)), "operational_intent.reference.id"),
    (notification(ovn=None), "operational_intent.reference.ovn"),
    (notification(version=True), "operational_intent.reference.version"),
    (notification() | {"operational_intent": {"reference": 1}}, "operational_intent.reference"),
])
def test_each_fault_of_a_notification_is_named(body, field):
    with pytest.raises(BadInput) as refused:
        parse_notification(body)
    assert refused.value.field == field


def test_a_query_needs_its_area():
    with pytest.raises(BadInput, match="area_of_interest"):
        parse_query({})
    assert parse_query({"area_of_interest": document(time_end=None)}).time_end_ns > 0
