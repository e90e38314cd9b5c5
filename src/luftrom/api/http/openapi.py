"""The table of routes as an OpenAPI 3.1 document, and as a page that needs no network.

The page is one HTML file without scripts, under a Content-Security-Policy that permits its own
style and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from typing import Any

from luftrom import __version__, limits
from luftrom.api.http.problem import CODES
from luftrom.api.http.route import Route
from luftrom.api.schemas import SCHEMAS, ref

_MEANINGS = {
    200: "Done.", 201: "Created.", 202: "Partly taken; more is needed.", 204: "Taken.",
    307: "Elsewhere.", 400: "The request is not what its format says.",
    401: "No valid bearer token, or peer's signature.",
    403: "The caller may not do this.", 404: "There is nothing by that name.",
    405: "Not a method of this path.", 409: "It contradicts the present state.",
    413: "A size limit is exceeded.", 415: "A content type or encoding that is not read.",
    422: "Bytes that do not prove themselves.", 500: "A fault of the node.",
    501: "Not built yet.", 503: "Not now; the request may be repeated."}

_PARAMETERS: dict[str, dict[str, Any]] = {
    "after_place": {"name": "after", "in": "query", "schema": {"type": "string"},
                    "description": "where the page before ended, as its `next` says"},
    "after": {"name": "after", "in": "query", "description": "revision to start behind",
              "schema": {"type": "integer", "minimum": 0, "maximum": 2**62}},
    "limit": {"name": "limit", "in": "query", "description": "items of one page",
              "schema": {"type": "integer", "minimum": 1, "maximum": limits.PAGE_ITEMS_MAX}},
    "If-Match": {"name": "If-Match", "in": "header",
                 "description": "OVN of the version to change, as in ETag; * for any",
                 "schema": {"type": "string", "minLength": 1, "maxLength": 130}},
    "Idempotency-Key": {"name": "Idempotency-Key", "in": "header",
                        "description": "the same key makes a repeated request one record",
                        "schema": {"type": "string", "minLength": 1, "maxLength": 255}},
    "Last-Event-ID": {"name": "Last-Event-ID", "in": "header",
                      "description": "the last revision that was received",
                      "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"}},
}
_PATH_SCHEMAS = {"entityid": ref("EntityID"), "id": ref("EntityID"), "ovn": ref("EntityOVN")}


def make_openapi(routes: Sequence[Route], base_url: str) -> dict[str, Any]:
    """The OpenAPI document of a node at `base_url`."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.shown_path, {})[route.method.lower()] = _operation(route)
    scopes = sorted({scope for route in routes for scope in route.scopes})
    return {
        "openapi": "3.1.0",
        "info": {"title": "Luftrom", "version": __version__,
                 "description": "One party's node: F3548-21, REST, log, mirror and exchange."},
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": f"Any of the scopes that a path names: {', '.join(scopes)}."}}}}


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name, "summary": route.summary, "tags": [route.tag],
        "responses": _responses(route)}
    names = re.findall(r"\{(\w+)\}", route.shown_path)
    parameters = [{"name": name, "in": "path", "required": True,
                   "schema": _PATH_SCHEMAS.get(name, {"type": "string", "minLength": 1})}
                  for name in names]
    parameters += [_PARAMETERS[name] for name in route.parameters]
    if parameters:
        operation["parameters"] = parameters
    if route.request:
        operation["requestBody"] = {"required": True, "content": _content(route.request)}
    if route.scopes:
        operation["security"] = [{"bearer": [scope]} for scope in route.scopes]
    return operation


