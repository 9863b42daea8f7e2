"""Montage, loss curves, table and drawing of the network."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto.errors import InputError
from impasto.pictures import montage
from impasto.report import figures, network_figure
from impasto.run.result import Step
from impasto.settings.layers import LAYERS, VGG_16, VGG_19, Architecture

RED, GREEN, WHITE = (200, 30, 30), (20, 140, 60), (255, 255, 255)


def test_importing_the_module_loads_neither_torch_nor_matplotlib() -> None:
    program = (
        "import sys, impasto.report.figures; print({'torch', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


# ------------------------------------------------------------------------------------- montage


def plain(size: tuple[int, int], colour: tuple[int, int, int] = RED) -> Image.Image:
    return Image.new("RGB", size, colour)


def coloured(sheet: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not white."""
    rows, columns = np.nonzero((np.asarray(sheet) != 255).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_montage_holds_tiles_and_gaps(count: int) -> None:
    sheet = montage.montage([plain((40, 30))] * count, gap=8)
    assert sheet.size == (count * 48 + 8, 46)


def test_montage_keeps_the_order_of_the_pictures() -> None:
    sheet = montage.montage([plain((40, 30)), plain((40, 30), GREEN)], gap=8)
    assert (sheet.getpixel((8, 8)), sheet.getpixel((56, 8))) == (RED, GREEN)


def test_montage_is_white_around_and_between() -> None:
    pixels = np.asarray(montage.montage([plain((40, 30)), plain((40, 30), GREEN)], gap=8)).copy()
    pixels[8:38, 8:48] = pixels[8:38, 56:96] = 255
    assert (pixels == 255).all()


def test_montage_leaves_the_first_picture_as_it_is() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    sheet = montage.montage([Image.fromarray(noise), plain((90, 20))], gap=8)
    assert (np.asarray(sheet)[8:38, 8:48] == noise).all()


def test_montage_without_a_gap() -> None:
    assert montage.montage([plain((40, 30))] * 2, gap=0).size == (80, 30)


def test_montage_takes_its_gap_from_the_tile() -> None:
    assert montage.montage([plain((512, 384))]).size == (512 + 2 * 16, 384 + 2 * 16)


def test_montage_lays_a_transparent_picture_on_white() -> None:
    clear = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    with pytest.warns(UserWarning, match="laid on white"):
        sheet = montage.montage([clear], gap=8)
    assert sheet.getcolors() == [(sheet.width * sheet.height, WHITE)]


def test_montage_needs_a_picture() -> None:
    with pytest.raises(InputError, match="at least one picture"):
        montage.montage([])


sides = st.integers(1, 60)


@settings(max_examples=60, deadline=None)
@given(tile=st.tuples(sides, sides), other=st.tuples(sides, sides))
def test_montage_fits_pictures_into_the_first_ones_tile(
    tile: tuple[int, int], other: tuple[int, int]
) -> None:
    sheet = montage.montage([plain(tile, WHITE), plain(other)], gap=4)
    left, top, right, bottom = coloured(sheet)
    width, height = right - left, bottom - top
    # It touches the tile, …
    assert width == tile[0] or height == tile[1]
    # … has its aspect ratio, as nearly as whole pixels allow, …
    scale = min(tile[0] / other[0], tile[1] / other[1])
    assert (width, height) == pytest.approx((other[0] * scale, other[1] * scale), abs=1)
    # … and lies in the middle.
    room = (left - (tile[0] + 8), sheet.width - 4 - right, top - 4, sheet.height - 4 - bottom)
    assert min(room) >= 0
    assert abs(room[0] - room[1]) <= 1
    assert abs(room[2] - room[3]) <= 1


# --------------------------------------------------------------------------------- loss curves


def history(*losses: tuple[float, float]) -> list[Step]:
    """Steps of such content and style losses, for alpha = 1 and beta = 1000."""
    return [
        Step(number, content + 1000 * style, content, style, 0.1 * number)
        for number, (content, style) in enumerate(losses, start=1)
    ]


def text_of(svg: Path) -> list[str]:
    """The pieces of text in an SVG."""
    texts = ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(text.itertext()).strip() for text in texts]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(history((5e3, 2e2)), id="one step"),
        pytest.param(history((0, 2e2)), id="one step without content loss"),
        pytest.param(history((0, 2e2), (4e3, 1e2), (5e3, 50)), id="first content loss zero"),
        pytest.param(history((0, 0), (0, 0)), id="all zero"),
        pytest.param(history((3, 0), (1, 0), (0, 0)), id="best loss zero"),
        pytest.param(history((1, 1), (1, 1)), id="no change"),
        pytest.param(history((0, 0.701), (0, 0.702)), id="hardly any change"),
        pytest.param(history((1e12, 1e9), (1e3, 1), (1e-3, 1e-9)), id="large range"),
        pytest.param(history(*((n, 1e6 / n) for n in range(1, 2001))), id="many steps"),
    ],
)
def test_curves_cope_with_any_history(steps: list[Step], tmp_path: Path) -> None:
    figures.loss_curves(steps, tmp_path / "curves.png", alpha=1, beta=1000)
    with Image.open(tmp_path / "curves.png") as picture:
        picture.load()
        assert picture.size == (1400, 880)


