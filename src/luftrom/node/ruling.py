"""What is due: rulings on own declarations, and those that the time is up for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from luftrom.airspace.sentences import refusal_sentence
from luftrom.errors import NotAcknowledged
from luftrom.node.desk import Desk
from luftrom.state.entities import Entities
from luftrom.state.record import Record
from luftrom.state.rulings import Rests, passing_over, verdict
from luftrom.statements.kinds.passed_over import KIND as PASSED_OVER
from luftrom.statements.kinds.passed_over import LEAVES_MAX, PassedOver
from luftrom.statements.kinds.ruling import KIND as RULING
from luftrom.statements.kinds.ruling import Ruling, Rulings
from luftrom.statements.kinds.withdrawal import KIND as WITHDRAWAL
from luftrom.statements.kinds.withdrawal import Withdrawal
from luftrom.store.protocol import ReceiptRow

_RULINGS_IN_LEAF_MAX = 128
_AGAINST_MAX = 16
# A leaf has 65,535 characters, a quarter of them for base64; heads of 15 peers take 16,000.
_RULINGS_CHARS_MAX, _RULING_CHARS, _AGAINST_CHARS = 30_000, 120, 64


@dataclass(frozen=True, slots=True)
class Against:
    """One that a refused declaration lost to, the rule, and the rule as a sentence."""

    operational_intent: Record
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a declaration; `unacknowledged` lists peers that were silent (`proceed`)."""

    operational_intent: Record
    accepted: bool
    against: tuple[Against, ...] = ()
    unacknowledged: tuple[str, ...] = ()


def rule(desk: Desk) -> None:
    """Rule on own declarations: all that are ripe, and those out of time.

    Who has not receipted one in time is passed over first, where the agreement says to proceed:
    only then is it opened to the others, and ruled on once what they open in turn is here, and a
    head of each that acknowledges the opening: who gave one cannot say that it heard nothing.
    """
    terms = desk.agreement.silence if desk.agreement else None
    ripe: dict[_Ripe, list[Record]] = {}
    late: dict[tuple[str, ...], list[Record]] = {}
    for record in desk.entities.unruled(desk.party):
        lacks = _lacking(desk, record)
        if (lacks.receipts or lacks.openings) and terms is not None:
            # A peer may take its time for the receipt, and behind it for opening what crossed.
            waits_s = terms.after_s + (0.0 if lacks.receipts else terms.opening_s)
            if not desk.is_late(record, waits_s):
                continue
            if terms.mode == "hold":
                _give_up(desk, record, lacks, waits_s)
                continue
            if lacks.receipts:
                late.setdefault(lacks.receipts, []).append(record)
                continue
        opened = {name: size for name, size in _counted(desk, record).items()
                  if name not in desk.forked_opened}
        opened.update((name, desk.opened(name)) for name in lacks.openings)
        ripe.setdefault(tuple(sorted(opened.items())), []).append(record)
    for names, records in late.items():
        _pass_over(desk, records, names)
        if terms is not None:
            for record in records:         # from now on the others have their time to open
                desk.wait_anew(record.index, terms.after_s)
    for silent, records in ripe.items():
        _rule_on(desk, records, dict(silent))
    left = desk.entities.unruled(desk.party)
    desk.forget_receipts(left[0].index if left else desk.entities.applied.get(desk.party, 0))


_Ripe = tuple[tuple[str, int], ...]        # the silent, and how much of the log of each was open


@dataclass(frozen=True, slots=True)
class _Lacking:
    """Peers that have not receipted a declaration, or not opened all that may have crossed it.

    Or, under an agreement to proceed, not acknowledged that it is open to them. Those that were
    passed over are waited for no more.
    """

    receipts: tuple[str, ...]
    openings: tuple[str, ...]


def _lacking(desk: Desk, record: Record) -> _Lacking:
    given = {name: receipt for name, receipt in desk.receipts_for(record.index).items()
             if name not in record.passed_over}
    return _Lacking(
        tuple(sorted(name for name, receipt in given.items() if receipt is None)),
        tuple(sorted(name for name, receipt in given.items()
                     if receipt is not None and (
                         desk.opened(name) < receipt.peer_size
                         or _resting_on(desk, record, name, receipt) is None))))


class _Rest(NamedTuple):
    """A peer's head, newer ones behind older ones: `size` is that of its log, `own` is how many
    leaves of ours it receipts or, to proceed, says to be open."""

    size: int
    own: int
    head: str


