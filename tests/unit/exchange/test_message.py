"""exchange.message: one form for each message, and a sentence for each thing that is none."""

from __future__ import annotations

import base64
import json
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luftrom import limits
from luftrom.errors import BadInput, LuftromError
from luftrom.exchange.message import MAGIC, Message, Part, encode_message, parse_message

ALFA, BRAVO = "alfa.example", "bravo.example"
NAMES = [f"p{n}.example" for n in range(limits.PARTIES_MAX + 1)]
VECTORS = Path(__file__).parents[2] / "vectors"

# -- what comes back -----------------------------------------------------------------------------

names = st.sampled_from(NAMES)
numbers = st.integers(0, 2**53 - 1)
openings = st.dictionaries(
    st.integers(0, 2**64 - 1),
    st.lists(st.binary(max_size=20), min_size=1, max_size=limits.DISCLOSURES_MAX).map(tuple),
    max_size=4).map(lambda found: tuple(sorted(found.items())))
parts = st.builds(
    Part, names, numbers, numbers, st.binary(max_size=60),
    st.lists(st.binary(min_size=32, max_size=32), max_size=3).map(tuple),
    st.lists(st.binary(max_size=40), max_size=4).map(tuple), openings)
messages = st.builds(
    Message, st.lists(parts, min_size=1, max_size=4, unique_by=lambda part: part.party).map(tuple),
    st.binary(max_size=60), st.dictionaries(names, st.tuples(numbers, numbers), max_size=3))


@given(messages)
def test_messages_come_back(message: Message) -> None:
    encoded = encode_message(message)
    assert parse_message(encoded) == message
    assert encode_message(parse_message(encoded)) == encoded
    assert message.own is message.parts[0]


@settings(max_examples=50)
@given(messages, st.data())
def test_a_message_that_is_cut_off_is_none(message: Message, data: st.DataObject) -> None:
    encoded = encode_message(message)
    with pytest.raises(BadInput):
        parse_message(encoded[:data.draw(st.integers(0, len(encoded) - 1))])
    with pytest.raises(BadInput, match="1 bytes follow the last part"):
        parse_message(encoded + b"x")


@settings(max_examples=200)
@given(messages, st.data())
def test_changed_bytes_crash_nothing(message: Message, data: st.DataObject) -> None:
    encoded = bytearray(encode_message(message))
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    with suppress(LuftromError):
        parse_message(bytes(encoded))


def test_where_a_part_ends() -> None:
    assert Part(ALFA, 7, 5, b"", (), (b"a", b"b")).end == 9
    assert Part(ALFA, 7, 7, b"").end == 7


# -- what is refused, and with which words -------------------------------------------------------

HEADER = {"known": {BRAVO: [5, 4]}, "parts": 1}
PART_HEADER = {"party": ALFA, "first": 3, "old": 2, "leaves": 0, "openings": 0}


