"""What /v1 shows: words for people stand beside the facts and are in no digest."""

from __future__ import annotations

from types import SimpleNamespace as Some

from luftrom.airspace.right_of_way import DECLARED_FIRST, RightOfWay
from luftrom.api.v1 import documents


def record(name, index):
    return Some(party="alfa.example", index=index, name=name, entity_id=name, version=1,
                intent=Some(priority=0), volumes=())


def node_with_a_conflict(name="RESCUE"):
    first, second = record(name, 1), record("SURVEY", 2)
    met = Some(time_start_ns=0, time_end_ns=10**9, lateral_m=0.0, vertical_m=0.0, lat_deg=1.0,
               lng_deg=2.0, altitude_m_w84_lower=0.0, altitude_m_w84_upper=9.0)
    right = RightOfWay(True, DECLARED_FIRST, "alfa.example", 0)
    pair = Some(first=first, second=second, encounter=met, holder=first, right_of_way=right,
                kind="operational_intents")
    return Some(airspace=Some(conflicts=lambda *_: ([pair], None), current={}),
                clock=Some(now_ns=lambda: 10**18))


def page_of(node):
    return documents.conflicts_document(node, None, 1_000, "/v1/conflicts")


def test_other_words_are_the_same_digest(monkeypatch):
    before = page_of(node_with_a_conflict())
    monkeypatch.setattr(documents, "conflict_sentence", lambda *_: "Autre phrase.")
    monkeypatch.setattr(documents, "right_of_way_reason", lambda _: "autre raison")
    after = page_of(node_with_a_conflict())
    [was], [now] = before["conflicts"], after["conflicts"]
    assert now["sentence"] == "Autre phrase." != was["sentence"]
    assert now["right_of_way"]["reason"] == "autre raison" != was["right_of_way"]["reason"]
    assert after["digest"] == before["digest"]


def test_other_facts_are_another_digest():
    digests = {page_of(node_with_a_conflict(name))["digest"]
               for name in ("RESCUE", "PATROL")}
    assert len(digests) == 2
