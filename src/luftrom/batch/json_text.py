"""JSON in blocks to its items, one after the other: a large file is never held as a whole.

In goes an open file that holds one JSON value or several (RFC 8259): one value a line, or a text
sequence with record separators (RFC 8142). Out come its items with their places: the members of
`features`, `operational_intents` and `constraints` of an object, the elements of an array, or the
values themselves.
"""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterator
from json import JSONDecodeError
from typing import IO, Any

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.reading import parse_json_part

LISTS = ("features", "operational_intents", "constraints")

_BLOCK_BYTES = 256 * 1024
_SPACE = " \t\r\n"
_BETWEEN = _SPACE + "\x1e"                 # RFC 8142: a record separator begins each text
_CUT_CHARS = 32                            # an error so near to the end may be a cut, not an error
_UNENDED = "Unterminated string"           # the decoder's word, told at the text's beginning


def read_json(file: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """The items of the JSON in a file, each with its place in it (`features[3]`, `[12]`).

    Raises BadInput: what `reading.parse_json` refuses, and an item that is longer than
    `limits.DATASET_ITEM_CHARS_MAX`. Nothing but the current item and a block is held.
    """
    text = _Text(file)
    count = 0
    while sign := text.peek(_BETWEEN):
        if sign == "{":
            item = yield from _object(text, f"[{count}]")
            if item is not None:
                yield f"[{count}]", item
            count += 1
        elif sign == "[":
            for _, item in _elements(text, ""):
                yield f"[{count}]", item
                count += 1
        else:
            raise BadInput(f"is not JSON: {sign!r} begins no object and no list",
                           field=f"[{count}]")
    if count == 0:
        raise BadInput("holds nothing")


def _object(text: _Text, place: str
            ) -> Generator[tuple[str, Any], None, dict[str, Any] | None]:
    """Yield what stands in the lists of an object; return the object if it has none of them."""
    members: dict[str, Any] = {}
    streamed: list[str] = []
    chars = 0
    text.take("{", place)
    while text.peek() != "}":
        name, _ = text.value(place)
        if not isinstance(name, str):
            raise BadInput("is not JSON: a member has no name", field=place)
        if name in members:
            raise BadInput(f"has the member {name[:80]!r} twice", field=place)
        text.take(":", place)
        members[name] = None
        if name in LISTS and text.peek() == "[":
            streamed.append(name)
            yield from _elements(text, name)
        else:
            members[name], taken = text.value(place)
            chars += taken
            if chars > limits.DATASET_ITEM_CHARS_MAX:
                raise _too_long(place)
        if text.peek() == ",":
            text.take(",", place)
            if text.peek() != "}":
                continue
            raise BadInput("is not JSON: a comma stands before the end", field=place)
        break
    text.take("}", place)
    if "features" in streamed and members.get("type") != "FeatureCollection":
        raise BadInput("must be a GeoJSON FeatureCollection", field="type")
    return None if streamed else members


def _elements(text: _Text, name: str) -> Iterator[tuple[str, Any]]:
    """The elements of a list, each with its place."""
    text.take("[", name)
    count = 0
    while text.peek() != "]":
        place = f"{name}[{count}]"
        if count:
            text.take(",", place)
        yield place, text.value(place)[0]
        count += 1
    text.take("]", name)


def _too_long(place: str) -> BadInput:
    return BadInput(f"is longer than {limits.DATASET_ITEM_CHARS_MAX} characters", field=place)


class _Text:
    """Text that is read in blocks and taken from its front."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._ended = False

    def _more(self) -> bool:
        """Append a block, at least as long as what waits; False at the end of the file."""
        if self._ended:
            return False
        waiting = self._text[self._at:]
        data = self._file.read(max(_BLOCK_BYTES, len(waiting)))
        self._ended = not data
        try:
            self._text, self._at = waiting + self._decoder.decode(data, self._ended), 0
        except UnicodeError:
            raise BadInput("is not UTF-8 text") from None
        return True

    def peek(self, space: str = _SPACE) -> str:
        """The next sign that is no white space; empty at the end."""
        while True:
            text, at = self._text, self._at
            while at < len(text) and text[at] in space:
                at += 1
            self._at = at
            if at < len(text):
                return text[at]
            if not self._more():
                return ""

    def take(self, sign: str, place: str) -> None:
        """Step over a sign that must come next."""
        found = self.peek()
        if found != sign:
            raise BadInput(f"is not JSON: {found!r} stands where {sign!r} must" if found
                           else f"is cut off: {sign!r} is missing", field=place or None)
        self._at += 1

    def value(self, place: str) -> tuple[Any, int]:
        """The next value and its length in characters."""
        if not self.peek():
            raise BadInput("is cut off", field=place)
        while True:
            try:
                value, end = parse_json_part(self._text, self._at, place)
            except JSONDecodeError as error:
                near = len(self._text) - error.pos < _CUT_CHARS
                if not near and not error.msg.startswith(_UNENDED):
                    raise BadInput(f"is not JSON: {error.msg}", field=place) from None
                if len(self._text) - self._at > limits.DATASET_ITEM_CHARS_MAX:
                    raise _too_long(place) from None
                if self._more():
                    continue
                raise BadInput(f"is cut off, or no JSON: {error.msg}", field=place) from None
            # A number at the end of a block may go on in the next one.
            if type(value) in (int, float) and len(self._text) - end < _CUT_CHARS and self._more():
                continue
            taken = end - self._at
            if taken > limits.DATASET_ITEM_CHARS_MAX:
                raise _too_long(place)
            self._at = end
            return value, taken