def test_curves_name_their_parts_and_axes(tmp_path: Path) -> None:
    path = tmp_path / "curves.svg"
    figures.loss_curves(history((1, 1), (2, 0.5)), path, alpha=1, beta=1000)
    assert {"total", "α · content", "β · style", "step", "loss"} <= set(text_of(path))


def test_curves_mark_the_best_step(tmp_path: Path) -> None:
    path = tmp_path / "curves.svg"
    figures.loss_curves(history((0, 9), (0, 4), (0, 6)), path, alpha=1, beta=1000)
    assert "best: 4,000 at step 2" in text_of(path)


def test_curves_say_that_a_part_is_zero(tmp_path: Path) -> None:
    path = tmp_path / "curves.svg"
    figures.loss_curves(history((7, 9), (8, 4)), path, alpha=0, beta=1000)
    assert "α · content (all 0)" in text_of(path)


def parts_drawn(
    monkeypatch: pytest.MonkeyPatch, path: Path, **given: Any
) -> dict[str, list[float]]:
    """The values of the curves of a run of two levels, by label, without those that are NaN."""
    from matplotlib.axes import Axes

    drawn: dict[str, list[float]] = {}
    plot = Axes.plot

    def noted(axes: Axes, numbers: Any, values: Any, **look: Any) -> Any:
        drawn[look["label"]] = [value for value in values if not math.isnan(value)]
        return plot(axes, numbers, values, **look)

    monkeypatch.setattr(Axes, "plot", noted)
    steps = [Step(1, 0.2, 0.0, 0.2, 0.1, level=1), Step(2, 3.0, 1.0, 0.2, 0.2, level=2)]
    figures.loss_curves(steps, path, alpha=1, beta=10, **given)
    return drawn


def test_the_parts_of_a_coarse_level_of_nnst_have_its_own_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn = parts_drawn(monkeypatch, tmp_path / "curves.svg", methods=["nnst", "layers"])
    assert (drawn["weighted style"], drawn["weighted content"]) == ([0.2, 2.0], [1.0])


def test_levels_of_strotss_have_no_curves_of_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn = parts_drawn(monkeypatch, tmp_path / "curves.svg", methods=["strotss"] * 2)
    assert [label for label in drawn if "best" not in label] == ["total"]


def test_every_level_needs_a_method(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for methods in (["nnst"], ["nnst", "unknown"]):
        with pytest.raises(InputError, match="methods"):
            parts_drawn(monkeypatch, tmp_path / "curves.svg", methods=methods)


def test_curves_need_a_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one step"):
        figures.loss_curves([], tmp_path / "curves.png", alpha=1, beta=1000)


# ----------------------------------------------------------------------------------- the network


def test_table_has_a_row_for_every_layer() -> None:
    rows = network_figure.network_table((512, 384))
    assert [(row.number, row.name) for row in rows] == [
        (number, layer.name) for number, layer in enumerate(LAYERS, start=1)
    ]
    assert len(rows) == 38


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("input", "512×384×3"),
        ("conv1_1", "512×384×64"),
        ("pool1", "256×192×64"),
        ("conv2_1", "256×192×128"),
        ("relu3_4", "128×96×256"),
        ("conv4_2", "64×48×512"),
        ("conv5_1", "32×24×512"),
        ("pool5", "16×12×512"),
    ],
)
def test_table_gives_shapes(name: str, shape: str) -> None:
    rows = {row.name: row for row in network_figure.network_table((512, 384))}
    assert rows[name].shape == shape


def test_table_rounds_odd_sizes_down() -> None:
    assert network_figure.network_table((127, 95))[-1].shape == "3×2×512"


