"""What config.toml says, checked when read; docs/reference/config.md lists it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from luftrom.errors import BadInput
from luftrom.files import read_file

FORMAT = "luftrom-config/1"
PORT = 8600

_ISSUER = "auth.issuer."


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of config.toml: its path, the type of its value, and what it says."""

    name: str
    kind: type
    text: str
    required: bool = True


SETTINGS = (
    Setting("format", str, f"format of this file: {FORMAT!r}"),
    Setting("party", str, "our name, as in the key card"),
    Setting("base_url", str, "where peers and clients reach this node, as in the key card"),
    Setting("listen.host", str, "address to listen on"),
    Setting("listen.port", int, "port to listen on, 1 to 65535"),
    Setting("tls.certificate", str, "file with the certificate chain of this node, PEM; relative "
            "to this directory. With it and tls.key, `serve` speaks TLS itself", required=False),
    Setting("tls.key", str, "file with the private key of tls.certificate, PEM without a password; "
            "relative to this directory", required=False),
    Setting("tls.authority", str, "file with the certificates of the authorities that the servers "
            "of peers and key sets may have theirs from, PEM; relative to this directory. In place "
            "of the system's, and of SSL_CERT_FILE", required=False),
    Setting("clock.ntp_server", str, "NTP server, host or host:port, that says how far our clock "
            "is off: beyond a minute the node signs nothing. Without it nobody says",
            required=False),
    Setting("auth.issuer.issuer", str, "claim `iss` of the tokens that this issuer gives"),
    Setting("auth.issuer.audience", str, "claim `aud` that its tokens must have; the host name of "
            "base_url if absent", required=False),
    Setting("auth.issuer.keys_file", str, "file with its public keys, PEM or JWKS; relative to "
            "this directory", required=False),
    Setting("auth.issuer.jwks_url", str, "URL of its JWKS; exactly one of keys_file and jwks_url",
            required=False),
)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Somebody whose tokens the node takes; the keys come from a file or from a URL."""

    issuer: str
    audience: str
    keys_file: Path | None = None
    jwks_url: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What config.toml says, and where the other files are. The `token` key is an issuer too."""

    directory: Path
    party: str
    base_url: str
    host: str
    port: int
    issuers: tuple[Issuer, ...] = ()
    certificate: Path | None = None        # `tls.*`: certificate and key stand together or not at
    key: Path | None = None                # all
    authority: Path | None = None
    ntp_server: str = ""                   # `clock.ntp_server`

    @property
    def base_path(self) -> str:
        """The path of the base URL, for what has to name it: "" or such as "/luftrom"."""
        return path_of(self.base_url)

    @property
    def audience(self) -> str:
        """The `aud` of tokens for this node: the host name of its base URL (F3548-21)."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def token_issuer(self) -> str:
        """The `iss` of tokens signed with the own `token` key (`luftrom token`)."""
        return f"{self.party}/token"

    @property
    def key_card_path(self) -> Path:
        """The own key card."""
        return self.directory / "keycard.json"

    @property
    def agreement_path(self) -> Path:
        """The agreement in force."""
        return self.directory / "agreement.json"

    @property
    def store_path(self) -> Path:
        """The database."""
        return self.directory / "luftrom.sqlite3"

    @property
    def lock_path(self) -> Path:
        """Locked by the one process that may write."""
        return self.directory / "luftrom.lock"

    @property
    def new_log_path(self) -> Path:
        """Where the own log starts, if it is not the first one."""
        return self.directory / "keys" / "log.json"

    def key_path(self, role: str) -> Path:
        """The private key of a role."""
        return self.directory / "keys" / f"{role}.pem"


# -- settings ------------------------------------------------------------------------------------

def load_settings(directory: Path) -> Settings:
    """Read config.toml. Raises NotFound, or BadInput that names the file, the line and the key."""
    path = directory / "config.toml"
    data = read_file(path, f"{directory} is no data directory; `luftrom init` makes one")
    text = data.decode(errors="replace")
    try:
        return _parse_settings(tomllib.loads(text), directory)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not TOML: {error}") from None
    except BadInput as error:
        line = _line_of(error.field or "", text)
        where = f"{path}, line {line}" if line else str(path)
        raise BadInput(f"{where}: {error.field} {error.message}") from None


def _parse_settings(document: Mapping[str, Any], directory: Path) -> Settings:
    auth = document.get("auth", {})
    issuers = auth.get("issuer", []) if isinstance(auth, dict) and set(auth) <= {"issuer"} else None
    if not isinstance(issuers, list):
        raise BadInput("must be written as [[auth.issuer]], once for each issuer", field="auth")
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if name in ("listen", "tls", "clock") and isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        elif name != "auth":
            flat[name] = value
    if flat.get("format", FORMAT) != FORMAT:
        raise BadInput(f"is {flat['format']!r}; this version reads {FORMAT!r}", field="format")
    values = _known(flat, [s for s in SETTINGS if not s.name.startswith(_ISSUER)])
    check_port(values["listen.port"])
    check_base_url(values["base_url"])
    settings = Settings(directory, values["party"], values["base_url"], values["listen.host"],
                        values["listen.port"])
    return replace(settings, **_tls_files(values, directory),
                   ntp_server=values.get("clock.ntp_server", ""),
                   issuers=tuple(_issuer(item, settings) for item in issuers))


def _tls_files(values: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """The files of `tls.*` that are named, by the last part of their setting's name."""
    if ("tls.certificate" in values) != ("tls.key" in values):
        raise BadInput("needs both certificate and key, or neither", field="tls")
    return {name: directory / values[f"tls.{name}"] for name in ("certificate", "key", "authority")
            if f"tls.{name}" in values}


