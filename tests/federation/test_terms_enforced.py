"""The terms bind everybody: own clients are refused by the term's name, and what a peer signs
outside them does not count, at real nodes over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hosting import ALFA, BRAVO, agreement_of, hosted
from liar import HOUR_S, Liar, content, new_id, volume
from refusing import refused
from test_lying_rulings import asking, ours

from luftrom import limits
from luftrom.agreement.terms import PriorityLevel
from luftrom.audit.equivocation import verify_equivocation
from luftrom.errors import Unverified
from luftrom.geometry.volume import Polygon
from luftrom.node.evidence import void_proof
from luftrom.state.loading import load_state
from luftrom.statements.disclosure import make_disclosure
from luftrom.store.sqlite import SqliteStore

DAY_S = 86_400
AREA = Polygon(((45.0, 6.0), (45.0, 9.0), (61.0, 9.0), (61.0, 6.0)))
LEVELS = {0: False, 10: True, 100: PriorityLevel(False, frozenset({BRAVO}))}
TERMS: dict[str, Any] = {"area": AREA, "band": (0.0, 3_000.0), "levels": LEVELS,
                         "extent_m": 20_000.0, "duration_s": 2.0 * DAY_S, "horizon_s": 7.0 * DAY_S,
                         "notice_horizon_s": 14.0 * DAY_S, "notices": 2, "changes": 3,
                         "pending_s": 600.0, "held_km3_h": 64.0}


@pytest.fixture
def bound(tmp_path: Path) -> Iterator[Liar]:
    """Alfa's node under narrow terms, and bravo, who has talked to it honestly so far."""
    agreement = agreement_of(mode="hold", after_s=60.0, **TERMS)
    with hosted(tmp_path, agreement) as house:
        each = Liar(house)
        with each.http:
            each.befriend()
            yield each


def high(lower_m: float) -> dict[str, Any]:
    heights = {name: {"value": value, "reference": "W84", "units": "M"}
               for name, value in (("altitude_lower", lower_m), ("altitude_upper", lower_m + 100))}
    return volume(**heights)


def wide(radius_m: float, **more: Any) -> dict[str, Any]:
    return volume(outline_circle={"center": {"lat": 46.0, "lng": 7.0},
                                  "radius": {"value": radius_m, "units": "M"}}, **more)


def until(days: int) -> dict[str, Any]:
    return volume() | {"time_end": volume(start_s=days * DAY_S)["time_start"]}


OUTSIDE = [
    ({"volumes": [high(8_000.0)]}, "altitude", 400, 8_000.0, 3_000.0),
    ({"volumes": [volume(lat=65.0)]}, "area", 400, None, None),
    ({"volumes": [volume()], "priority": 50}, "priority", 400, 50, [0, 10]),
    ({"volumes": [volume()], "priority": 2_000_000}, "priority", 400, 2_000_000, [0, 10]),
    ({"volumes": [volume()], "priority": 100}, "priority", 400, 100, [0, 10]),
    ({"volumes": [wide(1_900_000.0)]}, "extent_m", 413, 3_800_000.0, 20_000.0),
    ({"volumes": [until(3)]}, "duration_s", 400, 3.0 * DAY_S - HOUR_S, 2.0 * DAY_S),
    ({"volumes": [wide(9_000.0)] * 3}, "held_km3_h", 400, 128.0, 64.0)]


@pytest.mark.parametrize(("body", "term", "status", "value", "most"), OUTSIDE,
                         ids=[f"{term} {value}" for _, term, _, value, _ in OUTSIDE])
def test_an_own_client_is_refused_before_anything_is_recorded(
        bound: Liar, body: dict[str, Any], term: str, status: int, value: Any, most: Any) -> None:
    house = bound.house
    before = house.status()["log"]
    answer = house.http.put(f"/v1/operational_intents/{new_id()}", json=body)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert (problem["code"], problem["term"], problem["bound"]) == ("outside_terms", term, most)
    assert problem["value"] == pytest.approx(value) if value is not None else (
        problem["value"] is None)
    assert term in problem["detail"]
    assert house.status()["log"] == before


def test_f3548_clients_are_told_by_the_standards_status(bound: Liar) -> None:
    asked = {"extents": [wide(1_900_000.0)], "key": [], "state": "Accepted",
             "uss_base_url": "https://uss1.example"}
    answer = bound.house.http.put(f"/dss/v1/operational_intent_references/{new_id()}", json=asked)
    assert answer.status_code == 413 and answer.json()["code"] == "outside_terms", answer.text
    assert "extent_m" in answer.json()["message"]


