"""Who looks for its own log at its peers, for the commands that do: `restore` and `channel`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from luftrom.config.settings import Settings
    from luftrom.node.restoring import Searcher


@asynccontextmanager
async def searching(settings: Settings) -> AsyncIterator[Searcher]:
    """A searcher with the keys and the agreement of a directory, and a way to its peers."""
    from luftrom.clock import SystemClock
    from luftrom.config.agreements import load_agreement
    from luftrom.config.keys import load_keys, load_public_party
    from luftrom.exchange.http import HttpTransport
    from luftrom.node.restoring import Searcher
    from luftrom.tls import client_context

    transport = HttpTransport(client_context(settings.authority))
    try:
        yield Searcher(load_public_party(settings), load_keys(settings), load_agreement(settings),
                       SystemClock(), transport)
    finally:
        await transport.close()
