"""`luftrom restore`: the own log, fetched back from the peers' mirrors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luftrom.cli.options import dir_option, json_option

if TYPE_CHECKING:
    from luftrom.config.settings import Settings
    from luftrom.exchange.word import Word
    from luftrom.node.restoring import Found, Searcher
    from luftrom.store.protocol import Store


@click.command(short_help="Fetch the own log back from the peers' mirrors.")
@dir_option
@click.option("--from-peers", is_flag=True, required=True,
              help="From the mirrors of the peers, and from what is left of the own database.")
@click.option("--reason", default="", metavar="TEXT",
              help="Go on although a peer does not answer, and record why.")
@json_option
def restore(directory: Path, from_peers: bool, reason: str, as_json: bool) -> None:
    """Fetch the own log, and what was disclosed of it, from whoever still has it.

    \b
    Example:
      luftrom restore --from-peers --dir alfa

    The node must not run; keys, key card, agreement and config.toml must be there. Every leaf,
    checkpoint and disclosure is verified against the own keys. The old database is kept beside the
    new one. Nothing is declared: when the node starts, its first statement says on whose word the
    log goes on, and names the statements whose content nobody had.
    """
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import print_json
    from luftrom.files import exclusive

    settings = settings_of(directory)
    with exclusive(settings.lock_path):
        document = asyncio.run(_restore(settings, reason))
    if as_json:
        print_json(document)
    else:
        _print(document)


async def _restore(settings: Settings, reason: str) -> dict[str, Any]:
    from luftrom.cli.searching import searching
    from luftrom.config.instance import Instance
    from luftrom.errors import Unavailable

    async with searching(settings) as searcher:
        local = _open_local(settings)
        try:
            words, silent = await searcher.words()
            if silent and not reason:
                said = "; ".join(f"{name}: {why}" for name, why in silent.items())
                raise Unavailable(
                    f"not every peer says what it holds of our log ({said}). Ask again when it "
                    "does, or go on without it: --reason TEXT, which is recorded")
            found = await searcher.find(words, local)
            await searcher.open(found, words, local)
            if not reason:
                _check_all_found(found, Instance(settings).marked() or 0)
            kept = _put(settings, searcher, found, words, local, reason)
        finally:
            if local is not None:
                local.close()
    return _document(settings, found, words, silent, kept)


def _check_all_found(found: Found, marked: int) -> None:
    """Refuse to go on with less than there may be, unless an operator says why.

    `marked` is how many statements the log had, as far as the directory still says so.
    """
    from luftrom.errors import Unavailable

    go_on = "Ask again, or go on without: --reason TEXT, which is recorded"
    if len(found.leaves) < marked:
        raise Unavailable(f"our log had {marked} statements (luftrom.mark), and who answers shows "
                          f"{len(found.leaves)}. {go_on}; then the rest is lost")
    if found.lost and found.unheard:
        said = "; ".join(f"{name}: {why}" for name, why in found.unheard.items())
        raise Unavailable(f"the content of statements {', '.join(map(str, found.lost))} is not "
                          f"given back ({said}). {go_on}; then they are void for good")


def _open_local(settings: Settings) -> Store | None:
    """What is left of the own database, if it can be opened."""
    from luftrom.config.storing import open_store
    from luftrom.errors import LuftromError

    with suppress(LuftromError):
        return open_store(settings, read_only=True)
    return None


def _put(settings: Settings, searcher: Searcher, found: Found, words: Mapping[str, Word],
         local: Store | None, reason: str) -> list[Path]:
    """Write the new database beside the old one, then put it in its place."""
    from luftrom.config.instance import give_reason
    from luftrom.config.storing import new_store, replace_store
    from luftrom.errors import LuftromError
    from luftrom.node.restoring import write_found

    made = settings.directory / ".luftrom.sqlite3.restored"
    _clear(made)                           # of a restore that was killed
    try:
        with closing(new_store(made)) as store:
            write_found(found, words, searcher, local, store)
    except LuftromError:
        _clear(made)
        raise
    if local is not None:
        local.close()
    now_ns = searcher.clock.now_ns()
    if reason:
        give_reason(settings.directory, reason, now_ns)
    return replace_store(settings, made, str(now_ns // 10**9))


def _clear(database: Path) -> None:
    """Remove a database that nobody has open, if there is one."""
    for end in ("", "-wal", "-shm"):
        database.with_name(database.name + end).unlink(missing_ok=True)


def _document(settings: Settings, found: Found, words: Mapping[str, Word],
              silent: Mapping[str, str], kept: list[Path]) -> dict[str, Any]:
    return {"party": settings.party, "size": len(found.leaves), "source": found.source or None,
            "words": {name: {"size": word.size, "root": word.root.hex(), "held": word.held}
                      for name, word in words.items()},
            "silent": dict(silent) | found.unheard, "given_back": found.given_back,
            "lost": list(found.lost),
            "mirrors_kept": list(found.kept_mirrors), "old": [str(path) for path in kept],
            "next": f"luftrom serve --dir {settings.directory}"}


def _print(document: Mapping[str, Any]) -> None:
    from luftrom.cli.terminal import plural, print_line, print_pairs

    source = document["source"] or "nobody: the log had not begun"
    print_line(f"{document['party']}: {plural(document['size'], 'statement')} of the own log, "
               f"from {source}.", "title")
    print_pairs([
        ("words", ", ".join(f"{name} holds {word['held']} of {word['size']}"
                            for name, word in document["words"].items()) or "none"),
        *((("silent", ("warning", f"{name}: {why}")) for name, why in document["silent"].items())),
        ("given back", ", ".join(f"{plural(count, 'disclosure')} by {name}"
                                 for name, count in document["given_back"].items()) or "nothing"),
        ("lost", ("warning", f"the content of statements {', '.join(map(str, document['lost']))}: "
                             "nobody has it") if document["lost"] else "nothing"),
        ("mirrors", ", ".join(document["mirrors_kept"]) or "none kept: peers' logs come again by "
         "the exchange"),
        ("old database", ", ".join(document["old"]) or "there was none"),
        ("next", document["next"])])
