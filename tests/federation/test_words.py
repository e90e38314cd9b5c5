"""A word binds whoever gave it: what its asker had signed before is not taken after it.

Bravo comes back from an older copy of its log and asks alfa's node what it holds, while a message
of before is still on its way. PROTOCOL.md, 19.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from hosting import ALFA, BRAVO, agreement_of, hosted
from liar import Liar, Said
from processes import wait_for
from talking import liar, woken  # noqa: F401 - a fixture, found by name
from test_lying_answers import Answer, Line

from luftrom.exchange.message import encode_message
from luftrom.exchange.word import Word, new_ask, sign_ask, verify_word


def asked(liar: Liar, counter: int = 0) -> Word:
    """The word that alfa gives bravo."""
    ask = new_ask(BRAVO, ALFA, liar.agreement.digest, counter=counter)
    answer = liar.http.post("/exchange/word", content=sign_ask(ask, liar.keys.channel),
                            headers={"Content-Type": "application/jose"})
    assert answer.status_code == 200, answer.text
    return verify_word(answer.content, liar.agreement.party(ALFA), ask)


def drafted(liar: Liar, said: Said) -> tuple[bytes, str]:
    """A message that is signed and has not arrived yet."""
    body = encode_message(said.message)
    return body, liar.sign(body, draft=said.head)


def check_replayed(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (409, "replayed"), answer.text


@pytest.mark.parametrize("restarts", [False, True])
def test_a_message_of_before_does_not_contradict_what_follows(tmp_path: Path, restarts: bool
                                                              ) -> None:
    agreement = agreement_of(mode="hold", after_s=60.0)
    with hosted(tmp_path, agreement) as house:
        liar = Liar(house)
        with liar.http:
            liar.befriend()
            liar.declare()
            late = drafted(liar, liar.message())
            liar.give_up(1)                # its disk is an older one now
            counter = next(liar.counter)
            word = asked(liar, counter)
            assert (word.size, word.counter) == (len(liar.leaves), counter)
            if not restarts:
                check_all_goes_on(liar, late)
    if restarts:
        with woken(liar, tmp_path):
            check_all_goes_on(liar, late)


def check_all_goes_on(liar: Liar, late: tuple[bytes, str]) -> None:
    check_replayed(liar.post(*late))
    assert liar.house.channel()["mirror_size"] == len(liar.leaves)
    liar.declare()                         # another one in the same place
    liar.settle()
    check_replayed(liar.post(*late))
    assert liar.house.channel()["mirror_size"] == len(liar.leaves)
    assert liar.house.http.get("/v1/proofs").json()["proofs"] == []


def test_an_ask_that_was_held_up_binds_nobody(liar: Liar) -> None:
    held_up = next(liar.counter)
    liar.talk()
    late = drafted(liar, liar.message())
    assert asked(liar, held_up).counter > held_up
    assert liar.post(*late).status_code == 200


def test_an_ask_without_a_counter_binds_nobody(liar: Liar) -> None:
    """As every node sends it once a minute."""
    late = drafted(liar, liar.message())
    before = asked(liar)
    assert asked(liar).counter == before.counter
    assert liar.post(*late).status_code == 200


class LateLine(Line):
    """A line on which something happens while an answer is on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None
        self.is_done = False

    async def post(self, base_url: str, body: bytes, signature: str) -> Answer:
        answer = await super().post(base_url, body, signature)
        if self.meanwhile is not None:
            happens, self.meanwhile, self.lie = self.meanwhile, None, None
            await asyncio.to_thread(happens)
            self.is_done = True
        return answer


def test_an_answer_of_before_is_not_taken(tmp_path: Path) -> None:
    line = LateLine()
    with hosted(tmp_path, agreement_of(mode="hold", after_s=60.0), transport=line) as house:
        liar = Liar(house)
        with liar.http:
            liar.befriend()
            size = len(liar.leaves)

            def late(body: bytes, counter: int) -> Answer:
                liar.hear(body, line.head)
                liar.declare()
                answer = line.says(liar.message(), counter)
                liar.give_up(1)
                return answer

            line.meanwhile = lambda: asked(liar, next(liar.counter))
            line.lie, line.liar = late, liar
            wait_for(lambda: line.is_done, "it was not asked")
            wait_for(lambda: house.channel()["checks_missed"] > 0, "the answer was taken")
            wait_for(lambda: house.channel()["last_error"] is None, "the link does not recover")
            assert house.channel()["mirror_size"] == size
            liar.declare()
            wait_for(lambda: house.channel()["mirror_size"] == size + 1, "nothing more is taken")
            assert house.node.proofs() == []
