"""Between the web and the page: what is too large, too slow or not theirs stays out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from fastapi import Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto import samples

MOST_JSON = 1_000_000  # bytes of a request, the files in it apart
PATIENCE = 60.0  # seconds, for the next piece of a request
FORMS = (b"multipart/form-data", b"application/x-www-form-urlencoded")
# What Gradio serves beside the page, and this one has no use for.
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


class Door:
    """Keeps out requests for what the page has no use for, and such as are too large or too slow.

    Args:
        app: what answers.
        most: bytes of the files in a request.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "http" and scope["path"].lower().startswith(CLOSED):
            await Response("There is nothing here.", 404)(scope, receive, send)
            return
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)  # which takes no body
            return
        most = MOST_JSON + (self.most if _is_form(scope) else 0)
        await _Visitor(most, receive, send).goes_to(self.app, scope)


class _Visitor:
    """One who comes through the door, and is shown out of it again if need be.

    Args:
        most: bytes that they may bring.
        receive: what they say next.
        send: what they are told.
    """

    def __init__(self, most: int, receive: Receive, send: Send) -> None:
        self.left, self.receive, self.send = most, receive, send
        self.has_more = True
        self.is_answered = False
        self.refusal: Response | None = None

    async def goes_to(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._said, self._told)
        except Exception:
            if self.refusal is None or self.is_answered:
                raise
        if self.refusal is not None and not self.is_answered:
            await self.refusal(scope, self.receive, self.send)

    async def _said(self) -> Message:
        if not self.has_more:
            return await self.receive()
        try:
            message = await asyncio.wait_for(self.receive(), PATIENCE)
        except asyncio.TimeoutError:
            self.refusal = Response("The request did not go on.", 408, {"connection": "close"})
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
    """Lets requests name no file but one that was uploaded, and no address.

    Args:
        app: what answers.
        folder: of the uploads.
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
            await Response("The request names a file that is not its own.", 403)(
                scope, receive, send
            )
            return
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> Message:
            return next(messages, None) or await receive()

        await self.app(scope, replay, send)

    def allows(self, asked: object) -> bool:
        """Whether every file that a request names was uploaded."""
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


def _is_form(scope: Scope) -> bool:
    """Whether a request holds fields and files; any other is taken for JSON."""
    kinds = [value.lower() for name, value in scope["headers"] if name == b"content-type"]
    return len(kinds) == 1 and kinds[0].startswith(FORMS)
