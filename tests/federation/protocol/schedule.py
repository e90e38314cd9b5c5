"""Plays a seeded schedule: messages lost, repeated, late and out of order, crashes, restores."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from protocol.leaves import HOURS, PLACES, Content
from protocol.liar import TACTICS, Accomplice, Liar
from protocol.node import Message, Node, World
from protocol.rules import Rules

ROUNDS, STEPS_A_ROUND = 9, 12


@dataclass
class Play:
    world: World
    nodes: list[Node]
    honest: list[Node]
    liar: Liar | None
    chance: random.Random
    restores: bool
    net: list[tuple[Message, bool]] = field(default_factory=list)
    copies: dict[int, tuple[int, list[int]]] = field(default_factory=dict)
    restored: int | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What a schedule is about; what is None is drawn by its seed."""

    parties: int | None = None
    mode: str | None = None
    tactics: frozenset[str] | None = None            # empty: nobody lies
    told: bool | None = None                         # has the liar an accomplice?
    restores: bool = True


def start(seed: int, rules: Rules, setting: Setting) -> Play:
    chance = random.Random(seed)
    parties = setting.parties or chance.choice((2, 2, 3, 3, 3, 4))
    world = World(rules, parties, setting.mode or chance.choice(("hold", "proceed")))
    tactics = setting.tactics
    if tactics is None:
        lies = chance.random() < .85
        tactics = frozenset(chance.sample(TACTICS, chance.randint(1, 4)) if lies else ())
    told = chance.random() < .6 if setting.told is None else setting.told
    nodes: list[Node] = [Node(p, world) for p in range(parties)]
    liar = None
    if tactics:
        nodes[-1] = liar = Liar(parties - 1, world, chance, tactics)
        if told and parties > 2:
            nodes[-2] = Accomplice(parties - 2, world, liar)
            liar.accomplices = [parties - 2]
    honest = [n for n in nodes if type(n) is Node]
    return Play(world, nodes, honest, liar, chance, setting.restores)


def content(chance: random.Random) -> Content:
    begin = chance.randrange(HOURS - 1)
    return Content(chance.randrange(PLACES), begin, begin + chance.randint(1, 4),
                   chance.choice((0, 0, 0, 1)))


def play(seed: int, rules: Rules, setting: Setting = Setting()) -> Play:
    it = start(seed, rules, setting)
    steps = it.chance.randint(20, 110)
    for _ in range(steps):
        it.world.step += 1
        act(it)
    finish(it)
    return it


def act(it: Play) -> None:
    chance, n = it.chance, it.chance.choice(it.nodes)
    a = chance.random()
    if a < .17:
        closed = frozenset((n.me, chance.choice(n.peers))) if chance.random() < .1 else None
        n.declare(content(chance), closed)
    elif a < .20:
        if n.log and n in it.honest:
            n.withdraw(chance.randrange(len(n.log)))
    elif a < .45:
        it.net.append((n.message(chance.choice(n.peers)), True))
    elif a < .88:
        if it.net:
            deliver_any(it)
    elif a < .94:
        n.rule()
    elif a < .96:
        it.net = [m for m in it.net if m[0].sender != n.me]      # a crash: the log is not lost
    elif a < .98:
        copy_or_restore(it, n)
    elif it.liar is not None:
        lie(it.liar)


def deliver_any(it: Play) -> None:
    k = it.chance.randrange(len(it.net))
    message, asks = it.net[k]
    if it.chance.random() < .85:
        it.net.pop(k)
    if it.chance.random() < .2:
        return
    reply = deliver(it, message) if asks else None
    if not asks:
        it.nodes[message.recipient].receive(message)
    if reply is not None:
        it.net.append((reply, False))


def deliver(it: Play, message: Message) -> Message | None:
    node = it.nodes[message.recipient]
    node.receive(message)
    return node.answer(message)


def copy_or_restore(it: Play, n: Node) -> None:
    """An honest directory is copied; or, once a schedule, one is set back to its copy."""
    if n not in it.honest or n.restore or not it.restores:
        return
    if n.me in it.copies and it.restored is None:
        it.restored = n.me
        n.lose(*it.copies[n.me])
    elif n.me not in it.copies:
        it.copies[n.me] = len(n.log), [len(m) for m in n.mirrors]


def lie(liar: Liar) -> None:
    if liar.does("doomed"):
        liar.doom()
    if liar.does("fork", .5):
        liar.fork()
    if liar.does("unrestored", .5):
        liar.pretend_restore()


def finish(it: Play) -> None:
    """A fair link, and nobody aims any more: all that can be ruled is ruled."""
    if it.liar is not None:
        it.liar.fill()
    for _ in range(ROUNDS):
        it.world.step += STEPS_A_ROUND
        for n in it.nodes:
            for q in n.peers:
                reply = deliver(it, n.message(q))
                if reply is not None:
                    n.receive(reply)
        for n in it.nodes:
            n.rule()
