"""A word binds whoever gave it: what its asker had signed before is not taken after it.

Bravo comes back from an older copy of its log and asks alfa's node what it holds, while a message
of before is still on its way. PROTOCOL.md, 19.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from hosting import ALFA, BRAVO, House, agreement_of, hosted
from liar import Liar, Said, root_of
from processes import wait_for
from refusing import keeps, serves
from talking import liar, woken  # noqa: F401 - a fixture, found by name
from test_lying_answers import Answer, Line

from luftrom.errors import Unavailable
from luftrom.exchange.message import encode_message
from luftrom.logs.word import Word, new_ask, sign_ask, sign_word, verify_ask, verify_word
from luftrom.node.gate import Gate


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


# -- less than was signed for ---------------------------------------------------------------------

class Telling(Line):
    """Bravo's word on alfa's log: `told` leaves, `own` of its own, and whether it is `whole`."""

    told, note, own, whole = 0, b"", 0, True

    async def ask(self, base_url: str, about: str, ask: bytes, bytes_max: int
                  ) -> tuple[int, bytes]:
        if self.liar is None:
            raise Unavailable("bravo is not there yet")
        read = verify_ask(ask, self.liar.agreement.party(ALFA), BRAVO, about)
        word = Word(BRAVO, ALFA, self.liar.agreement.digest, read.nonce, self.told,
                    root_of(self.liar.alfa[:self.told]), self.note, self.told, "", b"",
                    read.counter, self.own, self.whole, time.time_ns())
        return 200, sign_word(word, self.liar.keys.channel)

    async def post(self, base_url: str, body: bytes, signature: str) -> Answer:
        raise Unavailable("bravo does not answer")


def shows_a_leaf(liar: Liar) -> httpx.Response:
    """That had seen more of alfa's leaves than bravo told of."""
    liar.append(liar.statement("agreement"))
    return liar.post(liar.message(gives_receipt=False))


def shows_a_head(liar: Liar) -> httpx.Response:
    return liar.post(liar.message())


@pytest.mark.parametrize("shows", [shows_a_leaf, shows_a_head])
@pytest.mark.parametrize("is_proven", [True, False])
@pytest.mark.parametrize("restarts", [True, False])
def test_who_tells_of_less_than_it_had_signed_for(
        tmp_path: Path, shows: Callable[[Liar], httpx.Response], is_proven: bool, restarts: bool
        ) -> None:
    """Alfa comes back from an older copy, on a word of bravo's that leaves out what bravo held. It
    is convicted by what it shows of before its word, unless that said that it was not sure."""
    line, agreement = Telling(), agreement_of(mode="hold", after_s=60.0)
    path = tmp_path / f"{ALFA}.sqlite3"
    with hosted(tmp_path, agreement) as house:
        liar = Liar(house)
        with liar.http:
            liar.befriend()
    line.told, line.note = len(liar.alfa), liar.notes[ALFA]
    shutil.copy(path, tmp_path / "older")
    with woken(liar, tmp_path):
        serves(liar)                       # a notice, which bravo will deny that it holds
        liar.talk(gives_receipt=False)
    assert len(liar.alfa) > line.told
    line.liar, line.own, line.whole = liar, len(liar.leaves) + 1, is_proven
    for each in tmp_path.glob(f"{path.name}*"):
        each.unlink()
    shutil.copy(tmp_path / "older", path)
    gate = Gate(agreement.party(ALFA), [agreement.party(BRAVO)], doubts=("an older copy",),
                agreement=agreement.digest)
    with hosted(tmp_path, agreement, transport=line, gate=gate) as house:
        wait_for(lambda: house.node.log.size > line.told, "nothing is signed on that word")
        if not restarts:
            check_convicted(liar, house, shows, is_proven)
    if restarts:
        with hosted(tmp_path, agreement) as house:
            check_convicted(liar, house, shows, is_proven)


def check_convicted(liar: Liar, house: House, shows: Callable[[Liar], httpx.Response],
                    is_proven: bool) -> None:
    liar.house = house
    with httpx.Client(base_url=house.url, trust_env=False, timeout=60) as liar.http:
        answer = shows(liar)
        assert answer.status_code in (409, 422), answer.text
        if is_proven:
            assert answer.json()["code"] == "equivocation", answer.text
            keeps(liar, "word")
            assert house.channel()["state"] == "broken"
        else:
            assert house.node.proofs() == []
