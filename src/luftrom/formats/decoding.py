"""Client bodies to the types that describe them, by msgspec; refusals in the words of Luftrom.

Bytes, or values of JSON's own types, go in; out come structs, or a BadInput whose field is the
path of the value at fault. Refused are NaN and infinities, numbers beyond a float, half surrogate
pairs, text that is not UTF-8, anything behind the value and what is deeper than `limits` say. Of
two members of one name the last is read: where bytes are signed, `reading.parse_json` refuses it.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn, TypeVar

import msgspec

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.reading import join_field, parse_json

T = TypeVar("T")

_NO_TEXT = "is not UTF-8 text"
_BRACES = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(c for c in range(256) if c not in b'{}[]"')
# msgspec's words for a fault of a member that is not there, or that the struct does not have.
_MISSING, _UNKNOWN = "Object missing required field `", "Object contains unknown field `"
_KINDS = {"float": "a number", "int": "a whole number", "str": "text", "bool": "true or false",
          "object": "an object", "array": "a list", "null": "null"}
_KIND = re.compile(r"`([a-z |]+)`")


def decode(data: bytes, decoder: msgspec.json.Decoder[T], field: str = "body") -> T:
    """A client's body to its type. `field` names the whole of it."""
    check_depth(data, field)
    try:
        if not data.isascii():
            str(data, "utf-8")             # msgspec skips what it ignores without a look
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        _refuse(error, decoder.type, "", field)
    except UnicodeError:
        raise BadInput(_NO_TEXT, field=field) from None
    except msgspec.DecodeError as error:
        raise BadInput(f"is not JSON: {error}"[:200], field=field) from None


def convert(value: Any, kind: type[T], field: str = "", whole: str = "") -> T:
    """A decoded JSON value to its type; `field` is where it stands, `whole` its name at the top."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        _refuse(error, kind, field, whole)


def check_depth(data: bytes, field: str) -> None:
    """BadInput if JSON text is nested deeper than the limit, before anything decodes it.

    Text is cut down to its brackets and quotes. Taking away all `[]` takes one level; what is
    left then holds brackets within a text, or is too deep, or is not JSON: a slower reader says.
    A bracket within a text stands behind an odd number of quotes, which vanish in twos only, so
    it is never taken for the partner of one outside.
    """
    left = data
    if b"\\" in data:
        left = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = left.translate(_BRACES, _NO_BRACKETS).replace(b'""', b"")
    for _ in range(limits.JSON_DEPTH_MAX):
        if not left:
            return
        left = left.replace(b"[]", b"").replace(b'""', b"")
    if left:
        parse_json(data, field=field)


def _refuse(error: msgspec.ValidationError, kind: Any, field: str, whole: str) -> NoReturn:
    """msgspec's refusal as ours: its path without the dollar, its words for types in plain ones."""
    message, _, place = str(error).rpartition(" - at `$")
    if not message:
        message, place = place, ""
    inner = place.removesuffix("`").removeprefix(".")
    path = f"{field}{inner}" if inner.startswith("[") else join_field(field, inner)
    if message.startswith(_MISSING):
        path, message = join_field(path, _named(message, _MISSING)), "is missing"
    elif message.startswith(_UNKNOWN):
        path = join_field(path, _named(message, _UNKNOWN))
        known = () if inner else msgspec.structs.fields(kind)
        message = "is not known here" + (
            f"; known are {', '.join(each.encode_name for each in known)}" if known else "")
    elif message.startswith("Expected "):
        expected, _, got = message.removeprefix("Expected ").partition(", got ")
        message = f"must be {_plain(expected)}" + (f", not {_plain(got)}" if got else "")
    elif message.endswith("out of range"):
        message = "must be a number of ordinary size"
    elif message.startswith("Invalid enum value "):
        message = f"{message.removeprefix('Invalid enum value ')[:80]} is not taken here"
    raise BadInput(message[:300], field=path or whole or None) from None


def _named(message: str, words: str) -> str:
    return message.removeprefix(words).removesuffix("`")[:80]


def _plain(words: str) -> str:
    """`float | null` <= 90.0 as a number <= 90.0; that null means absent needs no words."""
    def kinds(found: re.Match[str]) -> str:
        names = found[1].split(" | ")
        return " or ".join(_KINDS.get(name, name) for name in names
                           if name != "null" or len(names) == 1)

    return _KIND.sub(kinds, words)
