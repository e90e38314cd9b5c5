"""The own time source: an NTP server of the test's, right and wrong."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable

import pytest

from luftrom import limits
from luftrom.clock import SystemClock
from luftrom.node.gate import CLOCK_OFF, OPEN, Gate
from luftrom.node.timekeeping import Timekeeper


class Server(asyncio.DatagramProtocol):
    """Answers as an NTP server whose clock is off; `change` spoils the answer."""

    def __init__(self, off_s: float, change: Callable[[bytearray], None]):
        self.off_s, self.change = off_s, change

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = transport

    def datagram_received(self, data: bytes, address: object) -> None:
        now_s = time.time() + 2_208_988_800 + self.off_s
        words = int(now_s) % 2**32, int(now_s % 1 * 2**32)
        answer = bytearray(struct.pack(">BBbb3I2I", 0b00_100_100, 2, 6, -20, 0, 0, 0, 0, 0)
                           + data[40:48] + struct.pack(">4I", *words, *words))
        self.change(answer)
        self.wire.sendto(bytes(answer), address)


def looked(off_s: float, change: Callable[[bytearray], None] = lambda answer: None) -> str:
    """What the gate is told when the server's clock is off by so much."""
    gate = Gate()

    async def look() -> None:
        loop = asyncio.get_running_loop()
        wire, _ = await loop.create_datagram_endpoint(lambda: Server(off_s, change),
                                                      local_addr=("127.0.0.1", 0))
        port = wire.get_extra_info("sockname")[1]
        try:
            await Timekeeper(gate, SystemClock(), f"127.0.0.1:{port}").look()
        finally:
            wire.close()

    asyncio.run(look())
    return gate.clock_off


@pytest.mark.parametrize("sign", [1, -1])
def test_a_minute_is_the_bound(sign: int) -> None:
    within, beyond = limits.OWN_CLOCK_OFF_S_MAX - 10, limits.OWN_CLOCK_OFF_S_MAX + 10
    assert looked(sign * within) == ""
    assert ("behind" if sign > 0 else "ahead of") in looked(sign * beyond)


@pytest.mark.parametrize("change", [
    lambda answer: answer.__setitem__(0, 0b11_100_100), lambda answer: answer.__setitem__(1, 0),
    lambda answer: answer.__setitem__(1, 16), lambda answer: answer.__setitem__(0, 0b00_100_011),
    lambda answer: answer.__setitem__(30, answer[30] ^ 1), lambda answer: answer.clear()])
def test_what_is_no_answer_changes_nothing(change: Callable[[bytearray], None]) -> None:
    assert looked(3600, change) == ""


def test_the_gate_names_the_clock() -> None:
    from luftrom.node.memory import Memory
    from memory_store import MemoryStore
    from parties import make_keys

    memory = Memory("alfa.example", make_keys("alfa.example"), None, MemoryStore(), SystemClock(),
                    {}, {})
    gate = Gate()
    assert gate.stand(memory).state == OPEN
    gate.clock_off = "our clock is off"
    assert gate.stand(memory).state == CLOCK_OFF and gate.stand(memory).is_shut
