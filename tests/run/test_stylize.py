"""What a run promises, on pictures small enough to run in a moment."""

from __future__ import annotations

import io
import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from conftest import MEAN, content_pixels, noisy_canvas, style_pixels
from impasto import ImpastoWarning, InputError, Recipe, Result, RunError, Step, resume, stylize
from impasto.network import devices
from impasto.objective.objective import Evaluation, Objective
from impasto.pictures import samples
from impasto.pictures.arrays import to_uint8
from impasto.run.evaluator import Evaluator
from impasto.run.prepare import prepare
from impasto.run.resuming import resumed
from impasto.settings.presets import PRESETS

CONTENT, STYLE = content_pixels(40, 48), style_pixels(40, 48)


# What is said of steps, levels and resuming holds at any layer, and deep ones take far longer.
SHALLOW: dict[str, Any] = {"content_layers": "conv2_1", "style_layers": "conv1_1,conv2_1"}


def quick(**settings: Any) -> Recipe:
    """A recipe that looks at shallow layers and takes few steps."""
    return Recipe(
        **{
            "size": (48, 40),
            "steps": 4,
            **SHALLOW,
            "initial": "content",
            "levels": 1,
            **settings,
        }
    )


def paint(on_step: Any = None, canvas: Any = None, **settings: Any) -> Result:
    return stylize(CONTENT, STYLE, quick(**settings), canvas, on_step, device="cpu")


def carried_text(path: Path) -> str | None:
    """What a PNG says of the run that made it."""
    with Image.open(path) as image:
        text: str | None = image.info.get("impasto")
        return text


def first_canvas(**settings: Any) -> npt.NDArray[np.float64]:
    """The first canvas in 0…255, H × W × 3."""
    run = prepare(CONTENT, STYLE, quick(precision="float64", **settings), device="cpu")
    return np.asarray(run.first_canvas.permute(1, 2, 0).numpy() + MEAN)


def spoil(
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    loss: float = float("nan"),
    gradient: float = 1.0,
    last: float = math.inf,
) -> None:
    """Let the evaluations of the next run from one to the last come out not finite."""
    measure = Objective.__call__
    count = 0

    def spoilt(self: Any, canvas: torch.Tensor, **_: bool) -> Evaluation:
        nonlocal count
        count += 1
        measured = measure(self, canvas)
        if not step <= count <= last:
            return measured
        return Evaluation(
            measured.loss * loss, measured.content, measured.style, measured.gradient * gradient
        )

    monkeypatch.setattr("impasto.objective.objective.Objective.__call__", spoilt)


# ------------------------------------------------------------------------------------ the result


def test_a_notebook_shows_a_large_painting_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Result, "image", Image.new("RGB", (3000, 2000)))
    shown = paint()._repr_png_()
    assert Image.open(io.BytesIO(shown)).size == (800, 533)


def test_the_result_has_the_face_that_the_readme_shows() -> None:
    result = paint()
    assert isinstance(result.image, Image.Image)
    assert result.image.mode == "RGB"
    assert result.image.size == (48, 40)
    assert result.canvas.shape == (40, 48, 3)
    assert result.canvas.dtype == np.float32
    assert [step.number for step in result.history] == [1, 2, 3, 4]
    assert result.best in result.history
    assert result.recipe == quick()
    assert result.stopped is None


def test_the_picture_is_the_canvas_rounded_and_saturated() -> None:
    result = paint(canvas=np.full((40, 48, 3), 300.0), steps=1)
    np.testing.assert_array_equal(np.asarray(result.image), to_uint8(result.canvas))
    assert result.canvas.max() > 255


