"""The bare HTTP server: the same server and event loop as a node's, answering the same bytes.

`python bench/bare.py PORT BYTES` answers every request with a body of so many bytes.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

_BODY = b"x" * int(sys.argv[2])
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the whole request, then answer."""
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 201, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False,
                lifespan="off", server_header=False)
