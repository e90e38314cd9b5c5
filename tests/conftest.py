"""For every run: kernels are compiled once before workers begin, and a run can be given minutes."""

from __future__ import annotations

import time

import pytest

from luftrom.geometry.index.volume_index import warm_up


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--minutes", type=float, default=None,
                     help="tests that would begin later than this are skipped, and counted")


def is_worker(config: pytest.Config) -> bool:
    """Is this one of several processes that another one gives tests to?"""
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    minutes = config.getoption("minutes")
    if minutes is not None and not is_worker(config):
        # Workers are given this option as they are given all others: one end for all.
        config.option.end_s = time.time() + 60 * minutes


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before workers start, which would otherwise all compile the same on a fresh machine."""
    if session.config.getoption("tx", None) and not is_worker(session.config):
        warm_up()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    end_s = getattr(item.config.option, "end_s", None)
    if end_s is not None and time.time() > end_s:
        pytest.skip("the minutes of this run are over")