def test_painting_lowers_the_loss_and_moves_towards_the_style() -> None:
    result = paint(steps=30, balance="absolute", beta=200)
    assert result.best.loss < 0.1 * result.history[0].loss
    assert result.best.style < 0.1 * result.history[0].style


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"steps": 6}, 4 * [True] + 2 * [False]),
        ({"steps": 9, "levels": 2, "size": 144}, (1 + 4) * [True] + 4 * [False]),
        ({"steps": 3, "optimizer": "adam"}, 3 * [False]),
        ({"steps": 3, "style_loss": "covariance"}, 3 * [False]),
        ({"steps": 3, "balance": "relative", "beta": None}, 3 * [False]),
    ],
    ids=["one level", "two levels", "Adam", "no stand-in", "relative losses"],
)
def test_the_stand_in_is_followed_until_it_brings_little(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], expected: list[bool]
) -> None:
    measure = Evaluator.__call__
    followed: list[bool] = []

    def watched(self: Any, canvas: torch.Tensor, *, exactly: bool, stand_in: float) -> Evaluation:
        followed.append(stand_in > 0)
        return measure(self, canvas, exactly=exactly, stand_in=stand_in)

    monkeypatch.setattr("impasto.run.evaluator.Evaluator.__call__", watched)
    monkeypatch.setattr("impasto.run.run.brings_little", lambda losses: len(losses) == 4)
    recipe = quick(**{"balance": "absolute", "beta": 200.0, **settings})
    stylize(LARGE_CONTENT, LARGE_STYLE, recipe, device="cpu")
    assert followed == expected


def test_a_level_weighs_the_stand_in_so_that_it_would_have_equalled_the_style_loss_at_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measure = Evaluator.__call__
    seen: list[tuple[float, Evaluation]] = []

    def watched(self: Any, canvas: torch.Tensor, *, exactly: bool, stand_in: float) -> Evaluation:
        seen.append((stand_in, measure(self, canvas, exactly=exactly, stand_in=stand_in)))
        return seen[-1][1]

    monkeypatch.setattr("impasto.run.evaluator.Evaluator.__call__", watched)
    paint_levels(balance="absolute", beta=200.0)
    coarse, fine = seen[:2]
    style = 200 * coarse[1].style
    stand_in = coarse[1].followed - coarse[1].content  # alpha is 1
    assert stand_in * fine[0] / coarse[0] == pytest.approx(style, rel=1e-4)


def test_the_stand_in_leads_further_down_in_as_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe.preset("gatys-fast", size=48, levels=1, steps=24)
    pictures = samples.style("woodcut"), samples.style("mosaic")
    with_it = stylize(*pictures, recipe, device="cpu").best.loss
    monkeypatch.setattr("impasto.run.run.follows_stand_in", lambda _: False)
    assert with_it < 0.8 * stylize(*pictures, recipe, device="cpu").best.loss


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("initial", ["noisy-content", "content"])
def test_the_same_seed_gives_the_same_bytes(optimizer: str, initial: str, tmp_path: Path) -> None:
    for name in ("once.png", "twice.png"):
        paint(optimizer=optimizer, initial=initial, seed=3).save(tmp_path / name)
    assert (tmp_path / "once.png").read_bytes() == (tmp_path / "twice.png").read_bytes()


def test_a_path_a_picture_and_an_array_are_the_same_content(tmp_path: Path) -> None:
    path = tmp_path / "content.png"
    Image.fromarray(CONTENT).save(path)
    canvases = [
        stylize(content, STYLE, quick(), device="cpu").canvas
        for content in (path, str(path), Image.fromarray(CONTENT), CONTENT)
    ]
    for canvas in canvases[1:]:
        np.testing.assert_array_equal(canvas, canvases[0])


def test_float32_and_float64_agree() -> None:
    single, double = (paint(precision=p, steps=2) for p in ("float32", "float64"))
    np.testing.assert_allclose(single.canvas, double.canvas, atol=1e-3)


def test_a_result_can_be_pickled() -> None:
    result = paint()
    again = pickle.loads(pickle.dumps(result))
    assert again.history == result.history


# ------------------------------------------------------------------------------------ levels

# A first step of 10²⁰ grey levels: squares of Gram matrices overflow.
FAR: dict[str, Any] = {"learning_rate": 1e20}
LARGE_CONTENT, LARGE_STYLE = content_pixels(120, 144), style_pixels(120, 144)


def paint_levels(on_step: Any = None, **settings: Any) -> Result:
    recipe = quick(size=144, levels=2, steps=9, **settings)
    return stylize(LARGE_CONTENT, LARGE_STYLE, recipe, None, on_step, device="cpu")


