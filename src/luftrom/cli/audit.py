"""`luftrom audit`: is every log whole, signed and receipted, as the bytes themselves prove it?"""

from __future__ import annotations

import hashlib
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luftrom.cli.options import existing_file, json_option

if TYPE_CHECKING:
    from luftrom.agreement.party import Party
    from luftrom.agreement.terms import Agreement
    from luftrom.audit.log import Subject
    from luftrom.audit.report import LogReport, Report, Step
    from luftrom.cli.remote_log import RemoteLog
    from luftrom.config.settings import Settings
    from luftrom.store.protocol import Store
    from luftrom.transparency.note import NoteVerifier

_MIRROR = re.compile(r"/mirror/([0-9a-f]{64})$", re.ASCII)
_KINDS = {"log": "its own log", "mirror": "its mirror of the log", "remote": "the log"}
_COLUMNS = ("verdict", "step", "said")
_STYLES = {"ok": "ok", "failed": "bad", "skipped": "warning"}


@click.command(short_help="Verify logs, from a directory or over HTTP.")
@click.argument("what", metavar="DIR|URL|PROOF")
@click.option("--agreement", "agreement_file", type=existing_file,
              help="For a URL or a proof: the signed agreement that says whose keys to expect.")
@click.option("--key", "vkeys", multiple=True, metavar="VKEY",
              help="For a URL: a key (C2SP vkey) that must have signed the checkpoint; may be "
              "given several times.")
@click.option("--proofs", "proofs_dir", metavar="DIR",
              type=click.Path(file_okay=False, path_type=Path),
              help="For a directory: write the kept proofs that a peer lied, a file each, there.")
@json_option
def audit(what: str, agreement_file: Path | None, vkeys: tuple[str, ...],
          proofs_dir: Path | None, as_json: bool) -> None:
    """Verify logs: every statement, the tree, the checkpoints and the receipts.

    \b
    Examples:
      luftrom audit alfa
      luftrom audit https://bravo.example --agreement agreement.json
      luftrom audit https://bravo.example --key "$VKEY" --key "$VKEY2"
      luftrom audit proof.json --agreement agreement.json

    For a directory: its own log and its mirror of each peer's, read-only, beside a running node or
    without one. For a URL: the log of the node there, or the mirror at <URL>/mirror/<prefix>; with
    --key alone the signatures of the statements are not checked. For a proof: that a party signed
    what cannot be true. The exit code is 1 if anything does not verify.
    """
    if re.match(r"https?://", what):
        verified = _audit_url(what, agreement_file, vkeys, as_json)
    elif Path(what).is_dir():
        verified = _audit_directory(Path(what), proofs_dir, as_json)
    elif Path(what).is_file():
        verified = _audit_proof(Path(what), agreement_file, as_json)
    else:
        raise click.UsageError(f"{what} is neither a directory nor a file nor a URL")
    click.get_current_context().exit(0 if verified else 1)


# -- a directory ---------------------------------------------------------------------------------

def _audit_directory(directory: Path, proofs_dir: Path | None, as_json: bool) -> bool:
    from luftrom.audit.holding import audit_holding
    from luftrom.config.agreements import load_agreement, load_earlier_agreements
    from luftrom.config.settings import load_settings
    from luftrom.config.storing import check_has_run

    settings = load_settings(directory)
    check_has_run(settings)
    agreement = load_agreement(settings)
    own = _own_party(settings, agreement)
    earlier = load_earlier_agreements(settings, agreement) if agreement else []
    with closing(_open_store(settings)) as store:
        report = audit_holding(store, own, agreement, earlier)
        if proofs_dir is not None:
            _write_proofs(store, proofs_dir)
    _show(report, as_json)
    return report.verified


def _own_party(settings: Settings, agreement: Agreement | None) -> Party:
    """Our public keys, as all parties signed them; without an agreement, as our card has them."""
    from luftrom.config.keycard import load_key_card
    from luftrom.errors import Forbidden

    if agreement is None:
        return load_key_card(settings.key_card_path).party
    own = agreement.party(settings.party)
    if own is None:
        raise Forbidden(f"{settings.party} is not a party of “{agreement.name}”")
    return own


def _open_store(settings: Settings) -> Store:
    from luftrom.config.storing import open_store
    from luftrom.errors import LuftromError, Unverified

    try:
        return open_store(settings, read_only=True)
    except LuftromError as error:
        raise Unverified(f"nothing was verified: {error}") from None


