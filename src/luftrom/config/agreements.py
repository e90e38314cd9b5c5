"""The agreement in a party's directory: drafted, signed, installed, loaded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from luftrom.agreement.envelope import (
    AGREEMENT_TYPE,
    Envelope,
    encode_envelope,
    parse_envelope,
    sign_envelope,
    verify_envelope,
)
from luftrom.agreement.party import Party
from luftrom.agreement.terms import FORMAT as AGREEMENT_FORMAT
from luftrom.agreement.terms import Agreement, encode_agreement, parse_agreement
from luftrom.config.keycard import KeyCard, encode_payload
from luftrom.config.keys import load_key, load_public_party
from luftrom.config.settings import Settings
from luftrom.errors import BadInput, Conflict, Forbidden
from luftrom.files import naming, read_file, replace_file, writing
from luftrom.reading import parse_json

# -- agreements ----------------------------------------------------------------------------------

def new_agreement(cards: Sequence[KeyCard], terms: Mapping[str, Any]) -> Envelope:
    """An unsigned agreement between the owners of the cards. Raises BadInput.

    `terms` is the agreement's document without `format` and `parties`; `version` is 1 if absent.
    The order of the cards is the order of the turns.
    """
    if not isinstance(terms, Mapping):
        raise BadInput("must be a JSON object", field="terms")
    for name in ("format", "parties"):
        if name in terms:
            raise BadInput("is not for the terms to say", field=f"terms.{name}")
    document = {"format": AGREEMENT_FORMAT, "version": 1, **terms,
                "parties": [card.party.document() for card in cards]}
    agreement = parse_agreement(document, digest="")
    return Envelope(AGREEMENT_TYPE, encode_payload(encode_agreement(agreement)))


def read_agreement(envelope: Envelope) -> Agreement:
    """The agreement inside an envelope, whoever has signed it. Raises BadInput."""
    document = parse_json(envelope.payload, field="payload")
    return parse_agreement(document, hashlib.sha256(envelope.payload).hexdigest())


def verify_agreement(envelope: Envelope) -> Agreement:
    """The agreement, signed by each of its parties and by nobody else; else Unverified."""
    agreement = read_agreement(envelope)
    verify_envelope(envelope, {p.name: p.keys.statements for p in agreement.parties})
    return agreement


def sign_agreement(envelope: Envelope, settings: Settings) -> Envelope:
    """Add our signature. Raises Forbidden if the agreement does not name us as our keys are."""
    check_names_us(read_agreement(envelope), settings)
    return sign_envelope(envelope, settings.party, load_key(settings, "statements"))


def check_names_us(agreement: Agreement, settings: Settings) -> None:
    """Forbidden unless the agreement lists our name, base URL and keys as they are here."""
    theirs = check_keys_are_ours(agreement, settings)
    ours = load_public_party(settings)
    if theirs.base_url != ours.base_url:
        raise Forbidden(f"the agreement says that {settings.party} is at {theirs.base_url}, "
                        f"config.toml says {ours.base_url}")


def check_keys_are_ours(agreement: Agreement, settings: Settings) -> Party:
    """We as the agreement has us; Forbidden unless our name, keys and log are those here.

    A node that signs with others would be refused by everybody.
    """
    theirs = agreement.party(settings.party)
    if theirs is None:
        names = ", ".join(party.name for party in agreement.parties)
        raise Forbidden(f"{settings.party} is not a party of “{agreement.name}”; it is between "
                        f"{names}")
    ours = load_public_party(settings)
    if theirs.new_log != ours.new_log:
        raise Forbidden(f"the agreement has {settings.party} go on with {theirs.log_origin}, "
                        f"{settings.directory} with {ours.log_origin}: draft it anew with "
                        f"{settings.key_card_path}")
    if theirs.keys != ours.keys:
        raise Forbidden(f"the agreement gives other keys for {settings.party} than are in "
                        f"{settings.directory}; draft it anew with {settings.key_card_path}")
    return theirs


def install_agreement(envelope: Envelope, settings: Settings) -> Agreement:
    """Put a fully signed agreement in force; a node takes it up when it starts.

    Raises Unverified, Forbidden, or Conflict if this or a later version is installed already with
    other content. The earlier version is kept beside it as agreement-<version>.json.
    """
    agreement = verify_agreement(envelope)
    check_names_us(agreement, settings)
    installed = load_agreement(settings)
    path = settings.agreement_path
    if installed is not None and installed.digest != agreement.digest:
        if installed.version >= agreement.version:
            raise Conflict(f"version {installed.version} of “{installed.name}” is in force; an "
                           f"agreement that replaces it needs a higher version than that, this "
                           f"one has {agreement.version}")
        earlier = path.with_name(f"agreement-{installed.version}.json")
        with writing(earlier), suppress(FileExistsError):   # an install before did not come further
            os.link(path, earlier)
    replace_file(path, encode_envelope(envelope))
    return agreement


def load_agreement(settings: Settings) -> Agreement | None:
    """The agreement in force, verified again, or None if there is none."""
    if not settings.agreement_path.exists():
        return None
    agreement = verify_agreement(load_agreement_file(settings.agreement_path))
    earlier = load_earlier_agreements(settings, agreement)
    return replace(agreement, earlier=tuple(before.digest for before in earlier))


def load_earlier_agreements(settings: Settings, agreement: Agreement) -> list[Agreement]:
    """The versions that were in force before that one, oldest first, verified again.

    An install that met a full disk may have left the one in force among the files of those.
    """
    kept = [verify_agreement(load_agreement_file(path))
            for path in settings.directory.glob("agreement-*.json")]
    return sorted((before for before in kept if before.version < agreement.version),
                  key=lambda before: before.version)


def load_agreement_file(path: Path) -> Envelope:
    """An agreement's envelope from a file, with whatever signatures it has."""
    with naming(path):
        return parse_envelope(read_file(path), AGREEMENT_TYPE)
