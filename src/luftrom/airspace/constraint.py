"""A constraint (a prior notice): airspace closed or hazardous for a time (ASTM F3548-21)."""

from __future__ import annotations

from dataclasses import dataclass

from luftrom import limits
from luftrom.airspace.intent import check_text, check_vertices
from luftrom.errors import BadInput
from luftrom.geometry.volume import Volume4D


@dataclass(frozen=True, slots=True)
class Constraint:
    """The content of a constraint (a prior notice): airspace closed or hazardous for a time."""

    entity_id: str
    manager: str
    name: str
    kind: str
    volumes: tuple[Volume4D, ...]
    remarks: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.volumes) <= limits.VOLUMES_MAX:
            raise BadInput(f"must hold 1 to {limits.VOLUMES_MAX} 4D volumes", field="volumes")
        check_vertices(self.volumes)
        check_text(self.name, "name", limits.NAME_CHARS_MAX)
        check_text(self.kind, "kind", limits.NAME_CHARS_MAX)
        check_text(self.remarks, "remarks", limits.REMARKS_CHARS_MAX)

    @property
    def all_volumes(self) -> tuple[Volume4D, ...]:
        """Its volumes, by the name that they have for an intent as well."""
        return self.volumes
