"""Connections of the web server, closed when a client stalls."""

from __future__ import annotations

import asyncio
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 20.0  # seconds, for the head of a request to be there whole
SLOWEST = 60.0  # seconds, in which something of an answer has to be taken
MOST = 600  # connections at a time


class Connection(H11Protocol):
    """A connection with time limits, and a limit on the number of connections."""

    _waiting: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer for a request, unless there are too many connections."""
        super().connection_made(cast(asyncio.Transport, transport))
        if len(self.connections) > MOST:
            self._hang_up(503, "There are too many visitors: try again later.")
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Handle received bytes, and keep the timer running until the headers are complete."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._unset()
        if self._stuck is not None:
            self._stuck.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the timer for a client that does not read the answer."""
        super().pause_writing()
        self._stuck = self.loop.call_later(SLOWEST, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that timer, because the client has read part of the answer."""
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _watch(self) -> None:
        """Run the timer while there is no request, and restart it after each one."""
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
            self._hang_up(408, "The request did not go on.")
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
