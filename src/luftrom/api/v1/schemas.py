"""What clients of /v1 send, as structs; msgspec reads bodies into them and describes them.

Members that they do not have are refused by name, but for those within volumes, which are the
standard's and ignore what it does not declare. GeoJSON is read by its own rules (docs/geojson.md).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from luftrom import limits
from luftrom.airspace.intent import ACCEPTED
from luftrom.formats.f3548.schemas import EntityID, Priority, State, UssBaseURL, Volumes

Name = Annotated[str, Meta(max_length=limits.NAME_CHARS_MAX)]
Remarks = Annotated[str, Meta(max_length=limits.REMARKS_CHARS_MAX)]


class Declaration(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An activity that is declared."""

    volumes: Volumes
    id: EntityID | None = None
    name: Name = ""
    state: State = ACCEPTED
    priority: Priority = 0
    off_nominal_volumes: Volumes | None = None
    remarks: Remarks = ""
    uss_base_url: UssBaseURL | None = None


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Many declarations; each is read by itself, so that one's fault is not that of the others."""

    operational_intents: Annotated[list[Any], Meta(
        min_length=1, max_length=limits.BATCH_ITEMS_MAX,
        extra_json_schema={"items": {"$ref": "#/components/schemas/Declaration"}})]


class ConstraintBody(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A prior notice that is given."""

    volumes: Volumes
    id: EntityID | None = None
    name: Name = ""
    kind: Name = "closed area"
    remarks: Remarks = ""


BODIES = (Declaration, Batch, ConstraintBody)