STEPWISE = [name for name in PRESETS if name != "instant"]  # that paint step by step
AGAIN: dict[str, Recipe] = {
    **{name: Recipe.preset(name, size=(96, 64), steps=8, levels=2, **SHALLOW) for name in STEPWISE},
    "one level": Recipe.preset("gatys-fast", size=64, steps=8, levels=1, **SHALLOW),
    "deep layers now and then": quick(
        steps=8, style_layers="conv1_1:1,conv2_1:1e-3", balance="absolute", alpha=1e-3, beta=1000.0
    ),
    "by tiles": quick(steps=6, tile=16),
    "Adam": quick(size=64, steps=6, optimizer="adam"),
    "the whole picture": quick(steps=6, style_loss="sliced"),
    "shortened": Recipe.preset("gatys-fast", size=64, steps=8, levels=1, **FAR, **SHALLOW),
}


@pytest.mark.parametrize("recipe", AGAIN.values(), ids=AGAIN)
def test_a_run_painted_again_paints_the_same(recipe: Recipe) -> None:
    """Also after it was stopped."""
    pictures = LARGE_CONTENT, LARGE_STYLE
    expected = prepare(*pictures, recipe, device="cpu").paint()
    run = prepare(*pictures, recipe, device="cpu")
    run.paint(lambda step: step.number < 4)
    width, height = run.evaluator.level.size
    run.evaluator(torch.zeros(3, height, width))
    for result in (run.paint(), run.paint()):
        assert result.canvas.tobytes() == expected.canvas.tobytes()
        assert losses_of(result) == losses_of(expected)


def losses_of(result: Result) -> list[float]:
    return [step.loss for step in result.history]


@pytest.mark.filterwarnings("ignore:The cpu device has no fast bfloat16")
def test_a_run_that_gave_up_bfloat16_begins_in_it_again() -> None:
    layers = {"content_layers": "conv1_2", "style_layers": "conv1_2"}
    recipe = quick(size=16, steps=40, beta=0.01, precision="bfloat16", **layers)
    run = prepare(content_pixels(16, 16), style_pixels(16, 16), recipe, device="cpu")
    with pytest.warns(ImpastoWarning, match="the rounding of bfloat16"):
        once = run.paint()
    assert run.evaluator.fell_back
    with pytest.warns(ImpastoWarning, match="the rounding of bfloat16"):
        again = run.paint()
    assert again.canvas.tobytes() == once.canvas.tobytes()
    assert losses_of(again) == losses_of(once)


def test_a_resumed_run_that_is_painted_again_goes_on_to_the_same_end(tmp_path: Path) -> None:
    for name, pixels in (("content.png", LARGE_CONTENT), ("style.png", LARGE_STYLE)):
        Image.fromarray(pixels).save(tmp_path / name)
    pictures = tmp_path / "content.png", tmp_path / "style.png"
    expected = stylize(*pictures, AGAIN["gatys-fast"], device="cpu")
    saved = tmp_path / "run.impasto"
    recipe = AGAIN["gatys-fast"]
    stylize(*pictures, recipe, None, lambda s: s.number < 3, device="cpu", checkpoint=saved)
    run = resumed(saved)
    stopped = run.paint(lambda step: step.number < 6)
    assert len(stopped.history) == 6
    for result in (run.paint(), run.paint()):
        assert result.stopped is None
        assert result.canvas.tobytes() == expected.canvas.tobytes()
        assert losses_of(result) == losses_of(expected)
    assert len(stopped.history) == 6


def test_steps_are_numbered_through_all_levels() -> None:
    history = paint_levels().history
    assert [step.number for step in history] == list(range(1, 10))
    assert [step.level for step in history] == [1] * 6 + [2] * 3


def test_the_best_is_that_of_the_last_level() -> None:
    result = paint_levels()
    assert result.best == min(result.history[6:], key=lambda step: step.loss)


def test_a_level_starts_from_the_best_canvas_of_the_one_before() -> None:
    """Its first loss is far below that of the first canvas at its size."""
    result = paint_levels(strength=0.8)
    first = quick(size=144, steps=1, strength=0.8)
    alone = stylize(LARGE_CONTENT, LARGE_STYLE, first, device="cpu")
    assert result.history[6].loss < alone.history[0].loss


@pytest.mark.parametrize("last", [2, 8])
def test_a_run_that_is_stopped_at_any_level_has_the_working_size(last: int) -> None:
    result = paint_levels(on_step=lambda step: step.number < last)
    assert len(result.history) == last
    assert result.canvas.shape == (120, 144, 3)
    assert result.image.size == (144, 120)


def test_a_step_shows_its_canvas_at_the_output_size() -> None:
    sizes: set[tuple[int, int]] = set()
    paint_levels(on_step=lambda step: sizes.add(step.image().size))
    assert sizes == {(144, 120)}


