"""How many declarations wait for their ruling at once."""

from __future__ import annotations

import threading
import time

import pytest
from liar import Liar, new_id, volume
from talking import liar  # noqa: F401 - a fixture, which pytest finds by name

from luftrom import limits


def test_so_many_declarations_wait_and_no_more(liar: Liar, monkeypatch: pytest.MonkeyPatch
                                               ) -> None:
    monkeypatch.setattr(limits, "WAITING_DECLARATIONS_MAX", 2)
    answers = []

    def declare(lat: float) -> None:
        answers.append(liar.house.http.put(f"/v1/operational_intents/{new_id()}",
                                           json={"volumes": [volume(lat=lat)]}))

    waiting = [threading.Thread(target=declare, args=(50.0 + n,)) for n in range(2)]
    before = liar.house.node.log.size
    for each in waiting:
        each.start()
    deadline_s = time.monotonic() + 60
    while liar.house.node.log.size < before + 2:
        assert time.monotonic() < deadline_s, [answer.text for answer in answers]
        time.sleep(0.01)
    declare(55.0)
    assert answers[0].status_code == 503 and "2 declarations already wait" in answers[0].text
    for _ in range(3):
        liar.talk()
    for each in waiting:
        each.join(20)
    assert [answer.status_code for answer in answers] == [503, 201, 201]
