"""A node whose base URL has a path: requests come with that path or without, answers name it.

A reverse proxy at https://utm.example/luftrom strips /luftrom from what it passes on, or does not;
commands on the node's own machine reach it without a proxy. All of them mean the same paths.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def mounted(app: ASGIApp, base_path: str) -> ASGIApp:
    """An ASGI application that takes `base_path` from requests and puts it before Location.

    `base_path` begins with a slash and has none at its end; for "" it is `app` itself.
    """
    if not base_path:
        return app
    prefix = base_path.encode()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_there(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [
                    (name, prefix + value if name == b"location" and value.startswith(b"/")
                     else value) for name, value in message["headers"]]}
            await send(message)

        if scope["type"] == "http":
            path, raw_path = scope["path"], scope["raw_path"]
            if path == base_path or path.startswith(base_path + "/"):
                scope = {**scope, "path": path[len(base_path):] or "/",
                         "raw_path": raw_path[len(prefix):] or b"/"}
        await app(scope, receive, send_there)

    return serve
