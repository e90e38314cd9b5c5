"""Snapshots of the index: the same when read again, whole or refused, and the file left alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from luftrom.errors import BadInput, LuftromError, NotFound, TooLarge
from luftrom.geometry.columns import Columns
from luftrom.geometry.encounter import encounter
from luftrom.geometry.index import snapshot
from luftrom.geometry.index.snapshot import HEADER_BYTES_MAX, read_snapshot, write_snapshot
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from outlines import PLACES, forward, random_outline

MINIMA = Separation(500.0, 50.0, 60.0)
TIED = '{"north":[7,"00ff"],"süd":[2,"ab"]}'
ALIGNMENT_BYTES = 64
PAIR = np.dtype([("whole", np.int32), ("real", np.float64)])
ARRAYS = {"numbers": np.arange(6.0).reshape(3, 2), "none": np.zeros(0, np.int32),
          "pairs": np.array([(1, 2.5), (-7, 0.0)], PAIR)}
DIGEST_OF_LAYOUT = {1: "2c6c9c58416eafa1eeee861427c1c6e1742b02115abfcee5c2d4d6308df9efd7"}


def volumes_of(seed: int) -> tuple[Volume4D, ...]:
    random = np.random.default_rng(seed)
    place, _ = forward(PLACES[seed % 3], random.uniform(0, 360), random.uniform(0, 5_000))
    starts = random.integers(0, 3_000, random.integers(1, 4)).tolist()
    return tuple(Volume4D(random_outline(random, place, 10 ** random.uniform(1.5, 3.5)),
                          100.0 * (start % 3), 100.0 * (start % 3) + 50.0, start * 10**9,
                          (start + 600) * 10**9) for start in starts)


def index_of(seeds) -> VolumeIndex:
    index = VolumeIndex(MINIMA)
    for seed in seeds:
        index.insert(seed, volumes_of(seed))
    return index


def answers(index: VolumeIndex) -> list[list[int]]:
    return [index.query(volumes_of(seed)) for seed in range(100, 140)]


def small(path: Path, arrays=ARRAYS, tied=TIED) -> bytes:
    write_snapshot(path, tied, arrays)
    return path.read_bytes()


def resealed(data: bytes) -> bytes:
    """The file with the digest that belongs to what it holds now."""
    return data[:-32] + sha256(data[:-32]).digest()


def with_header(data: bytes, change) -> bytes:
    """The file with another header, the arrays moved and the digest right."""
    end = data.index(b"\n", ALIGNMENT_BYTES)
    body = data[end + 1 + -(end + 1) % ALIGNMENT_BYTES:]
    head = data[:ALIGNMENT_BYTES] + change(data[ALIGNMENT_BYTES:end]) + b"\n"
    return resealed(head + bytes(-len(head) % ALIGNMENT_BYTES) + body)


# -- what comes back -----------------------------------------------------------------------------

def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    data = small(tmp_path / "file")
    found = read_snapshot(tmp_path / "file", TIED, ARRAYS)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype and (found[name] == array).all()
        assert found[name].shape == array.shape and found[name].flags.aligned
        assert found[name].flags.writeable and found[name].flags.c_contiguous
    strided = {**ARRAYS, "numbers": np.arange(12.0).reshape(3, 4)[:, ::2] / 2}
    strided["numbers"][:] = ARRAYS["numbers"]
    assert small(tmp_path / "other", strided) == data
    # What the module says of the file, read here by other means.
    end = data.index(b"\n", ALIGNMENT_BYTES)
    header = json.loads(data[ALIGNMENT_BYTES:end])
    assert header["arrays"][0] == ["numbers", np.dtype(np.float64).str, [3, 2]]
    start = end + 1 + -(end + 1) % ALIGNMENT_BYTES
    assert data[start:start + 48] == ARRAYS["numbers"].tobytes()
    assert data[start + 64:start + 88] == ARRAYS["pairs"].tobytes()
    assert sha256(data[:start + 128]).digest() == data[start + 128:]


def test_an_index_comes_back_and_goes_on(tmp_path: Path) -> None:
    index = index_of(range(100))
    for serial in range(0, 100, 7):
        index.remove(serial)
    path = tmp_path / "index"
    index.save(path, TIED)
    loaded = VolumeIndex.load(path, MINIMA, TIED)
    assert loaded.nbytes < index.nbytes    # room for more is not written
    assert answers(loaded) == answers(index) and any(answers(index))
    assert (len(loaded), loaded.volumes) == (len(index), index.volumes)
    loaded.save(tmp_path / "again", TIED)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    for serial in (*range(0, 100, 7), *range(200, 400)):
        for one in (index, loaded):
            one.insert(serial, volumes_of(serial))
    assert answers(loaded) == answers(index)
    columns = Columns.of([volume for seed in range(400, 420) for volume in volumes_of(seed)])
    for one in (index, loaded):
        one.insert_columns(np.arange(1_000, 1_000 + len(columns)), columns)
        one.remove(3)
    assert loaded.expire(1_500 * 10**9) == index.expire(1_500 * 10**9) != []
    assert answers(loaded) == answers(index) and any(answers(index))


def test_an_empty_index_is_one_too(tmp_path: Path) -> None:
    for index in (VolumeIndex(MINIMA), index_of(range(30))):
        for serial in range(len(index)):
            index.remove(serial)
        index.save(tmp_path / "index", "")
        loaded = VolumeIndex.load(tmp_path / "index", MINIMA, "")
        assert len(loaded) == 0 and loaded.query(volumes_of(1)) == []
        for serial in range(200):
            loaded.insert(serial, volumes_of(serial))
        assert answers(loaded) == answers(index_of(range(200)))


def test_changes_leave_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index_of(range(60)).save(path, TIED)
    data = path.read_bytes()
    loaded, other = (VolumeIndex.load(path, MINIMA, TIED) for _ in range(2))
    expected = answers(other)
    for serial in range(0, 60, 2):
        loaded.remove(serial)
    loaded.expire(1_800 * 10**9)
    loaded.insert(900, volumes_of(0))
    assert path.read_bytes() == data
    assert answers(other) == expected
    loaded.save(path, TIED)                # a mapped file may be replaced
    assert path.read_bytes() != data
    assert answers(other) == expected
    assert answers(VolumeIndex.load(path, MINIMA, TIED)) == answers(loaded) != expected


def test_minima_are_no_part_of_it(tmp_path: Path) -> None:
    index_of(range(60)).save(tmp_path / "index", TIED)
    wide = Separation(9_000.0, 400.0, 900.0)
    loaded = VolumeIndex.load(tmp_path / "index", wide, TIED)
    met = [serial for serial in range(60) if encounter(volumes_of(100), volumes_of(serial), wide)]
    assert loaded.query(volumes_of(100)) == met != index_of(range(60)).query(volumes_of(100))


@pytest.mark.skipif(sys.byteorder != "little", reason="the digest is of numbers in this order")
def test_the_layout_is_still_what_its_number_says(tmp_path: Path) -> None:
    # If this fails, arrays mean something else than in files that were written before: raise
    # LAYOUT, and note the new digest. Where nothing but spare room has changed, note it alone.
    square = Polygon(((47.0, 8.0), (47.0, 8.001), (47.001, 8.001), (47.001, 8.0)))
    volumes = [Volume4D(outline, 100.0 * k, 100.0 * k + 50, k * 10**12, 10**14) for k, outline in
               enumerate((square, Circle(47.0, 8.0, 30.0), Circle(-60.0, 179.9, 90_000.0)))]
    index = VolumeIndex(MINIMA)
    index.insert_columns(np.array([5, 5, 9]), Columns.of(volumes))
    index.insert(6, volumes[:2])
    index.remove(5)
    index.save(tmp_path / "index", "")
    digest = sha256((tmp_path / "index").read_bytes()).hexdigest()
    assert {snapshot.LAYOUT: digest} == DIGEST_OF_LAYOUT


# -- files that are refused ----------------------------------------------------------------------

def refusal(path: Path, data: bytes, like=ARRAYS, tied=TIED) -> str:
    path.write_bytes(data)
    with pytest.raises(BadInput) as fault:
        read_snapshot(path, tied, like)
    assert str(fault.value).startswith(f"{path}: ")
    return fault.value.message


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    data = small(path)
    for size in range(len(data)):
        refusal(path, data[:size])
    assert "by its header" in refusal(path, data[:-1])
    assert "by its header" in refusal(path, data + b"\0")
    path.write_bytes(data)
    assert len(read_snapshot(path, TIED, ARRAYS)) == 3


def test_every_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    data = small(path)
    for place in range(len(data)):
        for change in (1, 0x20, 0x80):
            changed = bytearray(data)
            changed[place] ^= change
            refusal(path, changed)
    assert "SHA-256" in refusal(path, data[:-1] + bytes([data[-1] ^ 1]))


def test_truncations_of_an_index_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index_of(range(20)).save(path, TIED)
    data = path.read_bytes()
    for size in range(0, len(data), ALIGNMENT_BYTES // 2):
        path.write_bytes(data[:size])
        with pytest.raises(BadInput):
            VolumeIndex.load(path, MINIMA, TIED)


def test_what_is_tied_to_something_else_is_refused_and_both_are_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    message = refusal(path, small(path), tied="now")
    assert repr(TIED) in message and "'now'" in message


def test_another_layout_or_format_is_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "file"
    data = small(path)
    assert "format" in refusal(path, resealed(data.replace(b"arrays/1", b"arrays/2")))
    monkeypatch.setattr(snapshot, "LAYOUT", snapshot.LAYOUT + 1)
    newer = small(path)
    monkeypatch.undo()
    assert f"layout {snapshot.LAYOUT + 1}; this version" in refusal(path, newer)


@pytest.mark.parametrize(("name", "array"), [
    ("numbers", np.zeros((3, 3))), ("numbers", np.zeros(6)),
    ("numbers", np.zeros((3, 2), np.int64)),
    ("numbers", np.zeros((3, 2), np.dtype(np.float64).newbyteorder())),
    ("none", np.zeros(0, np.uint32)), ("pairs", np.zeros(2, PAIR.newbyteorder())),
    ("pairs", np.zeros(2, np.dtype([("whole", np.int32), ("other", np.float64)]))),
    ("pairs", np.zeros(2, np.dtype([("whole", np.int32), ("real", np.float64)], align=True)))])
def test_other_arrays_and_another_order_of_bytes_are_refused(tmp_path, name, array) -> None:
    path = tmp_path / "file"
    assert re.match(f"{path}: holds", refusal(path, small(path), {**ARRAYS, name: array}))
    assert re.match(f"{path}: holds", refusal(path, small(path, {**ARRAYS, name: array})))


def test_names_and_their_order_count(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for like in ({}, dict(list(ARRAYS.items())[:2]), dict(reversed(ARRAYS.items())),
                 {**ARRAYS, "more": np.zeros(1)},
                 {name.upper(): array for name, array in ARRAYS.items()}):
        assert "holds other arrays" in refusal(path, small(path), like)


@pytest.mark.parametrize("change", [
    lambda text: b" " + text,
    lambda text: text.replace(b'"layout":1', b'"layout":1.0'),
    lambda text: text.replace(b'"layout":1', b'"layout":true'),
    lambda text: text.replace(b'"layout":1', b'"layout":1,"layout":1'),
    lambda text: text.replace(b'"layout":1', b'"layout":1,"more":0'),
    lambda text: text.replace(b'"tied":', b'"Tied":'),
    lambda text: text.replace(b"s\\u00fcd", "süd".encode()),
    lambda text: text.replace(b"s\\u00fcd", b"s\xffd"),
    lambda text: text.replace(b"[3,2]", b"[-3,2]"),
    lambda text: text.replace(b"[3,2]", b"[3.0,2]"),
    lambda text: text.replace(b"[3,2]", b"[true,2]"),
    lambda text: text.replace(b"[3,2]", b"[6,1]"),
    lambda text: text.replace(b"[3,2]", b"[]"),
    lambda text: text.replace(b"[3,2]", b"3"),
    lambda text: text.replace(b"[3,2]", b"[3,2],1"),
    lambda text: text.replace(b"[3,2]", b'{"3":2}'),
    lambda text: text.replace(b"[3,2]", b"[" + b"9" * 19 + b",2]"),
    lambda text: text.replace(b"[3,2]", b"[" + b"9" * 5_000 + b",2]"),
    lambda text: text.replace(b"[0]", b"[-8]"),
    lambda text: b'{"arrays":[{"a":1,"b":2,"c":3}],"layout":1,"tied":""}',
    lambda text: b'{"arrays":{"abc":1},"layout":1,"tied":""}',
    lambda text: b'{"arrays":["abc"],"layout":1,"tied":""}',
    lambda text: b"[" * 50_000,
    lambda text: b"[]", lambda text: b"7", lambda text: b"", lambda text: b"null",
    lambda text: text + b" " * HEADER_BYTES_MAX])
def test_headers_are_read_strictly(tmp_path: Path, change) -> None:
    path = tmp_path / "file"
    data = small(path)
    assert with_header(data, lambda text: text) == data
    changed = with_header(data, change)
    assert changed != data
    refusal(path, changed)


def test_a_header_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    room = HEADER_BYTES_MAX - small(path, tied="").index(b"\n", ALIGNMENT_BYTES) - 1
    data = small(path, tied="x" * room)
    assert (read_snapshot(path, "x" * room, ARRAYS)["numbers"] == ARRAYS["numbers"]).all()
    with pytest.raises(TooLarge, match=str(HEADER_BYTES_MAX + 1)):
        small(path, tied="x" * (room + 1))
    assert path.read_bytes() == data


def test_no_file_and_no_readable_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no"):
        VolumeIndex.load(tmp_path / "nowhere", MINIMA, TIED)
    with pytest.raises(LuftromError, match="cannot read") as fault:
        VolumeIndex.load(tmp_path, MINIMA, TIED)
    assert fault.value.code == "unreadable"


# -- writing that fails --------------------------------------------------------------------------

WRITER = """
import resource, sys
import numpy as np
from pathlib import Path
from luftrom.errors import LuftromError
from luftrom.geometry.index.snapshot import write_snapshot
path, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        write_snapshot(path, "new", {"numbers": np.ones(100_000)})
    except LuftromError as error:
        print(error.code, error)
    sys.exit()
