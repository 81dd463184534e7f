"""What the server takes from a client: how large a body is, and who may ask."""

import hmac
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN_PATHS = ("/health",)
"""What answers without a token: load balancers ask it."""


class LimitedBodies:
    """The server behind a limit of the bytes of a body, whether its length is announced or not."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: PLR0917  (called by ASGI)
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = _headers(scope).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.max_bytes:
            await _refused(413, self._too_large(length.decode("latin-1")))(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_bytes:
                raise HTTPException(413, self._too_large(f"more than {seen:,}"))
            return message

        await self.app(scope, counted, send)

    def _too_large(self, found: str) -> str:
        return f"the body has {found} bytes; expected at most {self.max_bytes:,}"


class RequiredToken:
    """The server behind a token, which requests carry as `Authorization: Bearer TOKEN`."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: PLR0917  (called by ASGI)
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            given = _headers(scope).get(b"authorization", b"")
            if not hmac.compare_digest(given, self.expected):
                response = _refused(401, "expected the header `Authorization: Bearer TOKEN` with the server's token")  # fmt: skip
                response.headers["WWW-Authenticate"] = "Bearer"
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _headers(scope: Scope) -> Mapping[bytes, bytes]:
    return dict(scope["headers"])


def _refused(status: int, detail: str) -> Any:
    return JSONResponse({"detail": detail}, status)
