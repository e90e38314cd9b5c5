"""A peer whose node answers with lies, and whoever stands between: the node goes on, and says why.

Here alfa's node calls, over a transport that is the test's.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hosting import BRAVO, agreement_of, hosted
from liar import Liar, Said, content, volume
from processes import wait_for
from refusing import serves

from luftrom.errors import Unavailable
from luftrom.exchange.message import encode_message

Answer = tuple[int, bytes, str | None]


class Line:
    """Carries alfa's messages to the test's bravo; `lie` makes the next answers."""

    def __init__(self) -> None:
        self.liar: Liar | None = None
        self.lie: Callable[[bytes, int], Answer] | None = None
        self.calls = 0
        self.head = ""                     # of the message that is answered

    async def post(self, base_url: str, body: bytes, signature: str) -> Answer:
        self.calls += 1
        if self.liar is None:
            raise Unavailable("bravo is not there yet")
        self.head = signature
        claims = json.loads(_unb64(signature.split(".")[1]))
        return (self.lie or self.honest)(body, claims["counter"])

    async def ask(self, base_url: str, about: str, ask: bytes, bytes_max: int
                  ) -> tuple[int, bytes]:
        raise Unavailable("bravo says nothing of what it holds")

    async def fetch(self, base_url: str, path: str, bytes_max: int) -> tuple[int, bytes]:
        raise Unavailable("bravo shows nothing of what it holds")

    def honest(self, body: bytes, counter: int) -> Answer:
        self.liar.hear(body, self.head)
        self.liar.given = len(self.liar.alfa)
        return self.says(self.liar.message(), counter)

    def says(self, said: Said, counter: int) -> Answer:
        return self.signed(encode_message(said.message), counter, draft=said.head)

    def signed(self, body: bytes, counter: int, **more: Any) -> Answer:
        return 200, body, self.liar.sign(body, counter, **more)


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def problem(**members: Any) -> Callable[[Line, bytes, int], Answer]:
    return lambda line, body, counter: (409, json.dumps(members).encode(), None)


def fails(error: BaseException) -> Callable[[Line, bytes, int], Answer]:
    def answer(line: Line, body: bytes, counter: int) -> Answer:
        raise error

    return answer


LIES: dict[str, tuple[Callable[[Line, bytes, int], Answer], str]] = {
    "no answer": (fails(Unavailable("no answer from there")), "no answer"),
    "a defect of ours": (fails(RuntimeError("boom")), "internal error"),
    "an unsigned answer": (lambda line, b, c: (200, line.honest(b, c)[1], None), "Luftrom-Head"),
    "an answer under another key": (lambda line, b, c: line.signed(
        line.honest(b, c)[1], c, key=line.liar.keys.statements), "channel key"),
    "the head of another answer": (lambda line, b, c: (
        200, line.honest(b, c)[1], line.signed(b"", c)[2]), "not the one that was signed"),
    "our own head back": (lambda line, b, c: (200, b, line.head), "channel key"),
    "a head of another agreement": (lambda line, b, c: line.says(
        line.liar.message(first=0, head={"agreement": "0" * 64}), c), "another agreement"),
    "an answer to another message": (lambda line, b, c: line.honest(b, c + 1), "another message"),
    "our own message back": (lambda line, b, c: line.signed(b, c), "must be the log of"),
    "an empty answer": (lambda line, b, c: line.signed(b"", c), "ends inside"),
    "a redirect": (lambda line, b, c: (307, b"", None), "status 307"),
    "a page": (lambda line, b, c: (404, b"<html>" * 9999, None), "status 404"),
    "deep JSON": (lambda line, b, c: (409, b"[" * 10**6, None), "status 409"),
    "deep objects": (lambda line, b, c: (409, b'{"a":' * 9000 + b"1" + b"}" * 9000, None),
                     "status 409"),
    "no object": (lambda line, b, c: (409, b"7", None), "status 409"),
    "a reason of a megabyte": (lambda line, b, c: (422, json.dumps(
        {"detail": "x" * 2**20}).encode(), None), "status 422"),
    "a reason that is none": (problem(detail={"a": 1}), "a"),
    "an infinite counter": (lambda line, b, c: (409, b'{"code":"replayed","counter":1e999}', None),
                            "refused"),
    "a counter beyond the last": (problem(code="replayed", counter=2**62 - 1), "refused"),
    "a size below nothing": (problem(code="gap", have=-5, mirrored=0), "no count"),
    "a size of text": (problem(code="gap", have="1", mirrored=0), "no count"),
    "more than there is": (problem(code="gap", have=0, mirrored=10**6), "unsigned"),
    "a code that is a list": (problem(code=[1], detail="so"), "so"),
}


@pytest.mark.parametrize("name", LIES)
def test_answers(tmp_path: Path, name: str) -> None:
    line = Line()
    lie, reason = LIES[name]
    with hosted(tmp_path, agreement_of(mode="hold", after_s=60.0), transport=line) as house:
        line.lie = lambda body, counter: lie(line, body, counter)
        liar = Liar(house)
        line.liar = liar
        with liar.http:
            wait_for(lambda: reason in (house.channel()["last_error"] or ""),
                     f"{house.channel()['last_error']} does not say {reason}")
            assert len(house.channel()["last_error"]) < 700
            serves(liar)
            line.lie = None
            wait_for(lambda: house.channel()["last_error"] is None
                     and house.channel()["receipts_outstanding"] == 0, "the link does not recover")
            assert house.channel()["state"] == "fresh" and house.node.proofs() == []


def heads(**changes: Any) -> Callable[[Line, bytes, int], Answer]:
    """Bravo answers with all its leaves, under a head that says something else."""
    def answer(line: Line, body: bytes, counter: int) -> Answer:
        line.liar.hear(body, line.head)
        return line.says(line.liar.message(first=0, gives_receipt=False, head=changes), counter)

    return answer


def more_to_come(line: Line, body: bytes, counter: int) -> Answer:
    line.liar.hear(body, line.head)
    size = len(line.liar.leaves) + 1
    return line.says(line.liar.message(first=0, head={"size": size}), counter)


ENDLESS: dict[str, Callable[[Line, bytes, int], Answer]] = {
    "mirrored nothing": heads(mirrored=0, opened=0), "opened nothing": heads(opened=0),
    "more to come": more_to_come, "lacks what we speak of": problem(code="unseen", have=0,
                                                                    mirrored=0),
    "begin elsewhere": problem(code="gap", have=0, mirrored=0),
    "a later counter": problem(code="replayed", counter=1)}


@pytest.mark.parametrize("name", ENDLESS)
def test_no_answer_makes_it_call_without_end(tmp_path: Path, name: str) -> None:
    line = Line()
    with hosted(tmp_path, agreement_of(mode="proceed", after_s=0.3), transport=line) as house:
        line.liar = liar = Liar(house)
        with liar.http:
            serves(liar)
            line.lie = lambda body, counter: ENDLESS[name](line, body, counter)
            serves(liar)
            wait_for(lambda: house.channel()["checks_made"] > 2, "it does not call")
            calls = line.calls
            time.sleep(0.5)
            assert line.calls - calls < 30   # in a loop it would be hundreds


def test_content_that_is_none_in_an_answer(tmp_path: Path) -> None:
    """Void, with one proof kept, also over a restart; nobody is stopped."""
    line = Line()
    with hosted(tmp_path, agreement_of(mode="proceed", after_s=0.3), transport=line) as house:
        liar = Liar(house)
        index = liar.declare(content(state="Pending"))
        line.liar = liar
        with liar.http:
            wait_for(lambda: len(house.node.proofs()) == 1, "nothing is kept")
            assert [kind for _, kind, _ in house.node.proofs()] == ["statement"]
            assert house.node.airspace.records[BRAVO, index].status == "void"
            serves(liar)
            wait_for(lambda: house.channel()["applied_size"] == len(liar.leaves)
                     and house.channel()["receipts_outstanding"] == 0, "the log does not go on")
            channel = house.channel()
            assert (channel["state"], channel["last_error"]) == ("fresh", None)
    with hosted(tmp_path, agreement_of(mode="proceed", after_s=0.3), transport=line) as house:
        liar.house = house
        assert house.node.airspace.records[BRAVO, index].status == "void"
        assert len(house.node.proofs()) == 1


def test_a_leaf_that_is_no_statement_in_an_answer(tmp_path: Path) -> None:
    """It is tried again and again, in case a later version reads it, and kept once."""
    line = Line()
    with hosted(tmp_path, agreement_of(mode="proceed", after_s=0.3), transport=line) as house:
        liar = Liar(house)
        liar.append(liar.statement("declaration", content(), size=10**6))
        line.liar = liar
        with liar.http:
            wait_for(lambda: f"leaf 1 of {BRAVO}" in (house.channel()["last_error"] or ""),
                     "nobody is told")
            assert [kind for _, kind, _ in house.node.proofs()] == ["statement"]
            calls = line.calls
            wait_for(lambda: line.calls > calls, "it does not try again")
            assert len(house.node.proofs()) == 1
            serves(liar)


def test_two_histories_in_an_answer(tmp_path: Path) -> None:
    line = Line()
    with hosted(tmp_path, agreement_of(mode="proceed", after_s=0.3), transport=line) as house:
        liar = Liar(house)
        liar.declare()
        line.liar = liar
        with liar.http:
            wait_for(lambda: house.channel()["applied_size"] == 2, "nothing is taken")
            liar.give_up(1)
            liar.declare(content(name="Another"))
            line.lie = lambda body, counter: line.says(liar.message(first=0), counter)
            serves(liar)                   # our news make it call
            wait_for(lambda: house.channel()["state"] == "broken", "the fork is not seen")
            calls = line.calls
            serves(liar)
            time.sleep(0.2)
            assert line.calls == calls     # nothing more is said to it
            assert "two histories" in house.channel()["last_error"]
    with hosted(tmp_path, agreement_of(mode="proceed", after_s=0.3), transport=line) as house:
        assert house.channel()["state"] == "broken" and "broken" in house.channel()["last_error"]


def test_a_peer_that_never_ends_its_answer(tmp_path: Path) -> None:
    """Its link waits, and nothing else does; stopping does not wait for it."""
    class Endless(Line):
        async def post(self, base_url: str, body: bytes, signature: str) -> Answer:
            await asyncio.sleep(3600)
            raise Unavailable("too late")

    with hosted(tmp_path, agreement_of(mode="proceed", after_s=0.3),
                transport=Endless()) as house:
        liar = Liar(house)
        with liar.http:
            serves(liar)
            answer = house.http.put("/v1/operational_intents/0a8343be-6482-4d1b-a474-16847e01af1e",
                                    json={"volumes": [volume()]})
            assert answer.status_code == 201 and answer.json()["unacknowledged"] == [BRAVO]
