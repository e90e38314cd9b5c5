"""cli.doctor: what a check cannot look at is a finding, and no defect."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from luftrom.cli.doctor import FAIL, OK, _store
from luftrom.config.founding import init_directory
from luftrom.config.storing import open_store
from parties import FakeClock


def test_a_store_on_a_disk_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                             ) -> None:
    settings = init_directory(tmp_path / "a", "alfa.example", "http://127.0.0.1:1", FakeClock())
    open_store(settings).close()
    assert _store(settings).verdict == OK
    real = sqlite3.connect

    def connect(*where: Any, **how: Any) -> sqlite3.Connection:
        if "check_same_thread" not in how:     # it is not the store that asks
            raise sqlite3.OperationalError("unable to open database file")
        return real(*where, **how)

    monkeypatch.setattr(sqlite3, "connect", connect)
    check = _store(settings)
    assert check.verdict == FAIL and str(settings.store_path) in check.seen
    assert str(settings.directory) in check.mend
