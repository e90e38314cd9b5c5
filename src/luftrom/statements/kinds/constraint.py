"""`notice`: a prior notice, which is a version of a constraint and stands at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luftrom import limits
from luftrom.airspace.constraint import Constraint
from luftrom.formats.f3548.volumes import encode_volume4d
from luftrom.statements.claims import Entity, encode_entity, read_entity
from luftrom.statements.content import read_claim, read_text, read_volumes
from luftrom.statements.course import Course
from luftrom.statements.kind import Before, Cost, Kind
from luftrom.statements.statement import Statement

NOTICE = "notice"                          # the claim; the type is called the same


def disclose(notice: Constraint) -> list[Any]:
    """The value of the one claim that a notice opens."""
    return [{"manager": notice.manager, "name": notice.name, "kind": notice.kind,
             "volumes": [encode_volume4d(v) for v in notice.volumes], "remarks": notice.remarks}]


def open_notice(statement: Statement[Entity], opened: Mapping[str, Any]) -> Constraint | None:
    """Opened claims back to the constraint; BadInput names the claim at fault."""
    if NOTICE not in opened:
        return None
    claim = read_claim(opened, NOTICE, ("manager", "name", "kind", "volumes", "remarks"), ())
    texts = {name: read_text(claim[name], f"{NOTICE}.{name}")
             for name in ("manager", "name", "kind", "remarks")}
    return Constraint(entity_id=statement.body.entity_id, **texts,
                      volumes=read_volumes(claim["volumes"], f"{NOTICE}.volumes"))


def follow(course: Course, statement: Statement[Entity], content: Constraint | None) -> None:
    """It is the next version, and stands at once: nobody rules on it."""
    course.give(statement.index, statement.type, statement.body)


def first_needed(statement: Statement[Entity], before: Before) -> int:
    """The version before it shows whether it is the next one; the whole log, that there is none."""
    return before(statement.body.entity_id) or 0


KIND: Kind[Entity, Constraint] = Kind(
    "notice", ("entity",), read_entity, encode_entity, (NOTICE,), follow, first_needed, disclose,
    open_notice, must_open=True, entity=lambda statement, content: statement.body, ovn_of=NOTICE,
    cost=Cost(disclosures_max=1, volumes_max=limits.VOLUMES_MAX))