def _known(values: dict[str, Any], settings: Sequence[Setting]) -> dict[str, Any]:
    """The values, if each is of a setting and of its type and none that is required is missing."""
    known = {setting.name: setting for setting in settings}
    for name, value in values.items():
        if name not in known:
            raise BadInput("is not a setting of this version", field=name)
        if not isinstance(value, known[name].kind) or isinstance(value, bool):
            kind = "a text" if known[name].kind is str else "a whole number"
            raise BadInput(f"must be {kind}", field=name)
    for setting in settings:
        if setting.required and setting.name not in values:
            raise BadInput("is missing", field=setting.name)
    return values


def _issuer(item: Any, settings: Settings) -> Issuer:
    if not isinstance(item, dict):
        raise BadInput("must be a table", field="auth.issuer")
    values = _known({_ISSUER + name: value for name, value in item.items()},
                    [setting for setting in SETTINGS if setting.name.startswith(_ISSUER)])
    issuer = values[_ISSUER + "issuer"]
    audience, keys_file, jwks_url = (
        values.get(_ISSUER + name) for name in ("audience", "keys_file", "jwks_url"))
    if (keys_file is None) == (jwks_url is None):
        raise BadInput("needs exactly one of keys_file and jwks_url", field="auth.issuer")
    if issuer == settings.token_issuer:
        raise BadInput("is the name of the own token key", field="auth.issuer.issuer")
    return Issuer(issuer, audience or settings.audience,
                  settings.directory / keys_file if keys_file else None, jwks_url)


def _line_of(field: str, text: str) -> int | None:
    """The line that names the last part of a field's path; None if there is none."""
    name = re.escape(field.rpartition(".")[2])
    pattern = re.compile(rf"\s*(?:\[+\s*(?:[\w.-]+\.)?)?[\"']?{name}[\"']?\s*(?:[=.\]]|$)")
    return next((number for number, line in enumerate(text.splitlines(), 1)
                 if name and pattern.match(line)), None)


def path_of(base_url: str) -> str:
    """The path of a base URL without a slash at its end: "" where it has none."""
    return urlsplit(base_url).path.rstrip("/")


def check_base_url(base_url: str) -> None:
    """BadInput unless it is an http or https URL with a host."""
    try:
        port = urlsplit(base_url).port
    except ValueError:
        port = 0
    if port == 0 or not urlsplit(base_url).hostname:
        raise BadInput("must be an http or https URL with a host, such as "
                       "https://alfa.example", field="base_url")


def check_port(port: int) -> None:
    """BadInput unless it can be listened on."""
    if not 1 <= port <= 65_535:
        raise BadInput("must be 1 to 65535", field="listen.port")
