"""Base64url: one value has one text."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput


@given(st.binary(max_size=100))
def test_there_and_back(data):
    text = encode_base64url(data)
    assert text == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert parse_base64url(text) == parse_base64url(text.encode()) == data


@pytest.mark.parametrize("text", ["A", "AA==", "AB", "AAA=", "A A", "AA\n", "+/8", "-_8=",
                                  "\xe9AAA", "AAAA=", "====", "!!!!", "AA-", b"\xff\xff",
                                  b"A\x00AA"])
def test_any_other_text_is_refused_by_its_place(text):
    with pytest.raises(BadInput) as refused:
        parse_base64url(text, "keys[0].x")
    assert refused.value.field == "keys[0].x"


@given(st.text(max_size=12))
def test_what_is_taken_is_what_would_be_written(text):
    try:
        data = parse_base64url(text)
    except BadInput:
        return
    assert encode_base64url(data) == text
