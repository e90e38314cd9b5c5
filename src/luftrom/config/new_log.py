"""A party goes on with a new log: its keys are made and its key card is written anew."""

from __future__ import annotations

from contextlib import closing

from luftrom.agreement.envelope import encode_envelope
from luftrom.agreement.party import NewLog
from luftrom.clock import Clock
from luftrom.config.instance import Instance
from luftrom.config.keycard import KeyCard, load_key_card, make_key_card
from luftrom.config.keys import (
    LOG_ROLES,
    ROLES,
    load_key,
    load_new_log,
    log_key_path,
    make_keys,
    write_key,
    write_new_log,
)
from luftrom.config.settings import Settings
from luftrom.files import replace_file


def begin_new_log(settings: Settings, size: int, root: bytes, clock: Clock) -> KeyCard:
    """Make the keys of a log that takes over `size` leaves of the one before; returns the card.

    It counts once all parties have signed an agreement that has the card. The keys of the log
    before stay where they are. A crash leaves the log before, and the command is given again.
    """
    before = load_new_log(settings)
    log = NewLog((before.number if before else 1) + 1, size, root)
    keys = {role: load_key(settings, role) for role in ROLES if role not in LOG_ROLES}
    for role, key in make_keys(*LOG_ROLES).items():
        path = log_key_path(settings, role, log)
        path.unlink(missing_ok=True)       # of a command that did not come to its end
        write_key(path, key)
        keys[role] = key
    card = make_key_card(settings, keys, clock.now_ns(), log)
    replace_file(settings.key_card_path, encode_envelope(card))
    write_new_log(settings, log)           # from here on the directory has the new log
    with closing(Instance(settings)) as instance:
        instance.note(size)                # of that many statements, whatever the one before had
    return load_key_card(settings.key_card_path)
