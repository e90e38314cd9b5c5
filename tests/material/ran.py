"""What a command of `luftrom` left behind, however a test ran it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from luftrom.cli.main import run


@dataclass(frozen=True)
class Ran:
    """Exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Luftrom = Callable[..., Ran]


def in_process(capsys: pytest.CaptureFixture[str]) -> Luftrom:
    """Runs commands within the test's own process."""
    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            code = run([str(each) for each in arguments])
        except SystemExit as end:
            code = end.code
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return call
