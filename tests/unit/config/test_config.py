"""config: settings, founding a party, key cards and agreements."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from luftrom.agreement.envelope import AGREEMENT_TYPE, Envelope, encode_envelope, parse_envelope
from luftrom.cli.main import cli
from luftrom.clock import SystemClock, format_time
from luftrom.config.agreements import (
    check_keys_are_ours,
    install_agreement,
    load_agreement,
    load_earlier_agreements,
    new_agreement,
    sign_agreement,
)
from luftrom.config.founding import default_listen, init_directory
from luftrom.config.keycard import (
    KEY_CARD_FORMAT,
    KeyCard,
    fingerprint,
    load_key_card,
    parse_key_card,
)
from luftrom.config.keys import ROLES, load_keys, load_public_party
from luftrom.config.new_log import begin_new_log
from luftrom.config.settings import FORMAT, PORT, Issuer, Settings, load_settings
from luftrom.errors import BadInput, Conflict, Forbidden, LuftromError, NotFound, Unverified
from parties import NOON_NS, FakeClock

TERMS = {"name": "Test skies", "altitude_m_w84_lower": 0, "altitude_m_w84_upper": 3000,
         "separation": {"lateral_m": 500, "vertical_m": 100, "time_s": 60},
         "priority_levels": [{"priority": 0, "conflicts_permitted": False}],
         "undeclared_priority_permits": False, "silence": {"mode": "hold", "after_s": 10}}
HEAD = f'format = "{FORMAT}"\nparty = "a.example"\nbase_url = "https://a.example:444"\n'
LISTEN = '[listen]\nhost = "::1"\nport = 9\n'


def found(tmp_path: Path, *names: str) -> list[Settings]:
    return [init_directory(tmp_path / name, f"{name}.example",
                                  f"http://127.0.0.1:{8601 + i}", FakeClock())
            for i, name in enumerate(names)]


def cards_of(parties: list[Settings]) -> list[KeyCard]:
    return [load_key_card(settings.key_card_path) for settings in parties]


def signed(parties: list[Settings], **terms: object) -> Envelope:
    envelope = new_agreement(cards_of(parties), TERMS | terms)
    for settings in parties:
        envelope = sign_agreement(envelope, settings)
    return envelope


# -- founding ------------------------------------------------------------------------------------

def test_a_founded_party_has_settings_keys_and_card(tmp_path: Path) -> None:
    alfa, = found(tmp_path, "alfa")
    assert load_settings(alfa.directory) == alfa
    keys = load_keys(alfa)
    assert [signer.verifier.name for signer in keys.log + keys.mirror] == [
        "alfa.example/log", "alfa.example/log", "alfa.example/mirror", "alfa.example/mirror"]
    card = load_key_card(alfa.key_card_path)
    assert card.party == load_public_party(alfa)
    assert card.created_ns == NOON_NS


def test_private_files_are_private(tmp_path: Path) -> None:
    alfa, = found(tmp_path, "alfa")
    assert stat.S_IMODE(alfa.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((alfa.directory / "keys").stat().st_mode) == 0o700
    for role in ROLES:
        assert stat.S_IMODE(alfa.key_path(role).stat().st_mode) == 0o600


def test_founding_overwrites_nothing(tmp_path: Path) -> None:
    alfa, = found(tmp_path, "alfa")
    before = alfa.key_path("log").read_bytes()
    with pytest.raises(Conflict, match="nothing is overwritten"):
        found(tmp_path, "alfa")
    (alfa.directory / "config.toml").unlink()
    with pytest.raises(Conflict, match="nothing is overwritten"):
        found(tmp_path, "alfa")
    assert alfa.key_path("log").read_bytes() == before


@pytest.mark.parametrize(("party", "base_url", "port"), [
    ("Alfa Example", "http://alfa.example", 80), ("", "http://alfa.example", 80),
    ("alfa.example", "ftp://alfa.example", 80), ("alfa.example", "alfa.example", 80),
    ("alfa.example", "http://alfa.example/", 80), ("alfa.example", "http://alfa.example:x", 80),
    ("alfa.example", "http://alfa.example", 70_000)])
def test_a_refused_founding_leaves_nothing(tmp_path: Path, party: str, base_url: str,
                                           port: int) -> None:
    with pytest.raises(BadInput):
        init_directory(tmp_path / "a", party, base_url, FakeClock(), ("127.0.0.1", port))
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("room", [0, 3, 7, 8, 9])
def test_a_full_disk_leaves_nothing_and_founding_goes_on_later(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """So many files are written: seven keys, the card, the mark of a new directory, settings."""
    written = iter(range(20))

    def full(_: int) -> None:
        if next(written) >= room:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(LuftromError, match=r"cannot write .*: make room on its disk"):
            found(tmp_path, "alfa")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    found(tmp_path, "alfa")


@pytest.mark.parametrize(("base_url", "listen"), [
    ("http://127.0.0.1:8601", ("127.0.0.1", 8601)), ("http://localhost:8601", ("127.0.0.1", 8601)),
    ("http://[::1]:8601", ("::1", 8601)), ("http://192.0.2.10:8600", ("0.0.0.0", 8600)),
    ("http://[2001:db8::1]:8600", ("::", 8600)), ("http://alfa.example", ("0.0.0.0", 80)),
    ("https://alfa.example", ("127.0.0.1", PORT))])
def test_where_a_node_listens_by_default(base_url: str, listen: tuple[str, int]) -> None:
    assert default_listen(base_url) == listen


# -- settings ------------------------------------------------------------------------------------

def load(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "config.toml").write_text(text)
    return load_settings(tmp_path)


def test_settings_with_issuers(tmp_path: Path) -> None:
    settings = load(tmp_path, HEAD + LISTEN + '[[auth.issuer]]\nissuer = "https://one"\n'
                    'keys_file = "one.pem"\n[[auth.issuer]]\nissuer = "https://two"\n'
                    'audience = "b.example"\njwks_url = "https://two/jwks"\n')
    assert settings.audience == "a.example"
    assert settings.issuers == (
        Issuer("https://one", "a.example", keys_file=tmp_path / "one.pem"),
        Issuer("https://two", "b.example", jwks_url="https://two/jwks"))


def test_settings_with_tls(tmp_path: Path) -> None:
    assert load(tmp_path, HEAD + LISTEN).certificate is None
    settings = load(tmp_path, HEAD + LISTEN + '[tls]\ncertificate = "tls/a.pem"\n'
                    'key = "/etc/a.key"\nauthority = "ca.pem"\n')
    assert (settings.certificate, settings.key, settings.authority) == (
        tmp_path / "tls/a.pem", Path("/etc/a.key"), tmp_path / "ca.pem")


@pytest.mark.parametrize(("text", "message"), [
    (HEAD + LISTEN + "colour = 3\n", "line 7: listen.colour is not a setting"),
    (HEAD + "speed = 3\n" + LISTEN, "line 4: speed is not a setting"),
    (HEAD + '[listen]\nhost = "::1"\nport = "9"\n', "line 6: listen.port must be a whole number"),
    (HEAD + '[listen]\nhost = "::1"\nport = 70000\n', "line 6: listen.port must be 1 to 65535"),
    (HEAD + '[listen]\nhost = "::1"\n', "listen.port is missing"),
    (HEAD.replace("config/1", "config/2") + LISTEN, "line 1: format is 'luftrom-config/2'"),
    (LISTEN, "format is missing"),
    (HEAD + LISTEN + "[auth]\nkeys = 3\n", r"line 7: auth must be written as \[\[auth.issuer\]\]"),
    (HEAD + LISTEN + '[[auth.issuer]]\nissuer = "i"\n', "needs exactly one of"),
    (HEAD + LISTEN + '[[auth.issuer]]\nissuer = "i"\ncolour = 1\n', "line 9: auth.issuer.colour"),
    (HEAD + LISTEN + '[[auth.issuer]]\nissuer = "a.example/token"\nkeys_file = "x"\n',
     "is the name of the own token key"),
    (HEAD + LISTEN + '[tls]\ncertificate = "c"\n', "line 7: tls needs both certificate and key"),
    (HEAD + LISTEN + "[tls]\nauthority = 3\n", "line 8: tls.authority must be a text"),
    (HEAD + LISTEN + '[tls]\npassword = "p"\n', "line 8: tls.password is not a setting"),
    ("party = 3 4\n", "is not TOML: .*line 1"),
])
def test_bad_settings_name_the_file_the_line_and_the_key(tmp_path: Path, text: str,
                                                         message: str) -> None:
    with pytest.raises(BadInput, match=message) as refusal:
        load(tmp_path, text)
    assert str(tmp_path / "config.toml") in str(refusal.value)


def test_no_directory_suggests_init(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="luftrom init"):
        load_settings(tmp_path / "nowhere")


# -- keys ----------------------------------------------------------------------------------------

def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    alfa, = found(tmp_path, "alfa")
    alfa.key_path("log").chmod(0o644)
    with pytest.raises(Forbidden, match="chmod 600"):
        load_keys(alfa)


@pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_files_that_are_no_keys_are_refused(tmp_path: Path, text: str) -> None:
    alfa, = found(tmp_path, "alfa")
    alfa.key_path("log").write_text(text)
    with pytest.raises(BadInput, match="not a private key"):
        load_keys(alfa)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    alfa, = found(tmp_path, "alfa")
    alfa.key_path("log-mldsa").write_bytes(alfa.key_path("log").read_bytes())
    with pytest.raises(BadInput, match="ML-DSA-44"):
        load_keys(alfa)
    alfa.key_path("channel").unlink()
    with pytest.raises(NotFound, match=r"channel\.pem"):
        load_keys(alfa)


# -- key cards -----------------------------------------------------------------------------------

def test_fingerprints_can_be_read_aloud() -> None:
    text = fingerprint(b"card")
    assert [len(group) for group in text.split(" ")] == [4] * 6
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 ")
    assert fingerprint(b"card") == text != fingerprint(b"card2")


def test_a_changed_card_is_refused(tmp_path: Path) -> None:
    alfa, bravo = found(tmp_path, "alfa", "bravo")
    document = json.loads(alfa.key_card_path.read_bytes())
    other = json.loads(bravo.key_card_path.read_bytes())
    for changed in (document | {"payload": other["payload"]}, document | {"signatures": []}):
        with pytest.raises(Unverified):
            parse_key_card(json.dumps(changed).encode())
    with pytest.raises(BadInput):
        parse_key_card(json.dumps(document | {"more": 1}).encode())


def test_an_agreement_is_no_card(tmp_path: Path) -> None:
    parties = found(tmp_path, "alfa", "bravo")
    with pytest.raises(BadInput, match="typ is"):
        parse_key_card(encode_envelope(signed(parties)))


def test_a_refused_card_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(BadInput, match=r"card\.json: must be a JSON object"):
        load_key_card(tmp_path / "card.json")


def test_a_card_says_when_it_was_made(tmp_path: Path) -> None:
    alfa, = found(tmp_path, "alfa")
    payload = json.loads(load_key_card(alfa.key_card_path).payload)
    assert payload["created"] == format_time(NOON_NS)
    assert payload["format"] == KEY_CARD_FORMAT


# -- agreements ----------------------------------------------------------------------------------

def test_a_signed_agreement_is_put_in_force(tmp_path: Path) -> None:
    parties = found(tmp_path, "alfa", "bravo")
    envelope = signed(parties)
    assert parse_envelope(encode_envelope(envelope), AGREEMENT_TYPE) == envelope
    for settings in parties:
        assert load_agreement(settings) is None
        agreement = install_agreement(envelope, settings)
        assert agreement == load_agreement(settings)
        assert [p.name for p in agreement.parties] == ["alfa.example", "bravo.example"]
        install_agreement(envelope, settings)       # again changes nothing


def test_an_agreement_needs_everybodys_signature(tmp_path: Path) -> None:
    alfa, bravo = found(tmp_path, "alfa", "bravo")
    envelope = sign_agreement(new_agreement(cards_of([alfa, bravo]), TERMS), alfa)
    with pytest.raises(Unverified, match=r"not signed by bravo\.example") as refusal:
        install_agreement(envelope, alfa)
    assert refusal.value.code == "not_signed"
    assert not alfa.agreement_path.exists()


def test_signatures_on_other_terms_do_not_count(tmp_path: Path) -> None:
    parties = found(tmp_path, "alfa", "bravo")
    other = new_agreement(cards_of(parties), TERMS | {"name": "Other skies"})
    forged = replace(other, signatures=signed(parties).signatures)
    with pytest.raises(Unverified, match="does not verify"):
        install_agreement(forged, parties[0])


def test_a_new_log_waits_for_the_agreement_that_names_it(tmp_path: Path) -> None:
    alfa, bravo = found(tmp_path, "alfa", "bravo")
    agreement = install_agreement(signed([alfa, bravo]), alfa)
    check_keys_are_ours(agreement, alfa)
    begin_new_log(alfa, 3, bytes(32), SystemClock())
    with pytest.raises(Forbidden, match=r"log/2: draft it anew"):
        check_keys_are_ours(agreement, alfa)
    said = CliRunner().invoke(cli, ["serve", "--dir", str(alfa.directory)])
    assert said.exit_code and "draft it anew" in str(said.exception)


def test_only_a_later_version_replaces_an_agreement(tmp_path: Path) -> None:
    parties = found(tmp_path, "alfa", "bravo")
    alfa = parties[0]
    first = install_agreement(signed(parties), alfa)
    with pytest.raises(Conflict, match="version 1"):
        install_agreement(signed(parties, name="Other skies"), alfa)
    assert load_agreement(alfa) == first
    assert load_earlier_agreements(alfa, first) == []      # the one in force is not before itself
    second = install_agreement(signed(parties, version=2), alfa)
    assert load_agreement(alfa) == replace(second, earlier=(first.digest,))
    assert load_earlier_agreements(alfa, second) == [first]
    assert (alfa.directory / "agreement-1.json").exists()
    with pytest.raises(Conflict):
        install_agreement(signed(parties), alfa)


def test_an_install_that_met_a_full_disk_is_made_again(tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    parties = found(tmp_path, "alfa", "bravo")
    alfa = parties[0]
    first = install_agreement(signed(parties), alfa)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(LuftromError, match=r"agreement\.json: .*: make room"):
            install_agreement(signed(parties, version=2), alfa)
    assert load_agreement(alfa) == first
    second = install_agreement(signed(parties, version=2), alfa)
    assert load_agreement(alfa) == replace(second, earlier=(first.digest,))
    assert (alfa.directory / "agreement-1.json").exists()


def test_strangers_neither_sign_nor_install(tmp_path: Path) -> None:
    *parties, charlie = found(tmp_path, "alfa", "bravo", "charlie")
    envelope = signed(parties)
    for act in (sign_agreement, install_agreement):
        with pytest.raises(Forbidden, match=r"charlie\.example is not a party"):
            act(envelope, charlie)


def test_other_keys_or_another_url_than_ours_are_refused(tmp_path: Path) -> None:
    alfa, bravo = found(tmp_path, "alfa", "bravo")
    envelope = signed([alfa, bravo])
    twin = init_directory(tmp_path / "twin", "alfa.example", alfa.base_url, FakeClock())
    with pytest.raises(Forbidden, match="other keys"):
        sign_agreement(envelope, twin)
    with pytest.raises(Forbidden, match=r"config\.toml says"):
        sign_agreement(envelope, replace(alfa, base_url="http://127.0.0.1:9"))


@pytest.mark.parametrize("terms", [
    {"parties": []}, {"format": "x"}, {"version": 0}, {"colour": 1}, {"silence": {}},
    {"separation": {"lateral_m": -1, "vertical_m": 100, "time_s": 60}}])
def test_bad_terms_are_refused(tmp_path: Path, terms: dict[str, object]) -> None:
    parties = found(tmp_path, "alfa", "bravo")
    with pytest.raises(BadInput):
        new_agreement(cards_of(parties), TERMS | terms)


def test_one_party_cannot_agree_with_itself(tmp_path: Path) -> None:
    alfa, = found(tmp_path, "alfa")
    with pytest.raises(BadInput, match="same name"):
        new_agreement(cards_of([alfa, alfa]), TERMS)
