"""The example of CONTRIBUTING.md: a new kind of statement, built from the page and driven."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from holdings import ALFA, BRAVO, Pair
from luftrom.api.v1 import statements as shown
from luftrom.audit.holding import audit_holding
from luftrom.errors import BadInput
from luftrom.node.conductor import Conductor
from luftrom.node.operations import OPERATIONS
from luftrom.state import state as states
from luftrom.state.state import State
from luftrom.statements.disclosure import digests_of, make_disclosure
from luftrom.statements.kinds import KINDS
from luftrom.statements.leaf import StatementSigner, parse_statement
from luftrom.statements.opening import open_item
from luftrom.statements.statement import Statement

PAGE = Path(__file__).parents[3] / "CONTRIBUTING.md"
BLOCK = re.compile(r"```python\n# src/(\S+?)(?:, [^\n]*)?\n(.*?)```", re.S)
KIND, EFFECT, PART, OPERATION, SHOW = (
    "luftrom/statements/kinds/weather.py", "luftrom/state/weather.py", "luftrom/state/state.py",
    "luftrom/node/operations/weather.py", "luftrom/api/v1/statements.py")


def blocks() -> dict[str, str]:
    found = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return dict(found)


@pytest.fixture
def weather(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The example in its places: one file, three rows, and the part that it keeps."""
    texts, modules = blocks(), {}
    for path in (KIND, EFFECT, OPERATION):
        name = path.removesuffix(".py").replace("/", ".")
        module = modules[path] = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(texts[path], path, "exec"), module.__dict__)
    kind = modules[KIND].KIND
    monkeypatch.setitem(KINDS, kind.name, kind)
    for name, effect in modules[EFFECT].EFFECTS.items():
        monkeypatch.setitem(states.EFFECTS, name, effect)
    for request, operation in modules[OPERATION].OPERATIONS.items():
        monkeypatch.setitem(OPERATIONS, request, operation)
    room = dict(shown.__dict__) | {"Weather": modules[KIND].Weather}
    exec(compile(texts[SHOW], SHOW, "exec"), room)
    monkeypatch.setitem(shown.SHOWN, kind.name, room["weather_document"])
    begin = State.__init__

    def with_weather(self: State, *values: Any) -> None:
        begin(self, *values)
        exec(texts[PART], {"self": self, "Weather": modules[KIND].Weather})

    monkeypatch.setattr(State, "__init__", with_weather)
    return modules


def test_the_page_has_the_whole_example() -> None:
    assert set(blocks()) == {KIND, EFFECT, PART, OPERATION, SHOW}
    assert all(len(line) <= 100 for text in blocks().values() for line in text.splitlines())


def test_a_leaf_of_it(weather: dict[str, ModuleType]) -> None:
    pair = Pair()
    body = weather[KIND].Weather(12)
    remark = make_disclosure("remark", "Gusts.")
    draft = Statement(ALFA, "weather", 0, 1_790_000_000, body, digests=digests_of([remark]))
    signed = StatementSigner(ALFA, pair.keys[ALFA].statements).sign(draft)
    read = parse_statement(signed.leaf)
    assert read == signed and read.body == body
    item = open_item(read, (remark,))
    assert item.content == "Gusts." and open_item(read, ()).content is None
    with pytest.raises(BadInput):
        StatementSigner(ALFA, pair.keys[ALFA].statements).sign(
            Statement(ALFA, "weather", 0, 1, weather[KIND].Weather(900), digests=draft.digests))
    with pytest.raises(BadInput):          # nobody discloses a second one over the signed claim
        wind = make_disclosure("wind_ms", 3)
        leaf = StatementSigner(ALFA, pair.keys[ALFA].statements).sign(
            Statement(ALFA, "weather", 0, 1, body, digests=digests_of([wind])))
        open_item(leaf, (wind,))
    state = State(None)
    state.mirror(read)
    state.apply(item)
    assert state.weather == {ALFA: body} and state.progress.applied == {ALFA: 1}
    assert shown.statement_document(item) == {
        "log": f"{ALFA}/log", "index": 0, "type": "weather", "time": "2026-09-21T14:13:20Z",
        "agreement": None, "seen": {}, "wind_ms": 12, "remark": "Gusts."}


def test_two_nodes_speak_of_it(weather: dict[str, ModuleType]) -> None:
    pair, answers = Pair(), []
    tell = weather[OPERATION].TellWeather(7, "Calm.", lambda *told: answers.append(told))
    pair.step(ALFA)
    pair.step(BRAVO)
    pair.step(ALFA, tell)
    assert answers == [(weather[KIND].Weather(7), None)]
    pair.settle()
    for name in (ALFA, BRAVO):
        again = Conductor(name, pair.keys[name], pair.agreement, pair.stores[name], pair.clock)
        for node in (pair.nodes[name], again):
            assert node.state.weather == {ALFA: weather[KIND].Weather(7)}
        report = audit_holding(pair.stores[name], pair.agreement.party(name), pair.agreement)
        assert report.verified, report
