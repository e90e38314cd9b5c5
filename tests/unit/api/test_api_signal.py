"""What is waited for: whoever waits when it is set goes on, as with asyncio's Event."""

from __future__ import annotations

import asyncio

import pytest

from luftrom.api.serving.signal import Signal


@pytest.mark.parametrize("make", [asyncio.Event, Signal])
def test_it_does_what_an_event_does(make: type[asyncio.Event]) -> None:
    async def play() -> None:
        told, woken = make(), []

        async def wait(name: str) -> None:
            assert await told.wait()
            woken.append(name)

        async def turn() -> None:
            for _ in range(4):
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(wait(name)) for name in "abc"]
        await turn()
        tasks[1].cancel()                  # who gives up takes nobody along
        await turn()
        assert woken == [] and not told.is_set()
        told.set()
        told.clear()                       # at once: those who waited go on all the same
        tasks.append(asyncio.create_task(wait("d")))
        await turn()
        assert woken == ["a", "c"] and not tasks[3].done()
        told.set()
        await turn()
        assert woken == ["a", "c", "d"] and told.is_set()
        await told.wait()                  # nobody waits while it is set

    asyncio.run(play())


def test_it_holds_a_queue_only_while_somebody_waits() -> None:
    async def play() -> None:
        told = Signal()
        task = asyncio.create_task(told.wait())
        await asyncio.sleep(0)
        assert told._waited is not None
        told.set()
        await task
        assert told._waited is None and Signal(is_set=True).is_set()

    asyncio.run(play())
