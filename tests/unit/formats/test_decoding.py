"""Client bodies by msgspec: what is let in, and each refusal with its path in plain words."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.formats.decoding import check_depth, convert, decode


class Inner(msgspec.Struct):
    lat: Annotated[float, msgspec.Meta(ge=-90)]
    name: str | None = None


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    items: Annotated[list[Inner], msgspec.Meta(max_length=2)]


DECODER = msgspec.json.Decoder(Outer)


@pytest.mark.parametrize(("data", "field", "words"), [
    (b'{"items": [{"lat": -91}]}', "items[0].lat", "must be a number >= -90.0"),
    (b'{"items": [{"lat": "1"}]}', "items[0].lat", "must be a number, not text"),
    (b'{"items": [{}]}', "items[0].lat", "is missing"),
    (b"{}", "items", "is missing"),
    (b"[]", "body", "must be an object, not a list"),
    (b'{"items": {}}', "items", "must be a list, not an object"),
    (b'{"items": [{"lat": 1}, {"lat": 1}, {"lat": 1}]}', "items", "a list of length <= 2"),
    (b'{"items": [{"lat": 1, "name": 7}]}', "items[0].name", "must be text, not a whole number"),
    (b'{"items": [], "colour": 1}', "colour", "is not known here; known are items"),
    (b'{"items": [{"lat": 1e999}]}', "items[0].lat", "of ordinary size"),
    (b'{"items": [{"lat": ' + b"1" * 5000 + b"}]}", "items[0].lat", "of ordinary size"),
    (b'{"items": [{"lat": NaN}]}', "body", "byte 19"),
    (b'{"items": [{"lat": 1, "ignored": [-Infinity]}]}', "body", "is not JSON"),
    (b'{"items": [{"lat": 1, "ignored": "\xff"}]}', "body", "UTF-8"),
    (b'{"items": [{"lat": 1, "name": "\xff"}]}', "body", "UTF-8"),
    (b'{"items": [{"lat": 1, "ignored": "\\ud800"}]}', "body", "is not JSON"),
    (b'{"items": []} {}', "body", "is not JSON"), (b"", "body", "is not JSON"),
    (b'{"items": ' + b"[" * 40 + b"]" * 40 + b"}", "body", "deeper than 32"),
    (b"[" * 100_000, "body", "deeper than 32"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, "body", "deeper than 32"),
])
def test_each_fault_is_named_by_its_path(data, field, words):
    with pytest.raises(BadInput) as refused:
        decode(data, DECODER)
    assert refused.value.field == field and words in refused.value.message
    assert len(refused.value.message) <= 300


def test_what_is_ignored_and_what_is_said_twice():
    assert decode(b'{"items": [{"lat": 1, "more": {"a": [1]}}]}', DECODER).items[0].lat == 1.0
    assert decode(b'{"items": [{"lat": 1, "lat": 2}]}', DECODER).items[0].lat == 2.0


def test_a_value_has_its_place_in_a_larger_one():
    for value, field in (({"items": [{"lat": True}]}, "list[3].items[0].lat"),
                         ({"items": [], "x": 1}, "list[3].x"), ([], "list[3]")):
        with pytest.raises(BadInput) as refused:
            convert(value, Outer, "list[3]")
        assert refused.value.field == field
    with pytest.raises(BadInput) as refused:
        convert(7, list[Inner], "volumes")
    assert refused.value.field == "volumes"
    with pytest.raises(BadInput) as refused:
        convert([{"lat": 1}, 7], list[Inner], "volumes")
    assert refused.value.field == "volumes[1]"


TEXTS = st.text(st.sampled_from('[]{}"\\,:a\u00e9'), max_size=8)
VALUES = st.recursive(st.none() | st.integers(0, 9) | TEXTS, lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=20)


def depth_of(value):
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth_of, inner), default=0)
    return 0


@given(VALUES, st.integers(20, 40), st.booleans())
def test_depth_is_that_of_the_value_whatever_its_texts_hold(value, wraps, is_ascii):
    for i in range(wraps):
        value = [value] if i % 2 else {"[": value}
    data = json.dumps(value, ensure_ascii=is_ascii).encode()
    if depth_of(value) <= limits.JSON_DEPTH_MAX:
        check_depth(data, "body")
    else:
        with pytest.raises(BadInput, match="deeper than 32"):
            check_depth(data, "body")
