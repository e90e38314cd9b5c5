"""The first statements after there was doubt: on whose word the log goes on, and what is lost."""

from __future__ import annotations

from collections.abc import Sequence

from luftrom.node.desk import Desk
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.kinds.lost import KIND as LOST
from luftrom.statements.kinds.lost import LEAVES_MAX, Lost
from luftrom.statements.kinds.restored import KIND as RESTORED
from luftrom.statements.kinds.restored import Restored
from luftrom.statements.kinds.withdrawal import KIND as WITHDRAWAL
from luftrom.statements.kinds.withdrawal import Withdrawal

_REASON = "its content was lost with the disk, and no peer had it"


def reopen(desk: Desk, restored: Restored, words: tuple[str, ...],
           lost: Sequence[int] = ()) -> None:
    """Record the words, and name the own leaves whose content nobody has.

    What of them waits or stands is withdrawn: nothing can be ruled on, shown or flown by that
    content any more.
    """
    desk.append(RESTORED.name, restored, words)
    for start in range(0, len(lost), LEAVES_MAX):
        desk.append(LOST.name, Lost(tuple(lost[start:start + LEAVES_MAX])))
    for index in lost:
        record = desk.entities.records.get((desk.party, index))
        if record is not None and record.kind == DECLARATION.name and record.void and (
                record.end_index is None):
            desk.append(WITHDRAWAL.name, Withdrawal(index, _REASON))
