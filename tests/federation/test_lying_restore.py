"""`luftrom restore --from-peers` where a peer lies, or fails for a moment: what our own key signed
counts, nothing is given up without an operator's word, and every refusal says what to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from processes import two_nodes
from test_recovery import ALFA, BRAVO, fly

from luftrom.agreement.party import Party
from luftrom.cli.demo import twonodes
from luftrom.cli.demo.twonodes import PartyNode
from luftrom.cli.main import run
from luftrom.config.keys import load_key, load_public_party
from luftrom.config.settings import load_settings
from luftrom.exchange.http import HttpTransport
from luftrom.exchange.word import DISCLOSURES, WORD, read_word, sign_word


class Lying(HttpTransport):
    """Carries what peers answer, but for what a test has them say; bravo's key signs the words."""

    pages: tuple[int, bytes] | None = None     # in place of disclosures
    words: ClassVar[dict[str, Any]] = {}       # what stands otherwise in each word
    bravo: Party
    key: Ed25519PrivateKey

    async def ask(self, base_url: str, about: str, ask: bytes, bytes_max: int
                  ) -> tuple[int, bytes]:
        if about == DISCLOSURES and self.pages is not None:
            return self.pages
        status, said = await super().ask(base_url, about, ask, bytes_max)
        if about == WORD and self.words:
            said = sign_word(replace(read_word(said, self.bravo, ALFA), **self.words),
                             self.key)
        return status, said


@pytest.fixture
def lied_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PartyNode]:
    """Alfa, down and without its database; bravo runs and answers as `Lying` says."""
    monkeypatch.setattr("luftrom.exchange.http.HttpTransport", Lying)
    with two_nodes(tmp_path, "hold") as (nodes, (alfa, bravo)):
        fly(alfa, bravo)
        twonodes.stop(nodes[:1])
        for path in nodes[0].directory.glob("luftrom.sqlite3*"):
            path.unlink()
        settings = load_settings(nodes[1].directory)
        monkeypatch.setattr(Lying, "bravo", load_public_party(settings), raising=False)
        monkeypatch.setattr(Lying, "key", load_key(settings, "channel"), raising=False)
        yield nodes[0]


def restores(node: PartyNode, capfd: pytest.CaptureFixture[str], *more: str
             ) -> tuple[int, str, list[str]]:
    """Exit code and words of a restore in this process, and which databases are there then."""
    code = run(["restore", "--from-peers", "--dir", str(node.directory), "--json", *more])
    said = capfd.readouterr()
    return code, said.out + said.err, sorted(
        path.name for path in node.directory.glob("*sqlite3*"))


@pytest.mark.parametrize("page", [(500, b""), (200, b"no page"), (200, b"luftrom-disclosures/1")])
def test_content_that_is_not_given_back_is_not_lost_yet(
        lied_to: PartyNode, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        page: tuple[int, bytes]) -> None:
    """A peer that fails for a moment must not make flights void for good."""
    with monkeypatch.context() as patch:
        patch.setattr(Lying, "pages", page)
        code, said, left = restores(lied_to, capfd)
        assert (code, left) == (3, []), said
        assert "content of statements 1 is not given back" in said and BRAVO in said
        code, said, _ = restores(lied_to, capfd, "--reason", "it never does")
        assert code == 0 and json.loads(said)["lost"] == [1] and BRAVO in json.loads(said)["silent"]
    for path in lied_to.directory.glob("luftrom.sqlite3*"):
        path.unlink()
    code, said, _ = restores(lied_to, capfd)
    assert code == 0 and json.loads(said)["lost"] == []


def test_a_word_on_less_than_our_mark_is_not_gone_on_from(
        lied_to: PartyNode, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
        ) -> None:
    monkeypatch.setattr(Lying, "words", {"size": 0, "root": bytes(32), "checkpoint": b"", "held": 0,
                                         "head": "", "receipt": b""})
    code, said, left = restores(lied_to, capfd)
    assert (code, left) == (3, []), said
    assert "our log had 3 statements" in said and "shows 0" in said and "--reason" in said
    code, said, _ = restores(lied_to, capfd, "--reason", "the mark is of a trial")
    assert code == 0 and json.loads(said)["size"] == 0


@pytest.mark.parametrize("words", [
    {"receipt": b"garbage"}, {"receipt": b""}, {"head": "garbage"}, {"size": 500, "held": 500},
    {"root": bytes(32)}, {"time_ns": 2**62}])
def test_a_word_with_garbage_in_it_stops_no_restore(
        lied_to: PartyNode, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        words: dict[str, Any]) -> None:
    """What counts is the checkpoint, which our own key signed; the rest it might have left out."""
    monkeypatch.setattr(Lying, "words", words)
    code, said, left = restores(lied_to, capfd)
    assert code == 0, said
    assert (json.loads(said)["size"], json.loads(said)["lost"]) == (3, [])
    assert left == ["luftrom.sqlite3"]
