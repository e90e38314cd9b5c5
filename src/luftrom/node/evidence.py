"""Evidence of what a peer signed outside the agreement's terms: kept, and the channel goes on."""

from __future__ import annotations

from luftrom.airspace.sentences import breach_sentence
from luftrom.audit.equivocation import kind_of, make_equivocation
from luftrom.errors import BadStatement, VoidStatement
from luftrom.state.record import Record

# Names of rows among the proofs that break no channel: all else that is kept does.
VOID = kind_of(VoidStatement)
BAD_STATEMENT = kind_of(BadStatement)      # a single one


def breaks_channel(kind: str) -> bool:
    """Is nothing more taken from a peer of whom a proof of that kind is kept?"""
    return kind not in (BAD_STATEMENT, VOID)


def void_proof(record: Record, leaf: bytes, disclosures: tuple[bytes, ...]
               ) -> tuple[str, str, bytes] | None:
    """The row (party, kind, document) to keep of a statement that was just applied, or None.

    None where it was within the terms when it was signed: what merely waited too long is no fault.
    """
    if record.breach is None or record.was_ever_lawful:
        return None
    document = make_equivocation(VoidStatement(record.party, leaf, disclosures), "outside_terms",
                                 breach_sentence(record.breach))
    return record.party, VOID, document
