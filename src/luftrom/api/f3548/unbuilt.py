"""Operations of F3548-21 that are not built yet: they are listed, ask for their scopes, say so."""

from __future__ import annotations

from luftrom.api.http.route import Route
from luftrom.api.http.scopes import ANYONE, ARBITRATION, DSS_CLIENTS, MANAGEMENT, PROCESSING

_CONSTRAINT_CLIENTS = (PROCESSING, MANAGEMENT)
_SUBSCRIBERS = (*DSS_CLIENTS, PROCESSING)

ROUTES = tuple(Route(method, path, None, "Not built yet: answers 501", "F3548-21: not built yet",
                     scopes, operation=operation, responses=())
               for method, path, operation, scopes in (
    ("POST", "/dss/v1/constraint_references/query", "query_constraint_references",
     _CONSTRAINT_CLIENTS),
    ("GET", "/dss/v1/constraint_references/{entityid}", "get_constraint_reference",
     _CONSTRAINT_CLIENTS),
    ("PUT", "/dss/v1/constraint_references/{entityid}", "create_constraint_reference",
     (MANAGEMENT,)),
    ("PUT", "/dss/v1/constraint_references/{entityid}/{ovn}", "update_constraint_reference",
     (MANAGEMENT,)),
    ("DELETE", "/dss/v1/constraint_references/{entityid}/{ovn}", "delete_constraint_reference",
     (MANAGEMENT,)),
    ("POST", "/dss/v1/subscriptions/query", "query_subscriptions", _SUBSCRIBERS),
    ("GET", "/dss/v1/subscriptions/{subscriptionid}", "get_subscription", _SUBSCRIBERS),
    ("PUT", "/dss/v1/subscriptions/{subscriptionid}", "create_subscription", _SUBSCRIBERS),
    ("PUT", "/dss/v1/subscriptions/{subscriptionid}/{version}", "update_subscription",
     _SUBSCRIBERS),
    ("DELETE", "/dss/v1/subscriptions/{subscriptionid}/{version}", "delete_subscription",
     _SUBSCRIBERS),
    ("POST", "/dss/v1/reports", "make_dss_report", ANYONE),
    ("GET", "/dss/v1/uss_availability/{uss_id}", "get_uss_availability",
     (ARBITRATION, *DSS_CLIENTS)),
    ("PUT", "/dss/v1/uss_availability/{uss_id}", "set_uss_availability", (ARBITRATION,)),
    ("GET", "/uss/v1/operational_intents/{entityid}/telemetry",
     "get_operational_intent_telemetry", DSS_CLIENTS),
    ("GET", "/uss/v1/constraints/{entityid}", "get_constraint_details", _CONSTRAINT_CLIENTS),
    ("POST", "/uss/v1/constraints", "notify_constraint_details_changed",
     (MANAGEMENT, PROCESSING)),
    ("POST", "/uss/v1/reports", "make_uss_report", ANYONE),
    ("GET", "/uss/v1/log_sets/{log_set_id}", "get_log_set", ANYONE),
))
