"""Neural style transfer: the content of one picture painted in the style of another.

>>> import impasto
>>> result = impasto.stylize("lighthouse.png", "starry_night.jpg")  # doctest: +SKIP
>>> result.save("out.png")  # doctest: +SKIP

Everything below is loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from impasto._version import __version__

if TYPE_CHECKING:
    from impasto.errors import ImpastoError as ImpastoError
    from impasto.errors import ImpastoWarning as ImpastoWarning
    from impasto.errors import InputError as InputError
    from impasto.errors import RunError as RunError
    from impasto.errors import StoppedError as StoppedError
    from impasto.experiments.many import Painted as Painted
    from impasto.experiments.many import stylize_many as stylize_many
    from impasto.experiments.sweep import Axis as Axis
    from impasto.experiments.sweep import sweep as sweep
    from impasto.network import weights as _weights
    from impasto.network.statistics import gram as gram
    from impasto.network.vgg import VGG as VGG
    from impasto.network.vgg import VGG19 as VGG19
    from impasto.network.weights import Weights as Weights
    from impasto.objective.losses import content_loss as content_loss
    from impasto.objective.losses import style_loss as style_loss
    from impasto.objective.losses import total_variation as total_variation
    from impasto.objective.registered import register_content_loss as register_content_loss
    from impasto.objective.registered import register_style_loss as register_style_loss
    from impasto.optim.optimizer import Optimizer as Optimizer
    from impasto.optim.optimizer import register_optimizer as register_optimizer
    from impasto.optim.optimizers import LBFGS as LBFGS
    from impasto.optim.optimizers import Adam as Adam
    from impasto.painters.applying import LearnedPainting as LearnedPainting
    from impasto.painters.applying import Painter as Painter
    from impasto.painters.learning import train_painter as train_painter
    from impasto.pictures import images as _images
    from impasto.pictures import samples as _samples
    from impasto.pictures.arrays import rescale as rescale
    from impasto.pictures.arrays import resize as resize
    from impasto.pictures.arrays import to_uint8 as to_uint8
    from impasto.pictures.montage import montage as montage
    from impasto.report.figures import loss_curves as loss_curves
    from impasto.report.network_figure import network_drawing as network_drawing
    from impasto.report.network_figure import network_table as network_table
    from impasto.run.canvas import deprocess as deprocess
    from impasto.run.canvas import noise as noise
    from impasto.run.canvas import preprocess as preprocess
    from impasto.run.canvas import recolored as recolored
    from impasto.run.result import Result as Result
    from impasto.run.result import Step as Step
    from impasto.run.stylize import resume as resume
    from impasto.run.stylize import stylize as stylize
    from impasto.settings.layers import LAYERS as LAYERS
    from impasto.settings.recipe import Recipe as Recipe
    from impasto.settings.recipe import recipe_of as recipe_of
    from impasto.settings.style import Style as Style
    from impasto.video.method import VideoStep as VideoStep
    from impasto.video.stylize import PaintedClip as PaintedClip
    from impasto.video.stylize import stylize_video as stylize_video

    # Names that differ from those in their modules, exported to type checkers.
    load_weights = _weights.load
    read_picture = _images.read
    sample_photograph, sample_style = _samples.photograph, _samples.style

# Public name → its module, and its name there if that is another one.
_HOMES = {
    "Adam": "optim.optimizers",
    "Axis": "experiments.sweep",
    "ImpastoError": "errors",
    "ImpastoWarning": "errors",
    "InputError": "errors",
    "LAYERS": "settings.layers",
    "LBFGS": "optim.optimizers",
    "LearnedPainting": "painters.applying",
    "Optimizer": "optim.optimizer",
    "Painted": "experiments.many",
    "PaintedClip": "video.stylize",
    "Painter": "painters.applying",
    "Recipe": "settings.recipe",
    "Result": "run.result",
    "RunError": "errors",
    "StoppedError": "errors",
    "Step": "run.result",
    "Style": "settings.style",
    "VGG": "network.vgg",
    "VGG19": "network.vgg",
    "VideoStep": "video.method",
    "Weights": "network.weights",
    "content_loss": "objective.losses",
    "deprocess": "run.canvas",
    "gram": "network.statistics",
    "load_weights": "network.weights:load",
    "loss_curves": "report.figures",
    "montage": "pictures.montage",
    "network_drawing": "report.network_figure",
    "network_table": "report.network_figure",
    "noise": "run.canvas",
    "preprocess": "run.canvas",
    "read_picture": "pictures.images:read",
    "recipe_of": "settings.recipe",
    "recolored": "run.canvas",
    "register_content_loss": "objective.registered",
    "register_optimizer": "optim.optimizer",
    "register_style_loss": "objective.registered",
    "rescale": "pictures.arrays",
    "resize": "pictures.arrays",
    "resume": "run.stylize",
    "sample_photograph": "pictures.samples:photograph",
    "sample_style": "pictures.samples:style",
    "style_loss": "objective.losses",
    "stylize": "run.stylize",
    "stylize_many": "experiments.many",
    "stylize_video": "video.stylize",
    "sweep": "experiments.sweep",
    "to_uint8": "pictures.arrays",
    "total_variation": "objective.losses",
    "train_painter": "painters.learning",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    module, _, there = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(f"impasto.{module}"), there or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
