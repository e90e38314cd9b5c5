"""`luftrom rebuild`: the airspace, computed anew from log, mirrors and disclosures."""

from __future__ import annotations

from pathlib import Path

import click

from luftrom.cli.options import dir_option, json_option


@click.command(short_help="Compute the airspace anew from the logs.")
@dir_option
@json_option
def rebuild(directory: Path, as_json: bool) -> None:
    """Throw the index of the airspace away and compute it again from the logs alone.

    \b
    Example:
      luftrom rebuild --dir alfa

    The node must not run. The logs are the database: nothing else is read, and the new index must
    be the old one, bit for bit. The exit code is 1 if it was not; it is put right all the same.
    """
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import plural, print_json, print_line, print_pairs
    from luftrom.config.agreements import load_agreement
    from luftrom.config.storing import check_has_run, open_store
    from luftrom.files import exclusive
    from luftrom.state.digest import digest_rows
    from luftrom.state.loading import load_airspace
    from luftrom.store.protocol import Writes

    settings = settings_of(directory)
    check_has_run(settings)
    with exclusive(settings.lock_path):
        store = open_store(settings)
        try:
            agreement = load_agreement(settings)
            before = list(store.airspace())
            airspace = load_airspace(store, settings.party, agreement, set())
            after = list(airspace.rows())
            store.clear_airspace()
            # A crash here leaves no index at all; a node computes it from the logs when it starts.
            store.commit(Writes(airspace=after))
        finally:
            store.close()
    digests = [digest_rows(airspace.applied, rows, ()) for rows in (before, after)]
    same = before == after
    if as_json:
        print_json({"party": settings.party, "rows_before": len(before), "rows_after": len(after),
                    "rows_digest_before": digests[0], "rows_digest_after": digests[1],
                    "same": same, "applied": airspace.applied, "digest": airspace.digest()})
    else:
        print_line(f"{settings.party}: " + ("the new index is the old one, bit for bit." if same
                                            else "the old index was not what the logs say."),
                   "ok" if same else "bad")
        print_pairs([("read", ", ".join(f"{plural(size, 'statement')} of {party}"
                                        for party, size in sorted(airspace.applied.items()))),
                     ("before", f"{plural(len(before), 'row')}, SHA-256 {digests[0][:40]}…"),
                     ("after", f"{plural(len(after), 'row')}, SHA-256 {digests[1][:40]}…"),
                     ("airspace", f"digest {airspace.digest()[:40]}…")])
    click.get_current_context().exit(0 if same else 1)
