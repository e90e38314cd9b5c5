"""The one table of everything the node answers to: the rows of all rooms, in their order.

From it come the dispatch, the OpenAPI document, the page at /docs, the scopes, the 501 answers and
the labels of the metrics. Paths and operations of F3548-21 are the standard's.
"""

from __future__ import annotations

from luftrom.api import logs, pages, peers
from luftrom.api.f3548 import operational_intents as references
from luftrom.api.f3548 import unbuilt
from luftrom.api.http.route import Route
from luftrom.api.v1 import agreement, constraints, events, operational_intents, status

ROUTES: tuple[Route, ...] = (
    *operational_intents.ROUTES, *references.ROUTES, *constraints.ROUTES, *status.ROUTES,
    *agreement.ROUTES, *events.ROUTES, *peers.ROUTES, *logs.ROUTES, *pages.ROUTES, *unbuilt.ROUTES)
