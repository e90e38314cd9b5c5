"""`luftrom channel`: how each channel stands, why one is broken, and a word to go on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luftrom.cli.options import dir_option, json_option

if TYPE_CHECKING:
    from luftrom.config.settings import Settings
    from luftrom.exchange.word import Word
    from luftrom.state.forks import Told


@click.group(invoke_without_command=True, short_help="Show channels; go on after a loss or fork.")
@dir_option
@json_option
@click.pass_context
def channel(context: click.Context, directory: Path, as_json: bool) -> None:
    """Show for each peer what is held of its log and, where the channel is broken, why.

    \b
    Examples:
      luftrom channel --dir alfa
      luftrom channel go-on --dir alfa --reason "the disk was moved"
      luftrom channel new-log --dir alfa --of bravo.example

    It reads the directory, beside a running node or without one. Kept proofs are shown in words;
    `luftrom audit DIR --proofs OUT` writes them as files that verify anywhere. The exit code is 1
    while a channel is broken or rows are missing. What only peers can tell, as that the log is an
    old copy or went on elsewhere, `luftrom status` and `luftrom doctor` say of a running node.
    """
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import print_json

    if context.invoked_subcommand is not None:
        return
    settings = settings_of(directory)
    document = _read(settings)
    if as_json:
        print_json(document)
    else:
        _print(document)
    broken = any(each["broken"] for each in document["channels"])
    context.exit(1 if broken or document["faults"] else 0)


@channel.command("go-on", short_help="Go on from this directory, and record why.")
@click.option("--reason", required=True, metavar="TEXT",
              help="Why this is the newest and the only copy: it becomes part of the record.")
@dir_option
@json_option
def go_on(reason: str, directory: Path, as_json: bool) -> None:
    """Say that this directory is the newest copy of the log and the only one that will run.

    \b
    Example:
      luftrom channel go-on --dir alfa --reason "moved, the old machine is off"

    For a node that waits for the word of peers that do not answer. It must not run. When it
    starts, its first statement is `restored` with this reason and the words that it did get. A peer
    that holds more of the log, or rows that are gone, still keep it from signing: then `luftrom
    restore --from-peers`.
    """
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import print_json, print_line
    from luftrom.clock import SystemClock
    from luftrom.config.instance import give_reason
    from luftrom.files import exclusive
    from luftrom.statements.claims import read_reason

    settings = settings_of(directory)
    if not read_reason(reason).strip():
        raise click.BadParameter("must say why", param_hint="--reason")
    with exclusive(settings.lock_path):
        give_reason(settings.directory, reason, SystemClock().now_ns())
    if as_json:
        print_json({"party": settings.party, "directory": str(directory), "reason": reason})
    else:
        print_line(f"{settings.party} goes on from {settings.directory} when it starts: `luftrom "
                   f"serve --dir {settings.directory}`.")


@channel.command("new-log", short_help="Go on with a new log after a fork.")
@click.option("--of", "peer", required=True, metavar="PEER",
              help="The party whose copy of the log up to now is taken over.")
@dir_option
@json_option
def new_log(peer: str, directory: Path, as_json: bool) -> None:
    """Begin a new log, once people have looked at why the log up to now was continued twice.

    \b
    Example:
      luftrom channel new-log --dir alfa --of bravo.example

    The node must not run; the peer's must. The new log takes over what the peer holds of the log up
    to now, under keys of its own, which are made here and written into a new key card. It counts
    when all parties have signed and installed a next version of the agreement over that card;
    until then the node does not start. Then `luftrom restore --from-peers` fetches what is taken
    over. What else was signed under the log up to now counts no more; both histories and the proofs
    stay where they are. docs/recovery.md walks through it.
    """
    from luftrom.cli.options import settings_of
    from luftrom.cli.terminal import print_json, print_line, print_pairs
    from luftrom.clock import SystemClock
    from luftrom.config.new_log import begin_new_log
    from luftrom.files import exclusive

    settings = settings_of(directory)
    with exclusive(settings.lock_path):
        word = asyncio.run(_word_of(peer, settings))
        card = begin_new_log(settings, word.size, word.root, SystemClock())
    if as_json:
        print_json({"party": settings.party, "log": card.party.log_origin, "size": word.size,
                    "root": word.root.hex(), "key_card": str(settings.key_card_path),
                    "fingerprint": card.fingerprint})
        return
    print_line(f"{settings.party} goes on with {card.party.log_origin}, from {word.size:,} "
               f"statements that {peer} holds.", "title")
    print_pairs([("key card", str(settings.key_card_path)), ("fingerprint", card.fingerprint)])
    print_line("Next: a next version of the agreement over this card, signed and installed by all "
               f"parties; then `luftrom restore --from-peers --dir {directory}`.", "dim")


async def _word_of(name: str, settings: Settings) -> Word:
    """What a peer holds of our log, all of whose leaves can be had there."""
    from luftrom.cli.searching import searching
    from luftrom.errors import NotFound, Unavailable

    async with searching(settings) as searcher:
        if name not in (peer.name for peer in searcher.peers):
            raise click.BadParameter(f"{name} is no peer by the agreement", param_hint="--of")
        words, silent = await searcher.words()
    if name not in words:
        raise Unavailable(f"{name} does not say what it holds of our log: {silent[name]}")
    word = words[name]
    if not word.size:
        raise NotFound(f"{name} holds nothing of our log")
    if word.held < word.size:
        raise Unavailable(f"{name} has a checkpoint of {word.size} leaves of our log, and "
                          f"{word.held} of them")
    return word


def _read(settings: Settings) -> dict[str, Any]:
    from contextlib import closing

    from luftrom.config.agreements import load_agreement
    from luftrom.config.keys import load_public_party
    from luftrom.config.storing import open_store
    from luftrom.node.new_log import broken_channels
    from luftrom.node.starting import look_at
    from luftrom.state.loading import told_forks

    agreement = load_agreement(settings)
    own = load_public_party(settings)
    peers = [p for p in agreement.parties if p.name != own.name] if agreement else []
    with closing(open_store(settings, read_only=True)) as store:
        proofs = [(party, _words(document)) for party, _, document in store.proofs()]
        broken = broken_channels(store, agreement)
        forks = told_forks(store, own.name, agreement)
        receipts = {row.cosigner: row.size for row in store.receipts()}
        channels = [{"peer": peer.name, "base_url": peer.base_url,
                     "held": (store.checkpoint(peer.name) or (0, b""))[0],
                     "applied": store.applied(peer.name),
                     "receipted": receipts.get(peer.mirror_name, 0),
                     "log": peer.log_origin,
                     "broken": peer.name in broken or peer.name in forks,
                     "proofs": [words for party, words in proofs if party == peer.name],
                     "forked": _forked(forks.get(peer.name))}
                    for peer in peers]
        examined = look_at(store, own, agreement)
        return {"party": settings.party, "size": store.size(own.name), "channels": channels,
                "faults": [{"what": str(fault), "mend": fault.mend} for fault in examined.faults]}


def _forked(told: Told | None) -> dict[str, Any] | None:
    from luftrom.clock import NS_PER_S, format_time

    return None if told is None else {"since": format_time(told.iat_s * NS_PER_S),
                                      "end": told.end}


def _words(document: bytes) -> dict[str, str]:
    """A kept proof in words: its code and its sentence."""
    from luftrom.errors import BadInput
    from luftrom.reading import parse_json

    try:
        proof = parse_json(document)
    except BadInput:
        proof = {}
    proof = proof if isinstance(proof, dict) else {}
    return {name: str(proof.get(name, "")) for name in ("kind", "code", "said")}


def _print(document: Mapping[str, Any]) -> None:
    from luftrom.cli.terminal import plural, print_line, print_pairs

    print_line(f"{document['party']}: {plural(document['size'], 'statement')} in the own log",
               "title")
    for fault in document["faults"]:
        print_line(fault["what"], "bad")
        print_line(f"  {fault['mend']}")
    for each in document["channels"]:
        broken, forked = each["broken"], each["forked"]
        print_line(f"{each['peer']}" + (" is broken: a proof is kept" if broken else ""),
                   "bad" if broken else "")
        if forked:
            print_line(f"  it has forked: its histories part behind "
                       f"{plural(forked['end'], 'statement')}; told in our log since "
                       f"{forked['since']}", "bad")
        print_pairs([("  its log here", f"{each['log']}, {each['held']:,} held, "
                      f"{each['applied']:,} applied"),
                     ("  our log there", f"{each['receipted']:,} receipted"),
                     *((f"  {proof['code'] or proof['kind']}", proof["said"])
                       for proof in each["proofs"])])
        if broken:
            print_line("  Once both have looked: `luftrom channel new-log` there, and a next "
                       "version of the agreement (docs/recovery.md).", "dim")
