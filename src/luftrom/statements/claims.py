"""Signed claims: the members of a statement's payload, each read with its name in the refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luftrom import limits
from luftrom.errors import BadInput

Claims = Mapping[str, Any]

NUMBER_MAX = 2**53 - 1                     # RFC 7493: what every JSON reader reads exactly
NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,126}[a-z0-9])?", re.ASCII)
HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
DIGEST = re.compile(r"[0-9A-Za-z_-]{42}[AEIMQUYcgkosw048]", re.ASCII)   # 32 bytes in base64url
ENTITY_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)


def read_object(value: Any, name: str, members: tuple[str, ...]) -> dict[str, Any]:
    """An object with exactly these members, or BadInput."""
    if not isinstance(value, dict) or value.keys() != set(members):
        raise BadInput(f"must be an object with exactly {', '.join(members)}", field=name)
    return value


def read_list(value: Any, name: str, least: int = 1) -> list[Any]:
    """A list of at least so many, or BadInput."""
    if not isinstance(value, list) or len(value) < least:
        raise BadInput(f"must be a list of at least {least}", field=name)
    return value


def read_number(value: Any, name: str, least: int = 0, most: int = NUMBER_MAX) -> int:
    """A whole number within these bounds, or BadInput."""
    if type(value) is not int or not least <= value <= most:
        raise BadInput(f"must be a whole number from {least} to {most}", field=name)
    return value


def read_matching(pattern: re.Pattern[str], value: Any, name: str) -> str:
    """A text of that form, or BadInput."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadInput("is not what the format has there", field=name)
    return value


def read_reason(value: Any) -> str:
    """A reason in words, or BadInput; empty where none is given."""
    if not isinstance(value, str) or len(value) > limits.REMARKS_CHARS_MAX or any(
            sign < " " or "\ud800" <= sign < "\ue000" for sign in value):
        raise BadInput(f"must be text of at most {limits.REMARKS_CHARS_MAX} characters",
                       field="reason")
    return value


@dataclass(frozen=True, slots=True)
class Entity:
    """A version of something that has an identifier: what a declaration or a notice is of."""

    entity_id: str
    version: int


def read_entity(claims: Claims) -> Entity:
    """The claim `entity`."""
    claim = read_object(claims.get("entity"), "entity", ("id", "version"))
    return Entity(read_matching(ENTITY_ID, claim["id"], "entity.id"),
                  read_number(claim["version"], "entity.version", 1))


def encode_entity(entity: Entity) -> dict[str, Any]:
    """The claim `entity`, back."""
    return {"entity": {"id": entity.entity_id, "version": entity.version}}