def _resting_on(desk: Desk, record: Record, name: str, receipt: ReceiptRow) -> _Rest | None:
    """The head of a peer that a ruling rests on; None while it lacks.

    To hold, the receipt's. To proceed, the first that acknowledges the opening, with all below its
    size open here: it cuts the same, for what stands behind the receipt has seen the declaration.
    Who passes us over for something that crossed it, and has not ruled on that, has not answered.
    """
    if not desk.entities.proceeds:
        return _Rest(receipt.peer_size, receipt.size, receipt.head)
    crossed = passing_over(desk.entities, record, name)
    if any(other.is_waiting for other in crossed):
        return None
    ruled = [other.ruling_index + 1 for other in crossed if other.ruling_index is not None]
    found = desk.acknowledging(name, record.index, max(ruled, default=0))
    return None if found is None else _Rest(found.size, found.opened, found.head)


def _counted(desk: Desk, record: Record) -> dict[str, int]:
    """How many leaves of each party passed over count: what was open then, and what the declaration
    had seen, as far as it is open by now. Else a flight that was known is ignored."""
    return {name: max(size, min(record.seen.get(name, 0), desk.opened(name)))
            for name, size in record.passed_over.items()}


def _pass_over(desk: Desk, records: Sequence[Record], names: tuple[str, ...]) -> None:
    for start in range(0, len(records), LEAVES_MAX):
        of = tuple(record.index for record in records[start:start + LEAVES_MAX])
        desk.append(PASSED_OVER.name, PassedOver(of, {name: desk.opened(name) for name in names}))


def _rule_on(desk: Desk, records: Sequence[Record], silent: Mapping[str, int]) -> None:
    """Rule on all of them, resting on the newest head that any of them waited for (`_resting_on`).

    A later head cuts the same: what stands behind an earlier one has seen what that covers.
    """
    heads: dict[str, _Rest] = {}
    for record in records:
        for name, receipt in desk.receipts_for(record.index).items():
            if receipt is None or name in silent:
                continue
            rest = _resting_on(desk, record, name, receipt)
            if rest is not None:
                heads[name] = max(rest, heads.get(name, rest))
    opened = {**silent, **desk.forked_opened}
    rests = Rests({name: rest.size for name, rest in heads.items()}, opened, desk.state.forks.ends)
    rulings = []
    for record in records:
        lost = verdict(desk.entities, record, rests, desk.as_of_s)
        against = tuple((r.party, r.index, rule) for r, rule in lost[:_AGAINST_MAX])
        rulings.append(Ruling(record.index, not lost, against, tuple(silent)))
    texts = {name: rest.head for name, rest in heads.items()}
    for part in _fitting(rulings):
        desk.append(RULING.name, Rulings(part, texts, opened))
    for record in records:
        desk.then(desk.take_reply(record.index), partial(outcome, desk.entities, record))


def _fitting(rulings: Sequence[Ruling]) -> Iterator[tuple[Ruling, ...]]:
    """The same in parts, each of which fits into a leaf with the heads of all parties."""
    part: list[Ruling] = []
    chars = 0
    for ruling in rulings:
        size = _RULING_CHARS + sum(_AGAINST_CHARS + len(party) for party, _, _ in ruling.against
                                   ) + sum(map(len, ruling.unacknowledged))
        if part and (chars + size > _RULINGS_CHARS_MAX or len(part) == _RULINGS_IN_LEAF_MAX):
            yield tuple(part)
            part, chars = [], 0
        part.append(ruling)
        chars += size
    yield tuple(part)


def _give_up(desk: Desk, record: Record, lacks: _Lacking, after_s: float) -> None:
    reason = (f"no receipt from {', '.join(lacks.receipts)}" if lacks.receipts
              else f"nothing opened by {', '.join(lacks.openings)} that may cross it")
    desk.append(WITHDRAWAL.name, Withdrawal(record.index, reason))
    desk.refuse(desk.take_reply(record.index), NotAcknowledged(
        f"not acknowledged: {reason} within {after_s:g} s; nothing was accepted"))


def outcome(entities: Entities, record: Record) -> Outcome:
    """What became of a ruled declaration, with the reasons as sentences."""
    ruling = record.ruling
    if ruling is None:
        return Outcome(record, False)
    named = ((entities.records.get((party, index)), rule)
             for party, index, rule in ruling.against)
    against = tuple(Against(other, rule, refusal_sentence(rule, other.name, other.party))
                    for other, rule in named if other is not None)   # as far as they are held here
    return Outcome(record, ruling.accepted, against, ruling.unacknowledged)