def test_a_first_canvas_of_one_s_own_is_brought_to_the_coarsest_level() -> None:
    initial = LARGE_STYLE.astype(np.float64)
    run = prepare(LARGE_CONTENT, LARGE_STYLE, quick(size=144, levels=2), initial, device="cpu")
    assert run.first_canvas.shape == (3, 60, 72)
    mean = run.first_canvas.mean((1, 2)).numpy() + MEAN
    np.testing.assert_allclose(mean, initial.mean((0, 1)), atol=1)


EXTREME = {
    "black": np.zeros((64, 80, 3), np.uint8),
    "white": np.full((64, 80, 3), 255, np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8),
    "one line": np.where(np.arange(80) == 40, 255, 0).astype(np.uint8)[None, :, None]
    * np.ones((64, 1, 3), np.uint8),
    "formula": content_pixels(64, 80),
}


@pytest.mark.parametrize("style", EXTREME)
@pytest.mark.parametrize("content", EXTREME)
def test_the_default_paints_extreme_pictures(content: str, style: str) -> None:
    recipe = Recipe(size=48, levels=1, steps=4)
    result = stylize(EXTREME[content], EXTREME[style], recipe, device="cpu")
    assert np.isfinite(result.canvas).all()
    assert np.abs(result.canvas).max() < 1000
    assert result.best.loss <= result.history[0].loss


# --------------------------------------------------------------------------------- arithmetic


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("size", [(96, 72), (128, 96)])
def test_strength_goes_from_the_photograph_to_the_style_without_turning_back(
    size: tuple[int, int], levels: int
) -> None:
    width, height = size
    content, style = content_pixels(height, width), style_pixels(height, width)
    apart = []
    for strength in (0, 0.25, 0.5, 0.75, 1):
        more = {"initial": "recolored-content", "strength": strength}
        recipe = quick(size=size, steps=12, levels=levels, **more)
        painted = stylize(content, style, recipe, device="cpu")
        apart.append(float(np.sqrt(((painted.canvas - content) ** 2).mean())))
    assert apart[0] < 1
    assert apart[:3] == sorted(apart[:3])
    assert min(apart[1:]) > 2


def test_a_level_of_the_same_size_starts_from_the_canvas_as_it_is() -> None:
    """The last level of nnst, whose canvas already has the details of the content."""
    recipe = Recipe.preset("nnst", size=96, steps=12, strength=0.2, style_layers="relu1_1,relu2_1")
    run = prepare(content_pixels(), style_pixels(), recipe, device="cpu")
    before, last = run.levels[-2:]
    assert before.size == last.size
    canvas = torch.zeros(3, *reversed(last.size))
    assert torch.equal(run.canvases.enlarged(canvas, before, last), canvas)


@pytest.mark.usefixtures("plain_cpu")
@pytest.mark.parametrize(("pooling", "apart"), [("average", 0.05), ("max", 0.5)])
def test_auto_and_float32_paint_the_same_picture(pooling: str, apart: float) -> None:
    """Of two values that are nearly equal, rounding decides which one max pooling takes."""
    fast, plain = (paint(precision=p, steps=3, pooling=pooling) for p in ("auto", "float32"))
    np.testing.assert_allclose(fast.canvas, plain.canvas, atol=apart)


@pytest.mark.filterwarnings("ignore:The cpu device has no fast bfloat16")
@pytest.mark.filterwarnings("ignore:After step .* the rounding of bfloat16")
def test_bfloat16_gives_way_to_float32_when_its_noise_stops_progress() -> None:
    """Close to the minimum, the rounding of bfloat16 hides the way down."""
    content, style = content_pixels(16, 16), style_pixels(16, 16)
    layers = {"content_layers": "conv1_2", "style_layers": "conv1_2"}
    best = {}
    for precision in ("bfloat16", "float32"):
        recipe = quick(size=16, steps=60, beta=0.01, precision=precision, **layers)
        run = prepare(content, style, recipe, device="cpu")
        best[precision] = run.paint().best.loss
        assert run.evaluator.arithmetic.dtype == torch.float32
    assert best["bfloat16"] == pytest.approx(best["float32"], rel=0.01)


