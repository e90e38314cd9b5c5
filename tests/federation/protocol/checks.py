"""What has to hold at the end of a schedule. Each check has a name."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.leaves import Leaf, Lost, Ruling, place, turn
from protocol.node import Node
from protocol.reading import Reading, ended, is_lost, rulings, what_it_had_seen
from protocol.rules import Rules
from protocol.schedule import Play


class Broken(AssertionError):
    """A check does not hold."""

    def __init__(self, check: str, about: object):
        super().__init__(f"{check}: {about}")
        self.check = check


def check(it: Play) -> dict[str, int]:
    """Everything, the plainest first; what was accepted, for whoever wants to count."""
    for part in (honest_are_not_convicted, liars_are_convicted, honest_are_not_void, all_is_ruled,
                 rulings_are_recomputed, nobody_is_displaced, nobody_is_sacrificed,
                 nobody_is_refused_in_vain, seen_is_earlier, same_state, answers_stand, no_conflict,
                 nobody_is_blamed):
        part(it)
    rulings_made = [body for n in it.honest for leaf in n.log
                    if isinstance(body := leaf.body, Ruling)]
    return {"declared": sum(leaf.declares for n in it.nodes for leaf in n.log),
            "accepted": sum(r.accepted for r in rulings_made), "ruled": len(rulings_made)}


def honest_are_not_convicted(it: Play) -> None:
    honest = {n.me for n in it.honest}
    for n in it.nodes:
        if n.convicted & honest:
            raise Broken("convicted", (n.me, n.convicted))


def liars_are_convicted(it: Play) -> None:
    """Where honest parties hold two histories of it, or one that an honest word contradicts."""
    if it.liar is None or it.liar.forked_at is None:
        return
    k, me = it.liar.forked_at, it.liar.me
    held = {n.mirrors[me][k] for n in it.honest if len(n.mirrors[me]) > k}
    if len(held) > 1 and not all(me in n.convicted for n in it.honest):
        raise Broken("free", f"a fork at {k} convicted nobody")


def honest_are_not_void(it: Play) -> None:
    full = Reading(Rules(), {}, it.world.parties, it.world.mode)
    for n in it.honest:
        void = full.void_leaves(n.view()) & set(n.log)
        if void:
            raise Broken("void", void)


def all_is_ruled(it: Play) -> None:
    """By the honest; and where nobody holds receipts or contents back, all is open to them."""
    fair = it.liar is None or it.liar.tactics <= {"garbage"}
    for n in it.honest:
        if n.restore or n.pending():
            raise Broken("stuck", (n.me, n.restore, n.pending()))
        if fair and any(n.opened[p] < len(n.mirrors[p]) for p in n.peers):
            raise Broken("stuck", f"{n.me} waits for contents: {n.opened}")
        for q in it.honest:
            if q is not n and len(q.mirrors[n.me]) < len(n.log) - 1:
                raise Broken("stuck", f"{q.me} holds {len(q.mirrors[n.me])} of {len(n.log)}")


def rulings_are_recomputed(it: Play) -> None:
    honest = {n.me for n in it.honest}
    for n in it.honest:
        for leaf, body in rulings(n.view()):
            x = leaf.log[body.of]
            if leaf.party not in honest or is_lost(
                    n.view()[x.party], x.index, n.rules):
                continue
            view = what_it_had_seen(leaf) if it.world.rules.carried else n.view()
            if (n.reading.loses_to(x, view, body) is None) != body.accepted:
                raise Broken("alike", f"{n.me} computes another ruling for {x}")
            if not n.reading.is_lawful(leaf, body):
                raise Broken("lawful", f"{n.me} finds a ruling of {leaf.party} unlawful")


def refusals(it: Play) -> Iterator[tuple[Leaf, Leaf, Ruling]]:
    honest = {n.me for n in it.honest}
    for x, rival, body in it.world.refused:
        if x.party in honest and rival is not x:
            yield x, rival, body


def nobody_is_displaced(it: Play) -> None:
    if it.liar is None:
        return
    for x, rival, body in refusals(it):
        if it.liar.rivals.get(rival) is x:
            raise Broken("displaced", (x, rival, body.silent))
        crossing = rival.index >= x.seen[rival.party]
        if it.liar.chosen.get(rival) is x and crossing and any(
                isinstance(leaf.body, Lost) and leaf.body.of < body.cuts[rival.party]
                for leaf in it.liar.log):
            raise Broken("chosen", (x, rival, body.silent))


def nobody_is_sacrificed(it: Play) -> None:
    for x, rival, body in refusals(it):
        full = Reading(Rules(), it.nodes[x.party].contents, it.world.parties, it.world.mode)
        stands = any(r.of == rival.index and r.accepted and full.is_lawful(leaf, r)
                     and full.loses_to(rival, what_it_had_seen(leaf), r) is None
                     for leaf, r in rulings([it.nodes[x.party].view()[rival.party]]))
        if rival.index >= x.seen[rival.party] and rival.party != x.party and not stands \
                and full.is_dead(rival, it.nodes[x.party].view(), body.cuts):
            raise Broken("sacrificed", (x, rival))


def nobody_is_refused_in_vain(it: Play) -> None:
    """For one that had been withdrawn before its author had the refused one."""
    for x, rival, body in refusals(it):
        log = it.nodes[x.party].view()[rival.party]
        crossing = rival.party != x.party and rival.index >= x.seen[rival.party]
        if crossing and ended(log[:body.cuts[rival.party]], rival.index,
                                            refused=False):
            raise Broken("vain", (x, rival))


def seen_is_earlier(it: Play) -> None:
    n = it.honest[0]
    view = n.view()
    valid = {leaf for log in view for leaf in log} - n.reading.void_leaves(view)
    for leaf in valid:
        for log in what_it_had_seen(leaf):
            for other in log:
                if other in valid and place(other) >= place(leaf):
                    raise Broken("place", (other, leaf))
    declared = {leaf for leaf in valid if leaf.declares}
    for leaf, body in rulings([n.log]):
        x = n.log[body.of]
        if body.silent:
            continue
        known = {other for log in what_it_had_seen(leaf) for other in log}
        late = {other for other in declared if place(other) < place(x) and other not in known}
        if late:
            raise Broken("final", (x, late))


def accepted(it: Play, n: Node) -> dict[Leaf, tuple[Leaf, Ruling]]:
    """What stands for a node, with the ruling."""
    view, standing = n.reading.without_forks(n.view()), {}
    void = n.reading.void_leaves(view)
    for leaf, body in rulings(view):
        x = leaf.log[body.of]
        if (body.accepted and x not in standing and n.reading.counts(x, view)
                and leaf not in void
                and not ended(view[x.party], x.index)
                and n.reading.is_lawful(leaf, body)
                and not n.reading.is_false_silence(leaf, body, view)
                and not n.reading.rests_on_ended(body, view)
                and n.reading.loses_to(x, what_it_had_seen(leaf), body) is None):
            standing[x] = leaf, body
    return standing


def same_state(it: Play) -> None:
    states = [set(accepted(it, n)) for n in it.honest]
    if any(state != states[0] for state in states):
        raise Broken("state", [len(state) for state in states])


def answers_stand(it: Play) -> None:
    """What an honest party accepted stands, unless it was withdrawn or lost."""
    for n in it.honest:
        standing = accepted(it, n)
        for leaf in n.log:
            body = leaf.body
            if isinstance(body, Ruling) and body.accepted and not ended(n.log, body.of) \
                    and n.log[body.of] not in standing:
                raise Broken("answer", n.log[body.of])


def no_conflict(it: Play) -> None:
    honest = {n.me for n in it.honest}
    for n in it.honest:
        standing = accepted(it, n)
        for x, (_, ruled_x) in standing.items():
            for y, (_, ruled_y) in standing.items():
                hour = n.reading.meet(x, y) if x.party < y.party else None
                if hour is None or (n.reading.outranks(x, y) and y.index < x.seen[y.party]) \
                        or (n.reading.outranks(y, x) and x.index < y.seen[x.party]):
                    continue
                by_x, by_y = y.party in ruled_x.silent, x.party in ruled_y.silent
                if not by_x and not by_y:
                    raise Broken("conflict", (x, y))
                yielding = {(True, False): y, (False, True): x}.get(
                    (by_x, by_y), y if turn(x.party, y.party, hour) == x.party else x)
                other = x if yielding is y else y
                ruled = ruled_y if yielding is y else ruled_x
                if yielding.party in honest and not ruled.silent:
                    raise Broken("feigned", (yielding, other))


def nobody_is_blamed(it: Play) -> None:
    honest = {n.me for n in it.honest}
    for pair in it.world.blamed:
        if set(pair) <= honest:
            raise Broken("blamed", pair)
