"""Recipes: every setting of a run, validated; reading and writing TOML.

Each setting is a field of :class:`Recipe`. Its flag on the command line and its key in a TOML
recipe are made from that field alone.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tomli_w
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    PlainValidator,
    ValidationError,
)

from impasto.errors import InputError, ReasonError
from impasto.files import reading
from impasto.files.carried import SUFFIXES
from impasto.files.reading import reason_of
from impasto.files.writing import written_whole
from impasto.messages.message import Message
from impasto.settings.loss_table import CONTENT_LOSSES, METHODS, STYLE_LOSSES
from impasto.settings.painted import is_painting, settings_in
from impasto.settings.presets import NNST_LAYERS, PRESETS
from impasto.settings.strength import USUAL_STRENGTH, or_usual, style_factor, way
from impasto.settings.style import PICTURES, Style, read_path, within
from impasto.settings.validation import plain, refusal, suggest
from impasto.settings.values import (
    FIRST_CANVASES,
    AsGiven,
    ContentLossName,
    Layers,
    LayerWeights,
    MethodName,
    Number,
    OptimizerName,
    Size,
    StyleLossName,
    Whole,
    read_initial,
    read_levels,
    read_output_size,
    read_protect,
    read_size,
    read_styles,
    read_tile,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from impasto.settings.keywords import Settings, SettingsOverPreset

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

USUAL_BETA = 0.34 * 1000**0.5  # of relative losses, at the usual strength
MOST_PAINTED = 0.6  # of the coarse levels' painting in the picture whose content is kept
USUAL_CANVAS_SHARE = 0.25  # Kolkin and others, arXiv:2203.13215, section 3.2
# The settings that say what is minimised; with their usual values, it can be what even-nnst does.
OF_THE_DEFAULT = (
    *("coarse", "method", "style_loss", "content_loss", "content_layers", "style_layers"),
    *("balance", "alpha", "beta", "pooling", "padding", "optimizer"),
)
# The settings that the method `instant` obeys; every other must have its usual value.
IN_ONE_PASS = (
    *("size", "output_size", "content_fit", "styles", "protect", "color", "rescale", "strength"),
    *("method", "seed", "steps", "levels"),
)
MOST_BYTES = 1_000_000  # of a recipe file


class Recipe(BaseModel):
    """Every setting of a run; immutable. The defaults are the preset ``default``.

    A setting that is not a plain number or word can also be given as text:

    >>> recipe = Recipe(size="640x480", style_layers="conv1_1:0.5,conv2_1")
    >>> recipe.size, recipe.style_layers
    ((640, 480), {'conv1_1': 0.5, 'conv2_1': 1.0})

    Raises:
        InputError: a setting is unknown or has a value that cannot be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: Annotated[Size, PlainValidator(read_size), AsGiven] = Field(
        512,
        description="Working size: WIDTHxHEIGHT, the longer side (keeping the aspect ratio), or "
        "'original' (the content picture's own).",
    )
    output_size: Annotated[Size, PlainValidator(read_output_size), AsGiven] = Field(
        "working",
        description="Size of the result: 'working', 'content' (the content picture's own), "
        "or a size like the working size.",
    )
    content_fit: Literal["stretch", "crop"] = Field(
        "stretch",
        description="How the content picture is fitted to a size of another shape: stretch changes "
        "the shape of what it shows, crop cuts off as much on both sides as does not fit.",
    )
    styles: Annotated[
        tuple[InstanceOf[Style], ...],
        BeforeValidator(read_styles),
        PlainSerializer(lambda styles: [style.to_table() for style in styles]),
    ] = Field(
        (),
        description="The styles to use if none is named with the content picture; each is a style "
        "picture with its settings.",
    )
    style_fit: Literal["aspect", "squeeze", "original"] = Field(
        "aspect",
        description="How a style picture is fitted to the canvas: aspect makes its longer side "
        "that of the canvas and keeps its aspect ratio, squeeze gives it the size of the canvas, "
        "original keeps its own size.",
    )
    style_scale: Number = Field(
        1.0,
        gt=0,
        le=10,
        description="Scales the style picture after it is fitted: above 1 the strokes grow, below "
        "1 they shrink.",
    )
    style_symmetry: Literal["none", "mirror", "rotate", "all"] = Field(
        "none",
        description="Also take the style from the mirror image of its picture, from its quarter "
        "turns, or from all of these, so that strokes can run in other directions.",
    )
    protect: Annotated[str | None, PlainValidator(read_protect)] = Field(
        None,
        description="The part of the content picture to keep as it is: a grey picture that is "
        "white there, or a picture and one of its colours, as in regions.png#ff0000.",
    )
    color: Literal["style", "content", "match", "histogram", "palette"] = Field(
        "style",
        description="Colours of the painting: style uses those of the style picture; content "
        "combines the content's hue and chroma with the painting's lightness; match recolours the "
        "style like the content before the run; histogram matches the painting to the content's "
        "histograms after the run; palette combines the content's hues, moved to the palette of "
        "the styles together, with the painting's lightness.",
    )
    rescale: bool = Field(
        False, description="Stretch the values of both pictures to the whole range 0…255."
    )
    initial: Annotated[str, PlainValidator(read_initial)] = Field(
        "recolored-content",
        description=f"First canvas: {', '.join(FIRST_CANVASES)}, or the path of a picture.",
    )
    noise_ratio: Number = Field(
        0.7, ge=0, le=1, description="Share of noise in the first canvas if it is noisy-content."
    )
    seed: Whole = Field(0, ge=0, lt=2**63, description="Seed of the noise.")
    content_layers: Layers = Field(
        LayerWeights(conv3_2=0.5, conv4_2=1.0),
        description="Layers at which the content is compared, with their weights, as in conv4_2:1.",
    )
    style_layers: Layers = Field(
        LayerWeights(conv1_1=1.0, conv2_1=1.0, conv3_1=1.0, conv4_1=1.0, conv5_1=0.03125),
        description="Layers at which the style is compared, with their weights, as in "
        "conv1_1:0.5,conv2_1:1.",
    )
    method: MethodName = Field(
        "layers",
        description="What is minimised: layers is a content loss and a style loss of single "
        "layers; strotss and nnst are the losses of those methods, which compare hypercolumns of "
        "the style layers; even-nnst is nnst with every part of the style used about equally "
        "often; instant minimises nothing: a trained network paints in one pass.",
    )
    coarse: Literal["auto", "same"] = Field(
        "auto",
        description="What levels of up to 640 pixels minimise, if there are several: same is the "
        "losses of the others; auto is the losses of the method even-nnst, whose strokes are the "
        "style's, with the default losses and layers, unless a style supplies only some of them.",
    )
    balance: Literal["relative", "absolute"] = Field(
        "relative",
        description="Whether the loss of a layer is relative to what the layer sees in the picture "
        "that the canvas is compared with, or absolute, as in the published example.",
    )
    style_loss: StyleLossName = Field(
        "gram",
        description="What counts as style: which features occur together, how they are "
        "distributed, or what they look like place by place.",
    )
    content_loss: ContentLossName = Field(
        "features",
        description="What counts as content: the features at every place, or which places are "
        "alike.",
    )
    strength: Number | None = Field(
        None,
        ge=0,
        le=1,
        description=f"How much of the style to use: 0 is the photograph, {USUAL_STRENGTH} (the "
        "default unless beta is set) gives a painting, 1 puts the style first.",
    )
    alpha: Number = Field(1.0, ge=0, description="Weight of the content loss.")
    beta: Number | None = Field(
        None, ge=0, description="Weight of the style loss, instead of a strength."
    )
    tv_weight: Number = Field(
        0.0,
        ge=0,
        description="Weight of the total variation loss, which smooths the canvas; the effect is "
        "visible at 2.",
    )
    tv: Literal["anisotropic", "nine-point"] = Field(
        "anisotropic",
        description="Total variation: anisotropic adds the absolute differences to the right and "
        "down, nine-point the squared differences to all eight neighbours.",
    )
    pooling: Literal["average", "max"] = Field("max", description="Pooling of the network.")
    padding: Literal["replicate", "zeros"] = Field(
        "replicate",
        description="What convolutions see beyond the border: the values at the border, or zeros, "
        "as in the published example.",
    )
    optimizer: OptimizerName = Field("lbfgs", description="Optimiser of the canvas.")
    variable: Literal["pixels", "pyramid"] = Field(
        "pixels",
        description="What Adam changes: the pixels of the canvas, or the levels of its Laplacian "
        "pyramid. L-BFGS finds the right step at every scale by itself.",
    )
    learning_rate: Number = Field(
        2.0,
        gt=0,
        description="Adam's step size, and the least RMS length of L-BFGS's first step, in grey "
        "levels.",
    )
    steps: Whole = Field(
        50,
        ge=1,
        le=1_000_000,
        description="Number of steps at all levels together; each evaluates the loss and its "
        "gradient once.",
    )
    levels: Annotated[str | int, PlainValidator(read_levels), AsGiven] = Field(
        "auto",
        description="Number of sizes that the canvas goes through, each twice the one before and "
        "at least 48 pixels a side; auto starts at about 128 pixels. Where the coarse levels are "
        "those of even-nnst, as by default, or strotss, it is 32 and 64 pixels.",
    )
    tile: Annotated[str | int, PlainValidator(read_tile), AsGiven] = Field(
        "auto",
        description="Side of the tiles in which the picture is processed, a multiple of 16 pixels; "
        "auto makes them as large as memory allows, off processes the whole picture at once. The "
        "painting is the same.",
    )
    keep: Literal["measured", "updated"] = Field(
        "measured",
        description="Which canvas to keep from the step with the smallest loss: the one whose loss "
        "was measured, or (Adam only) the one after that step's update.",
    )
    precision: Literal["auto", "float32", "bfloat16", "float64"] = Field(
        "auto",
        description="Number format: auto is the fastest that paints as good a picture on the "
        "device; float32 computes every convolution directly.",
    )

    def __init__(self, /, **settings: Any) -> None:
        settled = _settled({name: plain(value) for name, value in settings.items()})
        try:
            super().__init__(**settled)
        except ValidationError as error:
            raise refusal(error, type(self)) from None
        weights = *self.content_read.values(), *self._style_read.values()
        if not any(weights):
            raise InputError("recipe.nothing-counts")
        if METHODS[self.method].one_pass:
            self._check_one_pass()
        if self.beta is not None and not METHODS[self.method].by_layer:
            raise InputError("recipe.beta-unused", method=self.method)
        if isinstance(self.tile, int) and not self.tiles:
            raise InputError("recipe.no-tiles", tile=self.tile, loss=self._sees_all())

    def _check_one_pass(self) -> None:
        """Make sure that no setting is given that needs losses and steps.

        Raises:
            InputError: one is.
        """
        usual = {name: field.default for name, field in type(self).model_fields.items()}
        usual.update(dict.fromkeys(IN_ONE_PASS), steps=1, levels=1)
        unused = [
            f"{name} = {getattr(self, name)}"
            for name, value in usual.items()
            if name not in IN_ONE_PASS[:-2] and getattr(self, name) != value
        ]
        if unused:
            raise InputError("recipe.one-pass", settings=tuple(unused), method=self.method)

    @property
    def shape(self) -> tuple[int, int] | None:
        """A width and a height in the ratio that a size asks for; None if none asks for one.

        >>> Recipe(size="640x480").shape, Recipe(size=640).shape
        ((640, 480), None)
        """
        asked = (self.size, self.output_size)
        return next((size for size in asked if isinstance(size, tuple)), None)

    @property
    def content_read(self) -> Mapping[str, float]:
        """The content layers with their weights; empty if no content loss reads them."""
        return self.content_layers if self.alpha and METHODS[self.method].by_layer else {}

    @property
    def layers(self) -> frozenset[str]:
        """The layers that the losses read; a loss of weight 0 reads none."""
        return frozenset({*self.content_read, *self._style_read})

    @property
    def _style_read(self) -> Mapping[str, float]:
        unused = METHODS[self.method].by_layer and not self.style_weight
        return {} if unused else self.style_layers

    @property
    def tiles(self) -> bool:
        """Whether the picture can be processed in tiles, with the losses of the whole picture."""
        by_layer = METHODS[self.method].by_layer
        both = STYLE_LOSSES[self.style_loss].tiles and CONTENT_LOSSES[self.content_loss].tiles
        return by_layer and both

    def _sees_all(self) -> Message:
        if not METHODS[self.method].by_layer:
            return Message("recipe.method", name=self.method)
        if not STYLE_LOSSES[self.style_loss].tiles:
            return Message("recipe.style-loss", name=self.style_loss)
        return Message("recipe.content-loss", name=self.content_loss)

    @property
    def matches_evenly(self) -> bool:
        """Whether levels minimise the losses of ``even-nnst``, if styles supply all layers.

        >>> Recipe().matches_evenly, Recipe(style_loss="wasserstein").matches_evenly
        (True, False)
        """
        fields = type(self).model_fields
        usual = all(getattr(self, name) == fields[name].default for name in OF_THE_DEFAULT)
        return usual and self.style_weight > 0 and self.levels != 1

    def as_even_nnst(self) -> Recipe:
        """The settings of a level that minimises the losses of ``even-nnst``, never in tiles."""
        even = {"method": "even-nnst", "style_layers": NNST_LAYERS, "tile": "auto"}
        return self.model_copy(update=even)

    @property
    def _way(self) -> float:
        return way(or_usual(self.strength))

    @property
    def _gone(self) -> float:
        """The way by losses: it begins slowly, since a little of the style changes much."""
        return 2 * self._way**2 if self._way < 0.5 else self._way

    @property
    def _beyond_usual(self) -> float:
        """How far the strength is on the way from the usual one, 0, to the largest, 1."""
        return max(0.0, 2 * self._way - 1)

    @property
    def style_weight(self) -> float:
        """The weight of the style loss: beta, or the beta that the strength stands for.

        Above the usual strength, equal differences of strength multiply beta by equal factors,
        since these change the picture by about the same amount. Below, it falls with the fourth
        power.

        >>> Recipe(strength=0).style_weight, Recipe(beta=7).style_weight
        (0.0, 7.0)
        """
        if self.beta is not None:
            return self.beta
        return USUAL_BETA * style_factor(self._gone)

    @property
    def style_colors(self) -> float:
        """How far the colours of a recoloured first canvas are the style's; 0 for the content's.

        >>> [Recipe(strength=strength).style_colors for strength in (0, 0.35, 0.7, 1)]
        [0.0, 0.5, 1.0, 1.0]
        """
        return min(1.0, 2 * self._way)

    @property
    def matched_share(self) -> float:
        """The share of the style's features in what ``nnst`` wants; the rest is the content's.

        Below the usual strength, colours change a picture in proportion to the strength. Strokes do
        so if their share rises fast at first.

        >>> [round(Recipe(strength=strength).matched_share, 2) for strength in (0, 0.1, 0.7, 1)]
        [0.0, 0.46, 1.0, 1.0]
        """
        return float(self.style_colors**0.4)

    @property
    def vector_share(self) -> float:
        """How far ``instant`` goes from the content's style vector to that of the style.

        >>> [Recipe(strength=strength).vector_share for strength in (0, 0.35, 0.7, 1)]
        [0.0, 0.5, 1.0, 1.5]
        """
        return min(1.0, 2 * self._way) + 0.5 * self._beyond_usual

    @property
    def canvas_share(self) -> float:
        """The share of the canvas in the picture that ``nnst`` matches; the rest is the content.

        >>> [Recipe(strength=strength).canvas_share for strength in (0, 0.7, 1)]
        [0.25, 0.25, 1.0]
        """
        return USUAL_CANVAS_SHARE + (1 - USUAL_CANVAS_SHARE) * self._beyond_usual

    @property
    def painted_share(self) -> float:
        """The share of the coarse levels' painting in the picture whose content is kept after them.

        >>> [Recipe(strength=strength).painted_share for strength in (0, 0.7, 1)]
        [0.0, 0.3, 0.6]
        """
        return MOST_PAINTED * self._gone

    @property
    def content_factor(self) -> float:
        """The weight of the content in ``strotss``, relative to that at the usual strength.

        >>> [Recipe(strength=strength).content_factor for strength in (0, 0.7, 1)]
        [inf, 1.0, 0.0]
        """
        gone = self._gone
        return ((1 - gone) / gone) ** 2 if gone else math.inf

    @classmethod
    def read(cls, value: Any = None, /, **settings: Unpack[SettingsOverPreset]) -> Recipe:
        """A recipe from the name of a preset, the path of a file, or a table of settings.

        >>> Recipe.read("fast").steps, Recipe.read({"preset": "fast", "size": 64}, steps=9).steps
        (22, 9)

        Args:
            value: any of those, or a recipe; None means the preset ``default``.
            settings: settings that replace those of ``value``; and ``preset``, the name of a
                preset, unless ``value`` says what the recipe starts from.

        Raises:
            InputError: ``value`` is none of those, a setting cannot be used, or both ``value`` and
                ``preset`` say what the recipe starts from.
        """
        given: dict[str, Any] = dict(settings)
        if "preset" in given:
            value = _starting_from(given.pop("preset"), value)
        if value is None:
            return cls(**given)
        if isinstance(value, cls):
            return value.model_copy(update=given) if given else value
        if isinstance(value, Mapping):
            return _from_table({str(name): setting for name, setting in value.items()}, given)
        if isinstance(value, str) and not value.lower().endswith((".toml", *SUFFIXES)):
            return cls.preset(value, **given)
        if isinstance(value, str | os.PathLike):
            return cls.load(value, **given)
        raise InputError("recipe.wrong-type", type=type(value).__name__)

    @classmethod
    def preset(cls, name: str, /, **settings: Unpack[Settings]) -> Recipe:
        """A preset by its name (see :data:`PRESETS`), with some settings replaced.

        >>> Recipe.preset("gatys", steps=500).steps
        500

        Raises:
            InputError: there is no such preset, or a setting cannot be used.
        """
        if not isinstance(name, str) or name not in PRESETS:
            hint = suggest(name, PRESETS)
            raise InputError("recipe.no-preset", name=name, names=tuple(PRESETS), hint=hint)
        return cls(**_over(PRESETS[name], settings))

    @classmethod
    def from_toml(cls, text: str, /, **settings: Any) -> Recipe:
        """A recipe from a TOML text, with some settings replaced.

        The key ``preset`` names the preset that the recipe starts from.

        >>> Recipe.from_toml('preset = "gatys"\\nsteps = 50', seed=7).steps
        50

        Raises:
            InputError: the text is not valid TOML, or a setting cannot be used.
        """
        if not isinstance(text, str):
            raise InputError("recipe.not-text", value=text)
        return _from_table(_parsed(text), settings)

    @classmethod
    def load(cls, path: str | os.PathLike[str], /, **settings: Any) -> Recipe:
        """A recipe from a TOML file or a painting, with some settings replaced.

        Paths in a TOML file are relative to the folder that it is in. Of a painting, the recipe
        that it carries is used as :func:`impasto.recipe_of` does.

        Raises:
            InputError: the file cannot be read, or does not hold a valid recipe.
        """
        file = _file(path)
        try:
            if is_painting(file):
                return _from_painting(file, settings)
            with reading.open_file(file) as opened:
                data = opened.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                raise ReasonError("recipe.too-large", most=MOST_BYTES)
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except InputError:
            raise
        except (OSError, ValueError) as error:
            if isinstance(error, UnicodeDecodeError):
                error = ReasonError("recipe.not-utf8")
            raise InputError(
                "recipe.unreadable", path=reading.as_given(file), reason=reason_of(error)
            ) from None
        try:
            return _from_table(_seen_from(file.parent, _parsed(text)), settings)
        except InputError as error:
            raise InputError("recipe.in-file", path=file, error=error) from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe to a TOML file, completely or not at all; :meth:`load` reads it.

        Paths of pictures in the file's folder are written relative to it, others as absolute paths.

        Raises:
            OSError: the file cannot be written.
        """
        file = _file(path)
        with written_whole(file) as opened:
            opened.write(self.to_toml(file.parent).encode())

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), dict(self))  # validated where it is read

    def model_copy(
        self,
        *,
        update: Mapping[str, Any] | None = None,
        deep: bool = False,  # noqa: ARG002 – a recipe is immutable, so both give the same
    ) -> Recipe:
        """A copy with some settings replaced and validated.

        Raises:
            InputError: a setting is unknown or has a value that cannot be used.
        """
        return type(self)(**_over(dict(self), update or {}))

    def to_toml(self, folder: str | Path | None = None) -> str:
        """The recipe as TOML text; :meth:`from_toml` reads it.

        Every setting is included except those that are not set, such as ``protect`` and either
        strength or beta.

        Args:
            folder: paths in this folder are written relative to it, others as absolute paths; None
                leaves every path as it is.
        """
        table = self.model_dump(mode="json", exclude_none=True)
        styles = table.pop("styles")  # a list of tables is easier to read at the end
        if folder is not None:
            for named in (table, *styles):
                named.update(_relative(named, Path(folder).absolute()))
        return tomli_w.dumps({**table, **({"styles": styles} if styles else {})})


def recipe_of(picture: str | os.PathLike[str]) -> Recipe:
    """The recipe that a painting carries, to paint other pictures with.

    It has the settings of the run without the run's own pictures: styles, with their weights,
    layers and masks; the protected region; and a first canvas that is a picture. An
    :class:`ImpastoWarning` names those that are left out.

    Args:
        picture: path of a PNG, JPEG, WebP or TIFF painted by impasto.

    Raises:
        InputError: the picture cannot be read, or carries no recipe that can be used.
    """
    return _from_painting(_file(picture), {})


def _from_painting(file: Path, settings: Mapping[str, Any]) -> Recipe:
    """The recipe that a painting carries, with some settings replaced."""
    carried = settings_in(file)
    try:
        return Recipe(**_over(carried, settings))
    except InputError as error:
        raise InputError("rerun.in-recipe", path=file, error=error) from None


def _again(kind: type[Recipe], settings: dict[str, Any]) -> Recipe:
    return kind(**settings)


def _file(path: Any) -> Path:
    """The path of a recipe file."""
    try:
        return Path(read_path(path, "recipe"))
    except ValueError as error:
        raise InputError("recipe.not-a-path", value=path, reason=error) from None


def _parsed(text: str) -> dict[str, Any]:
    """The table in a TOML text."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also what Python's limits exclude
        raise InputError("recipe.not-toml", reason=str(error)) from None
    return table


