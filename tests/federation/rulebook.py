"""The rule of the protocol once more, from the logs alone and without any code of the node's.

It is the model that stands beside the design, in the words of statements: two loops over two logs,
no index, no state. What `airspace` and `state` compute step by step must come to the same.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luftrom.agreement.terms import Agreement
from luftrom.airspace.intent import Intent
from luftrom.geometry.volume import Volume4D
from luftrom.statements.kinds.ruling import Ruling
from luftrom.statements.statement import Statement

HOUR_NS = 3600 * 10**9
OVER_NS = 2 * HOUR_NS                      # after so long nobody asks any more what was flown
Overlap = Callable[[Sequence[Volume4D], Sequence[Volume4D]], int | None]


@dataclass(frozen=True)
class Declared:
    """A declaration: where it stands, and what it says."""

    statement: Statement
    intent: Intent
    ovn: str

    @property
    def where(self) -> tuple[str, int]:
        return self.statement.party, self.statement.index

    def seen(self, party: str) -> int:
        seen = self.statement.seen.get(party)
        return seen.size if seen else 0


class Rulebook:
    """`logs` are whole; `overlap` says when the overlap of two sets of volumes begins, None if they
    keep clear of each other. Separation minima in time are none. Of parties that forked the logs
    hold what counts, and `ends` says how much both histories have in common. What is `void` counts
    for nothing: it is no declaration here, and nobody may have accepted it."""

    def __init__(self, agreement: Agreement, logs: Mapping[str, Sequence[Statement]],
                 contents: Mapping[tuple[str, int], tuple[Any, str]], overlap: Overlap,
                 ends: Mapping[str, int] | None = None,
                 void: frozenset[tuple[str, int]] = frozenset()):
        self.ends, self.void = ends or {}, void
        self.agreement, self.logs, self.overlap = agreement, logs, overlap
        self.declared = [Declared(s, *contents[s.party, s.index]) for log in logs.values()
                         for s in log if s.type == "declaration"
                         and (s.party, s.index) in contents and (s.party, s.index) not in void]
        self.entities = {x.where: x.intent.entity_id for x in self.declared}
        self.notices = [s for log in logs.values() for s in log if s.type == "notice"]

    def losses(self, x: Declared, ruling: Ruling, at: Statement) -> list[tuple[str, int]]:
        """Whom X loses to: a function of signed statements, the ruling's own among them."""
        party, index = x.where
        if self.is_overdue(x, at.index):
            return [x.where]               # it waited too long: there is nothing to win any more
        lost = self.taken_identifier(x, ruling, at)
        for y in self.declared:
            other, y_index = y.where
            same = x.intent.entity_id == y.intent.entity_id
            if y is x or (same and other == party):
                continue
            start = max(self.start(x), self.start(y)) if same else self.meeting(x, y)
            if start is None:
                continue
            cut = self.known(x, other, ruling, at)
            if y_index < (index if other == party else x.seen(other)):
                loses = y_index < cut and self.stood(y, cut) and self.loses_to_known(x, y, same)
            elif (other not in (party, *at.body.opened)
                  and not self.withdrawn(y, cut_of(ruling, at, other))
                  and self.accepted_without(y, x, cut_of(ruling, at, other))):
                loses = True               # X's author was silent, and yields
            elif other == party or y.seen(party) > index or y_index >= cut_of(ruling, at, other):
                loses = False              # Y came later, or knew X: its own matter
            elif (self.withdrawn(y, cut_of(ruling, at, other)) or self.is_dead(y, ruling, at)
                  or self.waited_too_long(y, cut_of(ruling, at, other))):
                loses = False              # it wins nothing
            else:
                # Ruled past what it had seen and was closed, it may be dead to others.
                is_doubtful = any(min(x.seen(q), self.ends.get(q, x.seen(q))) > opened
                                  for q, opened in at.body.opened.items())
                loses = self.loses_to_crossed(x, y, same, start) or (
                    is_doubtful and self.loses_to_crossed(y, x, same, start))
            if loses:
                lost.append(y.where)
        return sorted(lost)

    def withdrawn(self, y: Declared, cut: int) -> bool:
        """Had its author withdrawn Y within so many leaves of its log?"""
        party, index = y.where
        return any(s.type == "withdrawal" and s.body.of == index for s in self.logs[party][:cut])

    def is_dead(self, y: Declared, ruling: Ruling, at: Statement) -> bool:
        """Does Y lose to what its own author knew, as far as the author of the ruling had that?"""
        if self.taken_identifier(y, ruling, at):
            return True
        party, _ = y.where
        for z in self.declared:
            other, z_index = z.where
            same = y.intent.entity_id == z.intent.entity_id
            cut = self.known(y, other, ruling, at)
            if (z is y or z_index >= cut or (same and other == party)
                    or (not same and self.meeting(y, z) is None)):
                continue
            if self.stood(z, cut) and self.loses_to_known(y, z, same):
                return True
        return False

    def accepted_without(self, y: Declared, x: Declared, cut: int) -> bool:
        """Was Y accepted within so many leaves of its log, with X's party named as silent, and X
        not judged?"""
        party, index = x.where
        return any(not (y.seen(party) > index and s.body.opened.get(party, 0) > index)
                   and r.index == y.where[1] and r.accepted and party in r.unacknowledged
                   for s in self.logs[y.where[0]][:cut] for r in rulings_of(s))

    def meeting(self, x: Declared, y: Declared) -> int | None:
        """When the two first meet in what was not over long before both had been declared."""
        over_ns = max(self.said_ns(x), self.said_ns(y)) - OVER_NS
        return self.overlap(*([v for v in each.intent.all_volumes if v.time_end_ns > over_ns]
                              for each in (x, y)))

    def said_ns(self, x: Declared) -> int:
        """The latest time in its log so far: a clock that is put back makes nothing earlier."""
        return self.time_s(*x.where) * 10**9

    def time_s(self, party: str, index: int) -> int:
        return max(s.iat_s for s in self.logs[party][:index + 1])

    def is_overdue(self, x: Declared, index: int) -> bool:
        """Had its log come, by that leaf, beyond the time that X may wait?"""
        party, _ = x.where
        return (self.time_s(party, index)
                > self.time_s(*x.where) + self.agreement.bounds.pending_s)

    def start(self, x: Declared) -> int:
        return min(v.time_start_ns for v in x.intent.all_volumes)

    def waited_too_long(self, y: Declared, cut: int) -> bool:
        """Was its time up within the first `cut` leaves of its log, while Y still waited?"""
        party, index = y.where
        for statement in self.logs[party][index + 1:cut]:
            if self.is_overdue(y, statement.index):
                return True
            if any(r.index == index for r in rulings_of(statement)):
                return False
        return False

    def stood(self, y: Declared, cut: int) -> bool:
        """Did nothing in the first `cut` leaves of its own log end Y, nor time while it waited?"""
        party, index = y.where
        waits = True
        for statement in self.logs[party][index + 1:cut]:
            if waits and self.is_overdue(y, statement.index):
                return False
            waits = waits and all(r.index != index for r in rulings_of(statement))
            if statement.type == "withdrawal" and statement.body.of == index:
                return False
            for ruling in rulings_of(statement):
                if ruling.index == index and not ruling.accepted:
                    return False
                if (ruling.accepted and ruling.index > index
                        and self.entities[party, ruling.index] == y.intent.entity_id):
                    return False
        return True

    def known(self, x: Declared, other: str, ruling: Ruling, at: Statement) -> int:
        """How much of a log the author of X had seen; of a silent party's, what was open."""
        if other == x.where[0]:
            return x.where[1]
        if other in at.body.opened:
            return min(x.seen(other), cut_of(ruling, at, other))
        return x.seen(other)

    def taken_identifier(self, x: Declared, ruling: Ruling, at: Statement) -> list[tuple[str, int]]:
        """Notices under the identifier of an intent that is new to its own log."""
        party, index = x.where
        if any(y.intent.entity_id == x.intent.entity_id and y.where[0] == party
               and y.where[1] < index and self.stood(y, index) for y in self.declared):
            return []
        return [(n.party, n.index) for n in self.notices
                if n.body.entity_id == x.intent.entity_id and n.party != party
                and n.index < self.known(x, n.party, ruling, at) and not any(
                    self.ended_entity(s) == n.body.entity_id for s in self.logs[n.party][
                        n.index + 1:self.known(x, n.party, ruling, at)])]

    def ended_entity(self, statement: Statement) -> str | None:
        """Of which constraint a statement ends the version before it."""
        if statement.type == "notice":
            return statement.body.entity_id
        if statement.type == "notice_withdrawal":
            return self.logs[statement.party][statement.body.of].body.entity_id
        return None

    def loses_to_known(self, x: Declared, y: Declared, same: bool) -> bool:
        if same:
            return True
        if is_free(x):
            return False
        own, other = x.intent.priority, y.intent.priority or 0
        if own is None:
            if y.ovn not in x.intent.key:
                return True
            if self.agreement.undeclared_priority_permits:
                return False
        own = own or 0
        return own < other or (own == other and not self.agreement.permits_conflicts(own))

    def loses_to_crossed(self, x: Declared, y: Declared, same: bool, start_ns: int) -> bool:
        if is_free(x) and not same:
            return False
        own, other = x.intent.priority, y.intent.priority
        if (own or 0) != (other or 0):
            return (own or 0) < (other or 0)
        if not same and None not in (own, other) and self.agreement.permits_conflicts(own):
            return False
        listed = [p.name for p in self.agreement.parties]
        x_is_first = listed.index(x.where[0]) < listed.index(y.where[0])
        even = (start_ns // HOUR_NS + start_ns // (24 * HOUR_NS)) % 2 == 0
        return x_is_first != even

    def check(self) -> int:
        """Every ruling in every log is what the rules say; returns how many were checked."""
        where = {x.where: x for x in self.declared}
        count = 0
        for log in self.logs.values():
            for statement in log:
                if self.rests_on_what_is_void(statement):
                    continue
                for ruling in rulings_of(statement):
                    if (statement.party, ruling.index) in self.void:
                        assert not ruling.accepted, f"{statement.party} accepts what is void"
                        continue
                    x = where[statement.party, ruling.index]
                    expected = self.losses(x, ruling, statement)
                    assert ruling.accepted == (not expected), (
                        f"leaf {statement.index} of {statement.party} rules {ruling}; "
                        f"the rules say it loses to {expected}")
                    named = [(party, index) for party, index, _ in ruling.against]
                    assert sorted(named) == expected[:16], (named, expected)
                    count += 1
        return count


    def rests_on_what_is_void(self, statement: Statement) -> bool:
        """Had its author counted leaves of a forker behind the common ones, and not told of it?"""
        log = self.logs[statement.party][:statement.index]
        told = {s.body.party for s in log if s.type == "forked"}
        return statement.party in self.ends or any(
            statement.seen[name].size > end and name not in told
            for name, end in self.ends.items() if name in statement.seen)
    def check_silence(self, honest: Sequence[str]) -> None:
        """Under `proceed` the honest rest on heads that acknowledge; and nobody who accepts counts
        less of a party that it names than the heads in that party's rulings say."""
        if self.agreement.silence.mode == "hold":
            return
        for party, log in self.logs.items():
            for at in log:
                for ruling in rulings_of(at):
                    if party in honest:
                        heads = {q: claims_of(head) for q, head in at.body.heads.items()
                                 if q not in ruling.unacknowledged}
                        assert all(head["opened"] > ruling.index for head in heads.values()), (
                            f"leaf {at.index} of {party} rests on {heads}")
                    for name in ruling.unacknowledged if ruling.accepted else ():
                        owed = self.acknowledged(ruling.index, name, at)
                        assert at.body.opened[name] >= owed, (
                            f"leaf {at.index} of {party} names {name}, of which it had {owed}")

    def acknowledged(self, of: int, name: str, at: Statement) -> int:
        """How much of the log of a party that a ruling names its author had said to be open."""
        log, seen = self.logs[at.party], self.logs[at.party][of].seen[name].size
        named_at = next((s.index for s in log[:at.index] if s.type == "passed_over"
                         and of in s.body.of and name in s.body.opened), at.index)
        heads = [claims_of(s.body.heads[at.party]) for s in self.logs[name]
                 if s.type == "ruling" and at.party in s.body.heads]
        return max((head["opened"] if head["size"] <= named_at else min(head["opened"], seen)
                    for head in heads if head["size"] <= at.index), default=0)


def is_free(x: Declared) -> bool:
    """Flown as it must be: nobody refuses it for being in the way."""
    return x.intent.state in ("Nonconforming", "Contingent")


def cut_of(ruling: Ruling, at: Statement, party: str) -> int:
    """How much of a peer's log a ruling looks at: all below the head it rests on, or what was open
    of a silent one's."""
    if party in at.body.opened:
        return at.body.opened[party]
    return claims_of(at.body.heads[party])["size"]


def claims_of(head: str) -> dict[str, Any]:
    """What a head says."""
    return json.loads(base64.urlsafe_b64decode(head.split(".")[1] + "=="))


def rulings_of(statement: Statement) -> Sequence[Ruling]:
    return statement.body.rulings if statement.type == "ruling" else ()
