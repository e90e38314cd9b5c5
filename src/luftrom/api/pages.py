"""Pages and health: the console's files, the API's description, what monitoring asks for."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from luftrom.api.http.call import NO_STORE, Call, json_answer
from luftrom.api.http.metrics import CONTENT_TYPE
from luftrom.api.http.route import Route
from luftrom.clock import format_time

_NOSNIFF = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


async def go_to_console(call: Call) -> Response:
    """The root leads to the console."""
    return RedirectResponse("/console/")


async def get_console(call: Call) -> Response:
    """The console's page."""
    return _asset("")


async def get_console_asset(call: Call) -> Response:
    """One of the console's files; the console knows its names, no path is looked up."""
    return _asset(call.path["name"])


async def get_health(call: Call) -> Response:
    """Answers as long as the node does."""
    node = call.node
    return json_answer({"status": "ok", "party": node.party,
                        "time": format_time(node.clock.now_ns())})


async def get_metrics(call: Call) -> Response:
    """Counters and gauges."""
    return Response(call.doors.metrics.text(call.node, call.doors.streams), 200, NO_STORE,
                    CONTENT_TYPE)


async def get_openapi(call: Call) -> Response:
    """The OpenAPI document."""
    return json_answer(call.doors.openapi())


async def get_docs(call: Call) -> Response:
    """The description of the API for people; needs nothing but itself."""
    page, policy = call.doors.docs()
    return Response(page, 200, _NOSNIFF | {"content-security-policy": policy}, "text/html")


def _asset(name: str) -> Response:
    from luftrom.console.assets import CONTENT_SECURITY_POLICY, asset

    body, content_type = asset(name or "index.html")
    return Response(body, 200, _NOSNIFF | {
        "content-type": content_type, "cache-control": "no-cache",
        "content-security-policy": CONTENT_SECURITY_POLICY})


_TAG = "Pages and health"

ROUTES = (
    Route("GET", "/", go_to_console, "To the console", _TAG, responses=((307, None),)),
    Route("GET", "/console", go_to_console, "To the console", _TAG, responses=((307, None),),
          operation="go_to_console_from_folder"),
    Route("GET", "/console/", get_console, "The console", _TAG, responses=((200, "text/html"),),
          errors=(404,)),
    Route("GET", "/console/{name:path}", get_console_asset, "Files of the console", _TAG,
          responses=((200, "*/*"),), errors=(404,)),
    Route("GET", "/healthz", get_health, "Does the node answer?", _TAG,
          responses=((200, "Health"),)),
    Route("GET", "/metrics", get_metrics, "Prometheus text", _TAG,
          responses=((200, "text/plain"),)),
    Route("GET", "/openapi.json", get_openapi, "This table as OpenAPI 3.1", _TAG,
          responses=((200, "Any"),)),
    Route("GET", "/docs", get_docs, "This table as a page", _TAG,
          responses=((200, "text/html"),)),
)