@pytest.mark.usefixtures("plain_cpu")
def test_auto_paints_in_bfloat16_what_float32_paints_where_the_device_has_units_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both come as far, though where they differ, the difference grows from step to step."""
    fine = paint(size=64, steps=8)
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda _: True)
    run = prepare(CONTENT, STYLE, quick(size=64, steps=8), device="cpu")
    assert run.evaluator.arithmetic.name == "bfloat16"
    coarse = run.paint()
    assert coarse.best.loss == pytest.approx(fine.best.loss, rel=0.03)
    assert np.sqrt(np.square(coarse.canvas - fine.canvas).mean()) < 5


def test_auto_leaves_bfloat16_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user has not asked for it; the same run in bfloat16 that they asked for says so."""
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda _: True)
    layers = {"content_layers": "conv1_2", "style_layers": "conv1_2"}
    recipe = quick(size=16, steps=60, beta=0.01, **layers)
    run = prepare(content_pixels(16, 16), style_pixels(16, 16), recipe, device="cpu")
    run.paint()
    assert run.evaluator.arithmetic.name == "float32 (Winograd)"


def test_a_round_goes_on_where_its_level_leaves_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda _: True)
    recipe = Recipe.preset("nnst", size=64, steps=8, levels=1, style_layers="relu1_1,relu2_1")
    run = prepare(CONTENT, STYLE, recipe, device="cpu")
    evaluator, canvas = run.evaluator, run.first_canvas
    assert evaluator(canvas.clone()).is_new
    evaluator.use_float32()
    assert not evaluator(canvas + 9).is_new
    _, tensors = evaluator.state()
    assert torch.equal(tensors["round"], canvas)


# ------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("settings", "canvas", "output"),
    [
        ({"size": 32}, (32, 27), (32, 27)),
        ({"size": (20, 40)}, (20, 40), (20, 40)),
        ({"size": 32, "output_size": "content"}, (32, 27), (48, 40)),
        ({"size": 32, "output_size": 96}, (32, 27), (96, 80)),
        ({"size": 32, "output_size": (50, 60)}, (32, 27), (50, 60)),
        ({"size": (32, 32), "output_size": 96}, (32, 32), (96, 80)),
    ],
)
def test_working_and_output_size(
    settings: dict[str, Any], canvas: tuple[int, int], output: tuple[int, int]
) -> None:
    result = paint(steps=1, **settings)
    assert result.canvas.shape[1::-1] == canvas
    assert result.image.size == output


def test_gatys_returns_the_content_s_own_size() -> None:
    recipe = Recipe.preset("gatys", steps=1, size=(32, 16))
    assert stylize(CONTENT, STYLE, recipe, device="cpu").image.size == (48, 40)


# ------------------------------------------------------------------------------- first canvas


def test_a_content_canvas_is_the_content() -> None:
    np.testing.assert_allclose(first_canvas(initial="content"), CONTENT, atol=1e-4)


def test_a_style_canvas_is_the_style() -> None:
    np.testing.assert_allclose(first_canvas(initial="style"), STYLE, atol=1e-4)


def test_a_noise_canvas_holds_every_whole_number_from_minus_20_to_20() -> None:
    noise = first_canvas(initial="noise") - MEAN
    whole = np.rint(noise)
    np.testing.assert_allclose(noise, whole, atol=1e-4)
    assert sorted(set(whole.ravel())) == list(range(-20, 21))
    assert abs(whole.mean()) < 1


def test_a_style_canvas_is_recoloured_where_its_colours_are_not_wanted() -> None:
    start, content = (
        first_canvas(initial=initial, color="match") for initial in ("style", "content")
    )
    np.testing.assert_allclose(start.mean((0, 1)), content.mean((0, 1)), atol=1e-3)


def test_a_noisy_content_canvas_mixes_noise_and_content_around_the_mean() -> None:
    noise = first_canvas(initial="noise") - MEAN
    mixed = 0.6 * noise + 0.4 * (CONTENT - MEAN) + MEAN
    np.testing.assert_allclose(
        first_canvas(initial="noisy-content", noise_ratio=0.6), mixed, atol=1e-3
    )


def test_another_seed_is_another_noise() -> None:
    assert (first_canvas(initial="noise", seed=1) != first_canvas(initial="noise", seed=2)).any()


