"""docs/architecture.md follows a declared activity: each function leads to the next as it says."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FUNCTIONS_MAX = 13
ROW = re.compile(r"^\| `([\w/]+\.py)` \| `([\w.]+)` \| [^|]+ \|([^|]*)\|$", re.M)


@dataclass(frozen=True)
class Stop:
    """A function of the path, and how it leads to the next."""

    path: str
    function: str
    then: str

    @property
    def name(self) -> str:
        return self.function.rpartition(".")[2]

    @property
    def module(self) -> str:
        return "luftrom." + self.path.removesuffix(".py").replace("/", ".")

    def body(self) -> ast.AST:
        """The function's definition, which must be there."""
        where: ast.AST = ast.parse((ROOT / "src" / "luftrom" / self.path).read_text("utf-8"))
        for part in self.function.split("."):
            where = next(node for node in ast.iter_child_nodes(where)
                         if getattr(node, "name", None) == part)
        return where

    def mentions(self) -> set[str]:
        """Every name that stands in it."""
        found = {getattr(node, kind, None) for node in ast.walk(self.body())
                 for kind in ("id", "attr")}
        return {name for name in found if name}


SECTION = PAGE[PAGE.index("## How a declared activity travels"):PAGE.index("## A kind of")]
STOPS = [Stop(path, function, then.strip()) for path, function, then in ROW.findall(SECTION)]


def test_it_is_short() -> None:
    assert 6 <= len(STOPS) <= FUNCTIONS_MAX
    assert STOPS[0].path.startswith("api/") and STOPS[-1].then == ""
    assert SECTION.count("\n| `") == len(STOPS), "a row is not read by this test"


@pytest.mark.parametrize("stop, following", list(pairwise(STOPS)),
                         ids=[stop.function for stop in STOPS[:-1]])
def test_each_leads_to_the_next(stop: Stop, following: Stop) -> None:
    mentioned = stop.mentions()
    if stop.then == "calls":
        assert following.name in mentioned
    elif stop.then == "inbox":             # a request is put in, and a step takes it out
        assert {"_inbox", "ask"} <= mentioned
        assert following.name in ("step", "hear")
    elif stop.then == "courier":           # a signed leaf or an answer travels between two nodes
        assert "append" in stop.function or stop.path == "node/hearing.py"
    else:
        table = re.fullmatch(r"table `(\w+)`", stop.then)
        assert table and table[1] in mentioned, stop.then
        rows = getattr(importlib.import_module(stop.module), table[1])
        assert following.name in {row.__name__ for row in rows.values()}
    assert following.body() is not None


def test_what_the_hand_overs_rest_on() -> None:
    """The inbox drives the conductor, which takes in what the courier brought, and then rules."""
    inbox = Stop("node/inbox.py", "Inbox._step", "")
    assert {"_conductor", "_work_through", "publish"} <= inbox.mentions()
    through = Stop("node/inbox.py", "Inbox._work_through", "")
    assert {"_conductor", "step", "commit"} <= through.mentions()
    attempt = Stop("node/conductor.py", "Conductor._attempt", "")
    assert {"_take", "_work", "_seal"} <= attempt.mentions()
    work = Stop("node/conductor.py", "Conductor._work", "")
    assert {"open_log", "_operate", "rule"} <= work.mentions()
    assert "_rule_on" in Stop("node/ruling.py", "rule", "").mentions()
    taken = importlib.import_module("luftrom.node.hearing").TAKEN
    assert {"hear", "hear_answer"} <= {row.__name__ for row in taken.values()}
    assert "HearAnswer" in Stop("node/courier.py", "Courier._exchange", "").mentions()
