"""Strict JSON, and its members as values: what every reader of bytes from outside begins with.

Bytes go in; out come values of JSON's own types, or a BadInput that names the field at fault and
the limit (RFC 8259, RFC 7493: no member twice, no number beyond a float, no half of a surrogate).
"""

from __future__ import annotations

import json
from typing import Any

from luftrom import limits
from luftrom.errors import BadInput

# -- JSON (RFC 8259, RFC 7493) -------------------------------------------------------------------

_NO_TEXT = "is not UTF-8 text, or holds half a surrogate pair"
_TOO_DEEP = f"is nested deeper than {limits.JSON_DEPTH_MAX} levels"

def parse_json(data: bytes, *, field: str | None = None) -> Any:
    """Bytes to a JSON value, strictly; BadInput otherwise.

    Refused are duplicate keys, NaN and infinities, numbers beyond a float, lone surrogates, text
    that is not UTF-8, anything behind the value, and what is deeper or longer than `limits` say.
    """
    try:
        text = str(data, "utf-8")
        value = _DECODER.decode(text)
    except UnicodeError:
        raise BadInput(_NO_TEXT, field=field) from None
    except RecursionError:
        raise BadInput(_TOO_DEEP, field=field) from None
    except BadInput as error:
        raise BadInput(error.message, field=field) from None
    except ValueError as error:
        raise BadInput(f"is not JSON: {error}"[:200], field=field) from None
    _check_json(value, text, field)
    return value


def parse_json_part(text: str, start: int, field: str | None = None) -> tuple[Any, int]:
    """The JSON value that begins at a place of a text, and the place behind it; as strict.

    Raises json.JSONDecodeError if no whole value stands there, BadInput if it is refused.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise BadInput(_TOO_DEEP, field=field) from None
    except BadInput as error:
        raise BadInput(error.message, field=field) from None
    _check_json(value, text[start:end], field)
    return value, end


def _check_json(value: Any, text: str, field: str | None) -> None:
    """What the decoder lets pass: half surrogate pairs, too deep, too long a text."""
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeError:
            raise BadInput(_NO_TEXT, field=field) from None
    if text.count("[") + text.count("{") > limits.JSON_DEPTH_MAX:
        _check_depth(value, field)         # with fewer brackets nothing can be too deep
    if len(text) > limits.JSON_STRING_CHARS_MAX:
        _check_strings(value, field)


def _check_depth(value: Any, field: str | None) -> None:
    level = [value]
    for _ in range(limits.JSON_DEPTH_MAX):
        level = [item for holder in level if isinstance(holder, dict | list)
                 for item in (holder.values() if type(holder) is dict else holder)
                 if type(item) is dict or type(item) is list]
        if not level:
            return
    raise BadInput(_TOO_DEEP, field=field)


def _check_strings(value: Any, field: str | None) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and len(item) > limits.JSON_STRING_CHARS_MAX:
            raise BadInput(f"holds a text of {len(item)} characters; at most "
                           f"{limits.JSON_STRING_CHARS_MAX} are taken", field=field)
        if isinstance(item, dict):
            waiting += item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"has the member {twice[:80]!r} twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise BadInput(f"holds {name}, which is not JSON")


def _finite(literal: str) -> float:
    value = float(literal)
    if value - value != 0.0:               # infinite: a number minus itself is 0, infinity's is not
        raise BadInput(f"holds the number {literal[:40]}, which is too large")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_refuse_constant,
                            parse_float=_finite)


def parse_number(value: Any, field: str) -> float:
    """A finite JSON number as a float; BadInput otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput("is missing" if value is None else "must be a number", field=field)
    if not -1e300 < value < 1e300:         # NaN fails as well, and no whole number is too large
        raise BadInput("must be a number of ordinary size", field=field)
    return float(value)


def parse_text(value: Any, field: str, chars_max: int) -> str:
    """A JSON string of bounded length; BadInput otherwise."""
    if not isinstance(value, str):
        raise BadInput("is missing" if value is None else "must be text", field=field)
    if len(value) > chars_max:
        raise BadInput(f"has {len(value)} characters; at most {chars_max} are taken", field=field)
    return value


def join_field(outer: str, inner: str) -> str:
    """The path of a member within a path; either may be empty."""
    return f"{outer}.{inner}" if outer and inner else outer or inner


def quoted(value: Any) -> str:
    """A text as refusals show it, or "this"."""
    return repr(value)[:40] if isinstance(value, str) else "this"


def read_fields(value: Any, field: str, *, required: tuple[str, ...],
            optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with all the required members and none that is not known, or BadInput."""
    if not isinstance(value, dict):
        raise BadInput("must be a JSON object", field=field or None)
    for name in required:
        if name not in value:
            raise BadInput("is missing", field=join_field(field, name))
    for name in value:
        if name not in required and name not in optional:
            raise BadInput("is not a field of this format", field=join_field(field, name))
    return value


def read_list(value: Any, field: str) -> list[Any]:
    """A list, or BadInput."""
    if not isinstance(value, list):
        raise BadInput("must be a list", field=field)
    return value


def read_text(value: Any, field: str) -> str:
    """A text of 1 to 4,096 characters, or BadInput."""
    if not isinstance(value, str) or not 0 < len(value) <= 4096:
        raise BadInput("must be a non-empty text", field=field)
    return value


def read_number(value: Any, field: str) -> float:
    """A number as a float, or BadInput."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput("must be a number", field=field)
    return float(value)


def read_integer(value: Any, field: str, minimum: int) -> int:
    """A whole number of at least `minimum`, or BadInput."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise BadInput(f"must be a whole number of at least {minimum}", field=field)
    return value


def read_boolean(value: Any, field: str) -> bool:
    """True or false, or BadInput."""
    if not isinstance(value, bool):
        raise BadInput("must be true or false", field=field)
    return value
