"""Every command, option, exit code and setting is documented, and the pages are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from luftrom.cli.main import EXIT_CODES
from luftrom.cli.reference import (
    agreement_page,
    api_page,
    cli_page,
    config_page,
    contexts,
    limits_page,
)
from luftrom.config.keys import ROLES
from luftrom.config.settings import SETTINGS

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize(("name", "page"), [("cli.md", cli_page), ("config.md", config_page),
                                            ("api.md", api_page), ("limits.md", limits_page),
                                            ("agreement.md", agreement_page)])
def test_pages_are_what_the_code_says(name: str, page: object) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == page(), (
        "run: python -m luftrom.cli.reference docs/reference")


def test_every_command_and_option_is_documented() -> None:
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    for path, context in contexts():
        assert f"## {path}\n" in page
        section = page.split(f"## {path}\n")[1].split("\n## ")[0]
        for parameter in context.command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert option in section, f"{path} {option}"
    for code in EXIT_CODES:
        assert f"| {code} |" in page


def test_every_setting_and_role_is_documented() -> None:
    page = (REFERENCE / "config.md").read_text(encoding="utf-8")
    for name in (*(setting.name for setting in SETTINGS), *ROLES):
        assert f"| `{name}` |" in page
