"""A party that does what it can get away with, and one that tells it what it was shown."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from protocol.leaves import (
    Content,
    Declaration,
    ForkProof,
    Head,
    Leaf,
    Lost,
    Restored,
    Ruling,
    Word,
    overlap_begins,
    turn,
)
from protocol.node import Message, Node, World
from protocol.reading import PATIENCE

AHEAD = 3                                # leaves that a head names and that are not there yet
TACTICS = ("peek", "ahead", "doomed", "forget", "shut", "late", "choose", "garbage", "several",
           "closed", "invented", "overrule", "feign", "outrank", "deaf", "fork", "unrestored",
           "hide")


class Liar(Node):
    def __init__(self, me: int, world: World, chance: random.Random, tactics: frozenset[str]):
        super().__init__(me, world)
        self.chance, self.tactics = chance, tactics
        self.given: list[Head] = []
        self.shut: dict[Leaf, int] = {}              # never opened, but to the party of that number
        self.late: set[Leaf] = set()                 # opened at the fair end
        self.held_back: list[Leaf] = []              # blind leaves of which it will open one
        self.accomplices: list[int] = []
        self.aims = True                             # until the fair end
        self.branches: list[list[Leaf]] = []         # its histories, once it forked
        self.rivals: dict[Leaf, Leaf] = {}
        self.chosen: dict[Leaf, Leaf] = {}
        self.forked_at: int | None = None
        self.hid: dict[int, int] = {}

    def does(self, tactic: str, chance: float = 1.0) -> bool:
        return self.aims and tactic in self.tactics and self.chance.random() < chance

    # What it signs.

    def lawful_seen(self) -> list[int]:
        """The oldest `seen` that its heads, its earlier leaves and their closure allow."""
        sizes = [max((h.mirrored for h in self.given if h.recipient == p
                      and h.size <= len(self.log)), default=0) for p in range(self.world.parties)]
        for leaf in self.log:
            sizes = [max(a, b) for a, b in zip(sizes, leaf.seen, strict=True)]
        grown = True
        while grown:
            grown = False
            for q in self.peers:
                for leaf in self.mirrors[q][:sizes[q]]:
                    for p, s in enumerate(leaf.seen):
                        if p not in (self.me, q) and s > sizes[p]:
                            sizes[p], grown = s, True
        return [min(s, len(log)) for s, log in zip(sizes, self.view(), strict=True)]

    def sign(self, content: Content | None, seen: Sequence[int] | None = None,
             audience: frozenset[int] | None = None, second: Content | None = None) -> Leaf:
        contents = (content,) if second is None else (content, second)
        leaf = self.append(Declaration(contents), audience, seen)
        self.contents[leaf] = content
        self.secrets.add(leaf)
        return leaf

    def declare(self, content: Content, audience: frozenset[int] | None = None) -> Leaf | None:
        self.pick_branch()
        seen: list[int] | None = None
        if self.does("forget", .3):
            seen = self.forgetful_seen()
        elif self.does("choose", .7):
            seen = self.lawful_seen()
        if self.does("invented", .1):
            seen = [len(log) for log in self.view()]
            seen[self.chance.choice(self.peers)] += 5
        second = None
        if self.does("several", .3):
            second = Content(content.place, (content.start + 5) % 11, (content.start + 5) % 11 + 1,
                             content.priority)
        if self.does("closed", .3):
            audience = frozenset((self.me, self.chance.choice(self.peers)))
        leaf = self.sign(None if self.does("garbage", .3) else content, seen, audience, second)
        if self.does("choose", .8):
            self.held_back.append(leaf)
        elif self.does("shut", .3):
            self.shut[leaf] = self.chance.choice((self.me, *self.peers))
        elif self.does("late", .4):
            self.late.add(leaf)
        return leaf

    def forgetful_seen(self) -> list[int]:
        """One component older than its heads to that party; half the time than its leaves too."""
        seen = [max(a, b) for a, b in zip((len(log) for log in self.view()), self.lawful_seen(),
                                          strict=True)]
        p = self.chance.choice(self.peers)
        signed = max((leaf.seen[p] for leaf in self.log), default=0)
        seen[p] = signed if self.chance.random() < .5 else self.chance.randint(0, seen[p])
        return seen

    def pick_branch(self) -> None:
        if self.branches:
            self.log = self.chance.choice(self.branches)

    def fork(self) -> None:
        if len(self.log) > 2 and not self.branches:
            self.forked_at = len(self.log)
            self.branches = [self.log, list(self.log)]
            self.log = self.branches[1]              # here it takes back what stands there
            for leaf in self.branches[0]:
                if leaf.declares:
                    self.withdraw(leaf.index)

    def pretend_restore(self) -> None:
        """Go on from an older end, with the words that it has: none of an honest peer's."""
        if len(self.log) > 3 and self.forked_at is None:
            self.forked_at = len(self.log) - 2
            self.log = self.log[:self.forked_at]
            self.append(Restored(tuple(Word(p, self.me, self.forked_at, 0, 1)
                                       for p in self.accomplices)))

    def doom(self) -> None:
        """A blind rival, doomed by an own one that it had seen."""
        own = [leaf for leaf in self.log if leaf.declares and self.contents[leaf] is not None]
        if own:
            content = self.contents[own[0]]
            assert content is not None
            self.sign(Content(content.place, content.start, content.end + 2, content.priority),
                      self.lawful_seen())

    # What it learns.

    def learn(self, news: Sequence[Leaf]) -> None:
        for x in news:
            if x.party == self.me or self.contents[x] is None or not self.aims:
                continue
            if self.does("peek") and x not in self.rivals.values():
                self.rival(x)
            if self.does("outrank", .5) and x not in self.rivals.values():
                self.outrank(x)
            if self.does("choose"):
                self.choose(x)

    def rival(self, x: Leaf) -> None:
        content = self.contents[x]
        assert content is not None
        hours = [h for h in range(content.start, content.end)
                 if turn(self.me, x.party, h) == self.me]
        if hours and x.party != self.me:
            self.pick_branch()
            leaf = self.sign(Content(content.place, hours[0], hours[0] + 1, content.priority),
                             self.lawful_seen())
            self.rivals[leaf] = x

    def outrank(self, x: Leaf) -> None:
        """A rival of a higher priority that has seen all it could."""
        content = self.contents[x]
        assert content is not None
        if x.party != self.me:
            leaf = self.sign(replace(content, priority=content.priority + 1))
            self.rivals[leaf] = x

    def choose(self, x: Leaf) -> None:
        """Of its blind leaves open one that beats x, and lose the others."""
        content = self.contents[x]
        assert content is not None
        fits = []
        for y in self.held_back:
            own = self.contents[y]
            hour = overlap_begins(own, content) if own is not None else None
            if own is None or hour is None or y.seen[x.party] > x.index:
                continue
            if (own.priority, turn(self.me, x.party, hour) == self.me) > (content.priority, False):
                fits.append(y)
        if fits and len(self.held_back) > 1:
            others = [y for y in self.held_back if y is not fits[0] and y.log is self.log]
            self.held_back = []
            self.chosen[fits[0]] = x
            for y in others:
                self.secrets.discard(y)
                self.append(Lost(y.index))

    # What it says.

    def message(self, to: int, *, asks: bool = True) -> Message:
        if self.branches:
            self.log = self.branches[to % 2]
        message = super().message(to)
        if self.branches:
            self.log = self.branches[0]
        return message

    def head(self, to: int) -> Head | None:
        if self.does("deaf", .5):
            return None
        head = super().head(to)
        assert head is not None
        size = head.size + (AHEAD if self.does("ahead") and not self.branches else 0)
        opened = 0 if self.does("feign", .7) else head.opened
        head = Head(self.me, to, size, head.mirrored, opened)
        self.given.append(head)
        return head

    def contents_for(self, to: int) -> dict[Leaf, Content | None]:
        known = super().contents_for(to)
        for leaf in list(known):
            if leaf.party == self.me:
                assert isinstance(leaf.body, Declaration)
                if self.shut.get(leaf, to) != to or leaf in self.held_back or (
                        self.aims and leaf in self.late):
                    del known[leaf]
                elif len(leaf.body.contents) > 1:
                    known[leaf] = leaf.body.contents[to % 2]
        return known

    def answer(self, message: Message) -> Message | None:
        """Where it hides leaves of a restored log, it does not hand them over either."""
        reply = super().answer(message)
        if reply is None or reply.word is None or message.sender not in self.hid:
            return reply
        logs = list(reply.logs)
        logs[message.sender] = logs[message.sender][0], reply.word.size
        return replace(reply, logs=tuple(logs))

    def give_word(self, message: Message) -> Word:
        word = super().give_word(message)
        if self.does("hide") and word.size > 1:
            del self.words_given[message.sender]
            self.hid[message.sender] = max(0, word.size - 3)
            return Word(self.me, word.party, max(0, word.size - 3), 0, word.restore)
        return word

    def find_fork(self, p: int, mine: Sequence[Leaf], other: Sequence[Leaf], shower: int) -> None:
        """It holds on to what it has."""

    def convict(self, proof: ForkProof) -> None:
        """It convicts nobody."""

    # What it rules.

    def rule(self) -> None:
        if self.does("feign", .7) and self.world.mode == "proceed":
            for x in self.pending():
                if self.world.step - x.time >= PATIENCE:
                    self.feign(x)
        else:
            self.pick_branch()
            super().rule()

    def feign(self, x: Leaf) -> None:
        nothing: tuple[Head | None, ...] = (None,) * self.world.parties
        self.append(Ruling(x.index, True, nothing, nothing, x.seen, x.seen, frozenset(self.peers)))

    def rule_on(self, x: Leaf, receipts: Mapping[int, tuple[Head, Head | None] | None],
                silent: frozenset[int]) -> None:
        super().rule_on(x, receipts, silent)
        body = self.log[-1].body
        if self.does("overrule", .5) and isinstance(body, Ruling) and not body.accepted:
            last = self.log.pop()
            self.append(Ruling(x.index, True, body.heads, body.acknowledgements, body.cuts,
                               body.opened, body.silent), seen=last.seen)

    def fill(self) -> None:
        """At the fair end: no more aims, and what its heads named is there."""
        self.aims = False
        for log in self.branches or [self.log]:
            self.log = log
            while len(self.log) < max((h.size for h in self.given), default=0):
                self.sign(Content(0, 0, 1, 0))
        if self.branches:
            self.log = self.branches[0]


class Accomplice(Node):
    """Honest in all it signs; it tells the liar at once what it was shown."""

    def __init__(self, me: int, world: World, liar: Liar):
        super().__init__(me, world)
        self.liar = liar

    def learn(self, news: Sequence[Leaf]) -> None:
        liar = self.liar
        if not liar.aims:
            return
        logs = tuple((log, len(log)) for log in self.view())
        fresh = [leaf for leaf in news if leaf not in liar.contents and leaf.party != liar.me]
        contents = {leaf: self.contents[leaf] for leaf in fresh}
        liar.receive(Message(self.me, liar.me, logs, contents, None))
