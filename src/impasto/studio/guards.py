"""Middleware that refuses requests: no password, too large, too slow, or naming other files."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.pictures import samples

MOST_JSON = 1_000_000  # bytes of a request, not counting files
PATIENCE = 60.0  # seconds for the next piece of a request
LONGEST = 900.0  # seconds for the whole request
METRICS = "/metrics"
# Open without the password: the health check, and what the sign-in page needs.
OPEN = (
    "/",
    "/favicon.ico",
    "/gradio_api/startup-events",
    "/gradio_api/theme.css",
    "/healthz",
    "/login",
    "/login/",
    "/manifest.json",
    "/pwa_icon",
    "/robots.txt",
    "/theme.css",
)
OPEN_FOLDERS = ("/assets/", "/static/", "/svelte/", "/pwa_icon/")
# Requests that wait for the answer to a call, by the name of the call or of the session.
CALL = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/(?P<event>[^/]+)/?")
SESSION = "/gradio_api/queue/data"
# The frames of a camera, sent to a call that waits for them.
FRAMES = re.compile(r"/gradio_api/stream/[0-9a-f]{32}(?:/close)?")
LOG = logging.getLogger("impasto")
FORMS = (b"multipart/form-data", b"application/x-www-form-urlencoded")
# What Gradio serves that this page does not need.
CLOSED = tuple(
    f"/gradio_api/{name}"
    for name in (
        "custom_component",
        "deep_link",
        "dev/",
        "file/http",
        "file=http",
        "process_recording",
        "proxy=",
        "run-history",
        "runs",
        "stream",
        "undo-vibe",
        "vibe",
    )
)


class Gate:
    """Lets visitors who have not signed in see only the sign-in page.

    Programs that read the metrics send name and password with the request, as HTTP Basic.

    Args:
        app: the application behind the gate.
        visitors: name and password.
        has_signed_in: returns whether a request comes from a visitor who has signed in.
    """

    def __init__(
        self, app: ASGIApp, visitors: tuple[str, str], has_signed_in: Callable[[Request], bool]
    ) -> None:
        self.app, self.has_signed_in = app, has_signed_in
        self.credentials = ":".join(visitors).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan" or self._lets_in(Request(scope)):
            await self.app(scope, receive, send)
            return
        asks = scope["path"] == METRICS  # elsewhere the browser would ask instead of the page
        headers = {"www-authenticate": 'Basic realm="impasto"'} if asks else None
        await Response("Sign in first.", 401, headers)(scope, receive, send)

    def _lets_in(self, request: Request) -> bool:
        path = request.scope["path"]
        if path in OPEN or path.startswith(OPEN_FOLDERS) or self.has_signed_in(request):
            return True
        return path == METRICS and self._gives_password(request)

    def _gives_password(self, request: Request) -> bool:
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return kind.lower() == "basic" and hmac.compare_digest(given, self.credentials)


class Listeners:
    """Refuses requests that wait for the answer to a call that does not exist.

    Args:
        app: the application behind it.
        has_call: returns whether there is a call of that name.
        has_session: returns whether there is a session of that name.
    """

    def __init__(
        self, app: ASGIApp, has_call: Callable[[str], bool], has_session: Callable[[str], bool]
    ) -> None:
        self.app, self.has_call, self.has_session = app, has_call, has_session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        listens = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        call = CALL.fullmatch(scope["path"]) if listens else None
        if not listens or (call is None and scope["path"].rstrip("/") != SESSION):
            await self.app(scope, receive, send)
            return
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[-1]
        if not (self.has_session(asked) if call is None else self.has_call(call["event"])):
            sentence = "There is no such call, or it has been answered already."
            await Response(sentence, 404)(scope, receive, send)
            return
        await self._listen(scope, receive, send)

    async def _listen(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; end the answer if a second listener to the same call breaks it off."""
        has_begun = False

        async def begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, begin)
        except Exception as error:
            if not has_begun:
                raise
            LOG.warning("An answer to a listener was cut short: %s.", type(error).__name__)
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class Door:
    """Refuses requests for what the page does not need, and requests too large or too slow.

    Args:
        app: the application behind the door.
        most: the largest size of the files in a request, in bytes.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "http" and _is_closed(scope):
            await Response("There is nothing here.", 404)(scope, receive, send)
            return
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)  # it has no body
            return
        most = MOST_JSON + (self.most if _is_form(scope) else 0)
        await _Visitor(most, receive, send).goes_to(self.app, scope)


class _Visitor:
    """A request that passes the door; it is refused once it is too large or too slow.

    Args:
        most: the largest size of its body, in bytes.
        receive: receives the next message of the request.
        send: sends a message of the response.
    """

    def __init__(self, most: int, receive: Receive, send: Send) -> None:
        self.left, self.receive, self.send = most, receive, send
        self.until = time.monotonic() + LONGEST
        self.has_more = True
        self.is_answered = False
        self.refusal: Response | None = None

    async def goes_to(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._said, self._told)
        except ClientDisconnect:
            pass  # the client has left and needs no response; this is not an error to log
        except Exception:
            if self.refusal is None or self.is_answered:
                raise
        if self.refusal is not None and not self.is_answered:
            await self.refusal(scope, self.receive, self.send)

    async def _said(self) -> Message:
        if not self.has_more:
            return await self.receive()
        try:
            patience = min(PATIENCE, self.until - time.monotonic())
            message = await asyncio.wait_for(self.receive(), patience)
        except asyncio.TimeoutError:
            self.refusal = Response("The request was not completed.", 408, {"connection": "close"})
            raise ClientDisconnect from None
        self.left -= len(message.get("body", b""))
        self.has_more = message.get("more_body", False)
        if self.left < 0:
            self.refusal = Response("The request is too large.", 413)
            raise ClientDisconnect
        return message

    async def _told(self, message: Message) -> None:
        if self.refusal is None or self.is_answered:
            self.is_answered = True
            await self.send(message)


class OwnFiles:
    """Refuses requests that name files other than uploads and built-in pictures, or addresses.

    Args:
        app: the application behind it.
        folder: the folder of the uploads.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app, self.folder = app, folder.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http" or scope["method"] != "POST" or _is_form(scope):
            await self.app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            asked = json.loads(body or b"null")
        except (ValueError, RecursionError):
            await Response("The request is not valid JSON.", 400)(scope, receive, send)
            return
        if not self.allows(asked):
            await Response("The request names a file that was not uploaded.", 403)(
                scope, receive, send
            )
            return
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> Message:
            return next(messages, None) or await receive()

        await self.app(scope, replay, send)

    def allows(self, asked: object) -> bool:
        """Whether every file that a request names is an upload or a built-in picture."""
        waiting = [asked]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                waiting.extend(value.values())
                path = value.get("path")
                if isinstance(path, str) and not self._is_own(path):
                    return False
            elif isinstance(value, list):
                waiting.extend(value)
        return True

    def _is_own(self, path: str) -> bool:
        try:
            real = Path(path).resolve()
        except (OSError, ValueError):
            return False
        ours = (self.folder, samples.PICTURES.resolve())
        return any(real.is_relative_to(folder) for folder in ours)


def _is_closed(scope: Scope) -> bool:
    """Whether a request is for what the page does not need."""
    sends_frames = scope["method"] == "POST" and FRAMES.fullmatch(scope["path"])
    return not sends_frames and scope["path"].lower().startswith(CLOSED)


def _is_form(scope: Scope) -> bool:
    """Whether a request is a form with fields and files; any other is taken for JSON."""
    kinds = [value.lower() for name, value in scope["headers"] if name == b"content-type"]
    return len(kinds) == 1 and kinds[0].partition(b";")[0].strip() in FORMS
