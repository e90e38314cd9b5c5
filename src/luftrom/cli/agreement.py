"""`luftrom agreement`: draft, sign, show and install what the parties agree on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luftrom.cli.options import dir_option, existing_file, json_option

if TYPE_CHECKING:
    from luftrom.agreement.envelope import Envelope
    from luftrom.agreement.terms import Agreement, PriorityLevel


@click.group(short_help="Draft, sign, show and install the agreement between parties.")
def agreement() -> None:
    """Draft, sign, show and install the agreement between parties.

    \b
    Example, from draft to force:
      luftrom agreement new --terms terms.json --out agreement.json \\
          alfa/keycard.json bravo-keycard.json
      luftrom agreement sign --dir alfa agreement.json
      luftrom agreement show agreement.json
      luftrom agreement install --dir alfa agreement.json

    docs/tutorial-two-laptops.md walks through it.
    """


@agreement.command("new", short_help="Draft an agreement between the owners of key cards.")
@click.argument("cards", nargs=-1, required=True, type=existing_file)
@click.option("--terms", required=True, type=existing_file,
              help="JSON; docs/reference/agreement.md has every member.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The file to write; it must not exist.")
@json_option
def new(cards: tuple[Path, ...], terms: Path, out: Path, as_json: bool) -> None:
    """Draft an agreement between the owners of two or more key cards. Nobody has signed it yet.

    \b
    Example:
      luftrom agreement new --terms terms.json --out agreement.json \\
          alfa/keycard.json bravo-keycard.json

    The order of the cards is the order in which the parties have their turns.
    """
    from luftrom.agreement.envelope import encode_envelope
    from luftrom.cli.terminal import print_line
    from luftrom.config.agreements import new_agreement, read_agreement
    from luftrom.config.keycard import load_key_card
    from luftrom.files import naming, read_file, write_new
    from luftrom.reading import parse_json

    loaded = [load_key_card(path) for path in cards]
    with naming(terms):
        envelope = new_agreement(loaded, parse_json(read_file(terms)))
    write_new(out, encode_envelope(envelope), mode=0o644)
    _report(read_agreement(envelope), envelope, as_json)
    if not as_json:
        print_line(f"Next: each party signs {out}: `luftrom agreement sign --dir DIR {out}`.",
                   "dim")


@agreement.command("sign", short_help="Sign an agreement in the name of a party.")
@click.argument("file", type=existing_file)
@dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def sign(file: Path, directory: Path, yes: bool, as_json: bool) -> None:
    """Add the party's signature to the file, after showing what it says.

    \b
    Example:
      luftrom agreement sign --dir alfa agreement.json

    Refused if the agreement gives other keys or another address for the party than it has.
    """
    from luftrom.agreement.envelope import encode_envelope
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import print_line
    from luftrom.config.agreements import (
        check_names_us,
        load_agreement_file,
        read_agreement,
        sign_agreement,
    )
    from luftrom.files import replace_file

    settings = settings_of(directory)
    envelope = load_agreement_file(file)
    agreed = read_agreement(envelope)
    check_names_us(agreed, settings)
    if not yes:
        _report(agreed, envelope, as_json=False)
        _confirm(f"Sign this in the name of {settings.party}?")
    signed = sign_agreement(envelope, settings)
    replace_file(file, encode_envelope(signed))
    missing = [p.name for p in agreed.parties if p.name not in signed.signatories()]
    if as_json:
        _report(agreed, signed, as_json=True)
        return
    print_line(f"{settings.party} has signed {file}.", "ok")
    print_line(f"Next: send it to {', '.join(missing)} to sign." if missing else
               "Next: all have signed; `luftrom agreement install` puts it in force.", "dim")


@agreement.command("show", short_help="Show an agreement and whose signatures verify.")
@click.argument("file", type=existing_file, required=False)
@dir_option
@json_option
def show(file: Path | None, directory: Path, as_json: bool) -> None:
    """Show an agreement in words, by default the one in force, and whose signatures verify.

    \b
    Examples:
      luftrom agreement show agreement.json
      luftrom agreement show --dir alfa

    The exit code is 1 while it is not signed by all its parties.
    """
    from luftrom.cli.options import settings_of
    from luftrom.config.agreements import load_agreement_file, read_agreement

    envelope = load_agreement_file(file or settings_of(directory).agreement_path)
    agreed = read_agreement(envelope)
    verdicts = _report(agreed, envelope, as_json)
    click.get_current_context().exit(0 if set(verdicts.values()) == {"signed"} else 1)


@agreement.command("install", short_help="Put an agreement that all have signed in force.")
@click.argument("file", type=existing_file)
@dir_option
@json_option
def install(file: Path, directory: Path, as_json: bool) -> None:
    """Put an agreement that all parties have signed into the party's directory.

    \b
    Example:
      luftrom agreement install --dir alfa agreement.json

    A running node takes it up when it is started again. Only a higher version replaces one.
    """
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import print_line
    from luftrom.config.agreements import install_agreement, load_agreement_file

    settings = settings_of(directory)
    envelope = load_agreement_file(file)
    agreed = install_agreement(envelope, settings)
    if as_json:
        _report(agreed, envelope, as_json=True)
        return
    print_line(f"“{agreed.name}”, version {agreed.version}, is in force at {settings.party}; "
               f"SHA-256 {agreed.digest[:16]}….", "ok")
    print_line(f"Next: `luftrom doctor --dir {directory}`, then `luftrom serve --dir "
               f"{directory}`.", "dim")


def _confirm(question: str) -> None:
    from luftrom.errors import Forbidden

    try:
        if click.confirm(question, err=True):
            return
    except click.Abort:
        click.echo(err=True)               # the end of the input is an answer too: no
    raise Forbidden("not signed; --yes signs without a question")


def _report(agreed: Agreement, envelope: Envelope, as_json: bool) -> dict[str, str]:
    """Print the agreement; returns each party's signature as signed, missing or bad."""
    from luftrom.cli.terminal import print_json

    verdicts = {party.name: _verdict(envelope, party.name, party.keys.statements)
                for party in agreed.parties}
    verdicts |= {name: "not a party" for name in envelope.signatories() if name not in verdicts}
    if as_json:
        print_json(_document(agreed, verdicts))
    else:
        _print(agreed, verdicts)
    return verdicts


