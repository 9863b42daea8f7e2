"""Several styles, blended and by regions."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from conftest import content_pixels, noisy_canvas, style_pixels
from impasto import ImpastoWarning, InputError, Recipe, Style, stylize
from impasto.network.statistics import gram
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective.objective import Objective
from impasto.objective.regions import StyleCanvas
from impasto.pictures import masks
from impasto.pictures.masks import pooled

HEIGHT, WIDTH = 48, 64
RECIPE = Recipe(style_layers="conv1_1:0.5,conv2_2:2,conv3_1", content_layers="conv2_1")
SETTINGS: dict[str, Any] = {
    "levels": 1,
    "style_layers": "conv1_1,conv2_1",
    "content_layers": "conv2_1",
}


def tensor(pixels: np.ndarray[Any, Any], mean: Tensor) -> Tensor:
    return torch.from_numpy(pixels.astype("float64")).permute(2, 0, 1) - mean


@pytest.fixture(scope="module")
def network(weights: Weights) -> VGG19:
    return VGG19(weights, {*RECIPE.content_layers, *RECIPE.style_layers}, dtype=torch.float64)


def objective(network: VGG19, *styles: StyleCanvas, tile: int | None = None) -> Objective:
    content = tensor(content_pixels(HEIGHT, WIDTH), network.mean)
    return Objective(network, content, styles, RECIPE, tile)


def pictures(network: VGG19) -> tuple[Tensor, Tensor]:
    first = tensor(style_pixels(HEIGHT, WIDTH), network.mean)
    return first, tensor(content_pixels(40, 56), network.mean).flip(1)


def slope(height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """A soft mask, dark on the left."""
    return torch.linspace(0, 1, width, dtype=torch.float64).expand(height, width).contiguous()


# ---------------------------------------------------------------------------------- blending


def test_styles_of_one_mask_are_blended_in_their_gram_matrices(network: VGG19) -> None:
    one, other = pictures(network)
    made = objective(network, StyleCanvas(one, 3), StyleCanvas(other, 1))
    (region,) = made.regions
    for name in RECIPE.style_layers:
        wanted = 0.75 * gram(network(one)[name]) + 0.25 * gram(network(other)[name])
        torch.testing.assert_close(region.targets[name], wanted)


def test_a_layer_takes_only_the_styles_that_are_for_it(network: VGG19) -> None:
    one, other = pictures(network)
    fine = StyleCanvas(one, layers=("conv1_1",))
    made = objective(network, fine, StyleCanvas(other, layers=("conv2_2",)))
    (region,) = made.regions
    torch.testing.assert_close(region.targets["conv1_1"], gram(network(one)["conv1_1"]))
    torch.testing.assert_close(region.targets["conv2_2"], gram(network(other)["conv2_2"]))
    assert "conv3_1" not in region.targets


def test_the_same_style_twice_is_that_style(network: VGG19) -> None:
    style, _ = pictures(network)
    canvas = tensor(noisy_canvas(HEIGHT, WIDTH), network.mean)
    once = objective(network, StyleCanvas(style))(canvas)
    twice = objective(network, StyleCanvas(style, 0.2), StyleCanvas(style, 0.8))(canvas)
    assert twice.loss == pytest.approx(once.loss, rel=1e-12)
    torch.testing.assert_close(twice.gradient, once.gradient, rtol=1e-9, atol=1e-15)


# ----------------------------------------------------------------------------------- regions


def test_a_guided_gram_matrix_is_the_mean_over_the_region(network: VGG19) -> None:
    """Against sums over positions in NumPy."""
    style, _ = pictures(network)
    made = objective(network, StyleCanvas(style, mask=slope()), StyleCanvas(style))
    _, matrices = made.features_of(style, (), RECIPE.style_layers)
    for name, x in network(style).items():
        if name not in RECIPE.style_layers:
            continue
        share = pooled(slope(), {"conv1_1": 0, "conv2_2": 1, "conv3_1": 2}[name]).numpy()
        maps = x.numpy()
        wanted = np.einsum("ahw,bhw,hw->ab", maps, maps, share) / share.sum()
        np.testing.assert_allclose(matrices[name][0].numpy(), wanted, rtol=1e-10)
        np.testing.assert_allclose(matrices[name][1], gram(x).numpy(), rtol=1e-10)


def test_a_style_mask_leaves_out_what_is_black(network: VGG19) -> None:
    style, other = pictures(network)
    both = torch.cat([style, tensor(style_pixels(HEIGHT, WIDTH), network.mean) * 0], dim=2)
    mask = torch.cat([torch.ones(HEIGHT, WIDTH), torch.zeros(HEIGHT, WIDTH)], dim=1).double()
    (region,) = objective(network, StyleCanvas(both, style_mask=mask)).regions
    (wanted,) = objective(network, StyleCanvas(style)).regions
    x, y = region.targets["conv1_1"], wanted.targets["conv1_1"]
    assert float((x - y).norm() / y.norm()) < 0.02  # but for the column at the border
    assert other is not None


def test_the_parts_of_a_picture_weigh_as_the_whole(network: VGG19) -> None:
    """A picture that is as its style asks everywhere loses nothing by being masked."""
    style, _ = pictures(network)
    canvas = tensor(noisy_canvas(HEIGHT, WIDTH), network.mean)
    left = (torch.arange(WIDTH) < WIDTH // 2).double().expand(HEIGHT, WIDTH).contiguous()
    halves = objective(network, StyleCanvas(style, mask=left), StyleCanvas(style, mask=1 - left))
    sums = [sum(weights.values()) for weights in halves.style_weights]
    whole = objective(network, StyleCanvas(style))
    assert sum(sums) == pytest.approx(sum(whole.style_weights[0].values()), rel=1e-9)
    assert halves(canvas).style > 0


@pytest.mark.parametrize("tile", [16, 32])
def test_regions_by_tiles_are_those_of_the_whole_picture(network: VGG19, tile: int) -> None:
    one, other = pictures(network)
    styles = (
        StyleCanvas(one, 2, mask=slope()),
        StyleCanvas(other, 1, ("conv1_1", "conv3_1"), mask=1 - slope()),
        StyleCanvas(other, style_mask=slope(*other.shape[1:])),
    )
    canvas = tensor(noisy_canvas(HEIGHT, WIDTH), network.mean)
    whole = objective(network, *styles)(canvas)
    tiled = objective(network, *styles, tile=tile)(canvas)
    assert tiled.loss == pytest.approx(whole.loss, rel=1e-12)
    assert float((tiled.gradient - whole.gradient).norm() / whole.gradient.norm()) < 1e-12


def test_the_gradient_is_that_of_the_loss(network: VGG19) -> None:
    one, other = pictures(network)
    made = objective(
        network, StyleCanvas(one, mask=slope()), StyleCanvas(other, 0.5, mask=1 - slope())
    )
    canvas = tensor(noisy_canvas(HEIGHT, WIDTH), network.mean)
    way = torch.randn(canvas.shape, generator=torch.Generator().manual_seed(0), dtype=canvas.dtype)
    ahead, back = (made(canvas + step * way).loss for step in (1e-4, -1e-4))
    along = float((made(canvas).gradient * way).sum())
    assert (ahead - back) / 2e-4 == pytest.approx(along, rel=1e-6)


@pytest.mark.parametrize(("symmetry", "ways"), [("mirror", 2), ("rotate", 4), ("all", 8)])
def test_a_symmetric_style_is_the_mean_over_its_turns(
    network: VGG19, symmetry: str, ways: int
) -> None:
    style, _ = pictures(network)
    content = tensor(content_pixels(HEIGHT, WIDTH), network.mean)
    recipe = RECIPE.model_copy(update={"style_symmetry": symmetry})
    (region,) = Objective(network, content, [StyleCanvas(style)], recipe).regions
    turned = [turned for turned, _ in StyleCanvas(style).turned(symmetry)]
    assert len(turned) == ways
    mean = torch.stack([gram(network(one)["conv2_2"]) for one in turned]).mean(0)
    torch.testing.assert_close(region.targets["conv2_2"], mean)


# ---------------------------------------------------------------------------------- painting


def halves(height: int, width: int) -> Image.Image:
    """White on the left half."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, : width // 2] = 255
    return Image.fromarray(pixels)


