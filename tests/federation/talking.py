"""Fixtures: a node of alfa's with bravo's keys in the hands of the test, and clients of alfa's.

A module that a test imports them from, since tests/path imports names of its own `conftest`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hosting import ALFA, BRAVO, CHARLIE, agreement_of, hosted
from liar import HOUR_S, Liar, new_id, volume

from luftrom.clock import NS_PER_S, SystemClock, parse_time
from luftrom.logs.head import Head, sign_head, verify_head


class LateClock(SystemClock):
    """The machine's clock, and as much later as a test says."""

    late_s = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.late_s * NS_PER_S


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[Liar]:
    """Alfa's node under an agreement to hold, and bravo, who has talked to it honestly so far."""
    with hosted(tmp_path, agreement_of(mode="hold", after_s=60.0), clock=LateClock()) as house:
        each = Liar(house)
        with each.http:
            each.befriend()
            yield each


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Liar]:
    """The same under an agreement to proceed."""
    with hosted(tmp_path, agreement_of(mode="proceed", after_s=0.3)) as house:
        each = Liar(house)
        with each.http:
            each.befriend()
            yield each


@contextmanager
def woken(liar: Liar, directory: Path) -> Iterator[None]:
    """Alfa's node of that directory, which had ended, runs again: bravo goes on with it."""
    with hosted(directory, liar.agreement) as house, httpx.Client(
            base_url=house.url, trust_env=False, timeout=60) as http:
        liar.house, liar.http = house, http
        yield


@contextmanager
def asking(liar: Liar, entity_id: str, volumes: list[Any], replaces: bool = False, **more: Any
           ) -> Iterator[Future[httpx.Response]]:
    """A client of alfa's that declares, and waits while bravo acts."""
    size = liar.house.status()["log"]["size"]
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(liar.house.http.put, f"/v1/operational_intents/{entity_id}",
                             json={"name": "Ours", "volumes": volumes} | more,
                             headers={"If-Match": "*"} if replaces else {})
        while liar.house.status()["log"]["size"] == size and not future.done():
            time.sleep(0.005)
        yield future


def ours(liar: Liar, volumes: list[Any], **more: Any) -> str:
    """An intent of alfa's that bravo receipted and that was accepted."""
    entity_id = new_id()
    with asking(liar, entity_id, volumes, **more) as future:
        liar.settle()
        assert future.result(20).status_code == 201
    liar.talk()
    return entity_id


def hour_of(liar: Liar, party: str) -> int:
    """Seconds from now at which a volume may begin so that the party, alfa or the liar, has the
    turn there."""
    for start_s in range(HOUR_S, 4 * HOUR_S, HOUR_S):
        start_ns = parse_time(volume(start_s=start_s)["time_start"]["value"])
        if liar.agreement.turn(ALFA, liar.name, start_ns) == party:
            return start_s
    raise AssertionError("nobody ever has the turn")


# -- three parties, of whom two work together -----------------------------------------------------

@pytest.fixture
def gang(tmp_path: Path) -> Iterator[tuple[Liar, Liar]]:
    """Alfa's node; bravo, who wants the place, and charlie, who tells bravo all it is shown."""
    agreement = agreement_of(names=(ALFA, BRAVO, CHARLIE), mode="hold", after_s=60.0)
    with hosted(tmp_path, agreement) as house:
        bravo, charlie = Liar(house), Liar(house, CHARLIE)
        with bravo.http, charlie.http:
            befriend(bravo, charlie)
            yield bravo, charlie


def befriend(bravo: Liar, charlie: Liar) -> None:
    for _ in range(3):
        bravo.talk()
        charlie.talk()
        swap(bravo, charlie)


def swap(one: Liar, other: Liar) -> None:
    """Each holds the other's leaves and a head of the other's for its own."""
    for giver, taker in ((one, other), (other, one)):
        taker.logs[giver.name] = list(giver.leaves)
        taker.notes[giver.name] = giver.note()
        head = giver.head(recipient=taker.name, mirrored=len(taker.leaves), counter=1,
                          opened=len(taker.leaves))
        taker.heads[giver.name].append(_signed(giver, head))
        taker.shown |= {(giver.name, i): shown for i, shown in enumerate(giver.opened) if shown}


def _signed(giver: Liar, head: Head) -> Head:
    text = sign_head(head, b"", giver.keys.channel)
    return verify_head(text, giver.name, head.recipient,
                       giver.keys.channel.public_key().public_bytes_raw())
