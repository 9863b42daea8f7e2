"""What the shell completes after a flag with fixed words; other values are completed as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def one_of(words: Iterable[str]) -> Callable[[str], list[str]]:
    """A completion for a flag: those of the words that begin with what was typed.

    >>> one_of(("auto", "adam", "lbfgs"))("a")
    ['auto', 'adam']
    """
    kept = tuple(words)

    def complete(incomplete: str) -> list[str]:
        return [word for word in kept if word.startswith(incomplete)]

    return complete
