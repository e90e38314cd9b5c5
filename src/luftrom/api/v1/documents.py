"""What /v1 shows of the airspace: records, conflicts and channels to JSON values.

Volumes are shown in F3548 shapes. An OVN is shown only to the manager whose it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from luftrom import __version__, limits
from luftrom.agreement.terms import Agreement
from luftrom.airspace.sentences import (
    conflict_sentence,
    right_of_way_reason,
    suggestion_sentence,
)
from luftrom.airspace.suggestions import Suggestion
from luftrom.api.http.auth import Caller
from luftrom.clock import NS_PER_S, TIME_NS_MAX, format_time
from luftrom.errors import BadInput, NotFound
from luftrom.formats.f3548.volumes import encode_volume4d
from luftrom.geometry.encounter import corners_of
from luftrom.geometry.kernel_sources import sources_digest
from luftrom.geometry.volume import Volume4D
from luftrom.node.channel import Channel
from luftrom.node.gate import Gated
from luftrom.node.node import Node
from luftrom.node.refusals import breach_document
from luftrom.node.ruling import Against
from luftrom.node.withholding import SENTENCES
from luftrom.state.conflicts import ConflictPair
from luftrom.state.entities import ConflictPlace, Entities
from luftrom.state.record import SUPERSEDED, WITHDRAWN, Record

Shown = TypeVar("Shown", Record, Record | None)

METHOD = ("exact geodesic 4D volumes on WGS84, widened by the agreement's separation minima; "
          "touching is no conflict")


def is_manager(node: Node, record: Record, caller: Caller | None) -> bool:
    """Is the caller the manager of this record, at this node?"""
    content = record.content
    return (caller is not None and content is not None and record.party == node.party
            and content.manager == caller.manager)


def fitting(changes: Sequence[tuple[int, Shown]], limit: int) -> Sequence[tuple[int, Shown]]:
    """The first of some records, each with its revision, that are one page: by number, and by the
    vertices that are shown; those of one revision stay together.
    """
    shown = 0
    for count, (revision, record) in enumerate(changes):
        more = _vertices(record)
        if count and revision != changes[count - 1][0] and (
                count >= limit or shown + more > limits.PAGE_VERTICES_MAX):
            return changes[:count]
        shown += more
    return changes


def _vertices(record: Record | None) -> int:
    """How much there is to show of a record, in vertices: a volume is as much as ten."""
    volumes = record.content.all_volumes if record is not None and record.content else ()
    return 10 * len(volumes) + corners_of(volumes)


def operational_intent_document(node: Node, record: Record, caller: Caller | None
                                ) -> dict[str, Any]:
    """An operational intent as REST shows it."""
    intent = record.intent
    volumes = intent.all_volumes if intent else ()
    document: dict[str, Any] = {
        "id": record.entity_id, "party": record.party,
        "manager": intent.manager if intent else None, "name": record.name,
        "version": record.version, "state": intent.state if intent else None,
        "priority": intent.priority if intent else None,
        "status": WITHDRAWN if record.status == SUPERSEDED else record.status,
        "outside_terms": breach_document(record.breach) if record.breach else None,
        "unacknowledged": list(node.unacknowledged(record)),
        "time_start": _earliest(volumes), "time_end": _latest(volumes),
        "volumes": [encode_volume4d(v) for v in intent.volumes] if intent else [],
        "off_nominal_volumes":
            [encode_volume4d(v) for v in intent.off_nominal_volumes] if intent else [],
        "remarks": intent.remarks if intent else "",
        "uss_base_url": intent.uss_base_url if intent else "",
        "statement": _statement(record), "ruling": ruling_document(node, record),
        "revision": node.airspace.revision_of(record.entity_id)}
    if is_manager(node, record, caller):
        document["ovn"] = record.ovn
    return document


def ruling_document(node: Node, record: Record) -> dict[str, Any] | None:
    """The ruling on a declaration, with those it lost to."""
    if record.ruling is None:
        return None
    against = () if record.ruling.accepted else node.outcome(record).against
    return {"index": record.ruling_index, "accepted": record.ruling.accepted,
            "against": [against_document(item) for item in against]}


def against_document(against: Against) -> dict[str, Any]:
    """One that a declaration lost to, the rule, and the rule as a sentence."""
    other = against.operational_intent
    return {"party": other.party, "id": other.entity_id, "name": other.name,
            "rule": against.rule, "sentence": against.sentence}


def suggestion_document(suggestion: Suggestion, verified_at_ns: int) -> dict[str, Any]:
    """What is free instead: its volumes are what a declaration takes."""
    return {"kind": suggestion.kind, "sentence": suggestion_sentence(suggestion),
            "time_shift_s": suggestion.time_shift_s,
            "altitude_shift_m": suggestion.altitude_shift_m,
            "lateral_shift_m": suggestion.lateral_shift_m,
            "bearing_deg": suggestion.bearing_deg,
            "volumes": [encode_volume4d(v) for v in suggestion.volumes],
            "verified_at": format_time(verified_at_ns)}


def constraint_document(node: Node, record: Record, caller: Caller | None) -> dict[str, Any]:
    """A prior notice as REST shows it."""
    notice = record.constraint
    if notice is None:
        raise NotFound(f"{record.entity_id} is closed here")
    document: dict[str, Any] = {
        "id": record.entity_id, "party": record.party, "manager": notice.manager,
        "name": record.name, "kind": notice.kind, "version": record.version,
        "volumes": [encode_volume4d(v) for v in notice.volumes], "remarks": notice.remarks,
        "time_start": _earliest(notice.volumes), "time_end": _latest(notice.volumes),
        "status": WITHDRAWN if record.status == SUPERSEDED else record.status,
        "outside_terms": breach_document(record.breach) if record.breach else None,
        "statement": _statement(record),
        "revision": node.airspace.revision_of(record.entity_id)}
    if is_manager(node, record, caller):
        document["ovn"] = record.ovn
    return document


def conflict_document(pair: ConflictPair) -> dict[str, Any]:
    """A conflict with its sentences for people."""
    facts = conflict_facts(pair)
    right_of_way = facts["right_of_way"] | {"reason": right_of_way_reason(pair.right_of_way)}
    return facts | {"right_of_way": right_of_way, "sentence": conflict_sentence(
        pair.first.name, pair.second.name, pair.encounter, pair.right_of_way)}


def conflict_facts(pair: ConflictPair) -> dict[str, Any]:
    """What is so of a conflict: the same at every node that holds the same."""
    met, holder = pair.encounter, pair.holder
    return {
        "id": f"{pair.first.party}.{pair.first.index}.{pair.second.party}.{pair.second.index}",
        "kind": pair.kind, "first": _side(pair.first), "second": _side(pair.second),
        "time_start": format_time(met.time_start_ns), "time_end": format_time(met.time_end_ns),
        "lateral_m": met.lateral_m, "vertical_m": met.vertical_m,
        "where": {"lat": met.lat_deg, "lng": met.lng_deg},
        "altitude_m_w84_lower": met.altitude_m_w84_lower,
        "altitude_m_w84_upper": met.altitude_m_w84_upper,
        "right_of_way": {"party": holder.party, "id": holder.entity_id, "name": holder.name,
                         "rule": pair.right_of_way.rule}}


def conflicts_document(node: Node, after: ConflictPlace | None, limit: int, path: str
                       ) -> dict[str, Any]:
    """A page of the conflicts that stand, with the horizon and the method that it rests on.

    The digest is the SHA-256 of the page's conflicts as compact JSON without the members that are
    words for people, `sentence` and `right_of_way.reason`: those may change, or be of another
    language, and two nodes still agree. `next` begins with `path`.
    """
    pairs, place = node.airspace.conflicts(after, limit, limits.CLIENT_WORK_MAX)
    following = f"{path}?after={encode_place(place)}&limit={limit}" if place else None
    facts = json.dumps([conflict_facts(pair) for pair in pairs], separators=(",", ":"))
    ends = [v.time_end_ns for record in node.airspace.current.values() for v in record.volumes]
    now_ns = node.clock.now_ns()
    return {"conflicts": [conflict_document(pair) for pair in pairs],
            "digest": hashlib.sha256(facts.encode()).hexdigest(), "method": METHOD,
            "next": following,
            "horizon": {"time_start": format_time(now_ns),
                        "time_end": format_time(max([now_ns, *ends]))}}


def encode_place(place: ConflictPlace) -> str:
    """Where a page of conflicts ends, as its `next` says it."""
    return ",".join(f"{party}/{index}" for _, party, index in place)


def parse_place(text: str, airspace: Entities) -> ConflictPlace:
    """The place that `encode_place` wrote; BadInput if it is none."""
    sides = [side.rpartition("/") for side in text.split(",")]
    if len(sides) != 2 or not all(index.isascii() and index.isdigit() and len(index) <= 18
                                  for _, _, index in sides):
        raise BadInput("must be what `next` of the page before says", field="query.after")
    (one, first), (other, second) = ((party, int(index)) for party, _, index in sides)
    return airspace.place_of(one, first), airspace.place_of(other, second)


def status_document(node: Node) -> dict[str, Any]:
    """What a node says of itself: agreement, log, airspace and channels."""
    intents, constraints, conflicts = node.airspace.counts()
    return {
        "party": node.party, "time": format_time(node.clock.now_ns()), "version": __version__,
        "kernels_digest": sources_digest(),
        "agreement": agreement_document(node.agreement) if node.agreement else None,
        "state": "in_force" if node.agreement else "no_agreement",
        "wholeness": wholeness_document(node.wholeness),
        "log": {"origin": node.log.origin, "size": node.log.size, "root": node.log.root.hex()},
        "airspace": {"revision": node.airspace.revision, "digest": node.airspace.digest(),
                     "operational_intents": intents, "constraints": constraints,
                     "conflicts": conflicts},
        "bounds": usage_document(node),
        "channels": [channel_document(channel) for channel in node.channels()]}


def wholeness_document(gated: Gated) -> dict[str, Any]:
    """Whether the node signs; if not why, and what to do."""
    return {"state": gated.state, "reasons": list(gated.reasons), "mend": gated.mend}


def usage_document(node: Node) -> list[dict[str, Any]]:
    """How much of each quota each party uses, by the times of its own log, and what is agreed."""
    return [{"party": party.name, "quotas": [
        {"term": each.term, "used": each.used, "most": each.most}
        for each in node.airspace.bounds.usage(party.name)]}
        for party in (node.agreement.parties if node.agreement else ())]


def agreement_document(agreement: Agreement) -> dict[str, Any]:
    """The terms that clients need to know."""
    area = None
    if agreement.area is not None:
        area = {"outline_polygon": {"vertices": [{"lat": lat, "lng": lng}
                                                 for lat, lng in agreement.area.vertices]}}
    return {
        "name": agreement.name, "version": agreement.version, "digest": agreement.digest,
        "parties": [{"name": p.name, "base_url": p.base_url} for p in agreement.parties],
        "area": area, "altitude_m_w84_lower": agreement.altitude_m_w84_lower,
        "altitude_m_w84_upper": agreement.altitude_m_w84_upper,
        "separation": {"lateral_m": agreement.separation.lateral_m,
                       "vertical_m": agreement.separation.vertical_m,
                       "time_s": agreement.separation.time_s},
        "priority_levels": [agreement.priority_levels[priority].document(priority)
                            for priority in sorted(agreement.priority_levels)],
        "undeclared_priority_permits": agreement.undeclared_priority_permits,
        "silence": agreement.silence.document(), "sealed": agreement.sealed,
        "bounds": agreement.bounds.document()}


def channel_document(channel: Channel) -> dict[str, Any]:
    """The link to one peer."""
    heard_ns = channel.last_heard_ns
    return {
        "peer": channel.peer, "base_url": channel.base_url, "state": channel.state,
        "last_heard": None if heard_ns is None else format_time(heard_ns),
        "age_s": channel.age_s, "round_trip_ms": channel.round_trip_ms,
        "mirror_size": channel.mirror_size, "applied_size": channel.applied_size,
        "receipt_size": channel.receipt_size,
        "receipts_outstanding": channel.receipts_outstanding, "last_error": channel.last_error,
        "checks_made": channel.checks_made, "checks_missed": channel.checks_missed,
        "kernels_digest": channel.kernels_digest, "clock_offset_s": channel.clock_offset_s,
        "withheld": [{"what": each.what, "sentence": SENTENCES[each.what], "age_s": each.age_s}
                     for each in channel.withheld],
        "forked": None if channel.forked is None else {
            "since": format_time(channel.forked.iat_s * NS_PER_S), "end": channel.forked.end}}


def _side(record: Record) -> dict[str, Any]:
    priority = record.intent.priority if record.intent else None
    return {"id": record.entity_id, "party": record.party, "name": record.name,
            "priority": priority, "version": record.version}


def _statement(record: Record) -> dict[str, Any]:
    return {"log": f"{record.party}/log", "index": record.index,
            "time": format_time(record.iat_s * 1_000_000_000)}


def _earliest(volumes: Sequence[Volume4D]) -> str | None:
    return format_time(min(v.time_start_ns for v in volumes)) if volumes else None


def _latest(volumes: Sequence[Volume4D]) -> str | None:
    return format_time(min(TIME_NS_MAX, max(v.time_end_ns for v in volumes))) if volumes else None
