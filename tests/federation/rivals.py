"""What a peeking signer does, in a simulation and in a real node: it reads what is open to it, and
signs a rival for the same place that has seen no more than it must."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from luftrom.airspace.intent import Intent
from luftrom.geometry.measure import size_class
from luftrom.node.conductor import Conductor
from luftrom.node.desk import Desk
from luftrom.state.state import State
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.kinds.declaration import Declared, Version
from luftrom.statements.opening import Item, open_or_void
from luftrom.statements.statement import Seen

Where = tuple[str, int]
Given = tuple[str, int, int]               # a head: to whom, its size, what it says is mirrored


def open_intents(state: State, parties: Iterable[str]) -> Iterator[tuple[Where, Intent]]:
    """Every declaration of these parties that is open at a node, applied or not yet."""
    named = frozenset(parties)
    for where, record in state.entities.records.items():
        if where[0] in named and record.intent is not None:
            yield where, record.intent
    for queue in state.waiting.values():
        for statement in queue:
            where = (statement.party, statement.index)
            if (where[0] in named and statement.type == DECLARATION.name
                    and state.is_open(*where)):
                content = open_or_void(statement, state._openings[where]).content
                if content is not None:
                    yield where, content.intent


def sign_rival(desk: Desk, intent: Intent, seen: Mapping[str, Seen], entity_id: str
               ) -> Item[Any, Any]:
    """Declare the same place for oneself, under that identifier, having seen only so much."""
    rival = replace(intent, entity_id=entity_id, state="Accepted", key=frozenset(),
                    priority=intent.priority or 0, name="Rival")
    return append_having_seen(desk, seen, DECLARATION.name,
                              Declared(size_class(rival.all_volumes)), Version(rival, 1))


def append_having_seen(desk: Desk, seen: Mapping[str, Seen], kind: str, body: Any,
                       content: Any = None) -> Item[Any, Any]:
    """Append a statement whose `seen` is this, whatever else is mirrored."""
    step, before = desk._step, desk._step.seen
    step.seen = dict(seen)
    item = desk.append(kind, body, content)
    step.seen = before
    return item


def oldest_seen(conductor: Conductor, desk: Desk, given: Iterable[Given]) -> dict[str, Seen]:
    """The least that a signer may say to have seen: what it signed for, what it said before, and
    what those whom it says to have seen had seen."""
    name = conductor.party
    index, knowledge = desk._memory.log.tree.size, desk.state.knowledge
    sizes = dict.fromkeys(conductor.mirrors, 0) | dict(knowledge.seen(name, index))
    for peer, size, mirrored in given:
        if size <= index:
            sizes[peer] = max(sizes[peer], mirrored)
    grown = True
    while grown:
        grown = False
        for peer in sizes:
            for other, size in knowledge.seen(peer, sizes[peer]).items():
                if other != name and size > sizes[other]:
                    sizes[other], grown = size, True
    mirrors = conductor.mirrors
    return {peer: Seen(size, mirrors[peer].tree.root(size)) for peer, size in sizes.items()}
