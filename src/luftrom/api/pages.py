"""Pages and health: the console's files, the API's description, what monitoring asks for."""

from __future__ import annotations

from luftrom.api.http.call import Answer, Call, json_answer
from luftrom.api.http.metrics import CONTENT_TYPE
from luftrom.clock import format_time

_NOSNIFF = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_HTML = b"text/html; charset=utf-8"


async def go_to_console(call: Call) -> Answer:
    """The root leads to the console."""
    return Answer(307, headers=((b"location", b"/console/"),))


async def get_console(call: Call) -> Answer:
    """The console's page."""
    return _asset("")


async def get_console_asset(call: Call) -> Answer:
    """One of the console's files; the console knows its names, no path is looked up."""
    return _asset(call.path["name"])


async def get_health(call: Call) -> Answer:
    """Answers as long as the node does."""
    node = call.node
    return json_answer({"status": "ok", "party": node.party,
                        "time": format_time(node.clock.now_ns())})


async def get_metrics(call: Call) -> Answer:
    """Counters and gauges."""
    return Answer(200, call.app.metrics.text(call.node, call.app.streams), CONTENT_TYPE,
                  ((b"cache-control", b"no-store"),))


async def get_openapi(call: Call) -> Answer:
    """The OpenAPI document."""
    return json_answer(call.app.openapi)


async def get_docs(call: Call) -> Answer:
    """The description of the API for people; needs nothing but itself."""
    page, policy = call.app.docs
    return Answer(200, page, _HTML, (*_NOSNIFF, (b"content-security-policy", policy)))


def _asset(name: str) -> Answer:
    from luftrom.console.assets import CONTENT_SECURITY_POLICY, asset

    body, content_type = asset(name or "index.html")
    return Answer(200, body, content_type.encode(), (
        *_NOSNIFF, (b"cache-control", b"no-cache"),
        (b"content-security-policy", CONTENT_SECURITY_POLICY.encode())))
