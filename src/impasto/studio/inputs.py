"""The left side of the page: what a visitor chooses before anything is painted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache

from impasto.errors import ImpastoError, InputError
from impasto.files.carried import SUFFIXES
from impasto.network import instant
from impasto.pictures import samples
from impasto.settings.presets import PRESETS
from impasto.settings.recipe import Recipe
from impasto.settings.strength import USUAL_STRENGTH
from impasto.studio import clips, painters
from impasto.studio.camera import camera
from impasto.studio.controls import (
    NAMES,
    component,
    recipe_in,
    recipe_of,
    strength_of,
    values_of,
)
from impasto.studio.editor import editor, picture, upload
from impasto.studio.limits import Limits
from impasto.studio.refusals import reason_for, refusal

CHOSEN = ("default", "fast", "fine")
PAINTER = "painter"  # the choice of a painter, beside the presets
USUAL_MINUTES = 10  # of a training
PHOTOGRAPH, CLIP = "photograph", "clip"  # what can be painted


class Inputs:
    """The components that a visitor fills in, and the buttons.

    Args:
        text: returns a text of the page by its key.
        limits: the limits for a painting.
    """

    def __init__(self, text: Callable[[str], Any], limits: Limits) -> None:
        sources: Any = ["upload", "clipboard", "webcam"]
        self.kind = gr.Radio(
            [(text("content"), PHOTOGRAPH), (text("clip"), CLIP)],
            value=PHOTOGRAPH,
            label=text("kind"),
            elem_id="kind",
        )
        with gr.Row():
            self.content = picture(
                label=text("content"), sources=sources, height=240, elem_id="content"
            )
            with gr.Column(visible=False, min_width=160, elem_id="clip") as self.clip_place:
                if clips.is_installed():
                    self.clip = upload(label=text("clip"), height=120)
                    gr.Markdown(text("clip_use"))
                else:
                    self.clip = upload(visible=False)
                    gr.Markdown(text("no_clips"))
                self.first_frame = gr.Image(
                    label=text("first_frame"),
                    visible=False,
                    interactive=False,
                    format="jpeg",
                    height=140,
                    buttons=[],
                )
            self.style = picture(label=text("style"), sources=sources, height=240, elem_id="style")
        _keep_ours(self.style)
        self.ours = gr.Dropdown(["", *samples.STYLES], value="", label=text("ours"), elem_id="ours")
        self.preset = gr.Radio(
            [*offered_presets(), (text("preset_painter"), PAINTER)],
            value="default",
            label=text("preset"),
            elem_id="preset",
        )
        with gr.Column(visible=False, elem_id="painters") as self.painter_place:
            self._lay_out_painters(text, limits)
        self.strength = gr.Slider(0, 1, USUAL_STRENGTH, step=0.05, label=text("strength"))
        with gr.Row():
            self.paint = gr.Button(text("paint"), variant="primary", elem_id="paint")
            self.stop = gr.Button(text("stop"), variant="stop", elem_id="stop", interactive=False)
        self.go_on = gr.Button(text("go_on"), visible=False, elem_id="go-on")
        with gr.Accordion(text("second"), open=False):
            self.second = picture(
                label=text("second_style"), sources=sources, height=200, elem_id="second"
            )
            self.weight = gr.Slider(0.1, 2, 1, step=0.1, label=text("second_weight"))
            self.brush_use = gr.Markdown(text("brush_use"))
            self.clip_blend = gr.Markdown(text("clip_blend"), visible=False)
            self.brush = editor(
                label=text("brush"),
                type="numpy",
                image_mode="RGBA",
                sources=(),
                transforms=(),
                layers=False,
                brush=gr.Brush(default_size=40, colors=["#ff9f1c"], color_mode="fixed"),
                elem_id="brush",
            )
        with gr.Accordion(text("live"), open=False, visible=instant.is_installed(), elem_id="live"):
            self.live_status = gr.Markdown(text("live_use"), elem_id="live-status")
            self.camera = camera(label=text("camera"), height=240, elem_id="camera")
            self.live = gr.Image(
                label=text("live_painting"),
                interactive=False,
                format="jpeg",
                buttons=["fullscreen"],
                elem_id="live-painting",
            )
        with gr.Accordion(text("expert"), open=False):
            self.controls = [component(name, text) for name in NAMES]
        with gr.Accordion(text("recipe"), open=False):
            self.recipe_in = gr.File(
                label=text("recipe_in"), file_types=[".toml", *SUFFIXES], elem_id="recipe-in"
            )
            self.recipe_out = gr.Code(label=text("recipe_out"), language=None, interactive=False)

    def _lay_out_painters(self, text: Callable[[str], Any], limits: Limits) -> None:
        gr.Markdown(text("painter_use"))
        self.painter = upload(label=text("painter"), height=120, elem_id="painter")
        self.painters = gr.Dropdown(
            [], label=text("painters"), visible=False, elem_id="trained-painters"
        )
        self.painter_style = gr.Dropdown(
            [],
            label=text("painter_style"),
            allow_custom_value=True,
            visible=False,
            elem_id="painter-style",
        )
        can_learn, most = painters.can_be_trained(limits), limits.minutes or 1.0
        gr.Markdown(text("learn_use" if can_learn else "no_training"))
        step = 1 if most >= 2 else most / 10
        self.minutes = gr.Slider(
            step,
            most,
            min(USUAL_MINUTES, most),
            step=step,
            label=text("minutes_to_learn"),
            visible=can_learn,
            elem_id="minutes",
        )
        self.learn = gr.Button(text("learn"), visible=can_learn, elem_id="learn")

    @staticmethod
    def styles_of(names: Sequence[str]) -> gr.Dropdown:
        """The choice of a style of a painter; hidden if there is only one."""
        first = names[0] if names else ""
        return gr.Dropdown(list(names), value=first, visible=len(names) > 1)

    @property
    def settings(self) -> list[Any]:
        """The components of all settings, with the strength first."""
        return [self.strength, *self.controls]

    @property
    def chosen(self) -> list[Any]:
        """The components of what is painted and how, in the order of :class:`Chosen`."""
        return [
            self.kind,
            self.content,
            self.clip,
            self.style,
            self.second,
            self.weight,
            self.brush,
            self.preset,
            self.painter,
            self.painter_style,
        ]


@dataclass(frozen=True)
class Chosen:
    """What a visitor has chosen when they press *Paint*.

    Attributes:
        kind: whether a photograph or a clip is painted.
        content: path of the photograph.
        clip: path of the clip.
        style: path of the style picture.
        second: path of a second style picture.
        weight: of the second style.
        brush: what was painted over the photograph, as the editor gives it.
        preset: name of the preset, or :data:`PAINTER`.
        painter: path of a painter.
        painter_style: its style, or a mixture.
        strength: how much of the style, 0…1.
        settings: the values of all other settings.
    """

    kind: str
    content: str | None
    clip: str | None
    style: str | None
    second: str | None
    weight: float
    brush: dict[str, Any] | None
    preset: str
    painter: str | None
    painter_style: str | None
    strength: float
    settings: Sequence[Any]

    @classmethod
    def of(cls, values: Sequence[Any]) -> Chosen:
        """The values of :attr:`Inputs.chosen` and :attr:`Inputs.settings`."""
        *names, _ = (field.name for field in fields(cls))
        chosen = dict(zip(names, values, strict=False))
        return cls(**chosen, settings=values[len(names) :])

    def recipe(self) -> Recipe:
        """The settings as a recipe.

        Raises:
            InputError: a setting has a value that cannot be used.
        """
        return recipe_of(self.settings, self.strength)


def offered_presets() -> list[str]:
    """The presets that the page offers, from the fastest on where one paints at once."""
    return ["instant", *CHOSEN] if instant.is_installed() else list(CHOSEN)


def our_style(name: str) -> str | None:
    """The path of one of our style pictures; None for no name."""
    return str(samples.style(name)) if name else None


def _keep_ours(shown: gr.Image) -> None:
    """Keep our style pictures in Gradio's cache, however old their copies there become."""
    for path in map(samples.style, samples.STYLES):
        shown.keep_in_cache.add(save_file_to_cache(path, shown.GRADIO_CACHE))


def settings_of_preset(name: str) -> list[Any]:
    """The values of the settings of a preset."""
    recipe = Recipe.preset(name if name in PRESETS else "default")
    return [strength_of(recipe), *values_of(recipe)]


def settings_of_file(language: str, path: str | None) -> list[Any]:
    """The values of the settings of a recipe in a file."""
    if path is None:
        return [gr.skip() for _ in range(1 + len(NAMES))]
    try:
        recipe = recipe_in(Path(path))
    except ImpastoError as error:
        raise refusal(reason_for(error, language)) from None
    return [strength_of(recipe), *values_of(recipe)]


def settings_as_toml(language: str, strength: float, *values: Any) -> str:
    """The settings as TOML, or why one cannot be used."""
    try:
        return recipe_of(values, strength).to_toml()
    except InputError as error:
        return reason_for(error, language)
