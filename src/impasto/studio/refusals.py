"""What a visitor is told when something cannot be done, and what the server logs of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import gradio as gr

from impasto.errors import ImpastoError, StoppedError
from impasto.studio.texts import said, told

# What is said of work that was stopped before there was anything to keep, by the error's code.
UNDONE = {"clip.stopped": "clip_unpainted", "painter.stopped": "unlearned"}
LOG = logging.getLogger("impasto")


def refusal(sentence: str) -> gr.Error:
    """An error that the visitor sees but the server does not log."""
    return gr.Error(sentence, print_exception=False)


def reason_for(error: Exception, language: str) -> str:
    """The sentence for the visitor about an error, without details such as server paths."""
    if isinstance(error, StoppedError):
        return said(UNDONE.get(error.code, "unpainted"), language)
    if isinstance(error, ImpastoError):
        return told(error.message, language)
    LOG.exception("A painting failed", exc_info=error)
    return said("failed", language)


def understood_calls(process: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Wrap the function that processes calls, so that malformed calls get a clear error."""

    @wraps(process)
    async def understood(*given: Any, **named: Any) -> Any:
        try:
            return await process(*given, **named)
        except gr.Error as error:
            error.print_exception = False  # the visitor sees it
            raise
        except Exception as error:
            LOG.warning("A call could not be processed: %.300r", error)
            LOG.debug("It was processed here", exc_info=error)
            raise refusal(said("malformed", "en")) from None

    return understood