def _write_proofs(store: Store, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for number, (_, _, document) in enumerate(store.proofs(), 1):
        (place / f"proof-{number}.json").write_bytes(document)


# -- a URL ---------------------------------------------------------------------------------------

def _audit_url(url: str, agreement_file: Path | None, vkeys: tuple[str, ...],
               as_json: bool) -> bool:
    from luftrom.audit.log import Terms, audit_log
    from luftrom.audit.report import Report
    from luftrom.cli.remote_log import RemoteLog
    from luftrom.config.agreements import load_agreement_file, verify_agreement
    from luftrom.transparency.note import parse_vkey

    if agreement_file is None and not vkeys:
        raise click.UsageError("say whose keys to expect: --agreement FILE, or --key VKEY")
    agreement = verify_agreement(load_agreement_file(agreement_file)) if agreement_file else None
    keys = [parse_vkey(vkey) for vkey in vkeys]
    prefix = url.rstrip("/")
    if not prefix.endswith("/log") and not _MIRROR.search(prefix):
        prefix += "/log"
    with closing(RemoteLog(prefix)) as remote:
        subject = _subject(remote, prefix, agreement, keys)
        log = audit_log(remote, subject, Terms(agreement), remote.tile)
    report = Report(subject.party, (log,))
    _show(report, as_json)
    return report.verified


def _subject(remote: RemoteLog, prefix: str, agreement: Agreement | None,
             keys: list[NoteVerifier]) -> Subject:
    """Whose log it must be, from what was given and not from what the server says.

    The checkpoint's origin only chooses among the parties of the agreement.
    """
    from luftrom.audit.holding import subject_of
    from luftrom.audit.log import Subject
    from luftrom.errors import Unverified

    if agreement is None:
        return Subject(keys[0].name.partition("/log")[0], keys[0].name, tuple(keys), None)
    mirrored = _MIRROR.search(prefix)
    for party in agreement.parties:
        wanted = hashlib.sha256(party.log_origin.encode()).hexdigest()
        if party.log_origin == remote.head.origin and (not mirrored or mirrored[1] == wanted):
            subject = subject_of(party)
            return Subject(party.name, subject.origin, (*subject.log_keys, *keys),
                           subject.statements, party.new_log)
    raise Unverified(f"the log at {prefix} is of {remote.head.origin[:200]!r}, which is not what "
                     "the agreement has there", code="wrong_origin")


# -- a proof -------------------------------------------------------------------------------------

def _audit_proof(path: Path, agreement_file: Path | None, as_json: bool) -> bool:
    from luftrom.audit.equivocation import verify_equivocation
    from luftrom.cli.terminal import print_json, print_line
    from luftrom.config.agreements import load_agreement_file, verify_agreement
    from luftrom.files import read_file

    if agreement_file is None:
        raise click.UsageError("say whose keys to expect: --agreement FILE")
    agreement = verify_agreement(load_agreement_file(agreement_file))
    found = verify_equivocation(read_file(path), agreement)
    if as_json:
        print_json({"party": found.party, "kind": found.kind, "sentence": found.sentence,
                    "verified": True, "verdict": "verified"})
    else:
        print_line(f"Proven: {found.sentence}.", "ok")
    return True


# -- showing -------------------------------------------------------------------------------------

def _show(report: Report, as_json: bool) -> None:
    from luftrom.cli.terminal import plural, print_json, print_line, print_table

    if as_json:
        print_json(_document(report))
        return
    for log in report.logs:
        whose = _KINDS[log.kind] + ("" if log.kind == "log" else f" of {log.party}")
        print_line(f"{report.party}, {whose}: {plural(log.size, 'statement')}, root "
                   f"{log.root.hex()[:16]}…", "title")
        print_table(_COLUMNS, _rows(log.steps), header=False, whole=_COLUMNS[:2])
    if report.steps:
        print_table(_COLUMNS, _rows(report.steps), header=False, whole=_COLUMNS[:2])
    for sentence in report.proofs:
        print_line(f"Proven: {sentence}.", "warning")
    print_line(f"{report.party}: {report.verdict}", "ok" if report.verified else "bad")


def _rows(steps: tuple[Step, ...]) -> list[tuple[object, ...]]:
    return [((_STYLES[step.verdict], step.verdict), f"{number} {step.name}",
             step.said + (f" (and {step.failures - 1:,} more)" if step.failures > 1 else ""))
            for number, step in enumerate(steps, 1)]


def _document(report: Report) -> dict[str, Any]:
    """What programs read; the keys at the top are those of the holder's own log."""
    first = report.logs[0]
    return {"party": report.party, "statements": first.size, "receipts_held": first.receipts,
            "size": first.size, "root": first.root.hex(), "verified": report.verified,
            "verdict": report.verdict, "log": _log_document(first),
            "mirrors": [_log_document(log) for log in report.logs[1:]],
            "steps": [_step_document(step) for step in report.steps],
            "proofs": list(report.proofs)}


def _log_document(log: LogReport) -> dict[str, Any]:
    return {"party": log.party, "kind": log.kind, "size": log.size, "root": log.root.hex(),
            "verified": log.verified, "steps": [_step_document(step) for step in log.steps]}


def _step_document(step: Step) -> dict[str, Any]:
    return {"name": step.name, "verdict": step.verdict, "said": step.said, "leaf": step.index,
            "failures": step.failures}
