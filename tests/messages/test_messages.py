"""Every error, warning and reason has a code, and a sentence in every language."""

from __future__ import annotations

import ast
import copy
import pickle
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

import impasto
from impasto.errors import ImpastoWarning, InputError, RunError, StoppedError
from impasto.messages.message import LANGUAGES, Message, catalogue, fields
from impasto.pictures.inputs import CALLED
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style

PACKAGE = Path(impasto.__file__).parent
MAKERS = {
    *("Message", "InputError", "RunError", "StoppedError", "ReasonError", "NotAFileError"),
    "UnusableError",
}
ENGLISH = {code: text for code, text in catalogue("en").items() if not code.startswith("nouns.")}


# Parsed while tests are collected: other threads that parse at the same time would disturb it.
TREES = {file: ast.parse(file.read_text("utf-8")) for file in sorted(PACKAGE.rglob("*.py"))}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every place where the package makes a message, by file and line."""
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in MAKERS:
                yield f"{file.relative_to(PACKAGE)}:{node.lineno}", node


LITERAL = [
    pytest.param(call.args[0].value, call, id=f"{place} {call.args[0].value!r}")
    for place, call in calls()
    if isinstance(call.args[0], ast.Constant)
]


def message_of(code: str) -> Message:
    """A message with a value for every name, which can be found in the sentence again."""
    names = fields(ENGLISH[code])
    return Message(code, **{name: value_for(ENGLISH[code], name) for name in names})


def value_for(text: str, name: str) -> object:
    if re.search(rf"\{{{name}![co]\}}", text):
        return (f"first {name}", f"last {name}")
    return 4321 if re.search(rf"\{{{name}:[^}}]*\}}", text) else f"the {name}"


def shown_in(value: object) -> list[str]:
    if isinstance(value, tuple):
        return [str(part) for part in value]
    return ["4321", "4,321"] if isinstance(value, int) else [str(value)]


@pytest.mark.parametrize("code", ENGLISH)
def test_a_code_has_a_sentence_in_every_language_with_every_value_in_it(code: str) -> None:
    message = message_of(code)
    for language in LANGUAGES:
        text = message.text(language)
        for value in message.values.values():
            assert any(part in text for part in shown_in(value))
    if re.search("[a-z]", re.sub(r"\{.*?\}", "", ENGLISH[code])):
        assert re.search("[가-힣]", message.text("ko"))


def test_no_language_has_a_code_that_english_lacks() -> None:
    for language in LANGUAGES:
        codes = {code for code in catalogue(language) if not code.startswith("nouns.")}
        assert codes == ENGLISH.keys()


@pytest.mark.parametrize(("code", "call"), LITERAL)
def test_a_message_is_made_with_the_values_that_its_sentence_speaks_of(
    code: str, call: ast.Call
) -> None:
    given = {keyword.arg for keyword in call.keywords}
    asked = set(fields(ENGLISH[code]))
    if None in given:  # some stand in a dictionary
        assert given - {None} <= asked
    else:
        assert given | ({"picture"} & asked) == asked  # which is named by who reads it


def test_every_code_is_used() -> None:
    """As a literal anywhere; what a value should be is looked up by the kind of the error."""
    literals = {
        node.value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
    }
    assert {code for code in ENGLISH if not code.startswith("expected.")} <= literals


def test_an_error_is_its_code_its_values_and_its_sentence() -> None:
    error = InputError("input.empty", what="style picture 2", path="oil.jpg")
    assert (error.code, error.values["path"]) == ("input.empty", "oil.jpg")
    assert str(error) == "The style picture 2 'oil.jpg' is empty."
    assert error.text("ko") == "스타일 그림 2 'oil.jpg': 빈 파일입니다."


@pytest.mark.parametrize(
    "error",
    [
        InputError("input.empty", what="mask", path="a.png"),
        RunError("memory.ran-out"),
        StoppedError(),
        ImpastoWarning("memory.ran-out"),
    ],
)
def test_an_error_goes_to_another_process_and_comes_back_the_same(error: InputError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert again.message == error.message


def test_a_message_within_a_message_is_in_the_same_language() -> None:
    error = InputError("input.empty", what="mask", path="a.png")
    told = Message("recipe.in-file", path="recipe.toml", error=error)
    assert told.text("ko") == f"레시피 'recipe.toml': {error.text('ko')}"


def test_a_value_that_looks_like_a_name_in_braces_is_not_looked_up() -> None:
    assert str(Message("input.empty", what="mask", path="{what}.png")) == (
        "The mask '{what}.png' is empty."
    )


@pytest.mark.parametrize("name", ["what?.png", "a\nb.png", "a\x1b]0;b\a.png", "x" * 5000])
@pytest.mark.parametrize("code", ["input.empty", "demo.no-style"])
def test_a_name_is_shown_as_it_is_but_on_one_line_and_not_too_long(code: str, name: str) -> None:
    text = str(Message(code, what="mask", path=name, name=name, names=("a",)))
    assert text.isprintable()
    assert len(text) < 600
    assert ("what?.png" in text) == (name == "what?.png")


def test_a_question_ends_its_sentence_without_a_full_stop() -> None:
    hint = Message("hint.near", word="fine")
    asked = Message("recipe.no-preset", name="fien", names=("fast?.",), hint=hint)
    assert str(asked) == "There is no preset 'fien' (presets: fast?.); did you mean 'fine'?"
    plain = Message("recipe.no-preset", name="x", names=("fast",), hint=Message("hint.none"))
    assert str(plain) == "There is no preset 'x' (presets: fast)."


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "text"),
    [(Path("a.png"), "'a.png'"), (date(1979, 5, 27), "1979-05-27"), (Odd(), "this Odd")],
)
def test_a_value_is_shown_without_names_of_python_s_own(value: object, text: str) -> None:
    told = Message("setting.unusable", name="x", of="", value=value, reason="why")
    assert str(told) == f"x cannot be {text}: why."


def test_a_language_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="no language 'fr': use en or ko"):
        InputError("memory.ran-out").text("fr")


@pytest.mark.parametrize("noun", [*CALLED.values(), *Recipe.model_fields, *Style.model_fields])
def test_inputs_and_settings_have_names_in_korean(noun: str) -> None:
    assert re.search("[가-힣]", catalogue("ko")[f"nouns.{noun}"])


@pytest.mark.parametrize(
    ("what", "particle"),
    [
        ("mask", "마스크는"),
        ("canvas", "캔버스는"),
        ("style picture", "그림은"),
        ("style picture 2", "2는"),
    ],
)
def test_a_korean_particle_agrees_with_a_word_that_is_known(what: str, particle: str) -> None:
    text = InputError("picture.wrong-type", what=what, type="int").text("ko")
    assert particle in text
    assert "은(는)" not in text