def test_a_horizon_far_away(bound: Liar) -> None:
    http = bound.house.http
    later = {"volumes": [volume(start_s=10 * DAY_S)]}
    intent = http.put(f"/v1/operational_intents/{new_id()}", json=later)
    assert intent.json()["term"] == "horizon_s"
    notice = http.put(f"/v1/constraints/{new_id()}", json=later | {"name": "Closed"})
    assert notice.status_code == 201, notice.text
    notice = http.put(f"/v1/constraints/{new_id()}",
                      json={"volumes": [volume(start_s=15 * DAY_S)], "name": "Closed"})
    assert (notice.status_code, notice.json()["term"]) == (400, "notice_horizon_s")


def test_notices_changes_and_what_both_sides_see_of_them(bound: Liar) -> None:
    http = bound.house.http
    first = new_id()
    for _ in range(3):                     # the third change of one is at the bound
        assert http.put(f"/v1/constraints/{first}", json={
            "volumes": [volume()], "name": "Closed"}).status_code in (200, 201)
    answer = http.put(f"/v1/constraints/{first}", json={"volumes": [volume()], "name": "Closed"})
    assert (answer.status_code, answer.json()["term"]) == (429, "changes"), answer.text
    for status in (201, 400):
        answer = http.put(f"/v1/constraints/{new_id()}",
                          json={"volumes": [volume()], "name": "Closed"})
        assert answer.status_code == status, answer.text
    assert answer.json()["term"] == "notices"
    bound.declare()
    bound.settle()
    document = http.get("/v1/agreement").json()
    assert document["agreement"]["bounds"]["notices"] == 2
    used = {each["party"]: {q["term"]: (q["used"], q["most"]) for q in each["quotas"]}
            for each in document["usage"]}
    assert used[ALFA]["notices"] == (2, 2) and used[ALFA]["changes"] == (3, 3)
    assert used[BRAVO]["notices"] == (0, 2) and used[BRAVO]["changes"] == (1, 3)
    assert used[BRAVO]["held_km3_h"][0] == 2 ** -7         # 0.15 km around, 0.1 km high, an hour
    assert bound.house.status()["bounds"] == document["usage"]
    metrics = http.get("/metrics").text
    assert f'luftrom_bound_used{{party="{ALFA}",term="changes"}} 3' in metrics
    assert f'luftrom_bound_most{{party="{BRAVO}",term="pending_s"}} 600.0' in metrics


# -- what a peer signs all the same --------------------------------------------------------------

LIES = [({"priority": 50}, "priority"), ({"priority": 2_000_000}, "priority")]


def shown(liar: Liar, entity_id: str) -> dict[str, Any]:
    return liar.house.http.get(f"/v1/operational_intents/{entity_id}").json()


@pytest.mark.parametrize(("details", "term"), LIES)
def test_a_peers_statement_outside_the_terms_wins_nothing(bound: Liar, details: dict[str, Any],
                                                          term: str) -> None:
    entity_id = new_id()
    index = bound.declare(content(**details, entity_id=entity_id))
    bound.settle()
    record = shown(bound, entity_id)
    assert (record["status"], record["outside_terms"]["term"]) == ("void", term)
    ours(bound, [volume()])                # known, in the way, of higher priority: and accepted
    assert bound.house.http.get("/v1/conflicts").json()["conflicts"] == []
    assert bound.house.channel()["state"] != "broken"
    bound.rule(index, accepted=False)      # it may only refuse itself
    bound.settle()
    assert shown(bound, entity_id)["status"] == "void"
    bound.declare(content(volume(lat=46.5), entity_id=entity_id))      # the same version again
    bound.settle()
    assert shown(bound, entity_id)["status"] == "pending"


@pytest.mark.parametrize("volumes", [[high(8_000.0)], [volume(lat=65.0)], [wide(1_900_000.0)],
                                     [until(300)], [volume(start_s=8 * DAY_S)]])
def test_what_a_peer_declares_beyond_a_bound_is_void(bound: Liar, volumes: list[Any]) -> None:
    entity_id = new_id()
    bound.declare(content(*volumes, entity_id=entity_id))
    bound.settle()
    assert shown(bound, entity_id)["status"] == "void"
    ours(bound, [volume()])


