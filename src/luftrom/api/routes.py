"""The one table of everything the node answers to.

From it come the dispatch, the OpenAPI document, the page at /docs, the scopes, the 501 answers and
the labels of the metrics. Paths and operations of F3548-21 are the standard's.
"""

from __future__ import annotations

from luftrom.api import logs, pages, peers
from luftrom.api.f3548 import operational_intents as f3548
from luftrom.api.http.route import Route
from luftrom.api.v1 import constraints, events, operational_intents, status

STRATEGIC = f3548.STRATEGIC
AWARENESS = f3548.AWARENESS
MANAGEMENT = "utm.constraint_management"
PROCESSING = "utm.constraint_processing"
ARBITRATION = "utm.availability_arbitration"
READ, WRITE = "luftrom.read", "luftrom.write"

_READ = (READ, STRATEGIC)
_WRITE = (WRITE, STRATEGIC)
_BY_DSS = (STRATEGIC, AWARENESS)
_ANYONE = (STRATEGIC, AWARENESS, MANAGEMENT, PROCESSING, ARBITRATION)

_DSS = "F3548-21: DSS, operational intent references"
_USS = "F3548-21: USS"
_REST = "REST"
_LOGS = "Logs and mirrors (C2SP)"
_NODE = "Node to node"
_PAGES = "Pages and health"

_REFERENCES = "/dss/v1/operational_intent_references"
_CHANGED = "ChangeOperationalIntentReferenceResponse"
_PUT = "PutOperationalIntentReferenceParameters"


def _f3548(method: str, path: str, handler: object, summary: str, scopes: tuple[str, ...],
           tag: str = _DSS, **more: object) -> Route:
    return Route(method, path, handler, summary, tag, scopes, family="f3548", **more)


def _unbuilt(method: str, path: str, operation: str, scopes: tuple[str, ...]) -> Route:
    return Route(method, path, None, "Not built yet: answers 501", "F3548-21: not built yet",
                 scopes, family="f3548", operation=operation, responses=())


F3548 = (
    _f3548("PUT", _REFERENCES + "/{entityid}", f3548.create_operational_intent_reference,
           "Create a reference", _BY_DSS, request=_PUT, responses=((201, _CHANGED),),
           errors=(409, 501)),
    _f3548("PUT", _REFERENCES + "/{entityid}/{ovn}", f3548.update_operational_intent_reference,
           "Change a reference in place of the version that bears the OVN", _BY_DSS,
           request=_PUT, responses=((200, _CHANGED),), errors=(404, 409, 501)),
    _f3548("GET", _REFERENCES + "/{entityid}", f3548.get_operational_intent_reference,
           "Read a reference", _BY_DSS,
           responses=((200, "GetOperationalIntentReferenceResponse"),), errors=(404,)),
    _f3548("DELETE", _REFERENCES + "/{entityid}/{ovn}",
           f3548.delete_operational_intent_reference, "End an operational intent", _BY_DSS,
           responses=((200, _CHANGED),), errors=(404, 409)),
    _f3548("POST", _REFERENCES + "/query", f3548.query_operational_intent_references,
           "References that overlap an area of interest", _BY_DSS,
           request="QueryOperationalIntentReferenceParameters",
           responses=((200, "QueryOperationalIntentReferenceResponse"),)),
    _f3548("GET", "/uss/v1/operational_intents/{entityid}", f3548.get_operational_intent_details,
           "Details of an operational intent that this node manages", (STRATEGIC,), _USS,
           responses=((200, "GetOperationalIntentDetailsResponse"),), errors=(404,)),
    _f3548("POST", "/uss/v1/operational_intents",
           f3548.notify_operational_intent_details_changed,
           "Notify of changed details; recorded as a closed statement", (STRATEGIC,), _USS,
           request="PutOperationalIntentDetailsParameters", responses=((204, None),),
           errors=(409,)),
)

