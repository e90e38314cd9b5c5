"""Schedules in which every step takes hardly any work on peers' leaves: nothing else changes.

Each leaf is read in one step and compared in many. The checks of the simulation hold all the same:
the nodes agree, a rebuild that takes all at once agrees with them, and the rules do.
"""

from __future__ import annotations

import pytest
import simulation

from luftrom import limits


@pytest.mark.parametrize("units", [1.0, 300.0, 15_000.0])
@pytest.mark.parametrize("mode", ["hold", "proceed"])
@pytest.mark.parametrize(("parties", "count"), [(2, 8), (3, 4)])
def test_schedules(parties: int, count: int, mode: str, units: float,
                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STEP_PEERS_WORK_MAX", units)
    monkeypatch.setattr(limits, "PEER_WORK_PER_MINUTE_MAX", 1e12)
    accepted = sum(simulation.run(seed, parties, mode, hours=seed % 2 == 1)
                   for seed in range(count))
    assert accepted > count
