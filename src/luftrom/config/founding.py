"""A party's directory is founded: settings, keys and key card, each written once."""

from __future__ import annotations

import ipaddress
import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from luftrom.agreement.envelope import encode_envelope
from luftrom.clock import Clock
from luftrom.config.instance import found_instance
from luftrom.config.keycard import make_key_card
from luftrom.config.keys import make_keys, write_keys
from luftrom.config.settings import FORMAT, PORT, Settings, check_base_url, check_port
from luftrom.errors import Conflict, LuftromError
from luftrom.files import write_new, writing


def init_directory(directory: Path, party: str, base_url: str, clock: Clock,
                   listen: tuple[str, int] | None = None) -> Settings:
    """Make a party's directory: keys, key card and settings. Raises Conflict if there is one.

    `listen` is (host, port); by default it follows from the base URL. Where not all can be written
    nothing is left, and LuftromError says why. A crash here leaves a directory without config.toml,
    which nothing opens and which is not overwritten either.
    """
    check_base_url(base_url)
    host, port = listen or default_listen(base_url)
    check_port(port)
    settings = Settings(directory, party, base_url, host, port)
    keys = make_keys()
    card = make_key_card(settings, keys, clock.now_ns())
    made = [directory / "keys", settings.key_card_path, directory / "luftrom.new",
            directory / "config.toml"]
    for path in made:
        if path.exists():
            raise Conflict(f"{path} exists; nothing is overwritten, so choose a new directory")
    with writing(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    try:
        write_keys(settings, keys)
        write_new(settings.key_card_path, encode_envelope(card), mode=0o644)
        found_instance(directory, clock.now_ns())
        write_new(directory / "config.toml", _config_text(settings).encode(), mode=0o644)
    except LuftromError:
        shutil.rmtree(made[0], ignore_errors=True)     # nobody has been shown these keys
        for path in made[1:]:
            path.unlink(missing_ok=True)
        raise
    return settings


def default_listen(base_url: str) -> tuple[str, int]:
    """Where to listen if nobody says: loopback behind a proxy or on one machine, else all."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if parts.scheme == "https":
        return "127.0.0.1", PORT           # a reverse proxy in front ends TLS
    if host == "localhost" or (address is not None and address.is_loopback):
        return (str(address) if address else "127.0.0.1"), parts.port or PORT
    return ("::" if address is not None and address.version == 6 else "0.0.0.0"), parts.port or 80


def _config_text(settings: Settings) -> str:
    return f"""\
# Settings of the node of {settings.party}; docs/reference/config.md explains each.
format = {json.dumps(FORMAT)}
party = {json.dumps(settings.party)}
base_url = {json.dumps(settings.base_url)}

[listen]
host = {json.dumps(settings.host)}
port = {settings.port}

# Tokens made by `luftrom token` are always taken. For those of others:
# [[auth.issuer]]
# issuer = "https://auth.example"
# keys_file = "auth.pem"
"""
