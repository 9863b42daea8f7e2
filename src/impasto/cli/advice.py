"""Notes about what a user gave that has no effect on a run, or one that may not be meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from impasto.cli.notes import note
from impasto.messages.message import Message
from impasto.settings.effects import idle, ignores_content, ignores_styles
from impasto.settings.recipe import Recipe

if TYPE_CHECKING:
    from impasto.pictures.inputs import StylePicture
    from impasto.settings.style import Style

MOST_ENLARGED = 8  # times; a style picture that is enlarged further has no strokes left


def note_idle(given: Mapping[str, Any], recipes: Iterable[Recipe]) -> None:
    """Name the settings that have no effect on any of the runs.

    Args:
        given: the settings that the user gave; those that are None were left out.
        recipes: the recipe of each run.
    """
    names = [name for name, value in given.items() if value is not None]
    found = [{one.values["name"]: one for one in idle(recipe, names)} for recipe in recipes]
    for name in names:
        if all(name in messages for messages in found):
            note(str(found[0][name]))


def note_ignored(content: object, styles: Sequence[Style], recipe: Recipe) -> None:
    """Name the picture, if there are two, that the run does not use."""
    if styles and ignores_styles(recipe):
        note(str(Message("idle.styles", pictures=tuple(str(one.picture) for one in styles))))
    elif styles and ignores_content(recipe):
        note(str(Message("idle.content", path=str(content))))


def note_squeezed(
    content: tuple[int, int], canvas: tuple[int, int], recipe: Recipe, given: Mapping[str, Any]
) -> None:
    """Say how far the content picture is squeezed by a size that the user gave.

    Args:
        content: width and height of the content picture, in pixels.
        canvas: width and height of the canvas.
        recipe: the settings.
        given: the settings that the user gave; those that are None were left out.
    """
    from impasto.pictures.sizes import squeezed

    if given.get("size") is None or isinstance(recipe.size, int | str):
        return
    factor = squeezed(content, canvas)
    if factor == 1:
        return
    code = "size.wider" if factor > 1 else "size.narrower"
    percent = round(100 * abs(factor - 1), 0 if abs(factor - 1) >= 0.1 else 1)
    (width, height), (across, down) = canvas, content
    note(
        str(
            Message(
                "size.squeezed",
                width=width,
                height=height,
                across=across,
                down=down,
                change=Message(code, percent=f"{percent:g}"),
                longer=max(canvas),
            )
        )
    )


def note_enlarged(styles: Sequence[StylePicture], sizes: Sequence[tuple[int, int]]) -> None:
    """Name the style pictures that are enlarged so far that nothing of their strokes is left.

    Args:
        styles: the style pictures of a run.
        sizes: width and height to which each is resized, in pixels.
    """
    for style, size in zip(styles, sizes, strict=True):
        (across, down), longer = style.picture.size, max(size)
        times = longer / max(across, down)
        if times > MOST_ENLARGED:
            note(
                str(
                    Message(
                        "size.enlarged",
                        picture=str(style.style.picture),
                        across=across,
                        down=down,
                        times=round(times),
                        longer=longer,
                    )
                )
            )