print("writing", flush=True)
while True:
    for k in range(2):
        write_snapshot(path, "", {"numbers": np.full(300_000, k, np.int64)})
"""


@pytest.mark.skipif(os.name != "posix", reason="a limit on the size of files is POSIX's")
@pytest.mark.parametrize("limit", [1, 200, 4_096, 799_999, 800_100])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "file"
    data = small(path)
    done = subprocess.run([sys.executable, "-c", WRITER, path, str(limit)], capture_output=True,
                          text=True, check=True)
    assert done.stdout.startswith(f"unwritable cannot write {path}: ")
    assert path.read_bytes() == data and list(tmp_path.iterdir()) == [path]


def test_a_missing_directory_says_so(tmp_path: Path) -> None:
    with pytest.raises(LuftromError, match="cannot write") as fault:
        index_of(range(3)).save(tmp_path / "nowhere" / "index", TIED)
    assert fault.value.code == "unwritable"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path, like = tmp_path / "file", {"numbers": np.zeros(0, np.int64)}
    write_snapshot(path, "", {"numbers": np.zeros(300_000, np.int64)})
    for pause_ms in (0, 3, 7, 12, 18, 25):
        with subprocess.Popen([sys.executable, "-c", WRITER, path, "0"], stdout=subprocess.PIPE
                              ) as writer:
            assert writer.stdout.readline() == b"writing\n"
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(pause_ms / 1_000)
            writer.send_signal(signal.SIGKILL)
        numbers = read_snapshot(path, "", like)["numbers"]
        assert len(numbers) == 300_000 and (numbers == numbers[0]).all()
    small(path)
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    path, beside = tmp_path / "index[1]", (".index[1].draft", ".other.7", ".index1.7", "index[1].7")
    for name in (f".{path.name}.{os.getpid()}", f".{path.name}.1", *beside):
        (tmp_path / name).write_bytes(b"half")
    index_of(range(3)).save(path, TIED)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted((path.name, *beside))
    assert VolumeIndex.load(path, MINIMA, TIED).volumes == index_of(range(3)).volumes