UNBUILT = tuple(_unbuilt(*row) for row in (
    ("POST", "/dss/v1/constraint_references/query", "query_constraint_references",
     (PROCESSING, MANAGEMENT)),
    ("GET", "/dss/v1/constraint_references/{entityid}", "get_constraint_reference",
     (PROCESSING, MANAGEMENT)),
    ("PUT", "/dss/v1/constraint_references/{entityid}", "create_constraint_reference",
     (MANAGEMENT,)),
    ("PUT", "/dss/v1/constraint_references/{entityid}/{ovn}", "update_constraint_reference",
     (MANAGEMENT,)),
    ("DELETE", "/dss/v1/constraint_references/{entityid}/{ovn}", "delete_constraint_reference",
     (MANAGEMENT,)),
    ("POST", "/dss/v1/subscriptions/query", "query_subscriptions", _BY_DSS + (PROCESSING,)),
    ("GET", "/dss/v1/subscriptions/{subscriptionid}", "get_subscription",
     _BY_DSS + (PROCESSING,)),
    ("PUT", "/dss/v1/subscriptions/{subscriptionid}", "create_subscription",
     _BY_DSS + (PROCESSING,)),
    ("PUT", "/dss/v1/subscriptions/{subscriptionid}/{version}", "update_subscription",
     _BY_DSS + (PROCESSING,)),
    ("DELETE", "/dss/v1/subscriptions/{subscriptionid}/{version}", "delete_subscription",
     _BY_DSS + (PROCESSING,)),
    ("POST", "/dss/v1/reports", "make_dss_report", _ANYONE),
    ("GET", "/dss/v1/uss_availability/{uss_id}", "get_uss_availability",
     (ARBITRATION,) + _BY_DSS),
    ("PUT", "/dss/v1/uss_availability/{uss_id}", "set_uss_availability", (ARBITRATION,)),
    ("GET", "/uss/v1/operational_intents/{entityid}/telemetry",
     "get_operational_intent_telemetry", _BY_DSS),
    ("GET", "/uss/v1/constraints/{entityid}", "get_constraint_details",
     (PROCESSING, MANAGEMENT)),
    ("POST", "/uss/v1/constraints", "notify_constraint_details_changed",
     (MANAGEMENT, PROCESSING)),
    ("POST", "/uss/v1/reports", "make_uss_report", _ANYONE),
    ("GET", "/uss/v1/log_sets/{log_set_id}", "get_log_set", _ANYONE),
))

REST = (
    Route("GET", "/v1/status", status.get_status, "What the node says of itself", _REST, _READ,
          responses=((200, "Status"),)),
    Route("GET", "/v1/operational_intents", operational_intents.list_operational_intents,
          "Operational intents by revision: pages, and then what changes", _REST, _READ,
          responses=((200, "OperationalIntents"),), parameters=("after", "limit")),
    Route("POST", "/v1/operational_intents", operational_intents.post_operational_intents,
          "Declare one or many, as JSON or GeoJSON; a result an item", _REST, _WRITE,
          request="Declarations", responses=((200, "Results"),),
          parameters=("Idempotency-Key",), errors=(409,)),
    Route("GET", "/v1/operational_intents/{id}", operational_intents.get_operational_intent,
          "One operational intent", _REST, _READ, responses=((200, "LuftromOperationalIntent"),),
          errors=(404,)),
    Route("PUT", "/v1/operational_intents/{id}", operational_intents.put_operational_intent,
          "Declare, or with If-Match replace the version of that OVN", _REST, _WRITE,
          request="Declaration", responses=((200, "LuftromOperationalIntent"),
                                            (201, "LuftromOperationalIntent")),
          parameters=("If-Match",), errors=(404, 409)),
    Route("DELETE", "/v1/operational_intents/{id}", operational_intents.delete_operational_intent,
          "Withdraw", _REST, _WRITE, responses=((200, "LuftromOperationalIntent"),),
          parameters=("If-Match",), errors=(404, 409)),
    Route("GET", "/v1/operational_intents/{id}/suggestions", operational_intents.get_suggestions,
          "What is free now instead of an own refused declaration", _REST, _READ,
          responses=((200, "Suggestions"),), errors=(404, 409)),
    Route("GET", "/v1/constraints", constraints.list_constraints,
          "Prior notices that stand", _REST,
          _READ, responses=((200, "Constraints"),)),
    Route("GET", "/v1/constraints/{id}", constraints.get_constraint, "One prior notice", _REST,
          _READ, responses=((200, "LuftromConstraint"),), errors=(404,)),
    Route("PUT", "/v1/constraints/{id}", constraints.put_constraint,
          "Give or replace a prior notice", _REST, _WRITE, request="NoticeBody",
          responses=((200, "LuftromConstraint"), (201, "LuftromConstraint")), errors=(409,)),
    Route("DELETE", "/v1/constraints/{id}", constraints.delete_constraint,
          "Withdraw a prior notice", _REST, _WRITE, responses=((200, "LuftromConstraint"),),
          errors=(404, 409)),
    Route("GET", "/v1/conflicts", status.list_conflicts,
          "Conflicts that stand, with horizon and method", _REST, _READ,
          responses=((200, "Conflicts"),)),
    Route("GET", "/v1/events", events.stream_events,
          "Changes and status as server-sent events", _REST, _READ,
          responses=((200, "text/event-stream"),), parameters=("Last-Event-ID",)),
    Route("GET", "/v1/proofs", status.list_proofs, "Kept evidence of misbehaviour", _REST, _READ,
          responses=((200, "Proofs"),)),
)

