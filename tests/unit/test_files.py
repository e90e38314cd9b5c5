"""files: written once or replaced whole, and the lock."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from luftrom.errors import BadInput, Conflict, LuftromError, NotFound, TooLarge
from luftrom.files import (
    exclusive,
    mend_of,
    naming,
    read_file,
    replace_file,
    replacing,
    write_new,
)


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_replacement_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(LuftromError, match="irectory"):
        replace_file(tmp_path / "file", b"one")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("number, mend", [
    (errno.ENOSPC, "make room"), (errno.EDQUOT, "make room"), (errno.EROFS, "let the user"),
    (errno.EACCES, "let the user"), (errno.EIO, "Input/output error")])
def test_a_file_that_cannot_be_written_is_named_with_the_mend(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, mend: str) -> None:
    """The old content stays, and nothing is left of the new."""
    replace_file(tmp_path / "old", b"one")

    def broken(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", broken)
    for write, name in ((write_new, "new"), (replace_file, "old")):
        with pytest.raises(LuftromError, match=f"{tmp_path / name}: .*{mend}"):
            write(tmp_path / name, b"two")
    with pytest.raises(OSError) as refused, replacing(tmp_path / "old") as file:
        file.write(b"three")
    assert refused.value.filename == (str(tmp_path / "old") if mend_of(refused.value) else None)
    assert (tmp_path / "old").read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [tmp_path / "old"]


def test_new_files_are_private_and_never_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_new(path, b"one")
    with pytest.raises(Conflict, match="nothing is overwritten"):
        write_new(path, b"two")
    assert path.read_bytes() == b"one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_unreadable_files_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LuftromError, match="cannot read"):
        read_file(tmp_path)
    with pytest.raises(NotFound, match="make one"):
        read_file(tmp_path / "nowhere", "make one")
    monkeypatch.setattr("luftrom.limits.FILE_BYTES_MAX", 3)
    write_new(tmp_path / "large", b"four")
    with pytest.raises(TooLarge):
        read_file(tmp_path / "large")


def test_refusals_name_their_file_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refusal, naming(tmp_path):
        raise BadInput("must be less", field="a.b")
    assert str(refusal.value) == f"{tmp_path}: a.b must be less"


@pytest.mark.skipif(sys.platform != "linux", reason="a limit stands for a disk that is full")
def test_a_lock_on_a_full_disk_is_named(tmp_path: Path) -> None:
    code = ("import resource, sys; from pathlib import Path; from luftrom.files import exclusive\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
            "try:\n    with exclusive(Path(sys.argv[1])): print('held')\n"
            "except Exception as error: print(error)")
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path / "lock")], capture_output=True,
                          text=True, check=True).stdout
    assert said == f"cannot write {tmp_path / 'lock'}: File too large: make room on its disk\n"


def test_a_lock_has_one_holder_and_goes_with_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = ("import sys; from pathlib import Path; from luftrom.files import exclusive\n"
            "try:\n    with exclusive(Path(sys.argv[1])): print('held')\n"
            "except Exception as error: print(error)")

    def other() -> str:
        return subprocess.run([sys.executable, "-c", code, str(lock)], capture_output=True,
                              text=True, check=True).stdout

    with exclusive(lock):
        assert f"{tmp_path} is in use by process {os.getpid()}" in other()
    assert other() == "held\n"
    with exclusive(lock):
        pass
