"""The node of a party that lies: the real one, with the keys of a directory, over real HTTP.

Each tactic has a name. While `Lies.tactics` names it, now and then the node signs, says or answers
what it should not; when none is named it is as honest as any, and makes good what it still can. No
tactic here is one that the others may hold against its log for good: it signs nothing that cannot
be true. One that does, a fork, would be one more row of `SIGNED`, and the last round of its world.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from hosting import door_at, serving
from liar import content, ring, size_of, volume
from rivals import Given, Where, oldest_seen, open_intents, sign_rival

from luftrom.clock import SystemClock
from luftrom.config.agreements import load_agreement
from luftrom.config.keys import load_key, load_keys, load_public_party
from luftrom.config.settings import load_settings
from luftrom.config.storing import open_store
from luftrom.errors import Forbidden, LuftromError, OutOfStep, Unavailable
from luftrom.exchange.http import HttpTransport
from luftrom.exchange.message import Message, encode_message, parse_message
from luftrom.exchange.sending import Position
from luftrom.logs.head import Head, sign_head, verify_head
from luftrom.node import node as node_module
from luftrom.node import starting
from luftrom.node.conductor import Conductor
from luftrom.node.desk import Desk
from luftrom.node.node import Node
from luftrom.node.step import Step
from luftrom.state.record import PENDING
from luftrom.statements.disclosure import digests_of
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.kinds.declaration import Declared
from luftrom.statements.kinds.withdrawal import KIND as WITHDRAWAL
from luftrom.statements.kinds.withdrawal import Withdrawal
from luftrom.statements.opening import open_or_void
from luftrom.statements.statement import Statement

RIVALS_MAX = 4                             # in one round: else nobody else has any room
BOW_TIE = ring((46.0, 7.0), (46.01, 7.01), (46.0, 7.01), (46.01, 7.0))


@dataclass
class Lies:
    """What the node does now, by name and by chance, and what it has done.

    `given` are the heads that it may have signed, `taken` messages that should have been refused,
    and were not.
    """

    chance: random.Random = field(default_factory=random.Random)
    tactics: frozenset[str] = frozenset()
    given: list[Given] = field(default_factory=list)
    answered: set[Where] = field(default_factory=set)
    withheld_from: frozenset[str] = frozenset()
    rivals_left: int = 0
    told: list[tuple[bytes, str]] = field(default_factory=list)    # messages as they went
    taken: list[str] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)

    def begin(self, seed: int, peers: list[str]) -> None:
        """Choose some of all tactics for a round, and whom they are against."""
        self.chance = random.Random(seed)
        names = [*SIGNED, *JUNK, *ANSWERS, "rivals", "their identifiers", "withheld", "lost",
                 "late", "repeated"]
        self.tactics = frozenset(self.chance.sample(names, self.chance.randint(4, len(names))))
        self.withheld_from = frozenset(self.chance.sample(peers, self.chance.randint(1, 2)))
        self.rivals_left = RIVALS_MAX

    def end(self) -> None:
        """Lie no more."""
        self.tactics = frozenset()

    def does(self, name: str, often: float) -> bool:
        """Does it do that now?"""
        if name not in self.tactics or self.chance.random() >= often:
            return False
        self.done[name] = self.done.get(name, 0) + 1
        return True


# -- what it signs -------------------------------------------------------------------------------

class LyingConductor(Conductor):
    """Signs in the same step in which it reads: before the head that answers."""

    def __init__(self, lies: Lies, *parts: Any):
        self.lies = lies
        super().__init__(*parts)

    def load(self) -> None:
        super().load()
        memory = self.memory
        memory.head_to = partial(self._head_to, memory.head_to)
        memory.message_to = partial(self._message_to, memory.message_to)

    def _head_to(self, honest: Callable[[str, int], Head], peer: str, counter: int) -> Head:
        draft = honest(peer, counter)
        self.lies.given.append((peer, draft.size, draft.mirrored))
        return draft

    def _message_to(self, honest: Callable[[str, Position], Message], peer: str, at: Position
                    ) -> Message:
        message = honest(peer, at)
        if peer in self.lies.withheld_from and self.lies.does("withheld", .7):
            message = replace(message, parts=(replace(message.own, openings=()),
                                              *message.parts[1:]))
        return message

    def _work(self, requests: Any, desk: Desk, step: Step) -> None:
        if desk.party in desk.state.progress.last_seen:
            self._sign(desk)
        super()._work(requests, desk, step)

    def _seen(self, desk: Desk) -> dict[str, Any]:
        """The oldest that it may say to have seen; heads that leave while this step is synced say
        no more than the last step did."""
        index = desk._memory.log.tree.size
        return oldest_seen(self, desk, [*self.lies.given, *(
            (peer, index, mirror.given_size) for peer, mirror in self.mirrors.items())])

    def _sign(self, desk: Desk) -> None:
        lies = self.lies
        for where, intent in list(open_intents(desk.state, self.mirrors)):
            if where in lies.answered or not lies.rivals_left:
                continue
            lies.answered.add(where)
            for name in ("rivals", "their identifiers"):
                if lies.does(name, .5):
                    lies.rivals_left -= 1
                    sign_rival(desk, intent, self._seen(desk),
                               intent.entity_id if name != "rivals" else self._new_id())
        for name, sign in SIGNED.items():
            if lies.does(name, .05):
                sign(self, desk)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self.lies.chance.getrandbits(128), version=4))

    def append_raw(self, desk: Desk, disclosures: tuple[bytes, ...], size: int) -> None:
        """Declare whatever the disclosures say."""
        log, step = desk._memory.log, desk._step
        statement = self._signer.sign(Statement(
            party=self.party, type=DECLARATION.name, index=log.tree.size,
            iat_s=step.time_ns // 10**9, body=Declared(size),
            agreement=self.agreement.digest, seen=self._seen(desk),
            digests=digests_of(disclosures)))
        desk.state.mirror(statement)
        desk.state.apply(open_or_void(statement, disclosures))
        log.stage(statement.leaf, disclosures, step.writes)


def garbage(conductor: LyingConductor, desk: Desk) -> None:
    """What no node can take for an intent."""
    said = conductor.lies.chance.choice((
        content(state="Pending"), content(version=0), content(volume(**BOW_TIE)),
        content(priority="high"), content(volume(lat=91.0)), (b"*", b"", b"[]")))
    conductor.append_raw(desk, said, max(20, size_of(said)))


def wrong_size(conductor: LyingConductor, desk: Desk) -> None:
    said = content(entity_id=conductor._new_id())
    conductor.append_raw(desk, said, size_of(said) - 1)


def skipped_version(conductor: LyingConductor, desk: Desk) -> None:
    said = content(volume(lat=44.0), entity_id=conductor._new_id(), version=7)
    conductor.append_raw(desk, said, size_of(said))


def outside(conductor: LyingConductor, desk: Desk) -> None:
    """Above the band of the agreement."""
    said = content(volume(lat=44.0, altitude_upper={
        "value": 9000.0, "reference": "W84", "units": "M"}), entity_id=conductor._new_id())
    conductor.append_raw(desk, said, size_of(said))


def blind(conductor: LyingConductor, desk: Desk) -> None:
    """Sign what may fit later, for a place that somebody may want."""
    said = content(volume(lat=45.0), entity_id=conductor._new_id())
    conductor.append_raw(desk, said, size_of(said))


def withdrawn(conductor: LyingConductor, desk: Desk) -> None:
    """Withdraw an own declaration while nobody has ruled on it, open or not."""
    for record in list(desk.entities.unruled(desk.party)):
        if record.status == PENDING:
            desk.append(WITHDRAWAL.name, Withdrawal(record.index))
            return


SIGNED: dict[str, Callable[[LyingConductor, Desk], None]] = {
    "garbage": garbage, "a wrong size class": wrong_size, "a skipped version": skipped_version,
    "outside the terms": outside, "blind": blind, "withdrawn": withdrawn}


# -- what it sends -------------------------------------------------------------------------------

class Distorter:
    """Makes of an honest message what must be refused; each is signed where it can be."""

    def __init__(self, node: LyingNode):
        self.node, self.chance = node, node.lies.chance

    def signed(self, signature: str, body: bytes, **changes: Any) -> tuple[bytes, str]:
        keys = self.node.keys
        claims = verify_head(signature, self.node.party, self._recipient(signature),
                             keys.channel.public_key().public_bytes_raw())
        return body, sign_head(replace(claims, **changes), body, keys.channel)

    def _recipient(self, signature: str) -> str:
        for name in self.node.mirrors:
            with contextlib.suppress(LuftromError):
                return verify_head(signature, self.node.party, name,
                                   self.node.keys.channel.public_key().public_bytes_raw()).recipient
        raise AssertionError("to nobody")

    def own(self, body: bytes, signature: str, **changes: Any) -> tuple[bytes, str]:
        message = parse_message(body)
        parts = (replace(message.own, **changes), *message.parts[1:])
        return self.signed(signature, encode_message(replace(message, parts=parts)))

    def flipped(self, body: bytes) -> bytes:
        at = self.chance.randrange(len(body))
        return body[:at] + bytes([body[at] ^ 1 << self.chance.randrange(8)]) + body[at + 1:]


Junk = Callable[[Distorter, bytes, str], tuple[bytes, str]]
JUNK: dict[str, Junk] = {
    "a changed bit": lambda d, body, head: (d.flipped(body), head),
    "a changed bit of the head": lambda d, body, head: (body, head[:-9] + "A" * 9),
    "half a message": lambda d, body, head: (body[:len(body) // 2], head),
    "half a message, signed": lambda d, body, head: d.signed(head, body[:len(body) // 2]),
    "noise, signed": lambda d, body, head: d.signed(head, d.chance.randbytes(300)),
    "nothing, signed": lambda d, body, head: d.signed(head, b""),
    "under another key": lambda d, body, head: (body, sign_head(verify_head(
        head, d.node.party, d._recipient(head),
        d.node.keys.channel.public_key().public_bytes_raw()), body, d.node.keys.statements)),
    "of another agreement": lambda d, body, head: d.signed(head, body, agreement="0" * 64),
    "an older message": lambda d, body, head: d.node.lies.told[0],
    "openings of nothing": lambda d, body, head: d.own(
        body, head, openings=((10**6, (b"x", b"y", b"z")),)),
    "a checkpoint that is none": lambda d, body, head: d.own(body, head, checkpoint=b"x\n"),
    "a leaf that is none": lambda d, body, head: d.own(
        body, head, leaves=(*parse_message(body).own.leaves, b"a.b.c")),
    "another's log for its own": lambda d, body, head: d.own(
        body, head, party=sorted(d.node.mirrors)[0]),
}


class LyingTransport(HttpTransport):
    """Sends what must be refused before what is right; loses, delays and repeats messages."""

    node: LyingNode

    async def post(self, base_url: str, body: bytes, signature: str
                   ) -> tuple[int, bytes, str | None]:
        lies, distorter = self.node.lies, Distorter(self.node)
        for name, distort in JUNK.items():
            if lies.told and lies.does(name, .1):
                await self._must_refuse(name, base_url, *distort(distorter, body, signature))
        if lies.does("lost", .15):
            raise Unavailable("said nothing")
        if lies.does("late", .3):
            await asyncio.sleep(lies.chance.uniform(0, .6))
        answer = await super().post(base_url, body, signature)
        lies.told.append((body, signature))
        if lies.does("repeated", .2):
            await self._must_refuse("repeated", base_url, body, signature)
        return answer

    async def _must_refuse(self, name: str, base_url: str, body: bytes, signature: str) -> None:
        with contextlib.suppress(Unavailable):
            status, _, _ = await super().post(base_url, body, signature)
            if status == 200:
                self.node.lies.taken.append(name)


Answer = tuple[bytes, str]


def refuse(error: LuftromError) -> Answer:
    raise error


ANSWERS: dict[str, Callable[[Distorter, bytes, str, bytes, str], Answer]] = {
    "half an answer": lambda d, body, head, asked, its: (body[:len(body) // 2], head),
    "a changed answer": lambda d, body, head, asked, its: (d.flipped(body), head),
    "half an answer, signed": lambda d, body, head, asked, its: d.signed(
        head, body[:len(body) // 2]),
    "the question for an answer": lambda d, body, head, asked, its: (asked, its),
    "an answer to another": lambda d, body, head, asked, its: d.signed(head, body, counter=1),
    "a refusal for nothing": lambda d, body, head, asked, its: refuse(Forbidden("no")),
    "a gap that is none": lambda d, body, head, asked, its: refuse(OutOfStep(
        "says that it lacks all", code="gap", have=0, mirrored=0)),
    "more than there is": lambda d, body, head, asked, its: refuse(OutOfStep(
        "says that it holds more", code="gap", have=10**6, mirrored=10**6)),
}


class LyingNode(Node):
    """A node whose conductor and courier lie."""

    def __init__(self, lies: Lies, *parts: Any):
        self.lies = lies
        with mock.patch.object(node_module, "Conductor", partial(LyingConductor, lies)):
            super().__init__(*parts)

    async def exchange_in(self, body: bytes, head: Head) -> Answer:
        answer, signed = await super().exchange_in(body, head)
        for name, lie in ANSWERS.items():
            if self.lies.does(name, .05):
                return lie(Distorter(self), answer, signed, body, head.text)
        return answer, signed


@contextlib.contextmanager
def lying(directory: Path, lies: Lies) -> Iterator[LyingNode]:
    """The lying node of a party's directory, in a thread, at the address of its agreement."""
    settings = load_settings(directory)
    door = door_at(settings.port)
    store, transport = open_store(settings), LyingTransport()
    instances = []

    def make() -> Node:
        with mock.patch.object(starting, "Node", partial(LyingNode, lies)):
            node, instance = starting.make_node(
                settings, load_keys(settings), load_public_party(settings),
                load_agreement(settings), store, SystemClock(), transport)
        instances.append(instance)
        transport.node = node
        return node

    async def close() -> None:
        await transport.close()
        store.close()
        instances[0].close()

    with serving(make, settings, load_key(settings, "token"), door, close) as (node, _):
        yield node
