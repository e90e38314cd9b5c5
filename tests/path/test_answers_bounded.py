"""Answers that would grow with what others declared are bounded: pages, and refusals by name."""

from __future__ import annotations

import asyncio
import threading

import pytest

from conftest import moment, new_id, running, volume
from luftrom import limits
from luftrom.api.http import call

INTENTS, NOTICES = "/v1/operational_intents", "/v1/constraints"
QUERY = "/dss/v1/operational_intent_references/query"
ITEM = 14                                  # a square: four vertices, and ten for the volume


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """A node with six activities side by side, three notices over them, and what conflicts."""
    with running(tmp_path_factory.mktemp("crowded")) as house, house.client() as client:
        for k in range(6):
            made = client.put(f"{INTENTS}/{new_id()}", json={
                "volumes": [volume(10, 10 + 0.1 * k)], "name": f"N{k}"})
            assert made.status_code == 201, made.text
        for k in range(3):
            made = client.put(f"{NOTICES}/{new_id()}", json={
                "volumes": [volume(10, 10, size=0.55 + 0.1 * k)]})
            assert made.status_code == 201, made.text
        yield house


@pytest.fixture
def reader(crowded):
    with crowded.client() as each:
        yield each


def pages(client, path, member):
    found = []
    while path:
        page = client.get(path).json()
        found.append(page[member])
        path = page["next"]
    return found


def test_a_page_shows_so_many_vertices(reader, monkeypatch):
    for path, member, count in ((INTENTS, "operational_intents", 6), (NOTICES, "constraints", 3)):
        assert [len(page) for page in pages(reader, path, member)] == [count]
        for most, sizes in ((2 * ITEM, [2] * (count // 2) + [1] * (count % 2)),
                            (2 * ITEM - 1, [1] * count), (1, [1] * count)):
            monkeypatch.setattr(limits, "PAGE_VERTICES_MAX", most)
            found = pages(reader, path, member)
            assert [len(page) for page in found if page] == sizes
            assert len({item["id"] for page in found for item in page}) == count
        monkeypatch.undo()
        found = pages(reader, f"{path}?limit=2", member)
        assert len({item["id"] for page in found for item in page}) == count
        assert max(map(len, found)) == 2


def test_conflicts_come_in_pages(reader, monkeypatch):
    whole = reader.get("/v1/conflicts").json()
    assert whole["next"] is None and len(whole["conflicts"]) == 18
    ids = {each["id"] for each in whole["conflicts"]}
    found = pages(reader, "/v1/conflicts?limit=5", "conflicts")
    assert list(map(len, found)) == [5, 5, 5, 3]
    assert {each["id"] for page in found for each in page} == ids
    monkeypatch.setattr(limits, "CLIENT_WORK_MAX", 1.0)
    assert list(map(len, pages(reader, "/v1/conflicts", "conflicts"))) == [1] * 18


@pytest.mark.parametrize("after", ["", "x", "alfa.example/1", "alfa.example/1,alfa.example/x",
                                   "a/1,b/2,c/3"])
def test_a_place_that_no_page_names_is_refused(reader, after):
    answer = reader.get("/v1/conflicts", params={"after": after})
    assert answer.status_code == 400 and answer.json()["field"] == "query.after"


def test_a_query_finds_so_many(reader, monkeypatch):
    area = {"area_of_interest": volume(9, 9, size=3)}
    for most, status in ((6, 200), (5, 413)):
        monkeypatch.setattr(limits, "QUERY_ITEMS_MAX", most)
        answer = reader.post(QUERY, json=area)
        assert answer.status_code == status, answer.text
        if status == 200:
            assert len(answer.json()["operational_intent_references"]) == 6
        else:
            assert answer.json()["code"] == "too_large" and "at most 5" in answer.json()["message"]


def test_vertices_are_counted_before_any_outline_is_checked(reader):
    """One vertex too many in all is refused as that, though every outline here is none."""
    corner = {"lat": 1.0, "lng": 1.0}
    each = volume(10, 10) | {}
    each["volume"]["outline_polygon"]["vertices"] = [corner] * 9_999
    last = volume(10, 10)
    last["volume"]["outline_polygon"]["vertices"] = [corner] * 3
    answer = reader.put(f"{INTENTS}/{new_id()}", json={"volumes": [each, each, last]})
    assert answer.status_code == 400
    assert "have 20001 vertices in all" in answer.json()["detail"]
    answer = reader.put(f"{INTENTS}/{new_id()}", json={"volumes": [each, each]})
    assert answer.status_code == 400 and "vertices in all" not in answer.json()["detail"]


def test_large_bodies_are_read_on_a_thread(reader, monkeypatch):
    """Small ones are read at once; either way the same is accepted and refused."""
    threads = []

    async def to_thread(work):
        threads.append(threading.current_thread())
        return await asyncio.get_running_loop().run_in_executor(None, work)

    monkeypatch.setattr(call.asyncio, "to_thread", to_thread)
    late = {"volumes": [volume(20, 10, start=-40, end=-10)]}
    for most, count in ((1 << 20, 0), (0, 2)):
        monkeypatch.setattr(call, "_FEW_BYTES", most)
        threads.clear()
        answer = reader.put(f"{INTENTS}/{new_id()}", json=late)
        assert answer.status_code == 400 and "end before now" in answer.json()["detail"]
        answer = reader.post(INTENTS, json=late | {"name": moment(0)})
        assert answer.status_code == 400 or answer.json()["results"][0]["status"] == "failed"
        assert len(threads) >= count and bool(threads) is bool(count)