def test_a_half_and_half_mask_leaves_each_half_its_own_style(weights: Weights) -> None:
    """Measured on the feature maps, away from the border between the halves."""
    content, size = content_pixels(96, 128), 128
    one = style_pixels(96, 128)
    other = np.ascontiguousarray(255 - one[::-1, ::-1] // 3)
    left = halves(96, 128)
    right = Image.fromarray(255 - np.asarray(left))
    recipe = Recipe(size=size, steps=60, strength=0.8, **SETTINGS)
    styles = [Style(picture=one, mask=left), Style(picture=other, mask=right)]
    painted = stylize(content, styles, recipe, device="cpu").canvas
    network = VGG19(weights, ["conv1_1", "conv2_1"])
    targets = [network(tensor(of, network.mean.double()).float()) for of in (one, other)]
    whole = network(tensor(painted, network.mean.double()).float())
    for name, x in whole.items():
        middle, away = x.shape[2] // 2, 4
        parts = (x[:, :, : middle - away], x[:, :, middle + away :])
        for index, part in enumerate(parts):
            own, others = (
                float((gram(part) - gram(targets[k][name])).norm()) for k in (index, 1 - index)
            )
            assert own < 0.5 * others, (name, index)


def test_what_is_protected_stays_as_it_is() -> None:
    content = content_pixels(48, 64)
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, 32:] = 255
    Image.fromarray(mask).save("protect.png")
    recipe = Recipe(size=64, steps=4, protect="protect.png", **SETTINGS)
    painted = np.asarray(stylize(content, style_pixels(48, 64), recipe, device="cpu").image)
    np.testing.assert_array_equal(painted[:, 32:], content[:, 32:])
    assert (painted[:, :32] != content[:, :32]).mean() > 0.5


