"""Which settings have no effect on a run, because of other settings of its recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from impasto.messages.message import Message
from impasto.settings.layers import VGG_19
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe

OF_CONTENT = ("content", "recolored-content", "noisy-content", "instant")  # first canvases
NOISY = ("noise", "noisy-content")  # the first canvases with noise


@dataclass(frozen=True)
class Idle:
    """When some settings have no effect, and why.

    Attributes:
        settings: the names of the settings.
        is_so: whether a recipe makes them have no effect.
        reason: the code of the reason.
    """

    settings: tuple[str, ...]
    is_so: Callable[[Recipe], bool]
    reason: str


def _by_layer(recipe: Recipe) -> bool:
    return METHODS[recipe.method].by_layer


def _reads_no_style(recipe: Recipe) -> bool:
    return _by_layer(recipe) and recipe.style_weight == 0


def _same_anyway(recipe: Recipe) -> bool:
    if recipe.coarse != "same":
        return False
    auto = recipe.model_copy(update={"coarse": "auto"})
    return not auto.matches_evenly


IDLE = (
    Idle(("content_fit",), lambda recipe: recipe.shape is None, "idle.own-shape"),
    Idle(("seed",), lambda recipe: METHODS[recipe.method].one_pass, "idle.no-chance"),
    Idle(("seed",), lambda recipe: recipe.initial not in NOISY, "idle.no-noise"),
    Idle(("noise_ratio",), lambda recipe: recipe.initial != "noisy-content", "idle.no-mixture"),
    Idle(
        ("keep",),
        lambda recipe: recipe.keep == "updated" and recipe.optimizer != "adam",
        "idle.only-adam",
    ),
    Idle(
        ("variable",),
        lambda recipe: recipe.variable == "pyramid" and recipe.optimizer != "adam",
        "idle.only-adam",
    ),
    Idle(("tv",), lambda recipe: recipe.tv_weight == 0, "idle.no-smoothing"),
    Idle(
        ("alpha", "content_layers", "content_loss", "style_loss"),
        lambda recipe: not _by_layer(recipe),
        "idle.own-losses",
    ),
    Idle(
        ("content_layers", "content_loss"),
        lambda recipe: _by_layer(recipe) and recipe.alpha == 0,
        "idle.no-content",
    ),
    Idle(("style_loss", "style_symmetry"), _reads_no_style, "idle.no-style"),
    Idle(("coarse",), _same_anyway, "idle.same-losses"),
    Idle(
        ("pooling",),
        lambda recipe: all(
            "pool" not in layer.name for layer in VGG_19.up_to_deepest(recipe.layers)
        ),
        "idle.no-pooling",
    ),
)


def idle(recipe: Recipe, given: Iterable[str]) -> Iterator[Message]:
    """Say which of the settings that were given have no effect on a run, and why.

    >>> [str(message) for message in idle(Recipe(seed=7), ["seed", "size"])]
    ["seed has no effect on this run: its first canvas 'recolored-content' holds no noise."]

    Args:
        recipe: every setting of the run.
        given: the names of the settings that the user gave; a preset's own need no explanation.
    """
    for name in given:
        rule = next((one for one in IDLE if name in one.settings and one.is_so(recipe)), None)
        if rule is not None:
            reason = Message(rule.reason, initial=recipe.initial, method=recipe.method)
            yield Message("idle.setting", name=name, reason=reason)


def ignores_styles(recipe: Recipe) -> bool:
    """Whether no style picture has any effect on a run of one level.

    >>> ignores_styles(Recipe.preset("reconstruction")), ignores_styles(Recipe())
    (True, False)
    """
    starts_without = recipe.initial not in ("style", "recolored-content", "instant")
    return _reads_no_style(recipe) and starts_without and recipe.color not in ("match", "palette")


def ignores_content(recipe: Recipe) -> bool:
    """Whether the content picture gives the painting only its size, if a style is given too.

    >>> ignores_content(Recipe.preset("texture")), ignores_content(Recipe())
    (True, False)
    """
    starts_without = recipe.initial not in OF_CONTENT
    unread = _by_layer(recipe) and recipe.alpha == 0 and starts_without
    return unread and recipe.color == "style" and recipe.protect is None
