"""A party's directory: settings, private keys, key card and agreement, files to values and back.

    DIR/config.toml        settings, read once (docs/reference/config.md)
    DIR/keys/<role>.pem    private keys, PKCS #8, one file a role, readable by the owner alone
    DIR/keycard.json       who we are and our public keys, signed (envelope, KEY_CARD_TYPE)
    DIR/agreement.json     the agreement in force, signed by all its parties
    DIR/luftrom.sqlite3    the store
    DIR/luftrom.lock       held by the process that has the store open

Everything is created once and never overwritten; an agreement is replaced only by a later version.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from luftrom import agreement as terms_of
from luftrom.agreement import Agreement, Party, PartyKeys, parse_agreement, parse_party
from luftrom.base64url import encode_base64url
from luftrom.clock import NS_PER_S, Clock, format_time, parse_time
from luftrom.envelope import (
    AGREEMENT_TYPE,
    KEY_CARD_TYPE,
    Envelope,
    encode_envelope,
    parse_envelope,
    sign_envelope,
    verify_envelope,
)
from luftrom.errors import BadInput, Conflict, Forbidden
from luftrom.files import naming, read_file, replace_file, write_new
from luftrom.limits import NAME_CHARS_MAX
from luftrom.wire import parse_json

if TYPE_CHECKING:
    from luftrom.node import NodeKeys

FORMAT = "luftrom-config/1"
KEY_CARD_FORMAT = "luftrom-keycard/1"
PORT = 8600
FINGERPRINT_BYTES = 15                     # 120 bits: 24 letters, and 2^60 work for two alike cards
ROLES = {"statements": Ed25519PrivateKey, "channel": Ed25519PrivateKey, "token": Ed25519PrivateKey,
         "log": Ed25519PrivateKey, "log-mldsa": MLDSA44PrivateKey,
         "mirror": Ed25519PrivateKey, "mirror-mldsa": MLDSA44PrivateKey}

PrivateKey = Ed25519PrivateKey | MLDSA44PrivateKey

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

    @property
    def base_path(self) -> str:
        """The path of the base URL, for what has to name it: "" or such as "/luftrom"."""
        return urlsplit(self.base_url).path.rstrip("/")

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
        if name in ("listen", "tls") and isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        elif name != "auth":
            flat[name] = value
    if flat.get("format", FORMAT) != FORMAT:
        raise BadInput(f"is {flat['format']!r}; this version reads {FORMAT!r}", field="format")
    values = _known(flat, [s for s in SETTINGS if not s.name.startswith(_ISSUER)])
    _check_port(values["listen.port"])
    _check_base_url(values["base_url"])
    settings = Settings(directory, values["party"], values["base_url"], values["listen.host"],
                        values["listen.port"], **_tls_files(values, directory))
    return replace(settings, issuers=tuple(_issuer(item, settings) for item in issuers))


def _tls_files(values: Mapping[str, Any], directory: Path) -> dict[str, Path]:
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
    issuer, audience, keys_file, jwks_url = (
        values.get(_ISSUER + name) for name in ("issuer", "audience", "keys_file", "jwks_url"))
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


# -- founding a party ----------------------------------------------------------------------------

def init_directory(directory: Path, party: str, base_url: str, clock: Clock,
                   listen: tuple[str, int] | None = None) -> Settings:
    """Make a party's directory: keys, key card and settings. Raises Conflict if there is one.

    `listen` is (host, port); by default it follows from the base URL. A crash here leaves a
    directory without config.toml, which nothing opens and which is not overwritten either.
    """
    _check_base_url(base_url)
    host, port = listen or default_listen(base_url)
    _check_port(port)
    settings = Settings(directory, party, base_url, host, port)
    keys = {role: kind.generate() for role, kind in ROLES.items()}
    card = make_key_card(settings, keys, clock.now_ns())
    for path in (directory / "config.toml", directory / "keys"):
        if path.exists():
            raise Conflict(f"{path} exists; nothing is overwritten, so choose a new directory")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    (directory / "keys").mkdir(mode=0o700)
    for role, key in keys.items():
        write_new(settings.key_path(role), key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    write_new(settings.key_card_path, encode_envelope(card), mode=0o644)
    write_new(directory / "config.toml", _config_text(settings).encode(), mode=0o644)
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


def _check_base_url(base_url: str) -> None:
    try:
        port = urlsplit(base_url).port
    except ValueError:
        port = 0
    if port == 0 or not urlsplit(base_url).hostname:
        raise BadInput("must be an http or https URL with a host, such as "
                       "https://alfa.example", field="base_url")


def _check_port(port: int) -> None:
    if not 1 <= port <= 65_535:
        raise BadInput("must be 1 to 65535", field="listen.port")


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


# -- keys ----------------------------------------------------------------------------------------

def load_key(settings: Settings, role: str) -> PrivateKey:
    """One private key. Raises NotFound, BadInput, or Forbidden if others can read the file."""
    path = settings.key_path(role)
    pem = read_file(path, "restore it from your backup, or found the party anew: `luftrom init`")
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Forbidden(f"others can read {path}; `chmod 600 {path}` mends it")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path} is not a private key in PEM: {error}") from None
    if not isinstance(key, ROLES[role]):
        wanted = "ML-DSA-44" if ROLES[role] is MLDSA44PrivateKey else "Ed25519"
        raise BadInput(f"{path} is not an {wanted} key")
    return key


def load_keys(settings: Settings) -> NodeKeys:
    """The keys that a node works with. Raises as `load_key` does."""
    keys = {role: load_key(settings, role) for role in ROLES if role != "token"}
    from luftrom.node import NodeKeys      # here, so that what needs no node starts fast

    log, mirror = _signers(settings.party, keys)
    return NodeKeys(keys["statements"], keys["channel"], log, mirror)


def _signers(party: str, keys: Mapping[str, PrivateKey]) -> tuple[tuple, tuple]:
    """The note signers of log and mirror: Ed25519 first, then ML-DSA-44."""
    from luftrom.note import COSIGNATURE, ED25519, ML_DSA_44, NoteSigner

    return ((NoteSigner(f"{party}/log", ED25519, keys["log"]),
             NoteSigner(f"{party}/log", ML_DSA_44, keys["log-mldsa"])),
            (NoteSigner(f"{party}/mirror", COSIGNATURE, keys["mirror"]),
             NoteSigner(f"{party}/mirror", ML_DSA_44, keys["mirror-mldsa"])))


def public_party(settings: Settings, keys: Mapping[str, PrivateKey]) -> Party:
    """The party as its private keys say it is; `keys` maps each role to its key."""
    log, mirror = _signers(settings.party, keys)
    return Party(settings.party, settings.base_url, PartyKeys(
        statements=keys["statements"].public_key().public_bytes_raw(),
        channel=keys["channel"].public_key().public_bytes_raw(),
        log=tuple(signer.verifier.encode_vkey() for signer in log),
        mirror=tuple(signer.verifier.encode_vkey() for signer in mirror)))


def load_public_party(settings: Settings) -> Party:
    """The party as the keys in its directory say it is."""
    return public_party(settings, {r: load_key(settings, r) for r in ROLES if r != "token"})


def mint_token(settings: Settings, manager: str, scopes: Sequence[str], valid_s: float,
               now_ns: int) -> str:
    """A bearer token for a client of the own node: a JWT signed with the `token` key.

    `manager` becomes the claim `sub`. Raises BadInput for names that no token can carry.
    """
    if not manager or len(manager) > NAME_CHARS_MAX or not manager.isprintable():
        raise BadInput(f"must be 1 to {NAME_CHARS_MAX} printable characters", field="manager")
    for scope in scopes:
        if not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", scope):
            raise BadInput(f"{scope!r} is not a scope (RFC 6749, section 3.3)", field="scope")
    header = {"alg": "Ed25519", "kid": f"{settings.party}#token", "typ": "JWT"}
    now_s = now_ns // NS_PER_S
    claims = {"iss": settings.token_issuer, "sub": manager, "aud": settings.audience,
              "scope": " ".join(scopes), "iat": now_s, "exp": now_s + int(valid_s),
              "jti": encode_base64url(os.urandom(12))}
    signed = ".".join(encode_base64url(encode_payload(part)) for part in (header, claims))
    signature = load_key(settings, "token").sign(signed.encode())
    return f"{signed}.{encode_base64url(signature)}"


# -- key cards -----------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class KeyCard:
    """A verified key card: signed with the `statements` key that it shows."""

    party: Party
    created_ns: int
    payload: bytes

    @property
    def fingerprint(self) -> str:
        """For two people to compare by voice: see `fingerprint`."""
        return fingerprint(self.payload)


def fingerprint(payload: bytes) -> str:
    """The first 120 bits of SHA-256 in base32 (RFC 4648: A-Z and 2-7), in groups of four.

    The alphabet has neither 0 nor 1, so no sign is mistaken for O, I or L when it is read aloud.
    """
    text = base64.b32encode(hashlib.sha256(payload).digest()[:FINGERPRINT_BYTES]).decode()
    return " ".join(text[i:i + 4] for i in range(0, len(text), 4))


def make_key_card(settings: Settings, keys: Mapping[str, PrivateKey], now_ns: int) -> Envelope:
    """A signed key card; `created` is in whole seconds."""
    created = format_time(now_ns - now_ns % NS_PER_S)
    document = {"format": KEY_CARD_FORMAT, "created": created,
                **public_party(settings, keys).document()}
    return sign_envelope(Envelope(KEY_CARD_TYPE, encode_payload(document)), settings.party,
                         keys["statements"])


def parse_key_card(data: bytes) -> KeyCard:
    """The bytes of a key card to its value. Raises BadInput; Unverified if the signature fails.

    That it verifies says that one hand made it, not whose: compare the fingerprint by voice.
    """
    envelope = parse_envelope(data, KEY_CARD_TYPE)
    document = parse_json(envelope.payload, field="payload")
    if not isinstance(document, dict) or document.pop("format", None) != KEY_CARD_FORMAT:
        raise BadInput(f"must be an object of format {KEY_CARD_FORMAT}", field="payload.format")
    created = document.pop("created", None)
    if not isinstance(created, str):
        raise BadInput("must be a time", field="payload.created")
    party = parse_party(document)
    verify_envelope(envelope, {party.name: party.keys.statements})
    return KeyCard(party, parse_time(created, "payload.created"), envelope.payload)


def load_key_card(path: Path) -> KeyCard:
    """A key card from a file; every refusal names the file."""
    with naming(path):
        return parse_key_card(read_file(path))


# -- agreements ----------------------------------------------------------------------------------

def new_agreement(cards: Sequence[KeyCard], terms: Mapping[str, Any]) -> Envelope:
    """An unsigned agreement between the owners of the cards. Raises BadInput.

    `terms` is the agreement's document without `format` and `parties`; `version` is 1 if absent.
    The order of the cards is the order of the turns.
    """
    if not isinstance(terms, Mapping):
        raise BadInput("must be a JSON object", field="terms")
    for name in ("format", "parties"):
        if name in terms:
            raise BadInput("is not for the terms to say", field=f"terms.{name}")
    document = {"format": terms_of.FORMAT, "version": 1, **terms,
                "parties": [card.party.document() for card in cards]}
    agreement = parse_agreement(document, digest="")
    return Envelope(AGREEMENT_TYPE, encode_payload(terms_of.encode_agreement(agreement)))


def read_agreement(envelope: Envelope) -> Agreement:
    """The agreement inside an envelope, whoever has signed it. Raises BadInput."""
    document = parse_json(envelope.payload, field="payload")
    return parse_agreement(document, hashlib.sha256(envelope.payload).hexdigest())


def verify_agreement(envelope: Envelope) -> Agreement:
    """The agreement, signed by each of its parties and by nobody else; else Unverified."""
    agreement = read_agreement(envelope)
    verify_envelope(envelope, {p.name: p.keys.statements for p in agreement.parties})
    return agreement


def sign_agreement(envelope: Envelope, settings: Settings) -> Envelope:
    """Add our signature. Raises Forbidden if the agreement does not name us as our keys are."""
    check_names_us(read_agreement(envelope), settings)
    return sign_envelope(envelope, settings.party, load_key(settings, "statements"))


def check_names_us(agreement: Agreement, settings: Settings) -> None:
    """Forbidden unless the agreement lists our name, base URL and keys as they are here."""
    theirs = agreement.party(settings.party)
    if theirs is None:
        names = ", ".join(party.name for party in agreement.parties)
        raise Forbidden(f"{settings.party} is not a party of “{agreement.name}”; it is between "
                        f"{names}")
    ours = load_public_party(settings)
    if theirs.keys != ours.keys:
        raise Forbidden(f"the agreement gives other keys for {settings.party} than are in "
                        f"{settings.directory}; draft it anew with {settings.key_card_path}")
    if theirs.base_url != ours.base_url:
        raise Forbidden(f"the agreement says that {settings.party} is at {theirs.base_url}, "
                        f"config.toml says {ours.base_url}")


def install_agreement(envelope: Envelope, settings: Settings) -> Agreement:
    """Put a fully signed agreement in force; a node takes it up when it starts.

    Raises Unverified, Forbidden, or Conflict if this or a later version is installed already with
    other content. The earlier version is kept beside it as agreement-<version>.json.
    """
    agreement = verify_agreement(envelope)
    check_names_us(agreement, settings)
    installed = load_agreement(settings)
    path = settings.agreement_path
    if installed is not None and installed.digest != agreement.digest:
        if installed.version >= agreement.version:
            raise Conflict(f"version {installed.version} of “{installed.name}” is in force; an "
                           f"agreement that replaces it needs a higher version than that, this "
                           f"one has {agreement.version}")
        os.link(path, path.with_name(f"agreement-{installed.version}.json"))
    replace_file(path, encode_envelope(envelope))
    return agreement


def load_agreement(settings: Settings) -> Agreement | None:
    """The agreement in force, verified again, or None if there is none."""
    if not settings.agreement_path.exists():
        return None
    return verify_agreement(load_agreement_file(settings.agreement_path))


def load_agreement_file(path: Path) -> Envelope:
    """An agreement's envelope from a file, with whatever signatures it has."""
    with naming(path):
        return parse_envelope(read_file(path), AGREEMENT_TYPE)


def encode_payload(document: Mapping[str, Any]) -> bytes:
    """A document as the bytes that are signed: compact JSON in ASCII."""
    return json.dumps(document, separators=(",", ":")).encode()