def test_so_many_proofs_are_kept(bound: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest stands in the peer's log, and the channel goes on."""
    monkeypatch.setattr(limits, "VOID_PROOFS_MAX", 2)
    for _ in range(3):
        bound.declare(content(priority=50))
        bound.settle()
    kinds = [kind for _, kind, _ in bound.house.node.proofs()]
    assert kinds == ["void", "void"] and bound.house.channel()["state"] != "broken"


def test_accepting_what_is_void_is_unlawful(bound: Liar) -> None:
    index = bound.declare(content(priority=50))
    bound.settle()
    bound.rule(index)
    refused(bound, bound.message(), 422, "unlawful_ruling", "outside the agreement's terms",
            proof="contradiction", proves=False)


def test_naming_itself_silent_makes_it_no_better(bound: Liar) -> None:
    index = bound.declare(content(priority=50))
    bound.settle()
    bound.rule(index, unacknowledged=(BRAVO,))
    assert bound.post(bound.message()).json()["code"] == "unlawful_ruling"


def give(liar: Liar, entity_id: str, version: int, lat: float = 46.0, **claims: Any) -> int:
    """A notice of bravo's."""
    disclosure = make_disclosure("notice", {"manager": "m", "name": "Closed", "kind": "hazard",
                                            "remarks": "", "volumes": [volume(lat=lat)]})
    entity = {"id": entity_id, "version": version}
    return liar.append(liar.statement("notice", [disclosure], entity=entity, **claims),
                       [disclosure])


def test_a_void_notice_closes_nothing_and_ends_like_any_other(bound: Liar) -> None:
    entity_id = new_id()
    give(bound, entity_id, 1)
    bound.settle()
    assert bound.house.status()["airspace"]["constraints"] == 1
    second = give(bound, entity_id, 2, lat=65.0)
    bound.settle()
    assert bound.house.status()["airspace"]["constraints"] == 0
    bound.append(bound.statement("notice_withdrawal", of=second))
    give(bound, entity_id, 3)
    bound.settle()
    assert bound.house.status()["airspace"]["constraints"] == 1


def test_volumes_outside_are_recorded_and_make_no_conflict(bound: Liar) -> None:
    entity_id = new_id()
    index = bound.declare(content(volume(lat=46.5), high(5_000.0), entity_id=entity_id))
    bound.settle()
    bound.rule(index)
    bound.settle()
    record = shown(bound, entity_id)
    assert (record["status"], len(record["volumes"])) == ("accepted", 2)
    ours(bound, [high(5_000.0), volume(lat=46.7)])         # only what lies outside would meet
    assert bound.house.http.get("/v1/conflicts").json()["conflicts"] == []


def test_what_waits_too_long_by_its_authors_times_counts_no_more(bound: Liar) -> None:
    entity_id = new_id()
    index = bound.declare(content(entity_id=entity_id))
    bound.settle()
    with asking(bound, new_id(), [volume()]) as future:    # it waits, is known, and in the way
        bound.settle()
        bound.settle()
        assert future.result(100).status_code == 409
    signed_s = bound.house.node.airspace.records[BRAVO, index].iat_s
    for later_s in (600, 601):             # at the bound, and above it
        give(bound, new_id(), 1, lat=47.0, iat=signed_s + later_s)
        bound.settle()
        record = shown(bound, entity_id)
        assert record["status"] == ("pending" if later_s == 600 else "void")
    assert record["outside_terms"] == {"term": "pending_s", "value": 601, "bound": 600}
    ours(bound, [volume()])
    bound.rule(index, iat=signed_s + 602)
    refused(bound, bound.message(), 422, "unlawful_ruling", "pending_s", proof="contradiction",
            proves=False)


def test_everybody_who_reads_the_logs_holds_the_same(bound: Liar) -> None:
    """What is void is computed again from the store, to the same digest."""
    bound.declare(content(priority=50))
    bound.declare(content(high(8_000.0)))
    bound.settle()
    ours(bound, [volume()])
    house = bound.house
    with closing(SqliteStore(house.settings.directory / f"{ALFA}.sqlite3", read_only=True)) as held:
        again = load_state(held, ALFA, house.node.agreement).entities
    assert again.digest() == house.status()["airspace"]["digest"]
    assert sum(r.status == "void" for r in again.records.values()) == 2


@pytest.mark.parametrize(("said", "proves"), [(content(priority=50), True),
                                              (content(high(8_000.0)), False)])
def test_evidence_is_kept_of_it(bound: Liar, said: tuple[bytes, bytes], proves: bool) -> None:
    """A priority convinces a stranger; what needs geometry or the whole log is a record."""
    index = bound.declare(said)
    bound.settle()
    record = bound.house.node.airspace.records[BRAVO, index]
    proof = void_proof(record, bound.leaves[index], said)
    assert proof is not None and proof[:2] == (BRAVO, "void")
    if proves:
        found = verify_equivocation(proof[2], bound.agreement)
        assert (found.party, found.kind) == (BRAVO, "void") and "50" in found.sentence
    else:
        with pytest.raises(Unverified, match="geometry"):
            verify_equivocation(proof[2], bound.agreement)
