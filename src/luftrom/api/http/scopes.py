"""The scopes of tokens: F3548-21's, and Luftrom's own for /v1."""

from __future__ import annotations

STRATEGIC = "utm.strategic_coordination"
AWARENESS = "utm.conformance_monitoring_sa"
MANAGEMENT = "utm.constraint_management"
PROCESSING = "utm.constraint_processing"
ARBITRATION = "utm.availability_arbitration"
READ, WRITE = "luftrom.read", "luftrom.write"

# Any one of these opens a path: to read and to write below /v1, and what the standard asks for.
READERS = (READ, STRATEGIC)
WRITERS = (WRITE, STRATEGIC)
DSS_CLIENTS = (STRATEGIC, AWARENESS)
ANYONE = (STRATEGIC, AWARENESS, MANAGEMENT, PROCESSING, ARBITRATION)