LOGS = (
    Route("GET", "/log/checkpoint", logs.get_log_checkpoint, "Newest checkpoint of the log",
          _LOGS, responses=((200, "text/plain"),), errors=(404,)),
    Route("GET", "/log/tile/{tile*}", logs.get_log_tile, "Tiles and entry bundles of the log",
          _LOGS, responses=((200, "application/octet-stream"),), errors=(404,)),
    Route("GET", "/mirror/{origin}/checkpoint", logs.get_mirror_checkpoint,
          "Newest checkpoint of a mirrored log, with this mirror's cosignatures", _LOGS,
          responses=((200, "text/plain"),), errors=(404,)),
    Route("GET", "/mirror/{origin}/tile/{tile*}", logs.get_mirror_tile,
          "Tiles and entry bundles of a mirrored log", _LOGS,
          responses=((200, "application/octet-stream"),), errors=(404,)),
    Route("POST", "/mirror/add-checkpoint", peers.add_checkpoint, "tlog-mirror add-checkpoint",
          _LOGS, request="text/plain", responses=((200, "text/plain"),),
          errors=(403, 404, 409, 422)),
    Route("POST", "/mirror/add-entries", peers.add_entries, "tlog-mirror add-entries", _LOGS,
          request="application/octet-stream",
          responses=((200, "text/plain"), (202, "text/x.tlog.mirror-info")),
          errors=(403, 404, 409, 422)),
)

NODE = (
    Route("POST", "/exchange", peers.exchange,
          "A message of a peer's node, signed in the header Luftrom-Signature", _NODE,
          request="application/vnd.luftrom.exchange",
          responses=((200, "application/vnd.luftrom.exchange"),),
          errors=(401, 403, 409, 422)),
)

PAGES = (
    Route("GET", "/", pages.go_to_console, "To the console", _PAGES, responses=((307, None),)),
    Route("GET", "/console", pages.go_to_console, "To the console", _PAGES,
          responses=((307, None),), operation="go_to_console_from_folder"),
    Route("GET", "/console/", pages.get_console, "The console", _PAGES,
          responses=((200, "text/html"),), errors=(404,)),
    Route("GET", "/console/{name*}", pages.get_console_asset, "Files of the console", _PAGES,
          responses=((200, "*/*"),), errors=(404,)),
    Route("GET", "/healthz", pages.get_health, "Does the node answer?", _PAGES,
          responses=((200, "Health"),)),
    Route("GET", "/metrics", pages.get_metrics, "Prometheus text", _PAGES,
          responses=((200, "text/plain"),)),
    Route("GET", "/openapi.json", pages.get_openapi, "This table as OpenAPI 3.1", _PAGES,
          responses=((200, "Any"),)),
    Route("GET", "/docs", pages.get_docs, "This table as a page", _PAGES,
          responses=((200, "text/html"),)),
)

ROUTES: tuple[Route, ...] = F3548 + UNBUILT + REST + LOGS + NODE + PAGES
