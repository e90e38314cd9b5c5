"""The inbox: requests that wait for a step, and the task that works through them.

While a step is computed and synced, on a thread of its own, the next requests gather, so all that
arrive meanwhile share the step after it, and nobody else waits: geometry is computed there alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar, cast

from luftrom.clock import NS_PER_S, Clock
from luftrom.errors import LuftromError, Unavailable
from luftrom.node.conductor import Conductor
from luftrom.node.step import Reply, Request, Step
from luftrom.store.protocol import Store

T = TypeVar("T")

_LOG = logging.getLogger("luftrom.node")
_STEP_REQUESTS_MAX = 32                    # a longer step keeps the peer and the clients waiting


class Inbox:
    """Takes requests, and drives the conductor through steps, each committed on a thread.

    `published` is called after each step that is durable and shown; `asked` is awaited before the
    first: peers say what they hold, or a short time is up.
    """

    def __init__(self, conductor: Conductor, store: Store, clock: Clock,
                 published: Callable[[Step], None],
                 asked: Callable[[], Awaitable[None]] | None = None):
        self._conductor, self._store, self._clock = conductor, store, clock
        self._published, self._asked = published, asked
        self._requests: list[Request] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="luftrom-commit")
        self._task: asyncio.Task[None] | None = None
        self._lost: str | None = None      # why memory is not what the store holds, if it is not
        self.stopping = False

    async def ask(self, make: Callable[[Reply[T]], Request]) -> T:
        """Put a request in and wait for its answer; `make` is given the reply to put into it."""
        if self.stopping:
            raise Unavailable("the node is stopping")
        if self._lost:
            raise Unavailable(self._lost)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def reply(result: T | None, error: LuftromError | None) -> None:
            if future.done():
                return                     # the asker went away; what was done stays done
            if error is None:
                future.set_result(cast(T, result))
            else:
                future.set_exception(error)

        self._requests.append(make(reply))
        self._wake.set()
        return await future

    async def settled(self) -> None:
        """Wait until no step runs: what is read before the next `await` is durable and whole.

        Raises Unavailable while the store cannot be read: then nobody knows what is durable.
        """
        while not self._idle.is_set():
            await self._idle.wait()
        if self._lost:
            raise Unavailable(self._lost)

    @property
    def is_idle(self) -> bool:
        """Does no step run now?"""
        return self._idle.is_set() and self._lost is None

    async def apart(self, read: Callable[[], T]) -> T:
        """What a function reads and computes between two steps, on their thread; see `settled`."""
        await self.settled()
        return await asyncio.get_running_loop().run_in_executor(self._thread, read)

    def wake(self) -> None:
        """Begin a step although nobody asks: something may have become due."""
        self._wake.set()

    def start(self) -> None:
        """Begin to work; returns at once."""
        self._task = asyncio.create_task(self._work(), name="luftrom-steps")

    async def stop(self) -> None:
        """Let the running step finish, and begin no other."""
        self.stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def close(self) -> None:
        """Tell whoever still waits that no answer will come; `stop` was awaited before."""
        self._thread.shutdown()
        self._conductor.abandon(Unavailable("the node is stopping; a declaration that it has "
                                            "recorded is ruled on when it is back"))
        self._refuse_waiting(Unavailable("the node is stopping"))

    def _refuse_waiting(self, error: LuftromError) -> None:
        requests, self._requests = self._requests, []
        for request in requests:
            request.reply(None, error)

    # -- working -----------------------------------------------------------------------------

    async def _work(self) -> None:
        if self._asked is not None:
            await self._asked()
        self._wake.set()                   # the first step opens the log and rules on old matters
        while not self.stopping:
            await self._wait()
            if self.stopping:
                break
            self._wake.clear()
            requests, self._requests = (self._requests[:_STEP_REQUESTS_MAX],
                                        self._requests[_STEP_REQUESTS_MAX:])
            if self._requests:
                self._wake.set()
            self._idle.clear()
            try:
                await self._step(requests)
            except Exception:              # noqa: BLE001 - a defect must not end all the rest
                _LOG.exception("a step failed")
                for request in requests:
                    request.reply(None, LuftromError("internal error; the log names it"))
                await self._reload()       # the store is the truth
            finally:
                self._idle.set()
                await asyncio.sleep(0)     # whoever waits to read does so now

    async def _wait(self) -> None:
        deadline_ns = self._conductor.next_deadline_ns()
        timeout_s = 1.0
        if deadline_ns is not None:
            timeout_s = min(1.0, max(0.0, (deadline_ns - self._clock.elapsed_ns()) / NS_PER_S))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout_s)

    async def _step(self, requests: list[Request]) -> None:
        loop = asyncio.get_running_loop()
        step, error = await loop.run_in_executor(self._thread, self._work_through, requests)
        if error is not None:
            self._conductor.fail(step, error)
            await self._reload()
            return
        self._conductor.publish(step)
        self._published(step)

    def _work_through(self, requests: list[Request]) -> tuple[Step, LuftromError | None]:
        """Compute a step and commit it; on its thread."""
        step = self._conductor.step(requests)
        try:
            if not step.writes.is_empty():
                self._store.commit(step.writes)
        except LuftromError as error:
            return step, error
        return step, None

    async def _reload(self) -> None:
        """Start from the store. While it cannot be read, say so to everybody and try again."""
        loop = asyncio.get_running_loop()
        while not self.stopping:
            try:
                await loop.run_in_executor(self._thread, self._conductor.load)
            except LuftromError as error:
                self._lost = f"the store cannot be read: {error.message}"
                _LOG.error("%s", self._lost)
                # Who asked between the failure and this moment is told, as whoever asks from now.
                self._refuse_waiting(Unavailable(self._lost))
                self._idle.set()
                await asyncio.sleep(1.0)
            else:
                self._lost = None
                return
