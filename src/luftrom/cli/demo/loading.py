"""Declaring many activities at nodes over HTTP: activities and flights in, what became of each out.

Everything goes through the public interface of a node, with a token for each manager, as any other
client would do it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from luftrom.cli.demo.recorded import Flight
from luftrom.cli.demo.scenario import Activity
from luftrom.errors import LuftromError, Unavailable
from luftrom.exchange.http import open_session
from luftrom.formats.f3548.volumes import encode_volume4d
from luftrom.tls import client_reason

BATCH_ITEMS = 20
BATCHES_AT_ONCE = 3                        # for each node
FLIGHT_PRIORITY = 10                       # the scenarios' agreements permit conflicts at it
TIMEOUT_S = 60.0

Tell = Callable[[int, int], None]          # items done, items refused or failed among them


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one declaration: `accepted`, `refused` or `failed`, by which rule and why."""

    party: str
    name: str
    status: str
    rule: str = ""
    sentence: str = ""

    @property
    def outcome(self) -> str:
        """`accepted`, or the rule that refused it."""
        return self.rule if self.status == "refused" and self.rule else self.status


class Door:
    """One party's node as its clients see it. `token` gives a bearer token for a manager."""

    def __init__(self, party: str, base_url: str, token: Callable[[str], str]):
        self.party = party
        self.base_url = base_url
        self._token = token
        self._tokens: dict[str, str] = {}
        self._session: aiohttp.ClientSession          # open inside `async with`

    async def __aenter__(self) -> Door:
        self._session = open_session(TIMEOUT_S)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self._session.close()

    async def get(self, path: str) -> Any:
        """The JSON document at a path. Raises LuftromError."""
        return await self._ask("GET", path, "demo", None)

    async def put(self, path: str, manager: str, document: Mapping[str, Any]) -> Any:
        """PUT a document as a manager; the JSON answer. Raises LuftromError."""
        return await self._ask("PUT", path, manager, document)

    async def post(self, path: str, manager: str, document: Mapping[str, Any]) -> Any:
        """POST a document as a manager; the JSON answer. Raises LuftromError."""
        return await self._ask("POST", path, manager, document)

    async def pages(self, path: str, member: str) -> list[Any]:
        """All items of a list that a node serves in pages."""
        items: list[Any] = []
        following: str | None = path
        while following:
            page = await self.get(following)
            items += page[member]
            following = page["next"] if page["next"] != following else None
        return items

    async def _ask(self, method: str, path: str, manager: str,
                   document: Mapping[str, Any] | None) -> Any:
        token = self._tokens.setdefault(manager, "") or self._token(manager)
        self._tokens[manager] = token
        try:
            async with self._session.request(
                    method, self.base_url + path, json=document, allow_redirects=False,
                    headers={"Authorization": f"Bearer {token}"}) as answer:
                value = json.loads(await answer.read())
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unavailable(f"no answer from {self.party} at {self.base_url}: "
                              f"{client_reason(error, self.base_url)}") from None
        if answer.status >= 400:
            reason = value.get("detail") or value.get("title") if isinstance(value, dict) else value
            raise LuftromError(f"{self.party} answers {answer.status}: {reason}",
                               status=answer.status)
        return value


async def declare_activities(doors: Mapping[str, Door], activities: Iterable[Activity],
                             tell: Tell) -> list[Result]:
    """Declare one after the other, so that each is known to both parties before the next."""
    results = []
    for activity in activities:
        result = await _declare(doors[activity.party], activity)
        tell(1, int(result.status != "accepted"))
        results.append(result)
    return results


async def declare_flights(doors: Mapping[str, Door], flights: Sequence[Flight],
                          tell: Tell) -> list[Result]:
    """Declare recorded flights in batches, at all nodes at once, in order of time at each."""
    results: list[Result] = []

    async def work(door: Door, batches: list[list[Flight]]) -> None:
        while batches:
            batch = batches.pop()
            document = {"operational_intents": [_flight_document(flight) for flight in batch]}
            answer = await door.post("/v1/operational_intents", "flights", document)
            done = [_result(door.party, flight.name, item)
                    for flight, item in zip(batch, answer["results"], strict=True)]
            tell(len(done), sum(result.status != "accepted" for result in done))
            results.extend(done)

    async with asyncio.TaskGroup() as group:
        for door in doors.values():
            own = [flight for flight in flights if party_of(flight.name) == door.party]
            batches = [own[i:i + BATCH_ITEMS] for i in range(0, len(own), BATCH_ITEMS)][::-1]
            for _ in range(BATCHES_AT_ONCE):
                group.create_task(work(door, batches))
    return results


def party_of(callsign: str) -> str:
    """The party that speaks for a recorded flight: callsigns A to G are alfa's, others bravo's."""
    return "alfa.example" if callsign[:1].upper() < "H" else "bravo.example"


async def _declare(door: Door, activity: Activity) -> Result:
    answer = await door.post("/v1/operational_intents", activity.manager, activity.document())
    return _result(door.party, activity.name, answer["results"][0])


def _result(party: str, name: str, item: Mapping[str, Any]) -> Result:
    if item["status"] == "accepted":
        return Result(party, name, "accepted")
    against = next(iter(item.get("against") or [{}]))
    problem = item.get("problem") or {}
    return Result(party, name, item["status"], against.get("rule", ""),
                  against.get("sentence") or problem.get("detail") or problem.get("title") or "")


def _flight_document(flight: Flight) -> dict[str, Any]:
    return {"name": flight.name, "state": "Accepted", "priority": FLIGHT_PRIORITY,
            "volumes": [encode_volume4d(volume) for volume in flight.volumes],
            "off_nominal_volumes": [],
            "remarks": f"Recorded 2018-08-01, aircraft {flight.icao24}."}