def _from_table(table: dict[str, Any], settings: Mapping[str, Any]) -> Recipe:
    """A recipe: the preset that a table names, its own settings, then ``settings``."""
    own = {name: value for name, value in table.items() if name != "preset"}
    _check_one_of_two(own)
    return Recipe.preset(table.get("preset", "default"), **_over(own, settings))


def _over(base: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with some settings replaced; strength and beta replace each other."""
    replaced = {
        other
        for name, other in (("strength", "beta"), ("beta", "strength"))
        if settings.get(name) is not None
    }
    return {**{name: base[name] for name in base.keys() - replaced}, **settings}


def _seen_from(folder: Path, table: dict[str, Any]) -> dict[str, Any]:
    """The table of a recipe whose paths are relative to a folder, with that folder added."""
    seen = dict(table)
    for name in ("initial", "protect"):
        if table.get(name) not in (None, *FIRST_CANVASES):
            seen[name] = within(table[name], folder)
    if isinstance(table.get("styles"), list):
        seen["styles"] = [
            Style.read(style, folder) if isinstance(style, str | Mapping) else style
            for style in table["styles"]
        ]
    return seen


def _relative(table: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """The paths in a table: relative to a folder if they are in it, otherwise absolute."""
    seen = {}
    for name in ("initial", "protect", *PICTURES):
        path = table.get(name)
        if path is None or (name == "initial" and path in FIRST_CANVASES):
            continue
        full = Path(path).absolute()
        inside = full.is_relative_to(folder)
        seen[name] = str(full.relative_to(folder) if inside else full)
        if inside and (seen[name] in FIRST_CANVASES or seen[name].startswith("~")):
            seen[name] = f".{os.sep}{seen[name]}"
    return seen


def _starting_from(preset: Any, value: Any) -> dict[str, Any]:
    """A table of settings with the preset that they start from."""
    if value is not None and (not isinstance(value, Mapping) or "preset" in value):
        raise InputError("recipe.two-starts", name=preset)
    return {**(value or {}), "preset": preset}


RecipeSource = Recipe | str | os.PathLike[str] | Mapping[str, Any]


def _settled(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, with the usual strength if neither strength nor beta is given.

    Raises:
        InputError: both are given, or the losses are absolute and beta is not given.
    """
    _check_one_of_two(settings)
    if settings.get("method") == "instant":
        settings = {"steps": 1, "levels": 1, **settings}
    beta = settings.get("beta")
    if settings.get("balance") == "absolute" and beta is None:
        raise InputError("recipe.no-beta", example=1000)
    if beta is None and settings.get("strength") is None:
        return {**settings, "strength": USUAL_STRENGTH}
    return settings


def _check_one_of_two(settings: Mapping[str, Any]) -> None:
    """Raise an InputError if strength and beta, which set the same thing, are both given."""
    strength, beta = settings.get("strength"), settings.get("beta")
    if strength is not None and beta is not None:
        raise InputError("recipe.strength-and-beta", strength=strength, beta=beta)
