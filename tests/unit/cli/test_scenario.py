"""Scenarios: relative times become absolute, and each activity ends as the file says it does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from luftrom.agreement.terms import FORMAT, parse_agreement
from luftrom.airspace.right_of_way import refusal
from luftrom.cli.demo.loading import party_of
from luftrom.cli.demo.scenario import PARTIES, load_scenario, parse_scenario, scenario_names
from luftrom.clock import format_time, parse_time
from luftrom.errors import BadInput, NotFound
from luftrom.formats.geojson import parse_geojson
from luftrom.geometry.encounter import encounter
from parties import make_keys, make_party

START_NS = parse_time("2026-11-24T16:00:00Z")


@dataclass
class Declared:
    """As much of a declaration as the rules ask for; its author had seen all before it."""

    party: str
    index: int
    intent: object
    ovn: str = ""

    @property
    def seen(self):
        return {party: self.index for party in PARTIES}


def agreement_of(terms):
    parties = [make_party(name, make_keys(name)).document() for name in PARTIES]
    return parse_agreement({"format": FORMAT, "version": 1, "parties": parties, **terms}, "00")


def intent_of(activity):
    [request] = parse_geojson(activity.document())
    return SimpleNamespace(entity_id=activity.entity_id, state=getattr(request, "state", ""),
                           priority=getattr(request, "priority", None), key=frozenset(),
                           volumes=tuple(request.volumes)
                           + tuple(getattr(request, "off_nominal_volumes", ())))


@pytest.mark.parametrize("name", scenario_names())
def test_each_activity_ends_as_the_file_says(name):
    story = load_scenario(name, START_NS)
    agreement = agreement_of(story.terms)
    standing, outcomes, met = [], set(), {"intents": 0, "constraints": 0}
    closed = [intent_of(a).volumes for a in story.activities if a.is_constraint]
    for index, activity in enumerate(a for a in story.activities if not a.is_constraint):
        asking = Declared(activity.party, index, intent_of(activity))
        rivals = [other for other in standing if encounter(
            asking.intent.volumes, other.intent.volumes, agreement.separation)]
        rules = [rule for other in rivals
                 if (rule := refusal(asking, other, agreement, lambda: START_NS))]
        assert (rules[0] if rules else "accepted") == activity.expected, activity.name
        outcomes.add(activity.expected)
        if not rules:
            standing.append(asking)
            met["intents"] += len(rivals)
            met["constraints"] += sum(encounter(asking.intent.volumes, volumes,
                                                agreement.separation) is not None
                                      for volumes in closed)
    assert outcomes == {"accepted", "declared_first", "priority"}
    assert met["intents"] >= 4 and met["constraints"] >= 1


@pytest.mark.parametrize("name", scenario_names())
def test_every_activity_lies_in_the_agreed_area_and_belongs_to_a_party(name):
    story = load_scenario(name, START_NS)
    lats, lngs = ([vertex[axis] for vertex in story.terms["area"]["vertices"]]
                  for axis in ("lat", "lng"))
    assert {activity.party for activity in story.activities} == set(PARTIES)
    for activity in story.activities:
        for feature in activity.features:
            shape = feature["geometry"]["coordinates"]
            points = shape[0] if feature["geometry"]["type"] == "Polygon" else [shape]
            assert all(min(lngs) < lng < max(lngs) and min(lats) < lat < max(lats)
                       for lng, lat in points), activity.name
            assert feature["properties"]["time_start"] >= format_time(START_NS)


def scenario_bytes(**changes) -> bytes:
    properties = {"id": "a", "party": "alfa.example", "manager": "m", "name": "A",
                  "expected": "accepted", "start_min": 90, "duration_min": 30,
                  "altitude_m_w84_lower": 0, "altitude_m_w84_upper": 100, "radius_m": 10}
    properties = {name: value for name, value in (properties | changes).items()
                  if value is not None}
    feature = {"type": "Feature", "properties": properties,
               "geometry": {"type": "Point", "coordinates": [8, 47]}}
    return json.dumps({"type": "FeatureCollection", "format": "luftrom-scenario/1", "title": "T",
                       "recorded_flights": False, "agreement": {},
                       "features": [feature, feature]}).encode()


def test_minutes_become_times_and_the_demos_own_names_go():
    [activity] = parse_scenario(scenario_bytes(), START_NS).activities
    assert len(activity.features) == 2
    properties = activity.features[0]["properties"]
    assert properties["time_start"] == "2026-11-24T17:30:00Z"
    assert properties["time_end"] == "2026-11-24T18:00:00Z"
    assert properties["id"] == activity.entity_id
    assert not {"party", "manager", "expected", "start_min", "duration_min"} & set(properties)


@pytest.mark.parametrize("changes", [{"party": "delta.example"}, {"expected": "perhaps"},
                                     {"start_min": "soon"}, {"duration_min": None},
                                     {"start_min": True}, {"name": None}, {"id": 7}])
def test_a_scenario_with_a_fault_is_refused_by_the_name_of_its_place(changes):
    with pytest.raises(BadInput) as refused:
        parse_scenario(scenario_bytes(**changes), START_NS)
    assert refused.value.field.endswith(next(iter(changes)))


def test_what_is_no_scenario_is_refused():
    with pytest.raises(BadInput, match="format"):
        parse_scenario(b'{"type": "FeatureCollection", "features": []}', START_NS)
    with pytest.raises(NotFound, match="switzerland"):
        load_scenario("atlantis", START_NS)


def test_callsigns_are_split_between_the_parties():
    assert [party_of(callsign) for callsign in ("AFR12", "GAF1", "HBX", "swr3", "")] == [
        PARTIES[0], PARTIES[0], PARTIES[1], PARTIES[1], PARTIES[0]]
