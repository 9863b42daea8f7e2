"""Training a painter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import impasto
from conftest import content_pixels, style_pixels
from impasto.errors import InputError, RunError
from impasto.network.weights import Weights
from impasto.painters import learning
from impasto.painters.network import Condition, PaintingNetwork
from impasto.painters.objective import CropObjective, tensor_of, weight_at
from impasto.painters.training import TrainingStep, rate
from impasto.pictures import images
from impasto.settings.recipe import Recipe

PHOTOS = [content_pixels(48, 64), style_pixels(64, 48).transpose(1, 0, 2).copy()]
STYLE = style_pixels(48, 64)
# Few and shallow layers, and small crops, so that a step takes a few hundredths of a second.
RECIPE = {"size": 32, "style_layers": "conv1_1,conv2_1", "content_layers": "conv2_1"}

pytestmark = pytest.mark.filterwarnings("ignore:The painter is trained on")


def trained(steps: int, **given: object) -> impasto.Painter:
    arguments = {"recipe": RECIPE, "steps": steps, "device": "cpu", **given}
    return impasto.train_painter(STYLE, PHOTOS, **arguments)  # type: ignore[arg-type]


def weights_of(painter: impasto.Painter) -> list[Tensor]:
    return [parameter.detach() for parameter in painter.network.parameters()]


def are_equal(one: impasto.Painter, other: impasto.Painter) -> bool:
    pairs = zip(weights_of(one), weights_of(other), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_training_lowers_the_style_loss() -> None:
    steps: list[TrainingStep] = []
    trained(40, on_step=steps.append)
    own = [step.style for step in steps if step.strength == 0.7]
    assert np.mean(own[-8:]) < 0.9 * np.mean(own[:8])


def test_the_same_seed_gives_the_same_painter_and_another_one_another() -> None:
    assert are_equal(trained(3, seed=5), trained(3, seed=5))
    assert not are_equal(trained(3, seed=5), trained(3, seed=6))


def test_a_step_of_two_crops_follows_the_mean_of_their_losses() -> None:
    steps: list[TrainingStep] = []
    trained(2, batch=2, on_step=steps.append)
    assert [step.number for step in steps] == [1, 2]
    assert [step.share for step in steps] == [0.5, 1.0]
    single: list[TrainingStep] = []
    trained(1, batch=1, on_step=single.append)
    assert steps[0].content != single[0].content


def test_the_gradient_of_a_crop_is_that_of_the_objective(weights: Weights) -> None:
    recipe = Recipe(**RECIPE, precision="float32")
    measure = CropObjective(recipe, weights, [images.read(STYLE)], torch.device("cpu"))
    photograph = tensor_of(content_pixels(32, 32))
    painting = photograph + 8 * torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0))
    way = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(1))
    slope = (measure(painting, photograph, 0, 0.5).gradient * way).sum().item()
    up, down = (measure(painting + by * way, photograph, 0, 0.5).loss for by in (0.05, -0.05))
    assert slope == pytest.approx((up - down) / 0.1, rel=0.02)


@pytest.mark.parametrize(("strength", "factor"), [(0.35, 0.25), (0.7, 1), (1, 1000**0.5)])
def test_the_weight_of_the_style_follows_the_strength(strength: float, factor: float) -> None:
    recipe = Recipe()
    assert weight_at(strength, recipe) == pytest.approx(factor * recipe.style_weight)
    assert weight_at(strength, Recipe(beta=3)) == pytest.approx(3 * factor)


def test_the_rate_rises_and_then_falls() -> None:
    rates = [rate(share / 100) for share in range(101)]
    highest = rates.index(max(rates))
    assert 0 < highest < 10
    assert rates[:highest] == sorted(rates[:highest])
    assert rates[highest:] == sorted(rates[highest:], reverse=True)


def test_on_step_can_end_a_training_with_the_painter_as_it_is() -> None:
    painter = trained(50, on_step=lambda step: step.number < 2)
    assert painter.about.steps == 2


def test_a_training_for_a_time_ends_when_it_is_over() -> None:
    steps: list[TrainingStep] = []
    impasto.train_painter(
        STYLE, PHOTOS, recipe=RECIPE, minutes=1 / 60, device="cpu", on_step=steps.append
    )
    assert steps[-1].share == 1
    assert steps[-1].seconds >= 1 > steps[-1].seconds - steps[0].seconds - 1


def test_a_further_loss_of_the_painting_is_minimised_too() -> None:
    def darker(paint: Callable[[Tensor], Tensor], painted: Tensor, number: int) -> Tensor:
        assert paint(painted.detach()).shape == painted.shape
        assert number >= 0
        return painted.mean()

    plain, dark = trained(15), trained(15, term=darker)
    pixels = content_pixels(32, 32)
    means = [one.painted(pixels, one.condition()).mean() for one in (plain, dark)]
    assert means[1] < means[0] - 3


def test_a_training_that_is_continued_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    saved = tmp_path / "parts.training"
    trained(6, output=whole)
    trained(6, output=parts, checkpoint=saved, on_step=lambda step: step.number < 3)
    assert saved.exists()
    trained(6, output=parts, checkpoint=saved)
    assert parts.read_bytes() == whole.read_bytes()
    assert not saved.exists()


PROGRAM = """
import sys, numpy as np, impasto
from conftest import content_pixels, style_pixels
from test_training import PHOTOS, RECIPE, STYLE

