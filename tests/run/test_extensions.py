"""Losses and optimisers of a caller's own: they paint like impasto's, or are refused clearly."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import impasto
from conftest import content_pixels, style_pixels
from impasto import InputError, Recipe, Result, RunError
from impasto.objective import losses, registered
from impasto.optim import optimizer
from impasto.process import threads
from impasto.settings import loss_table

pytestmark = pytest.mark.usefixtures("own_parts")

SETTINGS: dict[str, Any] = {
    "size": (48, 32),
    "steps": 6,
    "levels": 1,
    "content_layers": "conv2_1",
    "style_layers": "conv1_1",
    "precision": "float64",
}


def paint(**settings: Any) -> Result:
    recipe = Recipe(**{**SETTINGS, **settings})
    return impasto.stylize(content_pixels(32, 48), style_pixels(32, 48), recipe, device="cpu")


def squares(features: Tensor, target: Tensor) -> Tensor:
    return (features - target).square().mean() / 2


class Descent(impasto.Optimizer):
    """Steps of a fixed length, made in place on a canvas of its own."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.own: Tensor | None = None

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor:
        if self.own is None:
            self.own = canvas
        self.own -= gradient.mul_(self.learning_rate / gradient.abs().max())
        return self.own


@pytest.mark.parametrize(
    ("name", "statistic"),
    [("mean-variance", "moments"), ("gram", "gram"), ("nearest", "positions")],
)
def test_a_style_loss_paints_what_impasto_s_own_of_the_same_formula_paints(
    name: str, statistic: str
) -> None:
    impasto.register_style_loss("own", losses.STYLE_LOSSES[name], statistic=statistic)
    ours, own = paint(style_loss=name), paint(style_loss="own")
    np.testing.assert_allclose(own.canvas, ours.canvas, atol=1e-6)


def test_a_style_loss_is_called_in_the_thread_of_the_caller_alone() -> None:
    called = set()

    def loss(seen: Tensor) -> Tensor:
        called.add(threading.get_ident())
        time.sleep(0.01)  # so that another thread would take the next layer
        return (seen - 1).square().mean()

    impasto.register_style_loss("own", lambda _: loss, statistic="gram")
    with threads.use(2):
        paint(style_loss="own", style_layers="conv1_1,conv1_2,conv2_1", precision="auto")
    assert called == {threading.get_ident()}


def test_a_style_loss_of_moments_works_in_tiles() -> None:
    impasto.register_style_loss("own", losses.mean_variance_loss, statistic="moments")
    tiled, whole = paint(style_loss="own", tile=16), paint(style_loss="own")
    np.testing.assert_allclose(tiled.canvas, whole.canvas, atol=1e-6)


def test_a_content_loss_paints_what_impasto_s_own_of_the_same_formula_paints() -> None:
    impasto.register_content_loss("squares", squares, tiles=True)
    own, ours = paint(content_loss="squares", tile=16), paint()
    np.testing.assert_allclose(own.canvas, ours.canvas, atol=1e-6)


def test_an_optimiser_paints_what_impasto_s_own_of_the_same_formula_paints() -> None:
    impasto.register_optimizer("own", impasto.Adam)
    np.testing.assert_array_equal(paint(optimizer="own").canvas, paint(optimizer="adam").canvas)


def test_a_run_with_an_optimiser_of_one_s_own_can_be_resumed(
    small_pictures: None,
) -> None:
    impasto.register_optimizer("own", impasto.Adam)
    recipe = Recipe(**SETTINGS, optimizer="own")

    def stop(step: impasto.Step) -> bool:
        return step.number < 3

    stopped: dict[str, Any] = {"on_step": stop, "checkpoint": "run.impasto"}
    impasto.stylize("content.png", "style.png", recipe, device="cpu", **stopped)
    whole = impasto.stylize("content.png", "style.png", recipe, device="cpu")
    np.testing.assert_array_equal(impasto.resume("run.impasto").canvas, whole.canvas)


def test_an_optimiser_may_work_in_place_without_changing_the_canvas_that_is_kept() -> None:
    impasto.register_optimizer("descent", Descent)
    result = paint(optimizer="descent", learning_rate=40)
    again = impasto.stylize(
        content_pixels(32, 48),
        style_pixels(32, 48),
        Recipe(**{**SETTINGS, "steps": 1}),
        initial=result.canvas,
        device="cpu",
    )
    assert again.history[0].loss == pytest.approx(result.best.loss, rel=1e-6)
    assert result.best.number < len(result.history)


def test_a_part_can_be_registered_again_as_in_a_notebook() -> None:
    impasto.register_content_loss("own", lambda features, target: features.mean())
    impasto.register_content_loss("own", squares)
    np.testing.assert_allclose(paint(content_loss="own").canvas, paint().canvas, atol=1e-6)


