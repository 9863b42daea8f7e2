"""Connections of the web server; one that stalls is closed, and their number is limited."""

from __future__ import annotations

import asyncio
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 20.0  # seconds for the complete head of a request
SLOWEST = 60.0  # seconds in which the client has to read part of a response
MOST = 600  # connections at the same time


class Connection(H11Protocol):
    """A connection that is closed if it stalls, or if there are too many connections."""

    _waiting: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start waiting for a request; refuse if there are too many connections."""
        super().connection_made(cast(asyncio.Transport, transport))
        if len(self.connections) > MOST:
            self._hang_up(503, "There are too many visitors: try again later.")
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Receive data; continue waiting if the head of the request is not complete."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers of the connection."""
        self._unset()
        if self._stuck is not None:
            self._stuck.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the timer after which a client that does not read its response is dropped."""
        super().pause_writing()
        self._stuck = self.loop.call_later(SLOWEST, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that timer, since the client has read part of the response."""
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _watch(self) -> None:
        """Run the timer while a request is awaited; restart it after each response."""
        answers = self.cycle is not None and not self.cycle.response_complete
        lacks = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        if answers or not lacks or self.transport.is_closing():
            self._unset()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(PATIENCE, self._give_up)

    def _unset(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self._hang_up(408, "The request was not completed.")
        else:
            self.transport.close()

    def _hang_up(self, code: int, sentence: str) -> None:
        headers = [("content-type", "text/plain; charset=utf-8"), ("connection", "close")]
        for event in (
            h11.Response(status_code=code, headers=headers),
            h11.Data(data=sentence.encode()),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
