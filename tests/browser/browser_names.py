"""Names that the browser tests and their fixtures share."""

from __future__ import annotations

from luftrom.cli.demo.scenario import PARTIES

ALFA, BRAVO = PARTIES
HOSTILE_NAME = '<img src=x onerror="window.wasFooled=1"><b>'
