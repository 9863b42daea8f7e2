"""Losses of the caller's own, which recipes can name after they are registered."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from typing import Any

from torch import Tensor

from impasto.errors import InputError, RunError
from impasto.objective import losses
from impasto.settings import loss_table
from impasto.settings.extensions import check_extension, noting
from impasto.settings.pieces import described

OWN_STYLE_LOSSES: set[str] = set()
OWN_CONTENT_LOSSES: set[str] = set()


def register_style_loss(
    name: str, make: Callable[[Tensor], losses.Loss], *, statistic: str = "positions"
) -> None:
    """Let recipes use another style loss, as ``style_loss=name``.

    A style loss compares a statistic of the canvas with that of the style picture, layer by layer.
    With relative losses, the default, it is divided by its value for a feature map of zeros.

    Args:
        name: its name in a recipe: lower-case letters, digits and hyphens. A name that was
            registered before is replaced; one of impasto's own is not.
        make: takes the statistic of the style picture, and returns a function from the statistic of
            a canvas to the loss, a scalar tensor that is differentiable and at least 0.
        statistic: what is compared. ``gram``: the Gram matrix, (C, C), divided by the number of
            positions. ``moments``: the same with an added channel of ones, (C + 1, C + 1), so that
            the last column holds the means. ``positions``: the features at every position, (C, N),
            where N differs between canvas and style picture. Losses of ``gram`` and ``moments``
            also work in tiles, in regions and with several styles.

    Raises:
        InputError: the name, ``make`` or the statistic cannot be used.

    Example:
        >>> def peaks(target):
        ...     wanted = target.amax(1)  # the largest value of each channel
        ...     return lambda seen: (seen.amax(1) - wanted).square().mean()
        >>> register_style_loss("peaks", peaks)
        >>> from impasto import Recipe
        >>> Recipe(style_loss="peaks").style_loss
        'peaks'
    """
    table = loss_table.STYLE_LOSSES
    check_extension("style_loss", name, make, names=table, own=OWN_STYLE_LOSSES)
    if not isinstance(statistic, str) or statistic not in losses.STATISTICS:
        words = tuple(map(repr, losses.STATISTICS))
        raise InputError("extension.statistic", name=name, value=statistic, words=words)

    def checked(target: Tensor) -> losses.Loss:
        with noting("style_loss", name):
            loss = make(target.clone())  # which it may change in place, like what it is called with
        if not callable(loss):
            raise RunError("extension.no-loss", name=name, got=described(loss))

        def measured(seen: Tensor) -> Tensor:
            with noting("style_loss", name):
                value = loss(seen.clone())
            return _scalar(name, value, seen)

        return measured

    OWN_STYLE_LOSSES.add(name)
    losses.STYLE_LOSSES[name] = checked
    tiles = statistic != "positions"
    table[name] = loss_table.StyleLoss(statistic, tiles=tiles, shares=False)


def register_content_loss(
    name: str, loss: Callable[[Tensor, Tensor], Tensor], *, tiles: bool = False
) -> None:
    """Let recipes use another content loss, as ``content_loss=name``.

    With relative losses, the default, it is divided by its value for a feature map of zeros.

    Args:
        name: its name in a recipe: lower-case letters, digits and hyphens. A name that was
            registered before is replaced; one of impasto's own is not.
        loss: takes the feature maps of the canvas and of the content picture at a layer, both
            (C, H, W), and returns a scalar tensor that is differentiable and at least 0.
        tiles: whether the loss of a picture is the mean of the losses of its tiles, as for a mean
            over positions; only then can pictures be processed in tiles.

    Raises:
        InputError: the name or the function cannot be used.

    Example:
        >>> def absolute(features, target):
        ...     return (features - target).abs().mean()
        >>> register_content_loss("absolute", absolute, tiles=True)
        >>> from impasto import Recipe
        >>> Recipe(content_loss="absolute").content_loss
        'absolute'
    """
    table = loss_table.CONTENT_LOSSES
    check_extension("content_loss", name, loss, names=table, own=OWN_CONTENT_LOSSES)

    def measured(features: Tensor, target: Tensor) -> Tensor:
        with noting("content_loss", name):
            value = loss(features.clone(), target.clone())
        return _scalar(name, value, features)

    OWN_CONTENT_LOSSES.add(name)
    losses.CONTENT_LOSSES[name] = measured
    table[name] = loss_table.ContentLoss(tiles)


def check_energies(name: str, energies: Mapping[str, float], own: Container[str]) -> None:
    """Make sure that a registered loss can be relative, which means divided by its energies.

    Args:
        name: name of the loss.
        energies: its value for a feature map of zeros, by layer.
        own: the names of registered losses of its kind.

    Raises:
        RunError: one of them is not a number above 0.
    """
    if name not in own:
        return
    for layer, energy in energies.items():
        if not 0 < energy < math.inf:
            raise RunError("extension.no-energy", name=name, layer=layer, energy=f"{energy:g}")


def _scalar(name: str, value: Any, seen: Tensor) -> Tensor:
    """The value of a registered loss; an error if it is no scalar that depends on the canvas."""
    if not isinstance(value, Tensor) or value.ndim or not value.is_floating_point():
        raise RunError("extension.no-scalar", name=name, got=described(value))
    if seen.requires_grad and not value.requires_grad:
        raise RunError("extension.no-gradient", name=name)
    return value
