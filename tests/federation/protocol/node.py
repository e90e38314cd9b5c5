"""An honest party: its log, its mirrors, what it tells and what it rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from protocol.leaves import (
    Body,
    Content,
    Declaration,
    ForkProof,
    Head,
    Leaf,
    Lost,
    PassedOver,
    Restored,
    Ruling,
    Withdrawal,
    Word,
    first_difference,
)
from protocol.reading import (
    PATIENCE,
    Reading,
    carried,
    forked,
    is_lost,
    named,
    passed_over,
    what_it_had_seen,
)
from protocol.rules import Rules

Offer = tuple[Sequence[Leaf], int]       # a log, and how much of it


@dataclass(frozen=True, slots=True)
class Message:
    """Everything that waits for the recipient. A node that restores sends neither log nor head."""

    sender: int
    recipient: int
    logs: tuple[Offer, ...]
    contents: Mapping[Leaf, Content | None]
    head: Head | None
    word: Word | None = None
    asks_for_word: int = 0               # the number of the restore that asks


@dataclass
class World:
    """What all share: the rules, the terms, and the hour."""

    rules: Rules
    parties: int
    mode: str                            # what holds when a peer is silent: hold, proceed
    step: int = 0
    # What the checks look at: who was refused for what, and who was named though nothing was owed.
    refused: list[tuple[Leaf, Leaf, Ruling]] = field(default_factory=list)
    blamed: list[tuple[int, int]] = field(default_factory=list)


class Node:
    def __init__(self, me: int, world: World):
        self.me, self.world, self.rules = me, world, world.rules
        self.peers = [p for p in range(world.parties) if p != me]
        self.log: list[Leaf] = []
        self.mirrors: list[list[Leaf]] = [[] for _ in range(world.parties)]
        self.contents: dict[Leaf, Content | None] = {}
        self.secrets: set[Leaf] = set()              # own leaves whose content is still here
        self.heads: list[list[Head]] = [[] for _ in range(world.parties)]
        self.opened = [0] * world.parties
        self.forks: dict[int, ForkProof] = {}
        self.convicted: set[int] = set()
        self.words_given: dict[int, int] = {}        # until the restored statement is here
        self.restores_seen = [0] * world.parties
        self.restore = 0                             # which one is going on; 0: none
        self.restores = 0
        self.words: dict[int, Word] = {}
        self.reading = Reading(world.rules, self.contents, world.parties, world.mode)

    # What is here.

    def view(self) -> list[Sequence[Leaf]]:
        return [self.log if p == self.me else m for p, m in enumerate(self.mirrors)]

    def seen_sizes(self) -> list[int]:
        """Of a forked log: as far as anybody had seen it, whose leaves are here (rule 14)."""
        sizes = [len(log) for log in self.view()]
        for party in self.forks:
            if self.rules.frozen:
                sizes[party] = max([sizes[party], *(
                    leaf.seen[party] for log in self.view() for leaf in log)])
        return sizes

    def is_open(self, leaf: Leaf) -> bool:
        """Here, or not for me, or for nobody any more."""
        if isinstance(leaf.body, Ruling):
            return self.is_explained(leaf, leaf.body)
        if not leaf.declares or self.me not in leaf.audience:
            return True
        if leaf in self.contents:
            return self.contents[leaf] is not None or self.rules.garbage_is_void
        return self.rules.lost and is_lost(
            self.view()[leaf.party], leaf.index, self.rules)

    def is_explained(self, leaf: Leaf, ruling: Ruling) -> bool:
        """Is all on which a peer's ruling rests open here?"""
        return all(self.is_open(y) for log, cut in zip(
            what_it_had_seen(leaf), ruling.cuts, strict=True) for y in log[:cut] if y.declares)

    def look_again(self) -> None:
        for p in self.peers:
            log = self.mirrors[p]
            while self.opened[p] < len(log) and self.is_open(log[self.opened[p]]):
                self.opened[p] += 1

    def counting(self, peer: int) -> list[Head]:
        """The heads of a peer below whose own size all is mirrored here (rule 5), but for those
        that the own word left out after its restore (rule 19)."""
        log = self.mirrors[peer]
        return [h for h in self.heads[peer] if (not self.rules.held or h.size <= len(log))
                and not self.reading.has_ended(h, log)]

    # What is said.

    def append(self, body: Body, audience: frozenset[int] | None = None,
               seen: Sequence[int] | None = None) -> Leaf:
        sizes = list(self.seen_sizes() if seen is None else seen)
        sizes[self.me] = len(self.log)
        roots = tuple(log[min(s, len(log)) - 1] if s and log else None
                      for log, s in zip(self.view(), sizes, strict=True))
        everybody = frozenset(range(self.world.parties))
        leaf = Leaf(self.me, len(self.log), tuple(sizes), roots,
                    everybody if audience is None else audience, body, self.log, self.world.step)
        self.log.append(leaf)
        return leaf

    def declare(self, content: Content, audience: frozenset[int] | None = None) -> Leaf | None:
        if self.restore:
            return None
        leaf = self.append(Declaration((content,)), audience)
        self.contents[leaf] = content
        self.secrets.add(leaf)
        return leaf

    def withdraw(self, index: int) -> None:
        if not self.restore and self.log[index].declares and not self.is_over(index):
            self.append(Withdrawal(index))

    def is_over(self, index: int) -> bool:
        return any(isinstance(leaf.body, Withdrawal | Lost) and leaf.body.of == index
                   for leaf in self.log)

    def message(self, to: int, *, asks: bool = True) -> Message:
        if self.restore:
            return Message(self.me, to, tuple(((), 0) for _ in self.mirrors), {}, None, None,
                           self.restore)
        logs = tuple((log, len(log)) for log in self.view())
        return Message(self.me, to, logs, self.contents_for(to), self.head(to))

    def head(self, to: int) -> Head | None:
        return Head(self.me, to, len(self.log), len(self.mirrors[to]), self.opened[to])

    def contents_for(self, to: int) -> dict[Leaf, Content | None]:
        known = {leaf: c for leaf, c in self.contents.items() if leaf.party != self.me
                 and to in leaf.audience} if self.rules.handed_over else {}
        receipted = {p: max([h.mirrored for h in self.counting(p)], default=0) for p in self.peers}
        for leaf in self.log:
            if leaf in self.secrets and to in leaf.audience and self.may_open(leaf, to, receipted):
                known[leaf] = self.contents[leaf]
        return known

    def may_open(self, leaf: Leaf, to: int, receipted: Mapping[int, int]) -> bool:
        """Rule 4. Who was silent for too long is not waited for; nor who forked."""
        if receipted[to] <= leaf.index or not self.rules.opened_after_all:
            return receipted[to] > leaf.index
        over = self.passed_over(leaf)
        return all(receipted[p] > leaf.index for p in self.peers
                   if p in leaf.audience and p not in self.forks and p not in over)

    def passed_over(self, leaf: Leaf) -> frozenset[int]:
        """The parties without whose receipt the content of an own leaf may go to others."""
        if self.world.mode == "hold":
            return frozenset()
        if not self.rules.passed_over_first:
            late = self.world.step - leaf.time >= PATIENCE
            return frozenset(self.peers if late else ())
        found = passed_over(self.log, leaf.index)
        return frozenset() if found is None else named(found)

    # What is heard.

    def receive(self, message: Message) -> None:
        q = message.sender
        if message.asks_for_word:
            return
        if message.word is not None and message.word.restore == self.restore:
            self.words[q] = message.word
        if q in self.forks:
            return
        self.take(message)
        # A head that comes between the word and the restored statement is of the old history.
        if message.head is not None and not (self.rules.words_bind and q in self.words_given):
            self.heads[q].append(message.head)
        news = [leaf for leaf in message.contents if leaf not in self.contents]
        for leaf in news:
            self.contents[leaf] = message.contents[leaf]
            if leaf.party == self.me:
                self.secrets.add(leaf)
        self.look_again()
        self.learn(news)
        if self.restore:
            self.come_back()

    def learn(self, news: Sequence[Leaf]) -> None:
        """Contents that are new here: an honest node makes no use of them."""

    def take(self, message: Message) -> None:
        """Mirror what comes, in the order of knowledge (rule 7), until nothing more can."""
        grown = True
        while grown:
            grown = False
            for p in range(self.world.parties):
                log, size = message.logs[p]
                if p in self.forks or (p == self.me and not self.restore):
                    self.is_other_history_of_mine(p, log[:size], message.sender)
                    continue
                grown = self.take_log(p, log, size, message.sender) or grown

    def take_log(self, p: int, log: Sequence[Leaf], size: int, sender: int) -> bool:
        mine = self.log if p == self.me else self.mirrors[p]
        k = min(len(mine), size)
        if k and mine[k - 1] is not log[k - 1]:
            self.find_fork(p, mine, log[:size], sender)
            return False
        before = len(mine)
        while len(mine) < size:
            leaf = log[len(mine)]
            if p != self.me and not self.may_take(leaf, log, size):
                break
            mine.append(leaf)
            self.note(leaf)
        return len(mine) > before

    def may_take(self, leaf: Leaf, log: Sequence[Leaf], size: int) -> bool:
        if isinstance(leaf.body, Declaration) and len(leaf.body.contents) > 1 \
                and self.rules.one_content:
            return False
        given = self.words_given.get(leaf.party)
        if given is not None and self.rules.words_bind and leaf.index >= given and not any(
                isinstance(other.body, Restored) for other in log[leaf.index:size]):
            return False
        return not self.rules.in_order or all(
            self.has_seen_of(leaf, p) for p in range(self.world.parties) if p != leaf.party)

    def has_seen_of(self, leaf: Leaf, p: int) -> bool:
        """Is here what the leaf had seen of p's log, of the same root?"""
        size, root = leaf.seen[p], leaf.roots[p]
        mine = self.log if p == self.me else self.mirrors[p]
        if p in self.forks or not size:
            return True
        if root is None or root.index != size - 1 or len(mine) < size:
            return False
        if mine[size - 1] is root:
            return True
        self.find_fork(p, mine, root.log[:size], leaf.party)
        return p in self.forks

    def note(self, leaf: Leaf) -> None:
        """What a mirrored leaf tells."""
        body = leaf.body
        if isinstance(body, Restored):
            self.words_given.pop(leaf.party, None)
            self.restores_seen[leaf.party] = max((w.restore for w in body.words), default=0)
        elif isinstance(body, ForkProof) and self.rules.fork_proof and body.one.party != self.me:
            self.convict(body)

    # Forks and restores.

    def find_fork(self, p: int, mine: Sequence[Leaf], other: Sequence[Leaf], shower: int) -> None:
        """Two histories of one party. Its restore explains them where all had given their word;
        then who shows more than its word said is the liar (rule 19)."""
        k = first_difference(mine, other)
        assert k is not None
        if self.explains(mine[k]) or self.explains(other[k]):
            restored = mine[k] if self.explains(mine[k]) else other[k]
            assert isinstance(restored.body, Restored)
            older = other[k] if restored is mine[k] else mine[k]
            if older is other[k] and any(w.giver == shower for w in restored.body.words):
                self.convicted.add(shower)
            return
        self.convict(ForkProof(mine[k], other[k]))

    def explains(self, leaf: Leaf) -> bool:
        """A restored statement with a word of every peer, none of which says more."""
        body = leaf.body
        gone = forked(what_it_had_seen(leaf)).keys() | {leaf.party}
        return (self.rules.words and isinstance(body, Restored)
                and {w.giver for w in body.words} >= set(range(self.world.parties)) - gone
                and all(w.party == leaf.party and w.size <= leaf.index for w in body.words))

    def convict(self, proof: ForkProof) -> None:
        party = proof.one.party
        self.convicted.add(party)
        known = self.forks.get(party)
        if known is None or proof.one.index < known.one.index:
            self.forks[party] = proof
            if not self.restore:                     # else it is signed when this node may again
                self.append(proof)

    def is_other_history_of_mine(self, p: int, log: Sequence[Leaf], shower: int) -> None:
        if p == self.me and log and len(self.log) >= len(log) and self.log[len(log) - 1] is not \
                log[-1]:
            self.find_fork(p, self.log, log, shower)

    def give_word(self, message: Message) -> Word:
        party = message.sender
        size = len(self.mirrors[party])
        self.words_given[party] = size
        # Those in own rulings too: after an own restore the heads that came alone are gone.
        mirrored = max((h.mirrored for h in (*self.heads[party], *carried([self.log]))
                        if h.sender == party), default=0)
        return Word(self.me, party, size, mirrored if self.rules.head_in_word else 0,
                    message.asks_for_word)

    def answer(self, message: Message) -> Message | None:
        """The reply to a message, if this node can give one."""
        if self.restore:
            return self.message(message.sender)
        reply = self.message(message.sender)
        first = message.sender not in self.words_given
        if message.asks_for_word <= self.restores_seen[message.sender]:
            return reply                             # nobody asks, or a message from long ago
        word = self.give_word(message)
        if first:                                    # a long log comes with the next replies
            logs = tuple((log, size if p == message.sender else 0)
                         for p, (log, size) in enumerate(reply.logs))
            return Message(self.me, message.sender, logs, {}, None, word)
        return Message(self.me, message.sender, reply.logs, reply.contents, reply.head, word)

    def lose(self, kept: int, mirrors_kept: Sequence[int]) -> None:
        """The directory is an older copy: the log's end is gone, and so is what came later."""
        self.log = self.log[:kept]
        self.mirrors = [m[:k] for m, k in zip(self.mirrors, mirrors_kept, strict=True)]
        here = {leaf for log in self.view() for leaf in log}
        for leaf in [leaf for leaf in self.contents if leaf not in here]:
            del self.contents[leaf]
        self.secrets &= here
        self.heads = [[] for _ in self.heads]
        self.opened = [0] * self.world.parties
        self.forks = {}
        for leaf in here:
            if isinstance(leaf.body, ForkProof):
                self.forks[leaf.body.one.party] = leaf.body
        self.look_again()
        self.restores += 1
        self.restore, self.words = self.restores, {}

    def come_back(self) -> None:
        """Sign again once every peer has given its word, and all that it names is here."""
        asked = [p for p in self.peers if p not in self.forks]
        if any(p not in self.words for p in asked):
            return
        words = tuple(self.words[p] for p in asked)
        short = any(len(self.log) < w.size or len(self.mirrors[w.giver]) < w.mirrored
                    for w in words)
        owed = any(s > len(self.view()[p]) for leaf in self.log
                   for p, s in enumerate(leaf.seen) if p not in self.forks)
        if short or owed:
            return
        self.restore = 0
        signed = [leaf.body for leaf in self.log if isinstance(leaf.body, ForkProof)]
        self.append(Restored(words if self.rules.words else ()))
        for proof in self.forks.values():
            if proof not in signed:
                self.append(proof)
        for leaf in list(self.log):
            if leaf.declares and leaf not in self.secrets and not is_lost(
                    self.log, leaf.index, self.rules):
                self.append(Lost(leaf.index))

    # What is ruled.

    def pending(self) -> list[Leaf]:
        over = {leaf.body.of for leaf in self.log
                if isinstance(leaf.body, Ruling | Withdrawal | Lost)}
        return [leaf for leaf in self.log if leaf.declares and leaf.index not in over]

    def rule(self) -> None:
        if self.restore:
            self.come_back()
            return
        for x in self.withdrawn():
            self.waits_longer(x)
        for x in self.pending():
            found = {q: self.receipt_of(q, x) for q in self.peers if q not in self.forks}
            over = self.passed_over(x) if self.rules.passed_over_first else frozenset()
            silent = frozenset(q for q, receipt in found.items() if receipt is None) | over
            waited = self.world.step - x.time
            if silent and waited < PATIENCE:
                continue
            if silent and self.world.mode == "hold":
                self.append(Withdrawal(x.index))
            elif not silent - over or not self.waits_longer(x):
                for q in silent - over:
                    self.tell_blame(q, x)
                self.rule_on(x, found, silent)

    def withdrawn(self) -> list[Leaf]:
        """Under `proceed`: they still owe their opening, else this log stops for all."""
        if self.world.mode == "hold":
            return []
        return [self.log[leaf.body.of] for leaf in self.log if isinstance(leaf.body, Withdrawal)
                and self.world.step - self.log[leaf.body.of].time >= PATIENCE]

    def waits_longer(self, x: Leaf) -> bool:
        """Under `proceed`: first name who gave no receipt, so that the others can be shown the
        content; then give these the time to open what they owe and to acknowledge."""
        passed = passed_over(self.log, x.index)
        if passed is None and self.rules.passed_over_first:
            mute = frozenset(q for q in self.peers if q in x.audience and q not in self.forks
                             and all(h.mirrored <= x.index for h in self.counting(q)))
            if mute:
                passed = self.append(PassedOver(x.index, mute, tuple(self.opened)))
        since = x.time + PATIENCE if passed is None else passed.time
        return self.world.step - since < PATIENCE

    def receipt_of(self, q: int, x: Leaf) -> tuple[Head, Head | None] | None:
        """The head that cuts, and one that acknowledges the opening; None while q is silent."""
        heads = self.counting(q)
        head = self.cutting(q, x)
        if head is None:
            return None
        cut = max(head.size, x.seen[q])
        if self.rules.open_before_ruling and self.opened[q] < cut:
            return None
        if self.rules.open_before_ruling and not self.rules.blame_by_leaf and self.blocked(q, cut):
            return None
        if self.world.mode == "hold" or not self.rules.acknowledged:
            return head, None
        if self.rules.passed_over_waits and self.reading.is_passed_over(
                x, self.mirrors[q][:self.opened[q]]):
            return None
        acknowledging = next((h for h in heads if h.opened > x.index and (
            h.size <= self.opened[q] or not self.rules.acknowledged_in_the_open)), None)
        return None if acknowledging is None else (head, acknowledging)

    def cutting(self, q: int, x: Leaf) -> Head | None:
        """Of the heads that cover the leaf the one with the smallest own size."""
        covering = [h for h in self.counting(q) if h.mirrored > x.index]
        if not covering:
            return None
        return min(covering, key=lambda h: h.size) if self.rules.smallest_cut else covering[-1]

    def cut(self, q: int, x: Leaf, head: Head | None, silent: frozenset[int]) -> int:
        """Which of q's leaves are judged: of a silent party those that were open when it was named,
        of a forked one those before the fork."""
        if q in self.forks:
            return min(self.forks[q].one.index, self.opened[q])
        whole = max(head.size, x.seen[q]) if head else self.opened[q]
        passed = passed_over(self.log, x.index)
        if passed is not None and q in named(passed):
            assert isinstance(passed.body, PassedOver)
            return min(whole, max(passed.body.cuts[q], min(x.seen[q], self.opened[q])))
        if q not in silent:
            return whole
        return min(whole, self.opened[q] if self.rules.silent_is_judged else x.seen[q])

    def blocked(self, q: int, cut: int) -> bool:
        """Has any leaf below the cut seen one, of whatever party, that is not open here?"""
        return any(s > self.opened[p] for leaf in self.mirrors[q][:cut]
                   for p, s in enumerate(leaf.seen) if p not in (q, self.me))

    def tell_blame(self, q: int, x: Leaf) -> None:
        """Did all that q owes come, and is it named all the same?"""
        covering = [h for h in self.counting(q) if h.mirrored > x.index]
        cut = max(min((h.size for h in covering), default=0), x.seen[q])
        if covering and self.opened[q] >= cut \
                and any(h.opened > x.index and h.size <= self.opened[q]
                        for h in self.counting(q)) \
                and not self.reading.is_passed_over(x, self.mirrors[q][:self.opened[q]]):
            self.world.blamed.append((self.me, q))

    def rule_on(self, x: Leaf, receipts: Mapping[int, tuple[Head, Head | None] | None],
                silent: frozenset[int]) -> None:
        cuts, heads, acks = [0] * self.world.parties, [], []
        for q in range(self.world.parties):
            head, ack = receipts.get(q) or (None, None)
            heads.append(head or (self.cutting(q, x) if q in silent else None))
            acks.append(ack)
            cuts[q] = self.cut(q, x, heads[q], silent)
        cuts[self.me] = x.index
        body = Ruling(x.index, True, tuple(heads), tuple(acks), tuple(cuts), tuple(self.opened),
                      silent)
        rival = self.reading.loses_to(x, self.view(), body)
        if rival is not None:
            body = Ruling(x.index, False, body.heads, body.acknowledgements, body.cuts,
                          body.opened, silent)
            self.world.refused.append((x, rival, body))
        self.append(body)
