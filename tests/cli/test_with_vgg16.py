"""Every command paints with VGG-16, or says in one sentence what the network lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import impasto
from conftest import content_pixels, style_pixels
from impasto.cli.app import run
from impasto.files.carried import carried_text
from impasto.objective.deferred import cut_layer
from impasto.run import estimate
from impasto.run.prepare import prepare, vary
from impasto.settings.layers import VGG_16
from vgg_files import by_position, random_convolutions, write_state_dict

QUICK = ["--size", "48", "--steps", "3", "--device", "cpu", "--quiet"]
LAYERS = ["--content-layers", "conv2_1", "--style-layers", "conv1_1,conv3_3"]
LACKS = "The network has no layers named conv3_4: it is VGG-16, which has conv1_1, conv1_2,"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    return str(write_state_dict(by_position(random_convolutions()), path))


@pytest.fixture
def flags(weights: str, small_pictures: None) -> list[str]:
    """The flags that name the weights, in a folder with ``content.png`` and ``style.png``."""
    return ["--weights", weights, "--weights-input", "caffe"]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line on standard error; nothing is on standard output."""
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("preset", "steps"),
    [("default", 2), ("gatys", 2), ("gatys-fast", 2), ("strotss", 2), ("nnst", 3)],
)
def test_every_preset_lowers_its_loss(preset: str, steps: int, weights: str) -> None:
    """The last step of ``nnst`` has another loss."""
    recipe = impasto.Recipe.preset(preset, size=32, steps=steps, levels=1, initial="noise")
    content, style = (Image.fromarray(one(48, 64)) for one in (content_pixels, style_pixels))
    result = impasto.stylize(
        content, style, recipe, device="cpu", weights=weights, weights_input="caffe"
    )
    losses = [step.loss for step in result.history if step.level == 1]
    assert losses[1] < losses[0]


def test_a_painting_names_the_weights_and_is_painted_again(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["stylize", "content.png", "style.png", "-o", "a.png", *QUICK, *LAYERS, *flags]) == 0
    carried = json.loads(carried_text(Path("a.png")) or "")
    assert carried["weights"]["name"] == "vgg16.pth"
    assert run(["rerun", "a.png", "-o", "b.png", "--device", "cpu", "--quiet", *flags]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    capsys.readouterr()
    lacking = ["--set", "style_layers=conv3_4"]
    assert run(["rerun", "a.png", "-o", "c.png", "--device", "cpu", *flags, *lacking]) == 2
    assert LACKS in said(capsys)
    assert not Path("c.png").exists()


def test_an_interrupted_run_is_resumed_with_the_same_bytes(weights: str, tmp_path: Path) -> None:
    content, style = tmp_path / "content.png", tmp_path / "style.png"
    Image.fromarray(content_pixels(48, 64)).save(content)
    Image.fromarray(style_pixels(48, 64)).save(style)
    recipe = impasto.Recipe.preset(
        "gatys-fast",
        size=48,
        steps=6,
        levels=1,
        content_layers="conv2_2",
        style_layers="conv1_1,conv2_1,conv3_1",
    )
    assert cut_layer(recipe, VGG_16) is not None
    given: dict[str, Any] = {"device": "cpu", "weights": weights, "weights_input": "caffe"}
    whole = impasto.stylize(content, style, recipe, **given)
    saved = tmp_path / "run.impasto"
    impasto.stylize(
        content,
        style,
        recipe,
        on_step=lambda step: step.number < 4,
        checkpoint=saved,
        checkpoint_every=0,
        **given,
    )
    resumed = impasto.resume(saved)
    assert [step.loss for step in resumed.history] == [step.loss for step in whole.history]
    assert (resumed.canvas == whole.canvas).all()


def test_a_missing_layer_is_refused_before_anything_is_written(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().iterdir())
    style_layers = ["--style-layers", "conv3_4", *flags, "--device", "cpu"]
    stylize = ["stylize", "content.png", "style.png", "-o", "out.png", "--checkpoint", "a.impasto"]
    assert run([*stylize, *style_layers]) == 2
    assert LACKS in said(capsys)
    vary_layers = ["--vary", "content_layers=conv1_1,conv2_1;conv3_4", *flags, "--device", "cpu"]
    sweep = ["sweep", "content.png", "style.png", "-o", "out.png", "--size", "32"]
    assert run([*sweep, *vary_layers]) == 2
    assert LACKS in said(capsys)
    assert sorted(Path().iterdir()) == before


def test_a_sweep_is_painted_with_the_weights_given(flags: list[str]) -> None:
    command = ["sweep", "content.png", "style.png", "--vary", "seed=1", "--folder", "each"]
    assert run([*command, "-o", "sheet.png", *QUICK, *LAYERS, *flags]) == 0
    (painting,) = Path("each").iterdir()
    carried = json.loads(carried_text(painting) or "")
    assert carried["weights"]["name"] == "vgg16.pth"


def test_measurements_are_not_shared_with_another_network(weights: str) -> None:
    """The same kernels as far as the recipe reads, so only the file and the layers differ."""
    content, style = (Image.fromarray(one(48, 64)) for one in (content_pixels, style_pixels))
    recipe = impasto.Recipe(size=48, steps=1, content_layers="conv2_1", style_layers="conv1_1")
    ours = prepare(
        content, style, recipe, device="cpu", weights=weights, weights_input="caffe",
        cache_bytes=10**8,
    )  # fmt: skip
    bundled = prepare(content, style, recipe, device="cpu")
    bundled.cache = ours.cache
    keys = set(ours.cache)
    vary(bundled, recipe)
    assert len(set(ours.cache)) == 2 * len(keys) > 0


def test_less_work_and_memory_is_expected_than_with_vgg19(weights: str) -> None:
    content, style = (Image.fromarray(one(48, 64)) for one in (content_pixels, style_pixels))
    recipe = impasto.Recipe(size=192, steps=2, levels=2, style_layers="conv1_1,conv5_1")
    smaller, larger = (
        prepare(content, style, recipe, device="cpu", weights=one, weights_input=convention)
        for one, convention in ((weights, "caffe"), ("bundled", None))
    )
    assert estimate.forecast(smaller).bytes < estimate.forecast(larger).bytes
    # Work is counted in pixels that the whole network processes. The finest level reads as far as
    # conv3_2, up to which both networks are the same: a larger share of the smaller one.
    assert estimate.work(smaller) > estimate.work(larger)


def test_network_shows_the_network_of_a_file(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["network", *flags, "-o", "network.svg"]) == 0
    shown = capsys.readouterr().out
    assert "VGG-16, 14,714,688 parameters" in shown
    assert "conv5_3" in shown
    assert "conv5_4" not in shown
    drawn = Path("network.svg").read_text()
    assert "VGG-16 without its classifier: 32 layers, 14,714,688 parameters." in drawn
    assert "conv5_4" not in drawn


def test_network_refuses_a_recipe_whose_layers_the_file_lacks(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("recipe.toml").write_text('content_layers = "conv3_4"\n')
    assert run(["network", *flags, "--recipe", "recipe.toml", "-o", "network.svg"]) == 2
    assert LACKS in said(capsys)
    assert not Path("network.svg").exists()


def test_network_does_not_draw_over_its_weights(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["network", "--weights", "a.svg", "-o", "a.svg"]) == 2
    assert "a.svg" in said(capsys)


def test_doctor_says_which_network_it_is(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--device", "cpu", *flags]) == 0
    shown = capsys.readouterr().out
    assert "VGG-16" in shown
    assert "vgg16.pth" in shown