def in_kinds(mask: np.ndarray[Any, Any]) -> dict[str, Any]:
    """A mask of booleans, in every form that a region can be given in."""
    image = Image.fromarray(np.uint8(255 * mask))
    image.save("protect.png")
    return {
        "path": Path("protect.png"),
        "path and colour": "protect.png#ffffff",
        "bytes": Path("protect.png").read_bytes(),
        "file object": io.BytesIO(Path("protect.png").read_bytes()),
        "image": image,
        "array": mask,
        "tensor": torch.from_numpy(mask.astype("float32"))[None],
    }


@pytest.mark.parametrize("preset", ["default", "instant"])
def test_a_protected_region_can_be_given_like_a_picture(preset: str) -> None:
    right = np.zeros((48, 64), bool)
    right[:, 32:] = True
    settings: dict[str, Any] = {"size": 64, "preset": preset}
    if preset == "default":
        settings.update(steps=2, **SETTINGS)
    content, style = content_pixels(48, 64), style_pixels(48, 64)
    for kind, region in in_kinds(right).items():
        painted = stylize(content, style, protect=region, device="cpu", **settings)
        pixels = np.asarray(painted.image)
        np.testing.assert_array_equal(pixels[:, 32:], content[:, 32:], err_msg=kind)
        assert (pixels[:, :32] != content[:, :32]).any(), kind
        name = {"path": "protect.png", "path and colour": "protect.png#ffffff"}
        carried = painted.metadata()
        assert carried["recipe"]["protect"] == name.get(kind, "(in memory)")
        assert len(carried["protect"]["sha256"]) == 64


def test_a_region_in_memory_replaces_that_of_the_recipe() -> None:
    left, right = np.zeros((2, 48, 64), bool)
    left[:, :32] = right[:, 32:] = True
    Image.fromarray(np.uint8(255 * left)).save("left.png")
    content = content_pixels(48, 64)
    recipe = Recipe(size=64, steps=2, protect="left.png", **SETTINGS)
    painted = stylize(content, style_pixels(48, 64), recipe, protect=right, device="cpu").image
    np.testing.assert_array_equal(np.asarray(painted)[:, 32:], content[:, 32:])


def test_a_region_in_memory_is_refused_where_one_in_a_file_would_be() -> None:
    right = np.eye(48, 64)
    pictures = content_pixels(48, 64), style_pixels(48, 64)
    with pytest.raises(InputError, match="'sliced'"):
        stylize(*pictures, protect=right, style_loss="sliced")
    for name, pixels in zip(("content.png", "style.png"), pictures, strict=True):
        Image.fromarray(pixels).save(name)
    saved: dict[str, Any] = {"checkpoint": "run.impasto", "size": 64, **SETTINGS}
    with pytest.raises(InputError, match="needs the protected region as a file"):
        stylize("content.png", "style.png", protect=right, **saved)


def test_a_recipe_cannot_hold_a_region_in_memory() -> None:
    with pytest.raises(InputError, match="only hold paths; pass pictures in memory to stylize"):
        Recipe(protect=np.eye(48, 64))


def test_where_no_mask_reaches_the_content_stays_close() -> None:
    content = content_pixels(48, 64)
    recipe = Recipe(size=64, steps=10, strength=0.9, **SETTINGS)
    style = Style(picture=255 - style_pixels(48, 64), mask=halves(48, 64))
    painted = stylize(content, style, recipe, device="cpu").canvas
    change = np.abs(painted - content).mean(axis=(0, 2))
    assert change[40:].mean() < 0.3 * change[:24].mean()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# ------------------------------------------------------------------------------------- masks


