"""The simulation can fail: each of these faults is found within a bounded number of schedules.

A fault is put into real code as a patch. Some break the node that has it, others are caught by the
peer, who refuses what an honest node would never say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import simulation

from luftrom.agreement.terms import Agreement
from luftrom.airspace import right_of_way
from luftrom.airspace.over import over_until_ns
from luftrom.clock import TIME_NS_MIN
from luftrom.errors import LuftromError
from luftrom.logs.mirror import Mirror
from luftrom.node import conductor
from luftrom.node.conductor import Conductor, Step
from luftrom.state.entities import Entities
from luftrom.state.record import Record
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
    rule = Conductor._rule

    def hasty(self: Conductor, step: Step) -> None:
        kept = {name: mirror.receipt_size for name, mirror in self.mirrors.items()}
        for mirror in self.mirrors.values():
            mirror.receipt_size = self.log.tree.size
        rule(self, step)
        for name, mirror in self.mirrors.items():
            mirror.receipt_size = kept[name]

    patch.setattr(Conductor, "_rule", hasty)


def receipts_for_what_was_not_applied(patch: pytest.MonkeyPatch) -> None:
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
    build = conductor.build_message

    def secretive(own: Any, mirror: Mirror, have: int, *rest: Any) -> Any:
        size, own.size = own.size, max(0, own.size - 1)
        note = own.note
        own.note = own.sign(own.size, 1)
        try:
            return build(own, mirror, have, *rest)
        finally:
            own.size, own.note = size, note

    patch.setattr(conductor, "build_message", secretive)


def what_a_peer_sent_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forgetful(self: Mirror, size: int, writes: Any) -> None:
        self.applied = size

    patch.setattr(Mirror, "apply_up_to", forgetful)


def collects_what_may_still_be_crossed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Entities, "_is_settled", lambda self, record: True)


def nothing_is_ever_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(right_of_way, "over_until_ns", lambda *_: TIME_NS_MIN)


def over_for_one_of_two_is_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Entities, "_do_meet", lambda *_: True)


def a_clock_put_back_makes_statements_earlier(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Entities, "_as_of", lambda self, party, iat_s: iat_s)


def drops_by_the_log_that_is_ahead(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Entities, "_over_ns", lambda self: over_until_ns(
        max(self.as_of_s.values(), default=0), self.separation))


FAULTS = [value for name, value in list(globals().items())
          if callable(value) and getattr(value, "__annotations__", {}).get("patch")
          == "pytest.MonkeyPatch"]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_fault_is_found(fault: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    for seed in range(SEEDS_MAX):
        try:
            simulation.run(seed, 2 + seed % 2, "hold", hours=seed % 4 > 1)
        except Exception as error:         # noqa: BLE001 - whatever shows the mistake counts
            print(f"found by seed {seed}: {type(error).__name__}: {error}")
            return
    raise AssertionError(f"{SEEDS_MAX} schedules did not find it")
