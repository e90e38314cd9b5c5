"""The content of a notice: a constraint, as named claims and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luftrom.airspace.constraint import Constraint
from luftrom.formats.f3548.volumes import encode_volume4d
from luftrom.statements.claims import read_claim, read_text, read_volumes

NOTICE = "notice"


def encode_notice(notice: Constraint) -> list[tuple[str, Any]]:
    """The named claims that a notice discloses."""
    return [(NOTICE, {"manager": notice.manager, "name": notice.name, "kind": notice.kind,
                      "volumes": [encode_volume4d(v) for v in notice.volumes],
                      "remarks": notice.remarks})]


def read_notice(entity_id: str, opened: Mapping[str, Any]) -> Constraint:
    """Opened claims back to the notice; BadInput names the claim at fault."""
    claim = read_claim(opened, NOTICE, ("manager", "name", "kind", "volumes", "remarks"), ())
    texts = {name: read_text(claim[name], f"{NOTICE}.{name}")
             for name in ("manager", "name", "kind", "remarks")}
    return Constraint(entity_id=entity_id, **texts,
                      volumes=read_volumes(claim["volumes"], f"{NOTICE}.volumes"))
