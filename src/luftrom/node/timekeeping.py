"""The own time source: how far the clock is off, as an NTP server that the operator names says it.

SNTP (RFC 5905, section 14): one datagram there, one back. What the kernel says (`adjtimex`) would
be nearer at hand, but it says whether the clock is being disciplined and never that it is wrong by
more than some seconds, so nothing could rest on it. A server that does not answer changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import struct

from luftrom import limits
from luftrom.clock import NS_PER_S, Clock
from luftrom.errors import Unavailable, Unverified
from luftrom.node.gate import Gate

EVERY_S = 64.0
_LOG = logging.getLogger("luftrom.node")
_PACKET = struct.Struct(">BBbb11I")        # 48 bytes; the last six words are T1, T2 and T3
_TO_1970_S = 2_208_988_800                 # from 1900, where NTP begins to count
_ERA_S = 2**32
_ANSWER_S_MAX = 5.0


async def clock_off_s(host: str, port: int, clock: Clock) -> float:
    """How far the server's clock is ahead of ours, in seconds. Raises Unavailable or Unverified."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[bytes, int]] = loop.create_future()

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            if not answer.done():
                answer.set_result((data, clock.now_ns()))

        def error_received(self, exc: Exception) -> None:
            if not answer.done():
                answer.set_exception(exc)

    nonce = secrets.randbits(64)           # in place of our time, which is nobody's business
    sent_ns = clock.now_ns()
    try:
        wire, _ = await loop.create_datagram_endpoint(Ear, remote_addr=(host, port))
        try:
            wire.sendto(_PACKET.pack(0b00_100_011, 0, 0, 0, *[0] * 9, *divmod(nonce, _ERA_S)))
            data, heard_ns = await asyncio.wait_for(answer, _ANSWER_S_MAX)
        finally:
            wire.close()
    except (OSError, TimeoutError) as error:
        raise Unavailable(f"the NTP server {host} does not answer: {error}") from None
    return _read(data, nonce, sent_ns, heard_ns, host)


def _read(data: bytes, nonce: int, sent_ns: int, heard_ns: int, host: str) -> float:
    if len(data) < _PACKET.size:
        raise Unverified(f"the NTP server {host} answers {len(data)} bytes")
    first, stratum, _, _, *words = _PACKET.unpack(data[:_PACKET.size])
    if first & 7 != 4 or first >> 6 == 3 or not 0 < stratum < 16 or (
            words[5] * _ERA_S + words[6] != nonce):
        raise Unverified(f"the NTP server {host} is not synchronised, or answers somebody else")
    received_s, transmitted_s = (_near(words[i], words[i + 1], heard_ns) for i in (7, 9))
    return ((received_s - sent_ns / NS_PER_S) + (transmitted_s - heard_ns / NS_PER_S)) / 2


def _near(seconds: int, fraction: int, now_ns: int) -> float:
    """A time in seconds since 1970, in the NTP era nearest to ours."""
    time_s = seconds - _TO_1970_S + fraction / _ERA_S
    return time_s + round((now_ns / NS_PER_S - time_s) / _ERA_S) * _ERA_S


class Timekeeper:
    """Tells the gate when the own clock is off by more than a minute, and when it no longer is."""

    def __init__(self, gate: Gate, clock: Clock, server: str):
        host, _, port = server.rpartition(":")
        self._host, self._port = (host, int(port)) if host and port.isdecimal() else (server, 123)
        self._gate, self._clock = gate, clock

    async def look(self) -> None:
        """Ask once. An answer that does not come leaves the gate as it is."""
        try:
            off_s = await clock_off_s(self._host.strip("[]"), self._port, self._clock)
        except (Unavailable, Unverified) as error:
            _LOG.warning("%s", error)
            return
        self._gate.clock_off = "" if abs(off_s) <= limits.OWN_CLOCK_OFF_S_MAX else (
            f"our clock is {abs(off_s):.0f} s {'behind' if off_s > 0 else 'ahead of'} the NTP "
            f"server {self._host}; at most {limits.OWN_CLOCK_OFF_S_MAX:.0f} s are signed with")
        if self._gate.clock_off:
            _LOG.error("%s", self._gate.clock_off)

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)
