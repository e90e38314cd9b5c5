"""The simulation can fail: each of these faults is found within a bounded number of schedules.

A fault is put into real code as a patch. Some break the node that has it, others are caught by the
peer, who refuses what an honest node would never say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import feigning
import peeking
import pytest
import simulation

from luftrom.agreement.terms import Agreement
from luftrom.airspace import right_of_way
from luftrom.airspace.over import over_until_ns
from luftrom.clock import TIME_NS_MIN
from luftrom.errors import LuftromError
from luftrom.logs.mirror import Mirror
from luftrom.node import hearing, memory, ruling
from luftrom.node.conductor import Conductor
from luftrom.node.desk import Desk
from luftrom.node.memory import Memory
from luftrom.node.step import Step
from luftrom.state import meeting, rulings
from luftrom.state.entities import Entities
from luftrom.state.meeting import Meetings
from luftrom.state.progress import Progress
from luftrom.state.record import Record
from luftrom.state.rulings import Rests
from luftrom.state.state import State
from luftrom.statements.statement import Seen
from luftrom.transparency.receipt import sign_receipt

SEEDS_MAX = 250
Patch = Callable[[pytest.MonkeyPatch], None]


def accepts_whatever_crossed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(right_of_way, "_refusal_of_the_crossed", lambda *_: None)


def turn_goes_to_whoever_asks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(right_of_way, "_turn", lambda x, *_: x.party)


def turn_goes_to_the_other(patch: pytest.MonkeyPatch) -> None:
    turn = Agreement.turn

    def other(self: Agreement, one: str, two: str, time_ns: int) -> str:
        return two if turn(self, one, two, time_ns) == one else one

    patch.setattr(Agreement, "turn", other)


def what_was_known_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(right_of_way, "_refusal_of_the_later", lambda *_: None)


def what_ended_still_stands(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Record, "stood_at", lambda self, cut: self.index < cut)


def a_pending_version_counts_for_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Record, "stood_at", lambda self, cut: (
        self.index < cut and self.ruling_index is not None and self.ruling_index < cut
        and (self.end_index is None or self.end_index >= cut)))


def rules_without_receipts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ruling, "_lacking", lambda desk, record: ruling._Lacking((), ()))


def rules_without_waiting_for_what_crossed(patch: pytest.MonkeyPatch) -> None:
    lacking = ruling._lacking
    patch.setattr(ruling, "_lacking", lambda desk, record: replace(
        lacking(desk, record), openings=()))


def looks_at_less_than_the_head_cuts(patch: pytest.MonkeyPatch) -> None:
    cut = Rests.cut
    patch.setattr(Rests, "cut", lambda self, party: max(0, cut(self, party) - 1))


def the_dead_win(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rulings, "_is_dead", lambda *_: False)


def the_withdrawn_win(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Record, "is_withdrawn_at", lambda self, cut: False)


def who_was_silent_does_not_yield(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rulings, "_was_silent", lambda *_: False)


def counts_what_a_silent_peer_keeps_closed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Rests, "known", lambda self, record, other: record.cut(other))


def rules_without_acknowledgements(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ruling, "_resting_on", lambda desk, record, name, receipt: ruling._Rest(
        receipt.peer_size, receipt.size, receipt.head))


def takes_the_acknowledgements_of_whoever_is_closed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Mirror, "acknowledging", lambda self, index, least: next(
        (each for each in self.acknowledged if each.opened > index and each.size >= least), None))


def what_was_open_when_it_passed_over_is_all_that_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ruling, "_counted", lambda desk, record: dict(record.passed_over))


def says_to_have_seen_what_is_open_alone(patch: pytest.MonkeyPatch) -> None:
    def seen(self: Desk) -> dict[str, Seen]:
        return {name: Seen(mirror.applied, mirror.tree.root(mirror.applied))
                for name, mirror in self._memory.mirrors.items()}

    patch.setattr(Desk, "_seen", seen)


def applies_what_is_closed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(State, "is_next_open", lambda self, party: bool(self.waiting.get(party)))


def hands_nothing_on(patch: pytest.MonkeyPatch) -> None:
    build = memory.build_message
    patch.setattr(memory, "build_message", lambda own, mirrors, peer, *rest: build(
        own, {peer: mirrors[peer]}, peer, *rest))


def hands_leaves_on_and_never_what_opens_them(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Memory, "is_due", lambda *_: False)


def receipts_for_what_strangers_brought(patch: pytest.MonkeyPatch) -> None:
    def generous(self: Mirror, writes: Any, time_s: int) -> None:
        size = self.tree.size
        if size > self._given[0]:
            self._given = (size, sign_receipt(self.body(size), self._signers, time_s))
            writes.given.append((self.party, *self._given))

    patch.setattr(Mirror, "give_receipt", generous)


def receipts_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    give = Mirror.give_receipt

    def early(self: Mirror, writes: Any, time_s: int) -> None:
        give(self, writes, time_s)
        self.given_size, self.given_lines = self._given

    patch.setattr(Mirror, "give_receipt", early)


def answers_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    def early(self: Step, reply: Any, result: Any) -> None:
        try:
            reply(result(), None)
        except LuftromError as error:
            reply(None, error)

    patch.setattr(Step, "then", early)


def leaves_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    seal = Conductor._seal

    def early(self: Conductor, step: Step) -> None:
        seal(self, step)
        if step.note is not None:
            self.store._write(type(step.writes)(leaves=step.writes.leaves,
                                                disclosures=step.writes.disclosures))
            self.log.publish(step.note)

    patch.setattr(Conductor, "_seal", early)


def a_message_keeps_the_newest_leaf_back(patch: pytest.MonkeyPatch) -> None:
    build = memory.build_message

    def secretive(own: Any, *rest: Any) -> Any:
        size, own.size = own.size, max(0, own.size - 1)
        note = own.note
        own.note = own.sign(own.size, 1)
        try:
            return build(own, *rest)
        finally:
            own.size, own.note = size, note

    patch.setattr(memory, "build_message", secretive)


def what_a_peer_sent_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forgetful(self: Mirror, size: int, writes: Any) -> None:
        self.applied = size

    patch.setattr(Mirror, "apply_up_to", forgetful)


def collects_what_may_still_be_crossed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Entities, "_is_settled", lambda self, record: True)


def nothing_is_ever_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(meeting, "over_until_ns", lambda *_: TIME_NS_MIN)


def over_for_one_of_two_is_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Meetings, "_do_meet", lambda *_: True)


def a_clock_put_back_makes_statements_earlier(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Progress, "as_of", lambda self, party, iat_s: iat_s)


def drops_by_the_log_that_is_ahead(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Entities, "_over_ns", lambda self: over_until_ns(
        max(self.progress.as_of_s.values(), default=0), self.separation))


def faults() -> list[Patch]:
    return [value for value in globals().values()
            if callable(value) and getattr(value, "__annotations__", {}).get("patch")
            == "pytest.MonkeyPatch"]


FAULTS = faults()


# -- what only a party that peeks makes use of ----------------------------------------------------

def opens_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Memory, "is_due", lambda self, peer, index: self.state.audience(
        self.party, index).includes(peer))


def opens_to_whoever_has_signed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Memory, "is_due", lambda self, peer, index: (
        self.mirrors[peer].receipt_size > index))


def takes_heads_of_more_than_is_shown_for_receipts(patch: pytest.MonkeyPatch) -> None:
    take = hearing._verify_and_take_in

    def gullible(asked: Any, memory: Memory, step: Step) -> None:
        held = max(asked.message.own.end, memory.mirrors[asked.head.sender].staged_size)
        head = replace(asked.head, size=min(asked.head.size, held))
        take(replace(asked, head=head), memory, step)

    patch.setattr(hearing, "_verify_and_take_in", gullible)


PEEKED = [fault for fault in faults() if fault not in FAULTS]


# -- what only a party that feigns silence makes use of -------------------------------------------

def anybody_may_be_named_silent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Memory, "hear_head", lambda *_: None)


def heads_are_forgotten_at_a_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Memory, "_recall_heads", lambda self: self.state.acknowledged.take_false())


def the_newest_head_is_the_latest(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Mirror, "_is_newer", lambda self, head: self.head is None or (
        head.size, head.time_s) > (self.head.size, self.head.time_s))


FEIGNED = [fault for fault in faults() if fault not in FAULTS + PEEKED]
IN_HOURS = (nothing_is_ever_over, over_for_one_of_two_is_enough, drops_by_the_log_that_is_ahead,
            a_clock_put_back_makes_statements_earlier)
IN_PROCEED = (who_was_silent_does_not_yield, counts_what_a_silent_peer_keeps_closed,
              rules_without_acknowledgements, takes_the_acknowledgements_of_whoever_is_closed,
              what_was_open_when_it_passed_over_is_all_that_counts)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_fault_is_found(fault: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    mode = "proceed" if fault in IN_PROCEED else "hold"
    is_found(fault, monkeypatch, lambda seed: simulation.run(
        seed, 2 + seed % 2, mode, hours=fault in IN_HOURS or seed % 4 > 1))


@pytest.mark.parametrize("fault", PEEKED, ids=lambda fault: fault.__name__)
def test_the_party_that_peeks_finds_it(fault: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    is_found(fault, monkeypatch, lambda seed: peeking.run(seed, 3))


@pytest.mark.parametrize("fault", [*FEIGNED, rules_without_acknowledgements],
                         ids=lambda fault: fault.__name__)
def test_the_party_that_feigns_silence_finds_it(fault: Patch, monkeypatch: pytest.MonkeyPatch
                                                ) -> None:
    is_found(fault, monkeypatch, lambda seed: feigning.run(seed, 2 + seed % 2))


def is_found(fault: Patch, monkeypatch: pytest.MonkeyPatch, play: Callable[[int], Any]
             ) -> None:
    fault(monkeypatch)
    for seed in range(SEEDS_MAX):
        try:
            play(seed)
        except Exception as error:         # noqa: BLE001 - whatever shows the mistake counts
            print(f"found by seed {seed}: {type(error).__name__}: {error}")
            return
    raise AssertionError(f"{SEEDS_MAX} schedules did not find it")
