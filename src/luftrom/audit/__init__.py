"""Audit: is every log whole, signed and receipted, as the bytes themselves prove it?

A narrow reader goes in (the rows of a database, or tiles over HTTP), a report comes out: the steps
that were taken for each log, and for the first failure of each what it was and at which leaf.
Nothing is believed because it is stored, and one failure does not hide the next. Whoever audits
needs the agreement and no private key. `equivocation` holds the proofs that a party lied.
"""

from __future__ import annotations

from luftrom.audit.course import first_leaf_needed
from luftrom.audit.equivocation import (
    Equivocated,
    make_equivocation,
    run_of_leaves,
    verify_equivocation,
)
from luftrom.audit.holding import Reader, audit_holding, subject_of
from luftrom.audit.log import LogAudit, Subject, Terms, audit_log
from luftrom.audit.report import LogReport, Report, Step

__all__ = ["Equivocated", "LogAudit", "LogReport", "Reader", "Report", "Step", "Subject", "Terms",
           "audit_holding", "audit_log", "first_leaf_needed", "make_equivocation",
           "run_of_leaves", "subject_of", "verify_equivocation"]
