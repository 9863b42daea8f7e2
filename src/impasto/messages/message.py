"""A message is a code and its values; each language has one sentence for every code.

The sentences are in ``en.toml`` and ``ko.toml``, where a code such as ``recipe.no-preset`` is the
key ``no-preset`` of the table ``recipe``. They are format strings with the names of the values in
braces. Besides Python's own format specifications there are five conversions:

- ``{path!q}``: a path or a name in quotes, on one line.
- ``{value!r}``: any value as Python's ``repr``, on one line and shortened.
- ``{names!c}``: several values, separated by commas.
- ``{names!o}``: several values, with "or" before the last, in English.
- ``{what!n}``: a noun, which is looked up in the table ``nouns`` of the language.

Any other text is put on one line, and shortened if it is very long.
"""

from __future__ import annotations

import os
import re
import string
import sys
from collections.abc import Iterable, Mapping
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LANGUAGES = ("en", "ko")
LONGEST_PATH = 400  # characters of a path that are shown
LONGEST_VALUE = 100  # characters of any other value


class Message:
    """A sentence, or part of one, as data.

    >>> hint = Message("hint.near", word="fine")
    >>> message = Message("recipe.no-preset", name="fien", names=("fast", "fine"), hint=hint)
    >>> print(message)
    There is no preset 'fien' (presets: fast, fine); did you mean 'fine'?
    >>> print(message.text("ko"))
    'fien' 프리셋은 없습니다(프리셋: fast, fine). 혹시 'fine'인가요?

    Args:
        code: a code in the catalogues.
        values: the values in the sentence, by name; a value may itself be a message.

    Attributes:
        code: the code, the same in every version and language.
        values: the values, by name.
    """

    def __init__(self, code: str, /, **values: Any) -> None:
        self.code, self.values = code, values

    def text(self, language: str = "en") -> str:
        """The sentence in one of :data:`LANGUAGES`.

        Raises:
            ValueError: there is no such language.
        """
        if language not in LANGUAGES:
            raise ValueError(f"There is no language {language!r}: use {' or '.join(LANGUAGES)}.")
        return _Formatter(language).sentence(catalogue(language)[self.code], self.values)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.values.items())
        return f"{type(self).__name__}({self.code!r}{given})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """The sentences of a language by code; its nouns have codes such as ``nouns.mask``."""
    text = Path(__file__).with_name(f"{language}.toml").read_text("utf-8")
    tables = tomllib.loads(text).items()
    return {f"{table}.{key}": one for table, entries in tables for key, one in entries.items()}


def shown(path: str | Path) -> str:
    """A path in quotes, always on one line; a very long path is shortened in the middle.

    >>> print(shown("a name.png"), shown("two\\nlines.png"))
    'a name.png' 'two\\nlines.png'
    """
    return f"'{_on_one_line(str(path))}'"


def shown_value(value: Any) -> str:
    """The ``repr`` of a value, on one line and shortened to 100 characters.

    >>> print(shown_value(Path("oil.jpg")), shown_value(date(1979, 5, 27)))
    'oil.jpg' 1979-05-27
    """
    if isinstance(value, date | time):  # TOML has such values
        return value.isoformat()
    try:
        text = " ".join(repr(str(value) if isinstance(value, os.PathLike) else value).split())
    except Exception:  # over 4300 digits, nested too deeply, or a repr of the caller's own
        text = f"this {type(value).__name__}"
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _on_one_line(text: str) -> str:
    """A text with every character that does not print escaped, shortened in the middle."""
    if len(text) > LONGEST_PATH:
        text = f"{text[: LONGEST_PATH // 2]}…{text[-LONGEST_PATH // 2 :]}"
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


class _Formatter(string.Formatter):
    """Puts values into the sentences of a language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def sentence(self, text: str, values: Mapping[str, Any]) -> str:
        """A sentence of the catalogue with its values; a question in it ends it, without a dot."""
        parts: list[str] = []
        asks = False
        for literal, name, spec, conversion in self.parse(text):
            rest = literal.removeprefix(".") if asks else literal
            parts.append(_agreeing("".join(parts), rest) if self.language == "ko" else rest)
            if name is not None:
                value, _ = self.get_field(name, (), values)
                parts.append(self.format_field(self.convert_field(value, conversion), spec or ""))
                asks = _has_text(value) and parts[-1].endswith("?")
        return "".join(parts)

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        if conversion == "q":
            return shown(value)
        if conversion == "r":
            return shown_value(value)
        if conversion == "c":
            return ", ".join(self._text(one) for one in value)
        if conversion == "o":
            *others, last = (self._text(one) for one in value)
            return f"{', '.join(others)} or {last}" if others else last
        if conversion == "n":
            return self._noun(str(value))
        return self._text(value) if _has_text(value) or isinstance(value, str) else value

    def _text(self, value: Any) -> str:
        """The text of a message or an error in this language, or of anything else."""
        return value.text(self.language) if _has_text(value) else _on_one_line(str(value))

    def _noun(self, name: str) -> str:
        """A noun in this language, with a number after it if any; unknown nouns stay unchanged."""
        noun, space, number = name.rpartition(" ")
        if not number.isdecimal():
            noun, space, number = name, "", ""
        return catalogue(self.language).get(f"nouns.{noun}", noun) + space + number


PARTICLES = re.compile(
    r"(?P<quote>'?)(?P<after_consonant>은|이|을|과)\((?P<after_vowel>는|가|를|와)\)"
)
FINAL_CONSONANT = "013678"  # digits whose Korean names end in a consonant


def _agreeing(before: str, literal: str) -> str:
    """A literal that begins with both forms of a Korean particle, with the one that is right.

    >>> _agreeing("마스크", "은(는) 없습니다"), _agreeing("a", "을(를)")
    ('는 없습니다', '을(를)')

    Args:
        before: the text before the particle; if it does not end in Hangul or a digit, with or
            without a quotation mark, both forms are kept.
        literal: the text that follows.
    """
    found, last = PARTICLES.match(literal), before.rstrip("'")[-1:]
    if found is None or not (last.isdecimal() or "가" <= last <= "힣"):
        return literal
    ends = last in FINAL_CONSONANT if last.isdecimal() else (ord(last) - ord("가")) % 28 > 0
    form = found["after_consonant"] if ends else found["after_vowel"]
    return found["quote"] + form + literal[found.end() :]


def _has_text(value: Any) -> bool:
    """Whether a value is a message, or an error or warning with a message."""
    return isinstance(getattr(value, "message", value), Message)


def fields(text: str) -> frozenset[str]:
    """The names of the values in a sentence of the catalogue.

    >>> sorted(fields("The {what!n} {path!q} has {count:,} pixels."))
    ['count', 'path', 'what']
    """
    names: Iterable[str | None] = (name for _, name, _, _ in string.Formatter().parse(text))
    return frozenset(name for name in names if name)