def test_a_content_loss_with_the_name_of_a_style_loss_does_not_change_that() -> None:
    """The style loss is still impasto's own, whose energy may be 0, as for a flat style."""
    impasto.register_content_loss("gram", squares)
    nothing = {"conv1_1": 0.0}
    registered.check_energies("gram", nothing, registered.OWN_STYLE_LOSSES)
    with pytest.raises(RunError, match="The loss 'gram' is 0"):
        registered.check_energies("gram", nothing, registered.OWN_CONTENT_LOSSES)


def test_an_unknown_name_is_refused_with_those_that_are_registered() -> None:
    impasto.register_style_loss("own", losses.gram_loss, statistic="gram")
    with pytest.raises(InputError, match=r"style_loss cannot be 'owm': .*'gram'.* or 'own'"):
        Recipe(style_loss="owm")


def no_scalar(target: Tensor) -> losses.Loss:
    return lambda seen: seen


def a_number(target: Tensor) -> losses.Loss:
    return lambda seen: 3.0  # type: ignore[return-value]


def no_gradient(target: Tensor) -> losses.Loss:
    return lambda seen: target.mean()


def in_place(target: Tensor) -> losses.Loss:
    target.div_(2)
    return lambda seen: seen.sub_(target).square().mean()


def out_of_place(target: Tensor) -> losses.Loss:
    half = target / 2
    return lambda seen: (seen - half).square().mean()


def test_a_loss_may_change_in_place_what_it_gets_even_where_it_is_shared() -> None:
    """Without copies, the second painting of a sweep would get a halved target."""
    sheets = []
    for loss in (in_place, out_of_place):
        impasto.register_style_loss("own", loss, statistic="gram")
        pair = content_pixels(32, 48), style_pixels(32, 48)
        sheets.append(impasto.sweep(*pair, {"seed": [1, 2]}, {**SETTINGS, "style_loss": "own"}))
    np.testing.assert_array_equal(np.asarray(sheets[0]), np.asarray(sheets[1]))


def test_an_optimiser_needs_no_constructor_of_its_own() -> None:
    class Plain(impasto.Optimizer):
        def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor:
            assert self.learning_rate == 3
            return canvas - self.learning_rate * gradient.sign()

    impasto.register_optimizer("own", Plain)
    assert len(paint(optimizer="own", learning_rate=3).history) == 6


def test_a_run_ends_if_an_optimiser_steps_back_to_what_is_not_finite() -> None:
    class Lost(Descent):
        def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor:
            return canvas * torch.nan

        def step_back(self) -> Tensor:
            return torch.full((3, 32, 48), torch.nan)

    impasto.register_optimizer("own", Lost)
    result = paint(optimizer="own")
    assert len(result.history) == 1
    assert "the loss of step 2 is not finite" in str(result.stopped)


def test_after_a_resume_an_optimiser_can_step_back_at_once() -> None:
    class Careful(optimizer.Optimizer):
        def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor:
            return canvas

        def step_back(self) -> Tensor:
            return torch.ones(3, 4, 5)

    impasto.register_optimizer("own", Careful)
    restored = optimizer.registered("own", 1.0, torch.zeros(3, 4, 5))
    restored.restore(*restored.state())
    shorter = restored.step_back()
    assert shorter is not None
    assert (shorter == 1).all()


def test_a_recipe_with_a_name_that_another_process_registered_is_refused() -> None:
    impasto.register_style_loss("own", losses.gram_loss, statistic="gram")
    stored = pickle.dumps(Recipe(style_loss="own"))
    assert pickle.loads(stored) == Recipe(style_loss="own")
    del loss_table.STYLE_LOSSES["own"]
    with pytest.raises(InputError, match="style_loss cannot be 'own'"):
        pickle.loads(stored)


class OfAnotherShape(Descent):
    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor:
        return canvas[:, 1:]


class StateOfText(Descent):
    def state(self) -> Any:
        return {"name": "text"}, {}


class AnArray(Descent):
    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor:
        return canvas.numpy()  # type: ignore[return-value]


REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: impasto.register_style_loss("My Loss", losses.gram_loss),
        "style_loss cannot be named 'My Loss': a name consists of lower-case letters",
    ),
    (
        lambda: impasto.register_style_loss(7, losses.gram_loss),  # type: ignore[arg-type]
        "style_loss cannot be named 7",
    ),
    (
        lambda: impasto.register_content_loss("features", squares),
        "content_loss 'features' is one of impasto's own: choose another name",
    ),
    (
        lambda: impasto.register_optimizer("adam", Descent),
        "optimizer 'adam' is one of impasto's own",
    ),
    (
        lambda: impasto.register_optimizer("own", impasto.Optimizer),
        "The optimiser 'own' has no step: write a method",
    ),
    (
        lambda: impasto.register_optimizer("own", 3),  # type: ignore[arg-type]
        "optimizer 'own' should be a function or a class, not int",
    ),
    (
        lambda: impasto.register_style_loss("own", losses.gram_loss, statistic="gramm"),
        "The style loss 'own' cannot compare 'gramm'; .*'gram', 'moments' or 'positions'",
    ),
]
FAILED: list[tuple[Callable[[], object], dict[str, str], str]] = [
    (
        lambda: impasto.register_style_loss("own", no_scalar),
        {"style_loss": "own"},
        r"'own' should return a scalar tensor of floats; it returned Tensor of float64 \(64, \d+\)",
    ),
    (
        lambda: impasto.register_style_loss("own", lambda target: target.mean()),  # type: ignore[arg-type, return-value]
        {"style_loss": "own"},
        r"The style loss 'own' should return a function .* it returned Tensor of float64 \(\)",
    ),
    (
        lambda: impasto.register_style_loss("own", lambda target: lambda seen: seen.abs().mean()),
        {"style_loss": "own"},
        "The loss 'own' is 0 for a feature map of zeros at conv1_1; to be relative",
    ),
    (
        lambda: impasto.register_content_loss("own", lambda features, target: features.mean() - 1),
        {"content_loss": "own"},
        "The loss 'own' is -1 for a feature map of zeros at conv2_1",
    ),
    (
        lambda: impasto.register_optimizer("own", lambda rate: impasto.Adam()),  # type: ignore[call-arg]
        {"optimizer": "own"},
        r"The optimiser 'own' cannot be made with a learning rate \(.*missing 1 required",
    ),
    (
        lambda: impasto.register_style_loss("own", a_number),
        {"style_loss": "own"},
        "The loss 'own' should return a scalar tensor of floats; it returned float",
    ),
    (
        lambda: impasto.register_style_loss("own", no_gradient),
        {"style_loss": "own"},
        "The loss 'own' does not depend on the canvas",
    ),
    (
        lambda: impasto.register_content_loss("own", lambda features, target: target.abs().mean()),
        {"content_loss": "own"},
        "The loss 'own' does not depend on the canvas",
    ),
    (
        lambda: impasto.register_optimizer("own", lambda rate: object()),  # type: ignore[arg-type, return-value]
        {"optimizer": "own"},
        "The optimiser 'own' should be derived from impasto.Optimizer; it is object",
    ),
    (
        lambda: impasto.register_optimizer("own", OfAnotherShape),
        {"optimizer": "own"},
        r"of shape \(3, 32, 48\), or None; it returned Tensor of float64 \(3, 31, 48\)",
    ),
    (
        lambda: impasto.register_optimizer("own", AnArray),
        {"optimizer": "own"},
        r"of shape \(3, 32, 48\), or None; it returned ndarray of float64 \(3, 32, 48\)",
    ),
]


@pytest.mark.parametrize(("register", "sentence"), REFUSED)
def test_what_cannot_be_registered(register: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        register()


@pytest.mark.parametrize(("register", "named", "sentence"), FAILED)
def test_what_fails_in_a_run(
    register: Callable[[], object], named: dict[str, str], sentence: str
) -> None:
    register()
    with pytest.raises(RunError, match=sentence):
        paint(**named)


def test_a_state_that_cannot_be_saved(small_pictures: None) -> None:
    impasto.register_optimizer("own", StateOfText)
    recipe = Recipe(**SETTINGS, optimizer="own")
    with pytest.raises(RunError, match="should return two dictionaries as its state"):
        impasto.stylize(
            "content.png", "style.png", recipe, checkpoint="run.impasto", checkpoint_every=0
        )


def test_the_base_has_no_step_of_its_own() -> None:
    with pytest.raises(NotImplementedError):
        impasto.Optimizer(1.0).step(torch.zeros(3, 2, 2), 0.0, torch.zeros(3, 2, 2))


class Broken(Descent):
    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor:
        raise ZeroDivisionError


def broken(*_: Tensor) -> Any:
    raise ZeroDivisionError


@pytest.mark.skipif(not hasattr(Exception, "add_note"), reason="exceptions have no notes")
@pytest.mark.parametrize(
    ("kind", "register"),
    [
        ("style_loss", lambda: impasto.register_style_loss("mine", lambda _: broken)),
        ("style_loss", lambda: impasto.register_style_loss("mine", broken)),
        ("content_loss", lambda: impasto.register_content_loss("mine", broken)),
        ("optimizer", lambda: impasto.register_optimizer("mine", Broken)),
    ],
)
def test_an_exception_says_which_registered_part_raised_it(
    kind: str, register: Callable[[], None]
) -> None:
    register()
    with pytest.raises(ZeroDivisionError) as raised:
        paint(**{kind: "mine"})
    notes = getattr(raised.value, "__notes__", [])
    assert notes == [f"Raised by {kind} 'mine', which the program registered."]
