"""Options that several commands share, so that they have one name and one meaning everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from luftrom.cli.client import NodeClient
    from luftrom.config.settings import Settings

Function = Callable[..., Any]

existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)

json_option = click.option("--json", "as_json", is_flag=True,
                           help="The result as one JSON document on standard output.")

dir_option = click.option("--dir", "directory", envvar="LUFTROM_DIR", show_envvar=True,
                          default=Path("."), metavar="DIR",
                          type=click.Path(file_okay=False, path_type=Path),
                          help="The party's directory; by default the current one.")


def settings_of(directory: Path) -> Settings:
    """The settings of a directory."""
    from luftrom.config.settings import load_settings

    return load_settings(directory)


def node_parameters(command: Function) -> Function:
    """--dir, or --url and --token, and --manager: what `open_client` takes."""
    for option in (
            click.option("--manager", default="operator", show_default=True, metavar="NAME",
                         help="In whose name to ask, if the token is made here."),
            click.option("--token", envvar="LUFTROM_TOKEN", show_envvar=True, metavar="JWT",
                         help="Bearer token for --url."),
            click.option("--url", envvar="LUFTROM_URL", show_envvar=True, metavar="URL",
                         help="Ask the node at this base URL."),
            click.option("--dir", "directory", envvar="LUFTROM_DIR", show_envvar=True,
                         metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
                         help="Directory of the party whose node is asked: it says where the node "
                         "is and makes a token. By default the current one.")):
        command = option(command)
    return command


def node_options(command: Function) -> Function:
    """`node_parameters` for a command that gets an open `client` instead of them."""
    @node_parameters
    @functools.wraps(command)
    def wrapped(directory: Path | None, url: str | None, token: str | None, manager: str,
                **values: Any) -> Any:
        client = open_client(directory, url, token, manager)
        try:
            return command(client=client, **values)
        finally:
            client.close()

    return wrapped


def open_client(directory: Path | None, url: str | None, token: str | None,
                manager: str) -> NodeClient:
    """The node that the options mean. Raises UsageError if they mean none."""
    from luftrom.cli.client import NodeClient, local_client
    from luftrom.tls import client_context

    if directory is None and (url is None or token is None) and Path("config.toml").exists():
        directory = Path(".")
    settings = settings_of(directory) if directory is not None else None
    if token is None and settings is not None:
        from luftrom.clock import SystemClock
        from luftrom.config.token import mint_token

        token = mint_token(settings, manager, ("luftrom.read", "luftrom.write"), 300,
                           SystemClock().now_ns())
    if url is None:
        if settings is None:
            raise click.UsageError("say which node: --dir DIR for your own, "
                                   "or --url URL and --token JWT")
        return local_client(settings, token, f"`luftrom serve --dir {directory}` starts it")
    context = client_context(settings.authority) if settings else None
    return NodeClient(url, token, context=context)
