"""What a peer signed and was refused contradicts what it signs later, also after a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hosting import BRAVO, agreement_of, hosted
from liar import Liar
from talking import liar, woken  # noqa: F401 - a fixture, found by name

from luftrom.audit.equivocation import verify_equivocation
from luftrom.statements.disclosure import make_disclosure

# More is open there than is mirrored: no node takes a message under such a head.
_WRONG = {"opened": 10**6}


def refused_leaf(liar: Liar) -> None:
    liar.declare()
    answer = liar.post(liar.message(head=_WRONG))
    assert (answer.status_code, liar.house.node.proofs()) == (400, []), answer.text
    liar.give_up(1)


def false_head(liar: Liar, ahead: int, status: int, **more: int) -> None:
    """A head with another root than its log has at that size, or will have."""
    size = len(liar.leaves) + ahead
    answer = liar.post(liar.message(head={"size": size, "root": bytes(32)} | more))
    assert (answer.status_code, liar.house.node.proofs()) == (status, []), answer.text


def false_head_behind(liar: Liar) -> None:
    """Of leaves that are held since."""
    liar.declare()
    liar.talk()
    false_head(liar, -1, 400)


KEPT: dict[str, tuple[Callable[[Liar], None], set[str]]] = {
    "a leaf and its checkpoint, refused": (refused_leaf, {"checkpoints"}),
    "a head of a leaf to come, refused": (
        lambda liar: false_head(liar, 1, 400, **_WRONG), {"head"}),
    "a head of fewer leaves, refused": (false_head_behind, {"head"}),
    "a head of a leaf to come, taken": (lambda liar: false_head(liar, 1, 200), {"head"}),
    "a head of two leaves to come": (lambda liar: false_head(liar, 2, 200), {"head"}),
}


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("name", KEPT)
def test_it_is_held_against_what_comes_later(tmp_path: Path, name: str, restarts: bool) -> None:
    how, kinds = KEPT[name]
    agreement = agreement_of(mode="hold", after_s=60.0)
    with hosted(tmp_path, agreement) as house:
        liar = Liar(house)
        with liar.http:
            liar.befriend()
            how(liar)
            if not restarts:
                check_convicted(liar, kinds)
    if restarts:
        with woken(liar, tmp_path):
            check_convicted(liar, kinds)


def check_convicted(liar: Liar, kinds: set[str]) -> None:
    for _ in range(3):                     # others in that place, and a larger log
        liar.declare()
    answer = liar.post(liar.message())
    assert (answer.status_code, answer.json()["code"]) == (422, "equivocation"), answer.text
    (party, kind, document), = liar.house.node.proofs()
    assert party == BRAVO and kind in kinds
    assert verify_equivocation(document, liar.agreement).party == BRAVO


def test_a_restore_ends_what_nobody_had_taken(liar: Liar) -> None:
    """Its author lost what was refused, and says in public that it came back."""
    refused_leaf(liar)
    words = (make_disclosure("words", {"words": []}),)
    liar.append(liar.statement("restored", words, held=[], reason="an old disk"), words)
    liar.talk()
    liar.declare()
    liar.settle()
    assert liar.house.node.proofs() == []
    assert liar.house.node.log.store.refused() == []


def test_what_is_not_signed_is_not_kept(liar: Liar) -> None:
    liar.declare()
    said = liar.message(head=_WRONG)
    part = replace(said.message.parts[0], checkpoint=liar.note(root=bytes(32)),
                   leaves=(said.message.parts[0].leaves[0][:-4] + b"AAAA",))
    answer = liar.post(replace(said, message=replace(said.message, parts=(part,))))
    assert answer.status_code in (400, 422)
    assert [row.kind for row in liar.house.node.log.store.refused()] == ["head", "note"]
