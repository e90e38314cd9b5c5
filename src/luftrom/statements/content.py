"""Members of opened claims, with the claim's name in each refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.formats.f3548.volumes import parse_volume4d
from luftrom.geometry.volume import Volume4D


def read_claim(opened: Mapping[str, Any], name: str, required: tuple[str, ...],
           optional: tuple[str, ...]) -> dict[str, Any]:
    """An opened claim that is an object with these members, or BadInput."""
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


def read_text(value: Any, field: str) -> str:
    """A text, or BadInput."""
    if not isinstance(value, str):
        raise BadInput("must be text", field=field)
    return value


def read_volumes(value: Any, field: str) -> tuple[Volume4D, ...]:
    """A list of F3548 volumes within the limit, or BadInput."""
    if not isinstance(value, list) or len(value) > limits.VOLUMES_MAX:
        raise BadInput(f"must be a list of at most {limits.VOLUMES_MAX} volumes", field=field)
    return tuple(parse_volume4d(item, f"{field}[{i}]") for i, item in enumerate(value))
