"""What people are shown before they sign an agreement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from luftrom.agreement.party import NewLog
from luftrom.cli.agreement import _print
from parties import make_agreement, make_keys, make_party

NAMES = ("alfa.example", "bravo.example")


def test_a_new_log_and_large_numbers_are_told(capsys: pytest.CaptureFixture[str],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    agreement = make_agreement(tuple(make_party(name, make_keys(name)) for name in NAMES))
    _print(agreement, {})
    before = capsys.readouterr().out
    assert "log of" not in before and "e+0" not in before and "2,592,000 s long" in before
    alfa, bravo = agreement.parties
    alfa = replace(alfa, new_log=NewLog(2, 1_206, bytes(32)))
    _print(replace(agreement, parties=(alfa, bravo)), {})
    said = " ".join(capsys.readouterr().out.split())
    assert "log of alfa.example goes on as alfa.example/log/2 over 1,206 statements" in said