def test_a_label_picture_has_a_region_for_each_colour() -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:, :2] = (255, 0, 0)
    pixels[:, 2:4] = (250, 3, 250)  # nearly magenta, as in a JPEG
    Image.fromarray(pixels).save("regions.png")
    assert masks.read("regions.png#ff0000", "mask").shares.sum() == 8
    assert masks.read("regions.png#FF00FF", "mask").shares.sum() == 8
    assert masks.read("regions.png#000000", "mask").shares.sum() == 8


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("black.png", "The mask 'black.png' is black everywhere: paint its region white."),
        ("black.png#00ff00", "The mask 'black.png' does not contain the colour #00ff00"),
        ("missing.png", "There is no mask 'missing.png'."),
    ],
)
def test_a_mask_that_marks_nothing(source: str, sentence: str) -> None:
    Image.new("RGB", (8, 8)).save("black.png")
    with pytest.raises(InputError) as caught:
        masks.read(source, "mask")
    assert str(caught.value).startswith(sentence)


def test_a_mask_of_another_shape_is_stretched_with_a_note() -> None:
    recipe = Recipe(size=64, steps=1, **SETTINGS)
    style = Style(picture=style_pixels(48, 64), mask=halves(60, 20))
    with pytest.warns(ImpastoWarning, match="has 20×60 pixels; it is stretched to the 64×48"):
        stylize(content_pixels(48, 64), style, recipe, device="cpu")


def test_a_soft_edge_stays_soft_and_within_bounds() -> None:
    shares = masks.read(halves(40, 40), "mask").at((93, 17))
    assert shares.shape == (17, 93)
    assert (shares.min(), shares.max()) == (0, 1)
    assert ((shares > 0) & (shares < 1)).any()


# ------------------------------------------------------------------------- masks that are clear

SHAPE = np.zeros((6, 8), np.uint8)
SHAPE[:, 2:5] = 255


def with_alpha(mode: str, grey: int, hidden: int) -> Image.Image:
    """The shape as what is opaque: of one grey, on another that nobody sees."""
    colour = np.where(SHAPE > 0, grey, hidden).astype(np.uint8)
    rgba = Image.merge("RGBA", [*[Image.fromarray(colour)] * 3, Image.fromarray(SHAPE)])
    match mode:
        case "P":
            image = Image.fromarray((SHAPE > 0).astype(np.uint8), "P")
            image.putpalette([hidden] * 3 + [grey] * 3)
            image.info["transparency"] = 0
            return image
        case "L":
            image = Image.fromarray(np.where(SHAPE > 0, grey, 7).astype(np.uint8))
            image.info["transparency"] = 7
            return image
        case _:
            return Image.merge("LA", rgba.split()[2:]) if mode == "LA" else rgba.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGBa"])
@pytest.mark.parametrize(("grey", "hidden"), [(255, 255), (255, 0), (0, 0), (90, 200)])
def test_a_shape_in_the_transparency_is_the_mask(mode: str, grey: int, hidden: int) -> None:
    with pytest.warns(ImpastoWarning, match="^The mask is transparent in places; its opaque parts"):
        shares = masks.read(with_alpha(mode, grey, hidden), "mask").shares
    np.testing.assert_array_equal(shares, SHAPE / 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_so_it_is_in_a_file(mode: str, suffix: str) -> None:
    if suffix == "tif" and mode in "PL":
        pytest.skip("has no such transparency")
    options: dict[str, Any] = {"lossless": True, "exact": True} if suffix == "webp" else {}
    image = with_alpha(mode, 255, 255)
    image.save(f"m.{suffix}", **options)
    with pytest.warns(
        ImpastoWarning, match=r"^The mask 'm\.\w+' is transparent in places; its opaque"
    ):
        shares = masks.read(f"m.{suffix}", "mask").shares
    np.testing.assert_array_equal(shares, SHAPE / 255)


@pytest.mark.parametrize("channels", [2, 4])
def test_so_it_is_in_an_array(channels: int) -> None:
    array = np.full((*SHAPE.shape, channels), 255, np.uint8)
    array[..., -1] = SHAPE
    with pytest.warns(ImpastoWarning, match="its opaque parts are the mask"):
        shares = masks.read(array, "mask").shares
    np.testing.assert_array_equal(shares, SHAPE / 255)


def test_so_it_is_in_16_bits() -> None:
    tifffile = pytest.importorskip("tifffile")
    deep = np.full((*SHAPE.shape, 4), 65535, np.uint16)
    deep[..., 3] = SHAPE.astype(np.uint16) * 257
    tifffile.imwrite("m.tif", deep, photometric="rgb", extrasamples=["unassalpha"])
    with pytest.warns(ImpastoWarning, match="its opaque parts are the mask"):
        np.testing.assert_array_equal(masks.read("m.tif", "mask").shares, SHAPE / 255)


def test_a_soft_edge_in_the_transparency_stays_soft() -> None:
    alpha = np.linspace(0, 255, 40).astype(np.uint8).reshape(1, 40).repeat(3, axis=0)
    image = Image.merge("LA", [Image.new("L", (40, 3), 255), Image.fromarray(alpha)])
    with pytest.warns(ImpastoWarning, match="its opaque parts"):
        np.testing.assert_allclose(masks.read(image, "mask").shares, alpha / 255, atol=1e-6)


def test_two_shapes_that_differ_are_refused() -> None:
    grey = np.where(np.arange(48).reshape(6, 8) % 2, 255, 0).astype(np.uint8)
    image = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(SHAPE)])
    with pytest.raises(InputError, match="has one shape in its grey values and another in its"):
        masks.read(image, "mask")


