"""What an audit found: steps with their verdicts, never a bare yes or no."""

from __future__ import annotations

from dataclasses import dataclass

OK, FAILED, SKIPPED = "ok", "failed", "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked. `said` is what holds, or the first failure; `index` its leaf.

    `failures` counts how often it failed; the first stands for all.
    """

    name: str
    verdict: str
    said: str
    index: int | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class LogReport:
    """One log as held: whose, how large by its checkpoint, and every step.

    `kind` is `log` (the auditor's own), `mirror` or `remote`.
    """

    party: str
    kind: str
    size: int
    root: bytes
    receipts: int
    steps: tuple[Step, ...]

    @property
    def verified(self) -> bool:
        """Did nothing fail? A step that was skipped says why, and has not failed."""
        return all(step.verdict != FAILED for step in self.steps)

    @property
    def failures(self) -> tuple[Step, ...]:
        """The steps that failed, in their order."""
        return tuple(step for step in self.steps if step.verdict == FAILED)


@dataclass(frozen=True, slots=True)
class Report:
    """All logs of one holder; the first is its own. `proofs` are sentences about liars."""

    party: str
    logs: tuple[LogReport, ...]
    steps: tuple[Step, ...] = ()
    proofs: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Did nothing fail anywhere?"""
        return (all(log.verified for log in self.logs)
                and all(step.verdict != FAILED for step in self.steps))

    @property
    def verdict(self) -> str:
        """`verified`, the first failure in one line, or what nobody could check."""
        for log in self.logs:
            for step in log.failures:
                return f"{step.name} of {log.party} fails: {step.said}"
        for step in self.steps:
            if step.verdict == FAILED:
                return f"{step.name} fails: {step.said}"
        steps = [step for log in self.logs for step in log.steps] + list(self.steps)
        skipped = dict.fromkeys(step.name for step in steps if step.verdict == SKIPPED)
        return f"nothing fails; not checked: {', '.join(skipped)}" if skipped else "verified"


class Tally:
    """A step in the making: collects failures, keeps the first."""

    def __init__(self, name: str):
        self.name = name
        self._first: tuple[str, int | None] | None = None
        self._failures = 0
        self._skipped = ""

    def fail(self, said: str, index: int | None = None) -> None:
        """Something does not hold."""
        self._failures += 1
        if self._first is None:
            self._first = (said, index)

    def skip(self, said: str) -> None:
        """It was not looked at, or not from some point on, and this is why."""
        self._skipped = self._skipped or said

    @property
    def has_failed(self) -> bool:
        """Was there a failure?"""
        return self._first is not None

    def close(self, holds: str) -> Step:
        """The step; `holds` is what to say if nothing failed."""
        if self._first is not None:
            return Step(self.name, FAILED, *self._first, self._failures)
        if self._skipped:
            return Step(self.name, SKIPPED, self._skipped)
        return Step(self.name, OK, holds)