def test_a_picture_can_be_the_first_canvas(tmp_path: Path) -> None:
    path = tmp_path / "first.png"
    Image.fromarray(STYLE[::-1]).save(path)
    np.testing.assert_allclose(first_canvas(initial=str(path)), STYLE[::-1], atol=1e-4)


def test_an_array_replaces_the_recipe_s_first_canvas() -> None:
    initial = noisy_canvas(40, 48)
    run = prepare(CONTENT, STYLE, quick(precision="float64"), initial, device="cpu")
    np.testing.assert_allclose(run.first_canvas.permute(1, 2, 0).numpy() + MEAN, initial, atol=1e-4)


@pytest.mark.parametrize(
    "initial",
    [
        np.zeros((40, 47, 3)),
        np.zeros((40, 48)),
        np.full((40, 48, 3), np.nan),
        [[0.0]],
    ],
    ids=["size", "grey", "nan", "list"],
)
def test_a_first_canvas_of_another_kind_is_an_error(initial: Any) -> None:
    with pytest.raises(InputError, match="initial canvas"):
        paint(canvas=initial)


def test_rescale_stretches_both_pictures() -> None:
    low = (CONTENT // 4 + 30).astype(np.uint8)
    run = prepare(low, STYLE, quick(rescale=True, precision="float64"), device="cpu")
    pixels = run.first_canvas.permute(1, 2, 0).numpy() + MEAN
    assert pixels.min() == pytest.approx(0, abs=1e-4)
    assert pixels.max() == pytest.approx(255, abs=1e-4)


# ---------------------------------------------------------------------------- what is kept


def test_adam_in_gatys_keeps_the_canvas_after_the_best_step_s_update() -> None:
    longer = paint(optimizer="adam", keep="updated", steps=5, learning_rate=0.5)
    assert longer.best.number == 5
    seen = paint(optimizer="adam", keep="measured", steps=6, learning_rate=0.5)
    assert seen.best.number == 6
    np.testing.assert_array_equal(longer.canvas, seen.canvas)


@pytest.mark.parametrize("settings", [{"optimizer": "adam"}, {"keep": "updated"}])
def test_otherwise_the_canvas_that_was_measured_is_kept(settings: dict[str, Any]) -> None:
    result = paint(steps=5, **settings)
    again = paint(canvas=result.canvas.astype(np.float64), steps=1)
    assert again.history[0].loss == pytest.approx(result.best.loss, rel=1e-4)


def test_the_best_is_the_smallest_loss_and_a_tie_keeps_the_earlier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    losses = iter([5.0, 3.0, 4.0, 3.0])
    measure = Objective.__call__

    def scripted(self: Any, canvas: torch.Tensor, **_: bool) -> Evaluation:
        measured = measure(self, canvas)
        return Evaluation(next(losses), measured.content, measured.style, measured.gradient)

    monkeypatch.setattr("impasto.objective.objective.Objective.__call__", scripted)
    assert paint(optimizer="adam").best.number == 2


# ---------------------------------------------------------------------------------- stopping


def test_on_step_sees_every_step() -> None:
    seen: list[Step] = []
    result = paint(on_step=seen.append)
    assert seen == result.history


def test_on_step_can_stop_the_run() -> None:
    result = paint(on_step=lambda step: step.number < 3, steps=10)
    assert len(result.history) == 3
    assert result.stopped is not None


def test_a_step_shows_its_updated_canvas() -> None:
    shown: dict[int, npt.NDArray[np.uint8]] = {}
    result = paint(
        on_step=lambda step: shown.update({step.number: np.asarray(step.image())}),
        optimizer="adam",
        keep="updated",
        learning_rate=0.5,
    )
    np.testing.assert_array_equal(shown[result.best.number], np.asarray(result.image))


def test_a_step_has_no_picture_once_the_run_has_gone_on() -> None:
    result = paint()
    with pytest.raises(RunError, match="passed step 2"):
        result.history[1].image()


def test_a_loss_that_is_not_finite_keeps_the_best_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(monkeypatch, step=3)
    result = paint(steps=10)
    assert len(result.history) == 2
    assert result.stopped == "the loss of step 3 is not finite"
    assert np.isfinite(result.canvas).all()


@pytest.mark.usefixtures("plain_cpu")
@pytest.mark.parametrize("preset", ["default", "gatys-fast"])
def test_a_step_whose_loss_is_not_finite_is_shortened(preset: str) -> None:
    recipe = Recipe.preset(preset, size=48, levels=1, steps=12, **FAR, **SHALLOW)
    result = stylize(CONTENT, STYLE, recipe, device="cpu")
    assert result.stopped is None
    assert [step.number for step in result.history] == list(range(1, 13))
    assert all(math.isfinite(step.loss) for step in result.history)
    assert 0 <= result.best.loss < 0.9 * result.history[0].loss
    assert np.isfinite(result.canvas).all()


@pytest.mark.parametrize("preset", ["default", "gatys-fast"])
@pytest.mark.parametrize("number", [1, 3, 9])
def test_a_run_goes_on_from_a_shortened_step_as_if_it_had_never_been_stopped(
    tmp_path: Path, preset: str, number: int
) -> None:
    Image.fromarray(CONTENT).save(tmp_path / "content.png")
    Image.fromarray(STYLE).save(tmp_path / "style.png")
    pictures, saved = (tmp_path / "content.png", tmp_path / "style.png"), tmp_path / "run.impasto"
    recipe = Recipe.preset(preset, size=48, levels=1, steps=12, **FAR, **SHALLOW)
    whole = stylize(*pictures, recipe, device="cpu")
    stylize(*pictures, recipe, None, lambda s: s.number < number, device="cpu", checkpoint=saved)
    resumed = resume(saved)
    assert resumed.canvas.tobytes() == whole.canvas.tobytes()
    assert losses_of(resumed) == losses_of(whole)


def test_one_evaluation_that_is_not_finite_costs_a_run_no_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(monkeypatch, step=3, last=4)
    result = paint(steps=10)
    assert result.stopped is None
    assert [step.number for step in result.history] == list(range(1, 11))
    assert all(math.isfinite(step.loss) for step in result.history)


@pytest.mark.filterwarnings("ignore:The cpu device has no fast bfloat16")
@pytest.mark.filterwarnings("ignore:After step 1 the rounding of bfloat16")
def test_a_step_that_stays_not_finite_in_bfloat16_is_tried_in_float32() -> None:
    recipe = quick(size=32, steps=6, precision="bfloat16", learning_rate=1e20)
    run = prepare(CONTENT, STYLE, recipe, device="cpu")
    result = run.paint()
    assert run.evaluator.fell_back
    assert result.stopped is None
    assert result.best.loss < result.history[0].loss


def test_a_gradient_that_is_not_finite_keeps_the_best_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(monkeypatch, step=3, loss=1.0, gradient=float("inf"))
    result = paint(steps=10, optimizer="adam", keep="updated")
    assert len(result.history) == 2
    assert np.isfinite(result.canvas).all()


def test_a_first_loss_that_is_not_finite_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, step=1)
    with pytest.raises(RunError, match="first canvas is not finite"):
        paint()


