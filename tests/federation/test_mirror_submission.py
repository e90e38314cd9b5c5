"""C2SP tlog-mirror over HTTP, by a client that knows the specification and nothing of the node.

Bravo's log reaches alfa's mirror by `add-checkpoint` and `add-entries`; a stranger may bring it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from hosting import ALFA, BRAVO
from liar import Liar, content, new_id, volume
from processes import wait_for
from refusing import verifies
from talking import hasty, liar  # noqa: F401 - fixtures, which pytest finds by name

import tlog_client as tlog
from luftrom import limits
from luftrom.transparency.checkpoint import verify_checkpoint
from luftrom.transparency.note import parse_vkey
from luftrom.transparency.receipt import verify_kept_receipt

ORIGIN = f"{BRAVO}/log"
PREFIX = f"/mirror/{hashlib.sha256(ORIGIN.encode()).hexdigest()}"
INFO, SIZE = "text/x.tlog.mirror-info", "text/x.tlog.size"


@pytest.fixture
def stranger(liar: Liar) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=liar.house.url, trust_env=False, timeout=30) as each:
        yield each


def add_checkpoint(stranger: httpx.Client, old: int, liar: Liar, size: int | None = None,
                   note: bytes | None = None) -> httpx.Response:
    leaves = liar.leaves[:size]
    return stranger.post("/mirror/add-checkpoint", content=tlog.add_checkpoint_body(
        old, leaves, liar.note(len(leaves)) if note is None else note))


def add_entries(stranger: httpx.Client, liar: Liar, start: int, end: int, count: int | None = None,
                origin: str = ORIGIN, **headers: str) -> httpx.Response:
    parts = tlog.packages(liar.leaves, start, end)[:count]
    body = tlog.add_entries_body(origin, start, end, parts)
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.compress(body)
    return stranger.post("/mirror/add-entries", content=body,
                         headers={"Content-Type": "application/octet-stream"} | headers)


def info_of(answer: httpx.Response) -> tuple[int, int]:
    """The two numbers of a mirror-info body, which has three lines."""
    assert answer.headers["content-type"] == INFO
    size, following, ticket = answer.text.removesuffix("\n").split("\n")
    assert ticket == ""
    return int(size), int(following)


def grow(liar: Liar, count: int) -> None:
    for _ in range(count):
        liar.append(liar.statement("agreement"))


def keys(liar: Liar, party: str, role: str) -> list:
    return [parse_vkey(vkey) for vkey in getattr(liar.agreement.party(party).keys, role)]


def test_a_log_is_uploaded_and_cosigned_once_its_party_has_sent_it(
        liar: Liar, stranger: httpx.Client) -> None:
    held = liar.taken
    grow(liar, 600)                        # three packages, the first and the last partial
    liar.declare()
    size = len(liar.leaves)
    assert add_checkpoint(stranger, held, liar).status_code == 200
    answer = add_entries(stranger, liar, held, size, **{"Content-Encoding": "gzip"})
    assert (answer.status_code, info_of(answer)) == (202, (size, size))
    assert answer.headers["accept-encoding"] == "gzip"
    # Held, and not cosigned: an exchange brings it in the order of knowledge.
    checkpoint = stranger.get(f"{PREFIX}/checkpoint").content
    assert verify_checkpoint(checkpoint, keys(liar, BRAVO, "log"), ORIGIN).checkpoint.size == held
    liar.talk()
    assert liar.house.channel()["mirror_size"] == size
    # Applied a piece at a time, and not the declaration: what it commits to is sealed still.
    wait_for(lambda: liar.house.channel()["applied_size"] == size - 1, "it is not applied")
    answer = add_entries(stranger, liar, size, size)
    assert answer.status_code == 200
    note = liar.note() + answer.content
    body, _ = verify_kept_receipt(note, keys(liar, ALFA, "mirror"), ORIGIN)
    assert (body.size, body.root) == (size, tlog.hash_of(liar.leaves))
    checkpoint = stranger.get(f"{PREFIX}/checkpoint").content
    verify_kept_receipt(checkpoint, keys(liar, ALFA, "mirror"), ORIGIN)
    entries = []
    for bundle in range(3):
        width = min(256, size - 256 * bundle)
        path = f"{PREFIX}/tile/entries/{bundle:03d}" + ("" if width == 256 else f".p/{width}")
        entries += tlog.parse_entry_bundle(stranger.get(path).content)
    assert entries == liar.leaves


def test_entry_bundles_come_as_gzip_where_they_are_asked_for(liar: Liar, stranger: httpx.Client
                                                             ) -> None:
    grow(liar, 300)
    liar.talk()
    path, plain = f"{PREFIX}/tile/entries/000", {"Accept-Encoding": "identity"}
    bundle = stranger.get(path, headers=plain)
    assert tlog.parse_entry_bundle(bundle.content) == liar.leaves[:256]
    with stranger.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == "gzip" and len(raw) < 0.8 * len(bundle.content)
    assert gzip.decompress(raw) == bundle.content
    assert packed.headers["vary"] == bundle.headers["vary"] == "Accept-Encoding"
    del stranger.headers["Accept-Encoding"]
    hashes = stranger.get(f"{PREFIX}/tile/0/000", headers={"Accept-Encoding": "gzip"})
    for answer in (bundle, stranger.get(path), hashes):
        assert "content-encoding" not in answer.headers


def test_a_checkpoint_does_not_wait_for_ml_dsa_44(liar: Liar, stranger: httpx.Client) -> None:
    grow(liar, 3)
    note = liar.note(signers=liar.keys.log[:1])
    assert add_checkpoint(stranger, liar.taken, liar, note=note).status_code == 200


def test_an_upload_keeps_nobody_from_declaring(hasty: Liar) -> None:
    """What is closed, or was brought by a stranger, holds up nothing that alfa signs."""
    hasty.declare()
    size = len(hasty.leaves)
    with httpx.Client(base_url=hasty.house.url, trust_env=False) as stranger:
        assert add_checkpoint(stranger, hasty.taken, hasty).status_code == 200
        assert add_entries(stranger, hasty, hasty.taken, size).status_code == 202
    answer = hasty.house.http.put(f"/v1/operational_intents/{new_id()}",
                                  json={"volumes": [volume(lat=55.0)]})
    assert answer.status_code == 201 and answer.json()["unacknowledged"] == [BRAVO]
    hasty.talk(opens=[])
    assert hasty.house.channel()["mirror_size"] == size
    hasty.talk()
    assert hasty.house.channel()["applied_size"] == size


def test_an_upload_in_parts(liar: Liar, stranger: httpx.Client) -> None:
    grow(liar, 700)
    size = len(liar.leaves)
    assert add_checkpoint(stranger, liar.taken, liar).status_code == 200
    answer = add_entries(stranger, liar, liar.taken, size, count=1)
    assert (answer.status_code, info_of(answer)) == (202, (size, 256))
    whole = tlog.add_entries_body(ORIGIN, 256, size, tlog.packages(liar.leaves, 256, size))
    cut = stranger.post("/mirror/add-entries", content=whole[:len(whole) * 2 // 3])
    assert (cut.status_code, info_of(cut)) == (202, (size, 512))
    again = add_entries(stranger, liar, 0, size)   # what is held is skipped
    assert (again.status_code, info_of(again)) == (202, (size, size))
    liar.talk()
    assert add_entries(stranger, liar, size, size).status_code == 200


def test_the_upload_survives_and_the_exchange_goes_on_from_it(liar: Liar, stranger: httpx.Client
                                                              ) -> None:
    grow(liar, 5)
    assert add_checkpoint(stranger, liar.taken, liar).status_code == 200
    assert add_entries(stranger, liar, liar.taken, len(liar.leaves)).status_code == 202
    grow(liar, 5)                          # the exchange carries more than was uploaded
    liar.talk()
    assert liar.house.channel()["applied_size"] == len(liar.leaves)


def test_checkpoints_out_of_step(liar: Liar, stranger: httpx.Client) -> None:
    held = liar.taken
    grow(liar, 4)
    for old in (0, held + 1):
        answer = add_checkpoint(stranger, old, liar)
        assert (answer.status_code, answer.text) == (409, f"{held}\n")
        assert answer.headers["content-type"] == SIZE
    assert add_checkpoint(stranger, 2, liar, size=1).status_code == 400
    assert add_checkpoint(stranger, held, liar).status_code == 200
    assert add_checkpoint(stranger, held, liar).status_code == 409
    assert add_checkpoint(stranger, len(liar.leaves), liar).status_code == 200


def test_checkpoints_that_prove_nothing(liar: Liar, stranger: httpx.Client) -> None:
    held = liar.taken
    before = liar.house.digest()
    grow(liar, 4)
    wrong = tlog.add_checkpoint_body(held, [*liar.leaves[:-1], b"x"], liar.note())
    assert stranger.post("/mirror/add-checkpoint", content=wrong).status_code == 422
    for note, status in ((liar.note(signers=liar.keys.log[1:]), 403),
                         (liar.note(signers=liar.keys.mirror), 403),
                         (liar.note(origin="stranger.example/log"), 404),
                         (liar.note(origin=f"{ALFA}/log"), 404), (b"x", 400), (b"", 400)):
        answer = add_checkpoint(stranger, held, liar, note=note)
        assert answer.status_code == status, answer.text
    for body in (b"old 1", b"old 01\n\n" + liar.note(), b"old -1\n\n" + liar.note(),
                 b"old 1\n" + b"AAAA\n" + b"\n" + liar.note(),
                 b"old 1\n" + b"A" * 43 + b"=\n" * 64 + b"\n" + liar.note()):
        assert stranger.post("/mirror/add-checkpoint", content=body).status_code == 400
    assert liar.house.digest() == before and liar.house.node.proofs() == []


def test_two_histories_brought_by_strangers(liar: Liar, stranger: httpx.Client) -> None:
    """Both are signed by bravo: whoever brings them, the proof is kept."""
    grow(liar, 1)
    assert add_checkpoint(stranger, liar.taken, liar).status_code == 200
    liar.give_up(1)
    liar.declare()
    answer = stranger.post("/mirror/add-checkpoint", content=(
        f"old {len(liar.leaves)}\n\n".encode() + liar.note()))
    assert (answer.status_code, answer.json()["code"]) == (422, "equivocation")
    (party, kind, document), = liar.house.node.proofs()
    assert (party, kind) == (BRAVO, "checkpoints")
    verifies(document, liar, proves=True)
    assert liar.house.channel()["state"] == "broken"


@pytest.mark.parametrize("more", [0, 3])
def test_another_history_than_the_pending_one(liar: Liar, stranger: httpx.Client, more: int
                                              ) -> None:
    grow(liar, 2)
    assert add_checkpoint(stranger, liar.taken, liar).status_code == 200
    assert add_entries(stranger, liar, liar.taken, len(liar.leaves)).status_code == 202
    liar.give_up(2)
    liar.declare()
    grow(liar, 1 + more)
    answer = liar.post(liar.message())
    assert (answer.status_code, answer.json()["code"]) == (422, "equivocation")
    (_, kind, document), = liar.house.node.proofs()
    assert kind == "checkpoints"
    verifies(document, liar, proves=True)


def test_a_shorter_history_than_the_pending_one(liar: Liar, stranger: httpx.Client) -> None:
    grow(liar, 4)
    assert add_checkpoint(stranger, liar.taken, liar).status_code == 200
    assert add_entries(stranger, liar, liar.taken, len(liar.leaves)).status_code == 202
    liar.give_up(4)
    liar.declare(content(name="Other"))
    assert liar.post(liar.message()).json()["code"] == "equivocation"
    (_, _, document), = liar.house.node.proofs()
    verifies(document, liar, proves=True)


def test_entries_out_of_step(liar: Liar, stranger: httpx.Client) -> None:
    held = liar.taken
    grow(liar, 6)
    size = len(liar.leaves)
    assert add_checkpoint(stranger, held, liar).status_code == 200
    grow(liar, 1)
    for start, end in ((held, size + 1), (held, size - 1), (held + 1, size)):
        answer = add_entries(stranger, liar, start, end)
        assert (answer.status_code, info_of(answer)) == (409, (size, held))
    assert add_entries(stranger, liar, held, size, origin="x.example/log").status_code == 404
    assert add_entries(stranger, liar, held, held).status_code == 200   # the mirror checkpoint


def test_entries_that_prove_nothing(liar: Liar, stranger: httpx.Client) -> None:
    held = liar.taken
    before = liar.house.digest()
    grow(liar, 6)
    size = len(liar.leaves)
    assert add_checkpoint(stranger, held, liar).status_code == 200
    good, = tlog.packages(liar.leaves, held, size)
    forged, = tlog.packages([*liar.leaves[:-1], b"forged"], held, size)
    head = tlog.add_entries_body(ORIGIN, held, size, ())
    for body, status in ((head + forged, 422), (head + good[:-1], 400), (head, 400),
                         (head + good[:9], 400), (head[:7], 400), (b"", 400),
                         (head + good[:-1] + b"\x40", 400), (head + good + b"x", 400)):
        answer = stranger.post("/mirror/add-entries", content=body)
        assert answer.status_code == status, (answer.status_code, answer.text)
    assert liar.house.node.airspace.digest() == before[0]["digest"]
    liar.talk()


def test_an_upload_has_a_size_and_a_time(liar: Liar, stranger: httpx.Client,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    for more, status in ((0, 400), (1, 413)):
        body = gzip.compress(b"\xff" * (limits.UPLOAD_BYTES_MAX + more), 1)
        answer = stranger.post("/mirror/add-entries", content=body,
                               headers={"Content-Encoding": "gzip"})
        assert answer.status_code == status
    monkeypatch.setattr(limits, "UPLOAD_S_MAX", 0.2)
    with slow_upload(liar) as slow:
        assert slow.recv(12) == b"HTTP/1.1 408"


def test_slow_uploads_keep_no_place_from_others(liar: Liar, stranger: httpx.Client) -> None:
    grow(liar, 3)
    assert add_checkpoint(stranger, liar.taken, liar).status_code == 200
    with slow_upload(liar), slow_upload(liar):
        assert add_entries(stranger, liar, liar.taken, len(liar.leaves)).status_code == 202


def slow_upload(liar: Liar) -> socket.socket:
    """One that has begun, and goes on when it likes."""
    slow = socket.create_connection(("127.0.0.1", liar.house.settings.port), timeout=20)
    slow.sendall(b"POST /mirror/add-entries HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n"
                 + b"b" * 1000)
    return slow


def test_entries_before_any_checkpoint_and_giant_ones(liar: Liar, stranger: httpx.Client) -> None:
    bomb = gzip.compress(bytes(limits.EXCHANGE_BODY_BYTES_MAX + 1), 1)
    answer = stranger.post("/mirror/add-entries", content=bomb,
                           headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    answer = stranger.post("/mirror/add-checkpoint", content=bytes(200_000))
    assert answer.status_code == 413
    assert json.loads(answer.text)["code"] == "too_large"