def _verdict(envelope: Envelope, name: str, key: bytes) -> str:
    from luftrom.agreement.envelope import Envelope, verify_envelope
    from luftrom.errors import Unverified

    own = tuple(s for s in envelope.signatures if s.signatory == name)
    if not own:
        return "missing"
    try:
        verify_envelope(Envelope(envelope.typ, envelope.payload, own), {name: key})
    except Unverified:
        return "does not verify"
    return "signed"


def _document(agreed: Agreement, verdicts: dict[str, str]) -> dict[str, Any]:
    from luftrom.agreement.terms import encode_agreement

    return {"name": agreed.name, "version": agreed.version, "digest": agreed.digest,
            "signatures": verdicts, "agreement": encode_agreement(agreed)}


def _level(item: tuple[int, PriorityLevel]) -> str:
    priority, level = item
    return f"{priority}" if level.parties is None else (
        f"{priority} ({', '.join(sorted(level.parties)) or 'nobody'})")


def _whole(number: float) -> str:
    """A number as people write it, without an exponent."""
    return f"{number:,.10g}"


def _print(agreed: Agreement, verdicts: dict[str, str]) -> None:
    from luftrom.cli.terminal import plural, print_line, print_pairs, print_table

    print_line(f"“{agreed.name}”, version {agreed.version}", "title")
    space, silence = agreed.separation, agreed.silence
    levels = sorted(agreed.priority_levels.items())
    permitted = [str(p) for p, level in levels if level.conflicts_permitted]
    bounds = agreed.bounds
    print_line(f"SHA-256 {agreed.digest}", "dim")
    print_pairs([
        ("area", f"polygon of {plural(len(agreed.area.vertices), 'vertex', 'vertices')}"
         if agreed.area else "everywhere"),
        ("altitudes", f"{agreed.altitude_m_w84_lower:,.0f} to "
         f"{agreed.altitude_m_w84_upper:,.0f} m W84"),
        ("separation", f"{space.lateral_m:g} m lateral, {space.vertical_m:g} m vertical, "
         f"{space.time_s:g} s"),
        ("priorities", ", ".join(map(_level, levels)) or "none may be declared"),
        ("conflicts", f"permitted at priority {', '.join(permitted)}" if permitted
         else "not permitted at any priority"),
        ("no priority told", "conflicts permitted if the key names them"
         if agreed.undeclared_priority_permits else "conflicts not permitted"),
        ("a silent peer", f"after {silence.after_s:g} s nothing is accepted (hold)"
         if silence.mode == "hold" else
         f"after {silence.after_s:g} s accepted, marked unacknowledged (proceed)"),
        ("a slow peer", f"opens within {silence.opening_s:g} s, rules within "
         f"{silence.ruling_s:g} s"),
        ("content", "sealed: opened when all have receipted it" if agreed.sealed else
         "open: shown with the statement"),
        ("one declaration", f"at most {_whole(bounds.extent_m)} m across, "
         f"{_whole(bounds.duration_s)} s long, {_whole(bounds.horizon_s)} s ahead (a notice "
         f"{_whole(bounds.notice_horizon_s)} s); waits at most {_whole(bounds.pending_s)} s for "
         "its ruling"),
        ("one party", f"holds at most {_whole(bounds.held_km3_h)} km³ h and "
         f"{bounds.notices:,} notices; one activity changes at most {bounds.changes:,} times "
         f"within {_whole(bounds.period_s)} s"),
        *((f"log of {party.name}", f"goes on as {party.log_origin} over "
           f"{plural(party.new_log.size, 'statement', 'statements')} of the one before, root "
           f"{party.new_log.root.hex()}")
          for party in agreed.parties if party.new_log is not None)])
    styles = {"signed": "ok", "missing": "warning"}
    urls = {party.name: party.base_url for party in agreed.parties}
    print_table(("Party", "Node", "Signature"), [
        (name, urls.get(name, ""), (styles.get(verdict, "bad"), verdict))
        for name, verdict in verdicts.items()])