def test_a_run_ends_when_there_is_nothing_left_to_gain() -> None:
    result = stylize(CONTENT, CONTENT, quick(steps=50), device="cpu")
    assert len(result.history) == 1
    assert result.best.loss == 0
    np.testing.assert_allclose(result.canvas, CONTENT, atol=1e-4)


def test_running_out_of_memory_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def starve(self: Any, canvas: torch.Tensor, **_: bool) -> Evaluation:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9")

    monkeypatch.setattr("impasto.objective.objective.Objective.__call__", starve)
    with pytest.raises(RunError, match="48×40 pixels: close other programs"):
        paint()


# ---------------------------------------------------------------------------------- metadata


def test_a_png_carries_what_made_it_and_nothing_else(tmp_path: Path) -> None:
    content, first = tmp_path / "content.png", tmp_path / "first.png"
    Image.fromarray(CONTENT).save(content)
    Image.fromarray(CONTENT).save(first)
    recipe = quick(initial=str(first))
    stylize(content, STYLE, recipe, device="cpu").save(tmp_path / "out.png")
    text = carried_text(tmp_path / "out.png")
    assert text is not None
    carried = json.loads(text)
    assert str(tmp_path) not in text
    assert carried["content"]["name"] == "content.png"
    assert len(carried["style"]["sha256"]) == 64
    assert Recipe(**carried["recipe"]) == quick(initial="first.png")


def test_metadata_can_be_left_out(tmp_path: Path) -> None:
    paint().save(tmp_path / "out.png", metadata=False)
    assert carried_text(tmp_path / "out.png") is None
