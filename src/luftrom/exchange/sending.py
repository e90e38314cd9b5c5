"""What a peer is sent: all that waits for it, within the limits of one message."""

from __future__ import annotations

from collections.abc import Callable

from luftrom import limits
from luftrom.exchange.message import Message
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog


def build_message(own: OwnLog, mirror: Mirror, have: int, mirrored: int,
                  is_shown: Callable[[int], bool], time_s: int) -> Message:
    """What to tell a peer that has applied `have` and mirrored `mirrored` of the own leaves.

    `is_shown` says of which leaves this peer is shown the content; that of others is withheld.
    Where not everything fits into one message an intermediate checkpoint is signed; the rest
    follows.
    """
    have, mirrored = min(have, own.size), min(mirrored, own.size)
    end = min(own.size, have + limits.EXCHANGE_LEAVES_MAX)
    leaves = own.store.leaves(own.party, have, end)
    opened = own.store.disclosures(own.party, have, end)
    disclosures = [tuple(opened.get(i, ())) if is_shown(i) else None for i in range(have, end)]
    count = _fitting(leaves, disclosures)
    end = have + count
    whole = end == own.size
    return Message(
        sender=own.party, recipient=mirror.party, first=have, old=mirrored, have=mirror.applied,
        whole=whole, checkpoint=own.note if whole else own.sign(end, time_s),
        proof=tuple(own.tree.consistency_proof(mirrored, end)) if 0 < mirrored < end else (),
        receipt_size=mirror.given_size if whole else 0,
        receipt=mirror.given_lines if whole else b"",
        leaves=tuple(leaves[:count]), disclosures=tuple(disclosures[:count]))


def _fitting(leaves: list[bytes], disclosures: list[tuple[bytes, ...] | None]) -> int:
    """How many leaves fit into one message; at least one, however large."""
    total = 0
    for count, (leaf, opened) in enumerate(zip(leaves, disclosures, strict=True)):
        total += len(leaf) + sum(map(len, opened or ()))
        if count and total > limits.EXCHANGE_BODY_BYTES_MAX // 4:
            return count
    return len(leaves)