def _responses(route: Route) -> dict[str, Any]:
    responses = {str(status): _response(status, _content(body) if body else None)
                 for status, body in route.responses}
    statuses = {400, 500, 503, *route.errors}
    if route.scopes:
        statuses |= {401, 403}
    if route.request:
        statuses |= {413, 415}
    if route.handler is None:
        statuses.add(501)
    for status in sorted(statuses):
        schema = "ErrorResponse" if route.family == "f3548" else "Problem"
        if route.family == "f3548" and status == 409 and route.method == "PUT":
            schema = "AirspaceConflictResponse"
        kind = "application/json" if route.family == "f3548" else "application/problem+json"
        content = {kind: {"schema": ref(schema)}}
        if status == 409 and route.path.startswith("/mirror/add-"):
            content |= {"text/x.tlog.size": {}, "text/x.tlog.mirror-info": {}}
        responses.setdefault(str(status), _response(status, content))
    return responses


def _response(status: int, content: dict[str, Any] | None) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _MEANINGS[status]}
    if content is not None:
        response["content"] = content
    return response


def _content(name: str) -> dict[str, Any]:
    """A schema's name means JSON; what has a slash is a content type by itself."""
    if "/" in name:
        return {name: {}}
    return {"application/json": {"schema": ref(name)}}


# -- the page ------------------------------------------------------------------------------------

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem}code,pre{font:14px/1.45 ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;border:1px solid #8888;border-radius:4px}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;
padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8884}
details{border-bottom:1px solid #8884;padding:.35rem 0}summary{cursor:pointer}
.m{display:inline-block;min-width:4.5rem;font-weight:700}.s{opacity:.75}
"""


def make_docs(routes: Sequence[Route], document: dict[str, Any]) -> tuple[bytes, str]:
    """The page, and the Content-Security-Policy that it is to be served under."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
              "form-action 'none'; frame-ancestors 'none'")
    tags = list(dict.fromkeys(route.tag for route in routes))
    parts = [f"<h2>{escape(tag)}</h2>" + "".join(_route_html(route) for route in routes
                                                  if route.tag == tag) for tag in tags]
    codes = "".join(f"<tr id='problem-{code}'><td><code>{code}</code></td>"
                    f"<td>{escape(text)}</td></tr>" for code, text in CODES.items())
    schemas = "".join(
        f"<details id='schema-{name}'><summary><code>{name}</code></summary>"
        f"<pre>{escape(json.dumps(schema, indent=1))}</pre></details>"
        for name, schema in document["components"]["schemas"].items())
    page = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Luftrom API</title>"
        f"<style>{_STYLE}</style></head><body><h1>Luftrom API</h1>"
        f"<p>Version {__version__}. The same as a document for programs: "
        "<a href='openapi.json'>openapi.json</a> (OpenAPI 3.1).</p>"
        "<p>Paths with scopes take a bearer token with any one of them: "
        "<code>Authorization: Bearer …</code>; <code>luftrom token</code> makes one.</p>"
        f"{''.join(parts)}<h2>Errors</h2><p>Problems (RFC 9457) and F3548 errors carry "
        f"<code>code</code> and, where one is at fault, <code>field</code>.</p>"
        f"<table><tr><th>code</th><th>meaning</th></tr>{codes}</table>"
        f"<h2>Schemas</h2>{schemas}</body></html>")
    return page.encode(), policy


def _route_html(route: Route) -> str:
    rows = []
    if route.scopes:
        rows.append(("scopes, any of", ", ".join(f"<code>{s}</code>" for s in route.scopes)))
    if route.parameters:
        rows.append(("parameters", ", ".join(
            f"<code>{_PARAMETERS[p]['name']}</code>" for p in route.parameters)))
    if route.request:
        rows.append(("request", _schema_html(route.request)))
    rows += [(f"answer {status}", _schema_html(body) if body else "no body")
             for status, body in route.responses]
    table = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return (f"<details><summary><span class='m'>{route.method}</span> "
            f"<code>{escape(route.shown_path)}</code> "
            f"<span class='s'>{escape(route.summary)}</span>"
            f"</summary><table>{table}</table></details>")


def _schema_html(name: str) -> str:
    if "/" in name:
        return f"<code>{name}</code>"
    return f"<a href='#schema-{name}'>{name}</a>"
