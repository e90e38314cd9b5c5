"""Compiled functions on disk: none is stale, and whatever is wrong costs a sentence and time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import luftrom
from luftrom.geometry import compiling, kernel_cache, kernel_sources
from luftrom.geometry.index import warming
from luftrom.geometry.kernel_cache import Cache

# A package with a kernel of its own, which takes in a constant of another module.
TWICE = f"""
from {compiling.__name__} import compiled
from luftrom.factor import TIMES


@compiled
def twice(x):
    return x * TIMES
"""
ASK = """
from luftrom.twice import twice

print(twice(21.0), sum(twice.stats.cache_hits.values()))
"""


class Checkout:
    """A copy of the package, as small as a kernel needs it, and its own place for the cache."""

    def __init__(self, root: Path) -> None:
        self.package, self.place = root / "luftrom", root / "cache"
        shutil.copytree(Path(luftrom.__file__).parent, self.package,
                        ignore=shutil.ignore_patterns("__pycache__", "console"))
        (self.package / "twice.py").write_text(TWICE)
        self.times(2)

    def times(self, factor: int) -> None:
        (self.package / "factor.py").write_text(f"TIMES = {factor}\n")

    def ask(self, **environment: str) -> tuple[float, int, str]:
        """The answer, how often it came from the cache, and what was told."""
        ran = subprocess.run(
            [sys.executable, "-B", "-c", ASK], capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONPATH": str(self.package.parent), "PYTHONWARNINGS": "ignore",
                              "NUMBA_CACHE_DIR": str(self.place)} | environment)
        answer, hits = ran.stdout.split()
        return float(answer), int(hits), ran.stderr

    def kernels(self) -> list[Path]:
        return sorted(self.place.rglob("*.kernel"))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_what_was_compiled_is_loaded_and_a_change_of_what_it_takes_in_is_felt(checkout):
    assert checkout.ask() == (42.0, 0, "")
    assert checkout.ask() == (42.0, 1, "")
    checkout.times(3)
    assert checkout.ask() == (63.0, 0, "")
    checkout.times(2)
    assert checkout.ask() == (42.0, 1, "")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("what", ["directory", "file"])
def test_what_others_can_change_is_not_run(checkout, what):
    checkout.ask()
    kernel, = checkout.kernels()
    (kernel.parent if what == "directory" else kernel).chmod(0o777)
    answer, hits, told = checkout.ask()
    assert (answer, hits) == (42.0, 0)
    assert ("others can change" in told) == (what == "directory")


def test_a_cache_is_never_looked_for_where_a_command_happens_to_run(monkeypatch):
    monkeypatch.setattr(kernel_cache.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert all(place.is_absolute() for place in kernel_cache._places())
    monkeypatch.setattr(kernel_cache.config, "CACHE_DIR", "kernels")
    assert all(place.is_absolute() for place in kernel_cache._places())


def test_another_checkout_shares_the_cache(checkout, tmp_path):
    checkout.ask()
    other = Checkout(tmp_path / "elsewhere")
    other.place = checkout.place
    factor = other.package / "factor.py"
    factor.write_bytes(factor.read_bytes().replace(b"\n", b"\r\n"))
    assert other.ask() == (42.0, 1, "")


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:len(data) // 2], lambda data: b"\0" * len(data),
    lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: b"cos\nsystem\n(S'false'\ntR."],
    ids=["empty", "truncated", "zeros", "one-bit", "a-pickle"])
def test_a_damaged_file_is_made_anew_with_one_sentence(checkout, damage):
    checkout.ask()
    kernel, = checkout.kernels()
    whole = kernel.read_bytes()
    kernel.write_bytes(damage(whole))
    answer, hits, told = checkout.ask()
    assert (answer, hits) == (42.0, 0)
    assert told.count("\n") == 1 and "damaged" in told and str(kernel.parent) in told
    assert checkout.ask() == (42.0, 1, "")


def test_a_cache_of_another_machine_is_made_anew_with_one_sentence(checkout):
    assert checkout.ask(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="") == (42.0, 0, "")
    answer, hits, told = checkout.ask()
    assert (answer, hits) == (42.0, 0)
    assert told.count("\n") == 1 and "another machine" in told
    assert checkout.ask() == (42.0, 1, "")
    assert len(checkout.kernels()) == 2


def test_where_nothing_can_be_written_each_process_compiles_and_says_so_once(checkout):
    checkout.place.write_text("a file, where a directory should be")
    answer, hits, told = checkout.ask()
    assert (answer, hits) == (42.0, 0)
    assert told.count("\n") == 1 and "can be kept nowhere" in told and str(checkout.place) in told


def test_the_second_place_is_taken_where_the_first_cannot_be_written(tmp_path, caplog):
    (tmp_path / "first").write_text("")
    cache = Cache(lambda: [tmp_path / "first", tmp_path / "second"], "ab" * 32)
    assert cache.target().parent == tmp_path / "second" and cache.target().is_dir()
    told, = caplog.messages
    assert "kept in" in told and str(tmp_path / "first") in told


def test_a_disk_that_is_full_ends_keeping_with_one_sentence(tmp_path, caplog, monkeypatch):
    cache = Cache(lambda: [tmp_path], "ab" * 32)
    assert cache.target() is not None

    class Result:
        def _reduce(self):
            return ()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kernel_cache.os, "replace", fail)
    for _ in range(2):
        cache.save("some.kernel", Result())
    told, = caplog.messages
    assert "No space left on device" in told and not list(tmp_path.rglob("draft-*"))


def test_few_directories_of_other_sources_are_left_and_nothing_else_is_touched(tmp_path):
    names = [f"{number:016x}-{number:016x}" for number in range(6)]
    for age, name in enumerate(names):
        (tmp_path / name).mkdir()
        (tmp_path / name / "some.kernel").touch()
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / names[5] / "a-file-of-somebody").touch()
    os.utime(tmp_path / names[5], (1, 1))
    (tmp_path / "notes").mkdir()
    own = Cache(lambda: [tmp_path], "ff" * 32).target()
    assert {path.name for path in tmp_path.iterdir()} == {*names[:3], names[5], "notes", own.name}


def test_one_process_after_the_other_compiles(tmp_path):
    caches = [Cache(lambda: [tmp_path], "ab" * 32) for _ in range(2)]
    with caches[0].alone():
        assert not caches[1].has_all()
        caches[0].note_all()
    with caches[1].alone():
        assert caches[1].has_all()


def test_warming_up_in_a_process_of_its_own_leaves_nothing_to_do():
    warming.warm_up()
    assert warming.start_warming_up() is None
    warming.end(None)


# -- which sources take part ------------------------------------------------------------------

PACKAGE = Path(luftrom.__file__).parent


def test_all_modules_with_compiled_functions_take_part_and_what_they_import():
    names = kernel_sources.modules_taking_part(PACKAGE)
    for path in PACKAGE.rglob("*.py"):
        if "@compiled" in path.read_text() or "@released" in path.read_text():
            module = ".".join(("luftrom", *path.relative_to(PACKAGE).with_suffix("").parts))
            assert module in names
    words = {name.rpartition(".")[2] for name in names}
    assert {"compiling", "volume", "limits", "ellipsoid", "kernels", "columns"} <= words
    assert not {"serve", "sqlite", "app", "demo", "receipt", "luftrom"} & words


def test_the_digest_hangs_on_content_alone(tmp_path):
    one, other = tmp_path / "one", tmp_path / "deeper" / "other"
    for place in (one, other):
        shutil.copytree(PACKAGE, place, ignore=shutil.ignore_patterns("__pycache__"))
    assert kernel_sources.digest_of(one) == kernel_sources.digest_of(other)
    limits, = other.rglob("limits.py")
    limits.write_bytes(limits.read_bytes().replace(b"\n", b"\r\n"))
    assert kernel_sources.digest_of(one) == kernel_sources.digest_of(other)
    limits.write_text(limits.read_text() + "# another comment\n")
    assert kernel_sources.digest_of(one) != kernel_sources.digest_of(other)
    serve, = one.rglob("serve.py")
    before = kernel_sources.digest_of(one)
    serve.write_text(serve.read_text() + "# another comment\n")
    assert kernel_sources.digest_of(one) == before


def test_a_package_whose_compiler_is_not_found_has_no_digest(tmp_path):
    (tmp_path / "module.py").write_text("from luftrom.compilation import compiled\n")
    with pytest.raises(RuntimeError, match="no module imports compiling"):
        kernel_sources.digest_of(tmp_path)


def test_asking_for_the_digest_loads_no_compiler():
    code = ("import sys; from luftrom.geometry.kernel_sources import sources_digest; "
            "print(len(sources_digest()), 'numba' in sys.modules)")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)})
    assert ran.stdout.split() == ["64", "False"]


def test_a_place_that_may_not_even_be_looked_at_is_none(tmp_path: Path) -> None:
    """The home of another user, say; here a name that no file can have, which raises alike."""
    cache = Cache(lambda: [tmp_path / ("x" * 300)], kernel_sources.sources_digest())
    assert not cache.has_all() and cache.target() is None
    cache.note_all()