def test_table_shows_where_a_small_canvas_ends() -> None:
    shapes = {row.name: row.shape for row in network_figure.network_table((9, 3))}
    assert (shapes["pool1"], shapes["pool2"]) == ("4×1×64", "–")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("input", 0), ("conv1_1", 1_792), ("conv2_1", 73_856), ("conv4_2", 2_359_808), ("pool5", 0)],
)
def test_table_counts_weights_and_biases(name: str, parameters: int) -> None:
    rows = {row.name: row for row in network_figure.network_table((512, 384))}
    assert rows[name].parameters == parameters


def test_table_counts_all_parameters() -> None:
    assert sum(row.parameters for row in network_figure.network_table((64, 64))) == 20_024_384


def test_only_convolutions_have_parameters() -> None:
    rows = network_figure.network_table((64, 64))
    assert tuple(row.name for row in rows if row.parameters) == VGG_19.convolutions


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_table_names_the_pooling(pooling: str) -> None:
    assert network_figure.network_table((64, 64), pooling)[-1].kind == f"{pooling} pooling"


def draw(path: Path, content: list[str], style: list[str]) -> None:
    network_figure.network_drawing(
        path, size=(512, 384), content_layers=content, style_layers=style, pooling="max"
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The text of a drawing."""
    path = tmp_path_factory.mktemp("drawing") / "network.svg"
    draw(path, ["conv4_2"], ["conv1_1", "relu3_1"])
    return text_of(path)


def test_drawing_has_its_title(drawn: list[str]) -> None:
    assert "Feature Extraction Network" in drawn


def test_drawing_names_every_layer_once(drawn: list[str]) -> None:
    names = [layer.name for layer in LAYERS]
    assert sorted(text for text in drawn if text in names) == sorted(names)


def test_drawing_marks_the_layers_that_are_read(drawn: list[str]) -> None:
    key = 1
    assert (drawn.count("C"), drawn.count("S")) == (1 + key, 2 + key)


def test_drawing_shows_shapes(drawn: list[str]) -> None:
    shown = {row.shape for row in network_figure.network_table((512, 384))}
    assert shown <= set(drawn)


def test_drawing_explains_its_signs(drawn: list[str]) -> None:
    key = {"3×3 convolution", "ReLU", "2×2 max pooling", "content layer", "style layer"}
    assert key <= set(drawn)


def test_drawing_is_a_picture(tmp_path: Path) -> None:
    draw(tmp_path / "network.png", ["conv4_2"], ["conv1_1", "relu3_1"])
    with Image.open(tmp_path / "network.png") as picture:
        picture.load()
        assert picture.width > picture.height > 1000


@pytest.mark.parametrize("architecture", [VGG_19, VGG_16], ids=["VGG-19", "VGG-16"])
def test_drawing_ends_below_all_that_is_drawn(tmp_path: Path, architecture: Architecture) -> None:
    path = tmp_path / "network.png"
    network_figure.network_drawing(
        path,
        size=(512, 384),
        content_layers=["conv5_3"],
        style_layers=["conv3_3"],
        architecture=architecture,
    )
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels[:-30].min() < 100
    assert pixels[-30:].min() > 240


def test_drawing_without_a_layer_to_mark(tmp_path: Path) -> None:
    path = tmp_path / "network.svg"
    draw(path, [], [])
    assert text_of(path).count("C") == 1


def test_drawing_refuses_an_unknown_layer(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no layers named conv6_1"):
        draw(tmp_path / "network.svg", ["conv6_1"], [])


# --------------------------------------------------------------------------------- every figure


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")]
)
def test_the_suffix_chooses_the_format(suffix: str, start: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"curves{suffix}"
    figures.loss_curves(history((1, 1), (2, 0.5)), path, alpha=1, beta=1000)
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_figure_is_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        figures.loss_curves(history((1, 1), (2, 0.5)), path, alpha=1, beta=1000)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_readers_settings_leave_a_figure_alone(tmp_path: Path) -> None:
    import matplotlib

    steps = history((1, 1), (2, 0.5))
    figures.loss_curves(steps, tmp_path / "a.svg", alpha=1, beta=1000)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        figures.loss_curves(steps, tmp_path / "b.svg", alpha=1, beta=1000)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_figure_leaves_the_readers_settings_alone(tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    figures.loss_curves(history((1, 1)), tmp_path / "curves.svg", alpha=1, beta=1000)
    assert dict(matplotlib.rcParams) == before


def test_a_figure_does_without_pyplot(tmp_path: Path) -> None:
    program = (
        "import sys; from impasto.report.network_figure import network_drawing; "
        f"network_drawing({str(tmp_path / 'a.svg')!r}, size=(64, 64), content_layers=[], "
        "style_layers=[]); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_figure_that_fails_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figures" / "curves.png"
    path.parent.mkdir()
    path.write_bytes(b"old")
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        figures.loss_curves(history((1, 1)), path, alpha=1, beta=1000)
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [
        ("curves.png", b"old")
    ]


def test_check_figure_gives_the_path(tmp_path: Path) -> None:
    assert figures.check_figure(str(tmp_path / "a.SVG")) == tmp_path / "a.SVG"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.gif", r"should end in \.png, \.svg or \.pdf, not '\.gif'\.$"),
        ("a", r"should end in \.png, \.svg or \.pdf, not nothing\.$"),
        ("missing/a.png", r"There is no folder .*missing' to write 'a\.png' to\.$"),
        ("folder.png", r"is a folder: name a file in it\.$"),
    ],
)
def test_check_figure_refuses(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=reason):
        figures.check_figure(tmp_path / name)


# ------------------------------------------------------------------------- whatever is around

DRAW = """
import sys
from types import SimpleNamespace
from impasto.report import figures, network_figure
steps = [{"number": n, "loss": 10.0 / n, "level": 1} for n in range(1, 9)]
history = [SimpleNamespace(**step, content=1.0, style=2.0) for step in steps]
figures.loss_curves(history, "losses.png", alpha=1, beta=1)
network_figure.network_drawing(
    "network.png", size=(512, 384), content_layers=["conv4_2"], style_layers=["conv1_1"]
)
assert "matplotlib.pyplot" not in sys.modules
"""


def drawn_in(folder: Path, **environment: str) -> tuple[bytes, bytes]:
    """Figures from a process of its own, which says nothing."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DRAW],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return (folder / "losses.png").read_bytes(), (folder / "network.png").read_bytes()


@pytest.fixture(scope="module")
def usually_drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    return drawn_in(tmp_path_factory.mktemp("usual"))


# A backend beside a folder or a file of settings, where neither hides what the other does.
@pytest.mark.parametrize(
    "environment",
    [
        {
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "HOME": "/proc/none",
            "XDG_CONFIG_HOME": "/proc/none",
            "XDG_CACHE_HOME": "/proc/none",
        },
        {"MPLBACKEND": "module://nowhere.at.all", "MATPLOTLIBRC": "damaged"},
        {"MPLBACKEND": "nonsense", "MPLCONFIGDIR": "other/matplotlibrc"},
        {"MPLBACKEND": "TkAgg"},
        {"MATPLOTLIBRC": "other"},
    ],
    ids=lambda environment: " ".join(map("=".join, environment.items())),
)
def test_figures_depend_on_no_environment(
    environment: dict[str, str], tmp_path: Path, usually_drawn: tuple[bytes, bytes]
) -> None:
    (tmp_path / "other").mkdir()
    settings = "font.size: 40\nnonsense: 3\nbackend: zzz\n"
    (tmp_path / "other/matplotlibrc").write_text(settings)
    (tmp_path / "damaged").write_bytes(b"\xff\xfe")
    assert drawn_in(tmp_path, **environment) == usually_drawn


def ink(image: Image.Image, columns: range) -> int:
    """How many rows above the first picture have something in those columns."""
    pixels = np.asarray(image.convert("L"))[:, columns]
    return int((pixels < 128).any(axis=1).sum())


@pytest.mark.parametrize("size", [(128, 384), (40, 60), (512, 384)])
def test_the_headings_of_a_sheet_keep_to_their_columns(size: tuple[int, int]) -> None:
    """Between two headings there is white, however long they are."""
    width, height = size
    titles = ["style_scale=0.25", "style_layers=conv1_1:0.5,conv2_1:1", "initial=" + "m" * 90]
    rows: list[list[Image.Image | None]] = [[None, None, None]]
    sheet = montage.sheet(rows, [titles], [""], size)
    gap = max(4, max(size) // 32)
    assert sheet.width == gap + 3 * (width + gap)
    assert sheet.height > height
    for column in range(1, 3):
        left = column * (width + gap) + 1
        assert ink(sheet, range(left, left + gap - 1)) == 0
    assert all(
        ink(sheet, range(gap + n * (width + gap), (n + 1) * (width + gap))) for n in range(3)
    )