def told(step):
    print(step.number, flush=True)

impasto.train_painter(
    STYLE, PHOTOS, sys.argv[1], recipe=RECIPE, steps=8, device="cpu",
    checkpoint=sys.argv[2], checkpoint_every=0, on_step=told,
)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_training_that_is_killed_continues_to_the_same_bytes(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    saved = tmp_path / "parts.training"
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    path = os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(parts), str(saved)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert process.stdout is not None
    with process.stdout:
        while int(process.stdout.readline()) < 3:
            pass
        process.kill()
    process.wait()
    assert saved.exists()
    assert not parts.exists()
    numbers: list[int] = []
    trained(8, output=parts, checkpoint=saved, on_step=lambda step: numbers.append(step.number))
    trained(8, output=whole)
    assert numbers[0] > 1
    assert parts.read_bytes() == whole.read_bytes()


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    saved = tmp_path / "a.training"
    trained(9, checkpoint=saved, on_step=lambda _: False)
    for given, what in (
        ({"seed": 1}, "seed"),
        ({"recipe": {**RECIPE, "strength": 0.8}}, "recipe"),
        ({"batch": 2}, "batch"),
    ):
        with pytest.raises(InputError, match=rf"another setting \({what}\)"):
            trained(9, checkpoint=saved, **given)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    saved = tmp_path / "a.training"
    trained(9, checkpoint=saved, on_step=lambda _: False)
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    with pytest.raises(InputError, match="is damaged"):
        trained(9, checkpoint=saved)


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    def infinite(network: PaintingNetwork) -> None:
        with torch.no_grad():
            network.last.fill_(float("inf"))

    course = learning.prepare(
        STYLE,
        PHOTOS,
        Recipe(**RECIPE),
        learning.read_length(1, 3),
        device="cpu",
    )
    infinite(course.state.network)
    with pytest.raises(RunError, match="not finite at step 1"):
        list(course.train())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"recipe": "nnst"}, "cannot learn the method 'nnst'"),
        ({"recipe": "instant"}, "cannot learn the method 'instant'"),
        ({"recipe": "texture"}, "give both losses a weight"),
        ({"recipe": "reconstruction"}, "give both losses a weight"),
        ({"recipe": {"size": "original"}}, "a size in pixels"),
        ({"recipe": {"color": "match"}}, "Colours are transferred after"),
        ({"recipe": {"protect": "mask.png"}}, "leave protect out"),
        ({"photos": []}, "no photographs"),
        ({"photos": "nowhere/*.jpg"}, "nowhere"),
        ({"styles": "oil.jpg:0.5"}, "leave weights"),
        ({"styles": "none.jpg"}, "none.jpg"),
        ({"steps": 0}, "steps"),
        ({"steps": None, "minutes": 0}, "minutes"),
        ({"batch": 0}, "batch"),
        ({"seed": -1}, "seed"),
        ({"output": "painter.pt"}, "'.pt'"),
    ],
)
def test_what_cannot_be_trained_is_refused(given: dict[str, object], told: str) -> None:
    arguments = {"styles": STYLE, "photos": PHOTOS, "steps": 1, "device": "cpu", **given}
    with pytest.raises(InputError, match=told):
        impasto.train_painter(**arguments)  # type: ignore[arg-type]


def test_a_painter_does_not_share_its_file_with_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    with pytest.raises(InputError, match="another output"):
        impasto.train_painter(
            STYLE, PHOTOS, path, recipe=RECIPE, steps=1, device="cpu", checkpoint=path
        )


def test_without_photographs_it_says_what_that_costs() -> None:
    with pytest.warns(impasto.ImpastoWarning, match="photographs of scikit-image"):
        painter = impasto.train_painter(STYLE, recipe=RECIPE, steps=1, device="cpu")
    assert painter.about.photographs > 8


def test_the_progress_is_shown_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    impasto.train_painter(STYLE, PHOTOS, recipe=RECIPE, steps=4, device="cpu")
    assert not capsys.readouterr().err
    impasto.train_painter(STYLE, PHOTOS, recipe=RECIPE, steps=4, device="cpu", progress=True)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 4
    assert told[1].startswith("50%: step 2, mean loss")


def test_two_styles_are_learned_together() -> None:
    painter = impasto.train_painter(
        [STYLE, 255 - STYLE], PHOTOS, recipe=RECIPE, steps=30, device="cpu"
    )
    pixels = content_pixels(32, 32)
    one, other = (painter.painted(pixels, painter.condition(style)) for style in (1, 2))
    assert np.abs(one - other).mean() > 0.5
    assert isinstance(painter.condition("1:0.5,2:0.5"), Condition)