def block(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def dump(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def raw(header: Any = HEADER, part: Any = PART_HEADER, rest: bytes = b"\x00",
        checkpoint: bytes = b"note", receipt: bytes = b"") -> bytes:
    """A message by hand: one part with no proof, leaves or openings unless `rest` says so."""
    return (MAGIC + block(dump(header)) + block(receipt) + block(dump(part)) + block(checkpoint)
            + rest)


def refusal(data: bytes) -> BadInput:
    with pytest.raises(BadInput) as refused:
        parse_message(data)
    return refused.value


def test_a_message_by_hand_is_one() -> None:
    assert parse_message(raw()) == Message((Part(ALFA, 3, 2, b"note"),), b"", {BRAVO: (5, 4)})


@pytest.mark.parametrize("data", [
    b"luftrom-exchange/1\n", b"luftrom-exchange/3\n" + raw()[len(MAGIC):],
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"{" * 40])
def test_another_version_is_refused_with_what_to_do(data: bytes) -> None:
    assert "both nodes need one version of Luftrom" in refusal(data).message


def test_messages_of_the_version_before_are_refused_with_what_to_do() -> None:
    kept = json.loads((VECTORS / "formats-1" / "exchange.json").read_text(encoding="utf-8"))
    assert len(kept) > 5
    for each in kept:
        for name in ("body", "answer"):
            said = refusal(base64.b64decode(each[name])).message
            assert said.startswith("does not begin with luftrom-exchange/2")
            assert "both nodes need one version of Luftrom" in said


def test_nothing_at_all_is_named() -> None:
    assert "ends inside the first line" in refusal(b"").message


@pytest.mark.parametrize(("header", "field"), [
    (b"x", "header"), (b"[]", "header"), ({}, "header"), (HEADER | {"more": 1}, "header"),
    (b'{"known":{},"known":{},"parts":1}', "header"), ({"parts": 1}, "header"),
    (HEADER | {"known": []}, "header.known"), (HEADER | {"known": {"Bravo": [1, 1]}},
                                               "header.known"),
    (HEADER | {"known": {BRAVO: 5}}, "header.known"),
    (HEADER | {"known": {BRAVO: [5]}}, "header.known"),
    (HEADER | {"known": {BRAVO: [5, 4, 3]}}, "header.known"),
    (HEADER | {"known": {BRAVO: [5, -1]}}, "header.known"),
    (HEADER | {"known": {BRAVO: [True, 1]}}, "header.known"),
    (HEADER | {"known": {BRAVO: [2**53, 1]}}, "header.known"),
    (HEADER | {"known": {name: [0, 0] for name in NAMES}}, "header.known"),
    (HEADER | {"parts": 0}, "header.parts"), (HEADER | {"parts": 1.0}, "header.parts"),
    (HEADER | {"parts": limits.PARTIES_MAX + 1}, "header.parts")])
def test_headers_that_are_none(header: Any, field: str) -> None:
    assert refusal(raw(header)).field == field


@pytest.mark.parametrize(("changes", "field"), [
    ({"party": "Alfa"}, "part 0.party"), ({"party": 7}, "part 0.party"),
    ({"party": "a" * 129}, "part 0.party"), ({"first": -1}, "part 0.first"),
    ({"first": 2**53}, "part 0.first"), ({"old": "2"}, "part 0.old"), ({"old": None}, "part 0.old"),
    ({"leaves": limits.EXCHANGE_LEAVES_MAX + 1}, "part 0.leaves"),
    ({"openings": limits.EXCHANGE_LEAVES_MAX + 1}, "part 0.openings"), ({"more": 1}, "part 0")])
def test_headers_of_parts_that_are_none(changes: dict[str, Any], field: str) -> None:
    assert refusal(raw(part=PART_HEADER | changes)).field == field


def test_one_part_for_each_log() -> None:
    twice = encode_message(Message((Part(ALFA, 0, 0, b""), Part(BRAVO, 0, 0, b""),
                                    Part(ALFA, 0, 0, b""))))
    assert refusal(twice).field == "parts"
    most = NAMES[:limits.PARTIES_MAX]
    many = Message(tuple(Part(name, 0, 0, b"") for name in most), known=dict.fromkeys(most, (0, 0)))
    assert parse_message(encode_message(many)) == many


def test_blocks_have_a_length() -> None:
    most = limits.NOTE_BYTES_MAX
    assert parse_message(raw(checkpoint=bytes(most))).own.checkpoint == bytes(most)
    assert parse_message(raw(receipt=bytes(most))).receipt == bytes(most)
    said = f"has {most + 1} bytes; at most {most} are taken"
    assert refusal(raw(checkpoint=bytes(most + 1))).message == f"the checkpoint {said}"
    assert refusal(raw(receipt=bytes(most + 1))).message == f"the receipt {said}"
    assert "the header has 4097 bytes; at most 4096" in refusal(raw(b"{" + b" " * 4096)).message
    assert "the header of part 0 has 4097 bytes" in refusal(raw(part=b"{" + b" " * 4096)).message


def test_a_proof_has_a_length() -> None:
    most = limits.PROOF_HASHES_MAX
    proof = parse_message(raw(rest=bytes([most]) + bytes(32 * most))).own.proof
    assert proof == (bytes(32),) * most
    assert f"a proof has {most + 1} hashes" in refusal(
        raw(rest=bytes([most + 1]) + bytes(32 * (most + 1)))).message


def test_leaves_of_all_parts_together_have_a_number() -> None:
    half = (b"",) * (limits.EXCHANGE_LEAVES_MAX // 2)
    fits = Message((Part(ALFA, 0, 0, b"", (), half), Part(BRAVO, 0, 0, b"", (), half)))
    assert parse_message(encode_message(fits)) == fits
    more = Message((Part(ALFA, 0, 0, b"", (), half), Part(BRAVO, 0, 0, b"", (), (*half, b""))))
    assert refusal(encode_message(more)).field == "part 1.leaves"
    longest = Message((Part(ALFA, 0, 0, b"", (), (bytes(limits.LEAF_BYTES_MAX),)),))
    assert parse_message(encode_message(longest)) == longest


def opened(*openings: tuple[int, int], size: int = 1) -> bytes:
    """A message whose openings say these leaves and how many disclosures."""
    rest = b"\x00" + b"".join(struct.pack(">QH", index, count) + block(bytes(size)) * count
                              for index, count in openings)
    return raw(part=PART_HEADER | {"openings": len(openings)}, rest=rest)


def test_what_opens_leaves_stands_in_their_order() -> None:
    most = limits.DISCLOSURES_MAX
    assert parse_message(opened((3, most), (4, 1))).own.openings == (
        (3, (b"\x00",) * most), (4, (b"\x00",)))
    for openings in (((3, 1), (3, 1)), ((4, 1), (3, 1))):
        refused = refusal(opened(*openings))
        assert refused.field == "part 0.openings[1]" and "sorted by leaf" in refused.message
    for count in (0, most + 1):
        refused = refusal(opened((3, count)))
        assert refused.field == "part 0.openings[0]"
        assert f"1 to {most} disclosures" in refused.message


def test_a_disclosure_has_a_length() -> None:
    most = limits.DISCLOSURE_BYTES_MAX
    (_, (whole,)), = parse_message(opened((3, 1), size=most)).own.openings
    assert len(whole) == most
    assert f"a disclosure of leaf 3 has {most + 1} bytes" in refusal(
        opened((3, 1), size=most + 1)).message


@pytest.mark.parametrize(("ends", "what"), [
    (len(MAGIC), "the length of the header"), (len(MAGIC) + 6, "the header")])
def test_what_is_missing_is_named(ends: int, what: str) -> None:
    assert f"ends inside {what}, at byte" in refusal(raw()[:ends]).message
