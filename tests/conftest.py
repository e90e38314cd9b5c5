"""For every run: kernels are compiled once before workers begin, and a run can be given minutes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from luftrom.geometry.index.warming import warm_up

END_S = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--minutes", type=float, default=None,
                     help="tests that would begin later than this, once the kernels are compiled, "
                     "are skipped and counted")
    parser.addoption("--rounds", type=int, default=3,
                     help="of four processes under faults (tests/federation/test_four_processes)")
    parser.addoption("--seed", type=int, default=1, help="of the first of these rounds")


def is_worker(config: pytest.Config) -> bool:
    """Is this one of several processes that another one gives tests to?"""
    return hasattr(config, "workerinput")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before workers start, which would otherwise all compile the same on a fresh machine."""
    config = session.config
    if is_worker(config):
        return
    if config.getoption("tx", None):
        warm_up()
    if config.getoption("minutes") is not None:
        config.stash[END_S] = time.time() + 60 * config.getoption("minutes")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Workers end when all end."""
    node.workerinput["end_s"] = node.config.stash.get(END_S, None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    config = item.config
    end_s = config.workerinput["end_s"] if is_worker(config) else config.stash.get(END_S, None)
    if end_s is not None and time.time() > end_s:
        pytest.skip("the minutes of this run are over")
