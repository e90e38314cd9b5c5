"""What a declaration or a notice discloses: values to named claims and back.

A declaration opens into up to three disclosures (RFC 9901), each withheld or shown by itself:
`reference` (what an F3548 DSS tells everybody), `details` (what an F3548 USS tells those who ask:
volumes, priority, and the OVNs the author named) and `remarks`. A notice opens into `notice`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luftrom import limits
from luftrom.airspace import Intent, Notice
from luftrom.errors import BadInput
from luftrom.volume import Volume4D
from luftrom.wire import encode_volume4d, parse_priority, parse_volume4d

REFERENCE, DETAILS, REMARKS, NOTICE = "reference", "details", "remarks", "notice"


def encode_intent(intent: Intent) -> list[tuple[str, Any]]:
    """The named claims that an intent discloses, in the order they are written."""
    details: dict[str, Any] = {"volumes": [encode_volume4d(v) for v in intent.volumes]}
    if intent.off_nominal_volumes:
        details["off_nominal_volumes"] = [encode_volume4d(v) for v in intent.off_nominal_volumes]
    if intent.priority is not None:
        details["priority"] = intent.priority
    if intent.key:
        details["key"] = sorted(intent.key)
    reference = {"manager": intent.manager, "name": intent.name, "state": intent.state,
                 "uss_base_url": intent.uss_base_url}
    claims: list[tuple[str, Any]] = [(REFERENCE, reference), (DETAILS, details)]
    if intent.remarks:
        claims.append((REMARKS, intent.remarks))
    return claims


def read_intent(entity_id: str, opened: Mapping[str, Any]) -> Intent:
    """Opened claims back to the intent; BadInput names the claim at fault."""
    reference = _claim(opened, REFERENCE, ("manager", "name", "state", "uss_base_url"), ())
    details = _claim(opened, DETAILS, ("volumes",), ("off_nominal_volumes", "priority", "key"))
    for name, value in reference.items():
        _text(value, f"{REFERENCE}.{name}")
    priority = details.get("priority")
    if priority is not None:
        parse_priority(priority, f"{DETAILS}.priority")
    key = details.get("key", [])
    if not isinstance(key, list) or len(key) > limits.KEY_OVNS_MAX:
        raise BadInput(f"must list at most {limits.KEY_OVNS_MAX} OVNs", field=f"{DETAILS}.key")
    for i, ovn in enumerate(key):
        _text(ovn, f"{DETAILS}.key[{i}]")
    return Intent(entity_id=entity_id, priority=priority, key=frozenset(key),
                  volumes=_volumes(details["volumes"], f"{DETAILS}.volumes"),
                  off_nominal_volumes=_volumes(details.get("off_nominal_volumes", []),
                                               f"{DETAILS}.off_nominal_volumes"),
                  remarks=_text(opened.get(REMARKS, ""), REMARKS), **reference)


def encode_notice(notice: Notice) -> list[tuple[str, Any]]:
    """The named claims that a notice discloses."""
    return [(NOTICE, {"manager": notice.manager, "name": notice.name, "kind": notice.kind,
                      "volumes": [encode_volume4d(v) for v in notice.volumes],
                      "remarks": notice.remarks})]


def read_notice(entity_id: str, opened: Mapping[str, Any]) -> Notice:
    """Opened claims back to the notice; BadInput names the claim at fault."""
    claim = _claim(opened, NOTICE, ("manager", "name", "kind", "volumes", "remarks"), ())
    texts = {name: _text(claim[name], f"{NOTICE}.{name}")
             for name in ("manager", "name", "kind", "remarks")}
    return Notice(entity_id=entity_id, volumes=_volumes(claim["volumes"], f"{NOTICE}.volumes"),
                  **texts)


def _claim(opened: Mapping[str, Any], name: str, required: tuple[str, ...],
           optional: tuple[str, ...]) -> dict[str, Any]:
    claim = opened.get(name)
    if not isinstance(claim, dict):
        raise BadInput("is missing or not an object", field=name)
    for key in required:
        if key not in claim:
            raise BadInput("is missing", field=f"{name}.{key}")
    for key in claim:
        if key not in required and key not in optional:
            raise BadInput("is not known to this version", field=f"{name}.{key}")
    return claim


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise BadInput("must be text", field=field)
    return value


def _volumes(value: Any, field: str) -> tuple[Volume4D, ...]:
    if not isinstance(value, list) or len(value) > limits.VOLUMES_MAX:
        raise BadInput(f"must be a list of at most {limits.VOLUMES_MAX} volumes", field=field)
    return tuple(parse_volume4d(item, f"{field}[{i}]") for i, item in enumerate(value))