@pytest.mark.parametrize("alpha", [255, 254, 128, 1])
def test_a_transparency_that_is_the_same_everywhere_says_nothing(alpha: int) -> None:
    image = Image.merge("LA", [Image.fromarray(SHAPE), Image.new("L", (8, 6), alpha)])
    np.testing.assert_array_equal(masks.read(image, "mask").shares, SHAPE / 255)


def test_masks_of_another_transparency_are_others() -> None:
    first = with_alpha("LA", 255, 255)
    second = first.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    with pytest.warns(ImpastoWarning):
        assert masks.read(first, "mask").sha256 != masks.read(second, "mask").sha256


def test_a_colour_is_not_looked_for_where_nothing_is_seen() -> None:
    with_alpha("RGBA", 255, 255).save("m.png")
    np.testing.assert_array_equal(masks.read("m.png#ffffff", "mask").shares, SHAPE / 255)
    with_alpha("RGBA", 0, 255).save("m.png")
    with pytest.raises(InputError, match="does not contain the colour #ffffff"):
        masks.read("m.png#ffffff", "mask")


@pytest.mark.parametrize("source", [SHAPE > 0, SHAPE // 255, Image.fromarray(SHAPE).convert("1")])
def test_booleans_are_black_and_white(source: Any) -> None:
    counted = isinstance(source, np.ndarray) and source.dtype == np.uint8
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.testing.assert_array_equal(masks.read(source, "mask").shares, SHAPE / 255)
    said = [str(warning.message) for warning in caught]
    assert said == ["The mask holds only the values 0 and 1; 1 is taken for white."] * counted


@pytest.mark.parametrize(("dtype", "suffix"), [(np.uint8, "png"), (np.uint16, "tif")])
def test_booleans_in_a_file_are_black_and_white(dtype: Any, suffix: str) -> None:
    values = (SHAPE // 255).astype(dtype)
    if suffix == "tif":
        pytest.importorskip("tifffile").imwrite("m.tif", values)
    else:
        Image.fromarray(values).save("m.png")
    with pytest.warns(ImpastoWarning, match="only the values 0 and 1"):
        np.testing.assert_array_equal(masks.read(f"m.{suffix}", "mask").shares, SHAPE / 255)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (np.zeros((4, 4), np.uint8), "The mask is black everywhere: paint its region"),
        (np.zeros((4, 4), bool), "The mask is black everywhere: paint its region"),
        (SHAPE // 50, "The mask is nearly black everywhere (5 of 255 at its lightest"),
        (Image.new("RGBA", (4, 4), (255, 255, 255, 0)), "The mask is transparent everywhere"),
        (np.zeros((4, 4)), "The mask is black everywhere"),
        (np.zeros((4, 4, 5), np.uint8), "The mask should have the shape H×W, H×W×C"),
        (np.zeros((0, 4), np.uint8), "The mask has 4×0 pixels"),
    ],
)
def test_a_mask_in_memory_that_marks_nothing(source: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        masks.read(source, "mask")
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("source", [np.full((4, 4), 255, np.uint8), np.ones((4, 4), np.uint8)])
def test_a_mask_that_marks_all_says_so(source: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert masks.read(source, "protected region").shares.min() == 1
    assert "The protected region covers its whole picture: leave it out" in str(caught[-1].message)


def test_a_label_that_is_everywhere_says_so() -> None:
    Image.new("RGB", (4, 4), "red").save("m.png")
    with pytest.warns(ImpastoWarning, match="covers its whole picture"):
        masks.read("m.png#ff0000", "mask")
