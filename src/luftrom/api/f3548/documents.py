"""F3548-21 references and details of a record, as its schemas have them."""

from __future__ import annotations

from typing import Any

from luftrom.api.http.auth import Caller
from luftrom.api.v1.documents import is_manager
from luftrom.formats.f3548.volumes import encode_time, encode_volume4d
from luftrom.node.node import Node
from luftrom.state.record import Record, declared

# F3548-21 asks for a subscription in every reference; this version-4 UUID says that there is none.
NO_SUBSCRIPTION = "00000000-0000-4000-8000-000000000000"


def reference_document(node: Node, record: Record, caller: Caller | None, *,
                       show_ovn: bool = False) -> dict[str, Any]:
    """An F3548 OperationalIntentReference. Others' OVNs are left out, as the standard asks.

    The availability of every USS is Unknown until an arbiter can set it: nobody is called Normal
    on no evidence.
    """
    intent = declared(record).intent
    document: dict[str, Any] = {
        "id": record.entity_id, "manager": intent.manager, "uss_availability": "Unknown",
        "version": record.version, "state": intent.state,
        "time_start": encode_time(min(v.time_start_ns for v in intent.all_volumes)),
        "time_end": encode_time(max(v.time_end_ns for v in intent.all_volumes)),
        "uss_base_url": intent.uss_base_url, "subscription_id": NO_SUBSCRIPTION}
    if show_ovn or is_manager(node, record, caller):
        document["ovn"] = record.ovn
    return document


def details_document(record: Record) -> dict[str, Any]:
    """An F3548 OperationalIntentDetails."""
    intent = declared(record).intent
    return {"volumes": [encode_volume4d(v) for v in intent.volumes],
            "off_nominal_volumes": [encode_volume4d(v) for v in intent.off_nominal_volumes],
            "priority": intent.priority or 0}
