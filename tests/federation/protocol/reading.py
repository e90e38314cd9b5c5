"""What follows from signed statements and their contents: void, dead, and who gives way.

Everything here is a function of leaves and contents. A `View` is what one statement had seen: the
beginning of each log. No clock, no order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from protocol.leaves import (
    Content,
    ForkProof,
    Head,
    Leaf,
    Lost,
    PassedOver,
    Restored,
    Ruling,
    Withdrawal,
    overlap_begins,
    turn,
)
from protocol.rules import Rules

View = Sequence[Sequence[Leaf]]
PATIENCE = 30                            # steps after which who has not answered is silent


def what_it_had_seen(leaf: Leaf) -> View:
    """The beginning of each log that `seen` names by size and root; the own one up to itself."""
    logs: list[Sequence[Leaf]] = []
    for party, size in enumerate(leaf.seen):
        root = leaf.roots[party]
        if party == leaf.party:
            logs.append(leaf.log[:size])
        else:
            logs.append(() if root is None else root.log[:min(size, root.index + 1)])
    return logs


def rulings(view: View) -> Iterator[tuple[Leaf, Ruling]]:
    for log in view:
        for leaf in log:
            if isinstance(leaf.body, Ruling):
                yield leaf, leaf.body


def carried(view: View) -> list[Head]:
    """The heads that the rulings in the view rest on."""
    found = {h for _, r in rulings(view) for h in (*r.heads, *r.acknowledgements) if h is not None}
    return list(found)


def forked(view: View) -> dict[int, int]:
    """The parties whose fork is proved in the view, and where their common prefix ends."""
    ends: dict[int, int] = {}
    for log in view:
        for leaf in log:
            if isinstance(leaf.body, ForkProof):
                party, end = leaf.body.one.party, leaf.body.one.index
                ends[party] = min(end, ends.get(party, end))
    return ends


def ended(log: Sequence[Leaf], index: int, *, refused: bool = True, withdrawn: bool = True) -> bool:
    """Does the log say of its own leaf that it was refused, withdrawn or lost?"""
    return any((refused and isinstance(b, Ruling) and b.of == index and not b.accepted)
               or (withdrawn and isinstance(b, Withdrawal | Lost) and b.of == index)
               for b in (leaf.body for leaf in log))


def is_settled(log: Sequence[Leaf], index: int) -> bool:
    """Does the log rule on its own leaf, or withdraw it?"""
    return any(isinstance(leaf.body, Ruling | Withdrawal | Lost) and leaf.body.of == index
               for leaf in log)


def is_lost(log: Sequence[Leaf], index: int, rules: Rules) -> bool:
    """Does the log say that its own leaf is lost, as it may after a restore?"""
    restored = not rules.lost_after_restored
    for leaf in log[index + 1:]:
        restored = restored or isinstance(leaf.body, Restored)
        if restored and isinstance(leaf.body, Lost) and leaf.body.of == index:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Reading:
    """One party's reading: with its contents."""

    rules: Rules
    contents: Mapping[Leaf, Content | None]
    parties: int
    mode: str                            # what holds when a peer is silent: hold, proceed
    gaps: dict[Leaf, bool] = field(default_factory=dict)       # has_gaps, kept: it never changes

    def meet(self, one: Leaf, two: Leaf) -> int | None:
        a, b = self.contents.get(one), self.contents.get(two)
        return overlap_begins(a, b) if a is not None and b is not None else None

    def is_void(self, leaf: Leaf, view: View, heads: Sequence[Head | None] = ()) -> bool:
        """Rules 8 and 21, for whoever has the view, and `heads` besides."""
        return self.is_void_by(leaf, forked(view), (*carried(view), *heads))

    def void_leaves(self, view: View) -> set[Leaf]:
        """All that are void in the view."""
        ends, heads = forked(view), carried(view)
        return {leaf for log in view for leaf in log if self.is_void_by(leaf, ends, heads)}

    def is_void_by(self, leaf: Leaf, ends: Mapping[int, int],
                   heads: Sequence[Head | None]) -> bool:
        if self.rules.void_seen and self.has_gaps(leaf):
            return True
        if self.rules.fork_voids and leaf.index >= ends.get(leaf.party, leaf.index + 1):
            return True
        return self.rules.void_behind_head and any(
            h is not None and h.sender == leaf.party and h.size <= leaf.index
            and h.mirrored > leaf.seen[h.recipient]
            and not self.has_ended(h, leaf.log[:leaf.index + 1]) for h in heads)

    def has_ended(self, head: Head, log: Sequence[Leaf]) -> bool:
        """Was it given before a restore, and does the word of its holder leave it out?"""
        return self.rules.heads_end and any(
            isinstance(leaf.body, Restored) and any(
                w.giver == head.recipient and w.mirrored < head.mirrored for w in leaf.body.words)
            for leaf in log[head.size:])

    def has_gaps(self, leaf: Leaf) -> bool:
        """Its `seen` goes back, or covers a leaf but not what that leaf had seen."""
        if leaf not in self.gaps:
            self.gaps[leaf] = any(
                s > leaf.seen[p] for log in what_it_had_seen(leaf) for other in log
                for p, s in enumerate(other.seen) if p != other.party)
        return self.gaps[leaf]

    def is_closed(self, leaf: Leaf) -> bool:
        return self.rules.closed_yields and len(leaf.audience) < self.parties

    def is_lost(self, leaf: Leaf, view: View) -> bool:
        return self.rules.lost_wins_nothing and is_lost(
            view[leaf.party], leaf.index, self.rules)

    def counts(self, leaf: Leaf, view: View, heads: Sequence[Head | None] = ()) -> bool:
        """Can it stand at all?"""
        return not (self.is_closed(leaf) or self.is_lost(leaf, view)
                    or self.is_void(leaf, view, heads))

    def is_dead(self, leaf: Leaf, view: View, cuts: Sequence[int]) -> bool:
        """Rule 10: it loses to something that it had itself seen, and that is known to the ruling:
        what lies at or beyond the cuts had seen the ruled leaf, or was silent."""
        for party, log in enumerate(what_it_had_seen(leaf)):
            for other in log:
                if (other.declares and other.index < cuts[party]
                        and self.meet(leaf, other) is not None and not ended(log, other.index)
                        and not self.outranks(leaf, other) and self.counts(other, view)):
                    return True
        return False

    def is_doubtful(self, x: Leaf, ruling: Ruling) -> bool:
        """It had seen what the ruling leaves out, closed here; for others x may be dead by that."""
        return self.rules.doubtful_win_nothing and any(
            cut < seen for cut, seen in zip(ruling.cuts, x.seen, strict=True))

    def outranks(self, one: Leaf, known: Leaf) -> bool:
        """May it be accepted over what it had seen, which yields in flight? Only the content of
        what is open says so."""
        a, b = self.contents.get(one), self.contents.get(known)
        return a is not None and b is not None and a.priority > b.priority

    def beats(self, one: Leaf, two: Leaf, hour: int) -> bool:
        a, b = self.contents[one], self.contents[two]
        assert a is not None and b is not None
        if a.priority != b.priority:
            return a.priority > b.priority
        return turn(one.party, two.party, hour) == one.party

    def loses_to(self, x: Leaf, view: View, ruling: Ruling) -> Leaf | None:
        """The first that the declaration gives way to; itself if it could never stand."""
        view = self.without_forks(view)
        if self.contents.get(x) is None or not self.counts(x, view):
            return x
        heads = (*ruling.heads, *ruling.acknowledgements)
        for log in view:
            for y in log:
                if not y.declares or y is x:
                    continue
                hour = self.meet(x, y)
                if (hour is not None and self.gives_way(x, y, hour, view, ruling)
                        and self.counts(y, view, heads if self.rules.carried else ())):
                    return y
        return None

    def without_forks(self, view: View) -> View:
        """Rule 21: nothing beyond the common prefix counts, withdrawals and rulings neither."""
        ends = forked(view) if self.rules.fork_voids else {}
        return [log[:ends.get(p, len(log))] for p, log in enumerate(view)] if ends else view

    def gives_way(self, x: Leaf, y: Leaf, hour: int, view: View, ruling: Ruling) -> bool:
        """The pairwise rule (9), for two that meet."""
        log, cut = view[y.party], self.cut(x, y, ruling)
        if y.party == x.party:
            return (y.index < x.index and not ended(log[:x.index], y.index)
                    and not self.outranks(x, y))
        if y.index >= cut:
            return self.yields(x, y, view, ruling)
        if y.index < x.seen[y.party]:
            return not ended(log[:x.seen[y.party]], y.index) and not self.outranks(x, y)
        if self.rules.withdrawn_wins_nothing and ended(log[:cut], y.index, refused=False):
            return False
        if self.yields(x, y, view, ruling):
            return True
        if y.seen[x.party] > x.index:
            return False
        cuts = self.cuts(x, ruling)
        return (self.beats(y, x, hour) or self.is_doubtful(x, ruling)) and not (
            self.rules.dead_win_nothing and self.is_dead(y, view, cuts))

    def cut(self, x: Leaf, y: Leaf, ruling: Ruling) -> int:
        return self.cuts(x, ruling)[y.party]

    def cuts(self, x: Leaf, ruling: Ruling) -> Sequence[int]:
        return ruling.cuts if self.rules.carried else (10**9,) * self.parties

    def yields(self, x: Leaf, z: Leaf, view: View, ruling: Ruling) -> bool:
        """Rule 17: x's party was named silent when z was accepted, and does not name it back.
        Also where z had seen x, closed: then nobody judged x; not where x was counted, open."""
        if not self.rules.silent_yields or z.party in ruling.silent:
            return False
        if z.index < x.seen[z.party]:
            return False
        size = ruling.opened[z.party] if self.rules.yields_to_what_is_open else 10**9
        return any(r.of == z.index and r.accepted and x.party in r.silent and leaf.index < size
                   and not (self.rules.judged_in_the_open and z.seen[x.party] > x.index
                            and r.cuts[x.party] > x.index)
                   and self.is_right(leaf, r, view, ruling)
                   for leaf, r in rulings([view[z.party]]))

    def is_passed_over(self, x: Leaf, log: Sequence[Leaf]) -> bool:
        """Does the other log pass x's party over for one that meets x, and has not ruled on it?
        It may be accepted without a look at x."""
        for leaf in log:
            if isinstance(leaf.body, PassedOver) and x.party in leaf.body.parties:
                z = log[leaf.body.of]
                if (self.meet(x, z) is not None and z.index >= x.seen[z.party]
                        and not is_settled(log, z.index)):
                    return True
        return False

    def is_right(self, leaf: Leaf, r: Ruling, view: View, ruling: Ruling) -> bool:
        """Does the other's ruling hold for whoever makes this one?"""
        if self.is_false_silence(leaf, r, view, (*ruling.heads, *ruling.acknowledgements)) \
                or self.rests_on_ended(r, view):
            return False
        return not self.rules.yields_to_what_stands or (
            self.is_lawful(leaf, r)
            and self.loses_to(leaf.log[r.of], what_it_had_seen(leaf), r) is None)

    def is_false_silence(self, leaf: Leaf, ruling: Ruling, view: View,
                         heads: Sequence[Head | None] = ()) -> bool:
        """Does it name a party as silent, and its author had acknowledged before that more of it
        was open than the ruling counts?"""
        if not self.rules.no_false_silence or not ruling.silent:
            return False
        return any(h is not None and h.sender == leaf.party and h.recipient in ruling.silent
                   and self.counted_less(leaf, ruling, h)
                   and not self.has_ended(h, leaf.log[:leaf.index])
                   for h in (*carried(view), *heads))

    def rests_on_ended(self, ruling: Ruling, view: View) -> bool:
        """Does it carry a head that the word of its own author had left out?"""
        return any(h is not None and self.has_ended(h, view[h.sender])
                   for h in (*ruling.heads, *ruling.acknowledgements))

    def counted_less(self, leaf: Leaf, ruling: Ruling, h: Head) -> bool:
        """Does the ruling count less than a head given before? What the ruled leaf had seen counts
        as far as it was open at the ruling; else what was open when the party was named."""
        q = h.recipient
        owed = h.opened if h.size <= self.named_at(leaf, ruling, q) else min(
            h.opened, leaf.log[ruling.of].seen[q]) if h.size <= leaf.index else 0
        return owed > ruling.cuts[q] and not self.is_cut_whole(leaf, ruling, q)

    def named_at(self, leaf: Leaf, ruling: Ruling, party: int) -> int:
        """The index of the statement that named the party first."""
        passed = passed_over(leaf.log[:leaf.index], ruling.of)
        return passed.index if passed is not None and party in named(passed) else leaf.index

    def is_cut_whole(self, leaf: Leaf, ruling: Ruling, party: int) -> bool:
        head = ruling.heads[party]
        return head is not None and ruling.cuts[party] >= max(
            head.size, leaf.log[ruling.of].seen[party])

    def is_lawful(self, leaf: Leaf, ruling: Ruling) -> bool:
        """Does the ruling show what it has to rest on?"""
        view = what_it_had_seen(leaf)
        x = leaf.log[ruling.of]
        if ruling.silent and (self.mode == "hold" or leaf.time - x.time < PATIENCE):
            return False
        passed = passed_over(leaf.log[:leaf.index], ruling.of)
        if passed is not None and not named(passed) <= ruling.silent:
            return False
        forks = forked(view)
        return all(self.is_receipted(leaf, ruling, q) for q in range(self.parties)
                   if q != leaf.party and q not in ruling.silent and q not in forks)

    def is_receipted(self, leaf: Leaf, ruling: Ruling, q: int) -> bool:
        """A head of q that covers the ruled leaf, and the cut that follows from it."""
        x, head = leaf.log[ruling.of], ruling.heads[q]
        if head is None or head.sender != q or head.recipient != leaf.party:
            return False
        if head.mirrored <= x.index or ruling.cuts[q] != max(head.size, x.seen[q]):
            return False
        return ruling.cuts[q] <= leaf.seen[q]


def passed_over(log: Sequence[Leaf], index: int) -> Leaf | None:
    """Where the log says that content of its leaf went past silent parties."""
    return next((leaf for leaf in log
                 if isinstance(leaf.body, PassedOver) and leaf.body.of == index), None)


def named(leaf: Leaf) -> frozenset[int]:
    assert isinstance(leaf.body, PassedOver)
    return leaf.body.parties
