"""The HTTP application: routes, cross-origin rules, limits, and one JSON shape for every refusal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import reactor_runtime
from reactor_runtime.errors import ClientError
from reactor_runtime.http.fallback import fallback_routes
from reactor_runtime.http.metrics import metrics_routes
from reactor_runtime.http.sessions import session_routes
from reactor_runtime.http.signalling import signalling_routes
from reactor_runtime.http.slots import Slot
from reactor_runtime.http.uploads import PREFIX as UPLOADS
from reactor_runtime.http.uploads import upload_routes
from reactor_runtime.http.whip import READ_BY_PAGES, standard_routes

PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; "
        "font-src 'none'; media-src 'self' blob:; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors http: https: file:"
    ),
    "permissions-policy": (
        "camera=(self), microphone=(self), display-capture=(self), gamepad=(self), autoplay=(self), fullscreen=(self), "
        "picture-in-picture=(self), geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=()"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""The page talks to this server only. It may be a frame in any other page, which then has to allow it the camera."""
ASSETS = "/assets/"
"""Files here carry their content's hash in their name."""
RETRY_AFTER = "1"
"""Seconds a client is told to wait before it asks again for what is loading or closing."""


def make_app(slots: Mapping[str, Slot], *, page: Path | None, max_body_bytes: int) -> FastAPI:
    """Build the application over running slots.

    Args:
        slots: Session id to slot.
        page: Folder of the built page, None to serve none.
        max_body_bytes: Largest request body that is read.
    """
    app = FastAPI(title="Reactor Runtime", version=reactor_runtime.__version__)
    app.add_middleware(_BodyLimit, max_bytes=max_body_bytes)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["Retry-After", *READ_BY_PAGES],
    )
    app.add_exception_handler(ClientError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_body)
    app.include_router(session_routes(slots))
    app.include_router(signalling_routes(slots))
    app.include_router(standard_routes(slots))
    app.include_router(fallback_routes(slots))
    app.include_router(upload_routes(slots))
    app.include_router(metrics_routes(slots))
    if page is not None:
        app.mount("/", _Page(directory=page, html=True))
    return app


class _Page(StaticFiles):
    """The page's files, under a policy that lets it talk to this server only."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close"})  # the page has none; anywhere but at a route it is refused
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                lasts = scope["path"].startswith(ASSETS)
                caching = "public, max-age=31536000, immutable" if lasts else "no-cache"
                headers = MutableHeaders(scope=message)
                headers.update(PAGE_HEADERS | {"cache-control": caching})
            await send(message)

        await super().__call__(scope, receive, send_with_policy)


class _BodyLimit:
    """Answers 413 to a body larger than the limit, declared or not, before the application reads it.

    The bytes of uploads have a limit of their own, and pass as they come.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        unlimited = scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS")
        if unlimited or (scope["method"] == "PUT" and scope["path"].startswith(UPLOADS)):
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            size += len(message.get("body", b""))
            if size > self._max_bytes:
                refusal = JSONResponse({"detail": f"the body is larger than {self._max_bytes} bytes"}, 413)
                await refusal(scope, receive, send)
                return
            chunks.append(message.get("body", b""))
            more = message.get("more_body", False)
        whole: Message | None = {"type": "http.request", "body": b"".join(chunks), "more_body": False}

        async def replay() -> Message:
            nonlocal whole
            message, whole = whole, None
            return message or await receive()

        await self._app(scope, replay, send)


async def _refuse(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ClientError), "registered for ClientError only"
    passes = error.http_status == 503 or error.code == "not_ready"
    headers = {"Retry-After": RETRY_AFTER} if passes else None
    body = {"detail": str(error), "error": str(error), "code": error.code}
    return JSONResponse(body, error.http_status, headers)


async def _refuse_body(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError), "registered for RequestValidationError only"
    faults = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
    status = 400 if any(fault["type"] == "json_invalid" for fault in error.errors()) else 422
    return JSONResponse({"detail": "; ".join(faults), "code": "bad_request"}, status)
