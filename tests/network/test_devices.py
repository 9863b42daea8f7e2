"""What a precision means on a device."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from impasto.errors import ImpastoWarning
from impasto.network import devices
from impasto.network.devices import Arithmetic, arithmetic

CPU = torch.device("cpu")


def test_auto_on_a_plain_cpu_is_float32_with_fewer_multiplications(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda _: False)
    assert arithmetic("auto", CPU) == Arithmetic(torch.float32, by_rows=True)
    assert arithmetic("auto", CPU).name == "float32 (Winograd)"


def test_auto_is_bfloat16_where_the_device_has_units_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda _: True)
    assert arithmetic("auto", CPU) == Arithmetic(torch.bfloat16, by_rows=True)


@pytest.mark.parametrize(
    ("amx", "instructions", "expected"),
    [
        (True, {}, True),
        (False, {"avx512_bf16": True, "avx_vnni": True}, True),
        (False, {"avx512_bf16": True}, False),
        (False, {"avx512_bf16": True, "avx_vnni": True, "avx512_fp16": True}, False),
        (
            False,
            dict.fromkeys(("avx512_bf16", "avx_vnni", "avx512_fp16", "avx512_vp2intersect"), True),
            True,
        ),
        (False, {}, False),
    ],
    ids=["AMX", "Zen 5", "Zen 4", "hidden AMX", "Zen 6", "neither"],
)
def test_a_cpu_with_units_for_bfloat16_is_recognised(
    monkeypatch: pytest.MonkeyPatch, amx: bool, instructions: dict[str, bool], expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions, raising=False)
    assert devices.multiplies_bfloat16(CPU) == expected


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_precision_that_is_asked_for_is_computed_as_it_is_written(precision: str) -> None:
    assert arithmetic(precision, CPU) == Arithmetic(getattr(torch, precision))


def test_bfloat16_that_is_slow_is_used_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda _: False)
    with pytest.warns(ImpastoWarning, match="no fast bfloat16"):
        assert arithmetic("bfloat16", CPU) == Arithmetic(torch.bfloat16, by_rows=True)


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="PyTorch before 2.9")
@pytest.mark.parametrize("chosen", ["ieee", "tf32", "none"])
def test_convolutions_are_exact_whatever_a_program_has_chosen(chosen: str) -> None:
    convolutions: Any = getattr(torch.backends.cudnn, "conv")  # noqa: B009 – unknown to mypy
    before = convolutions.fp32_precision
    try:
        convolutions.fp32_precision = chosen
        with devices.exact_convolutions():
            assert convolutions.fp32_precision == "ieee"
        assert convolutions.fp32_precision == chosen
    finally:
        convolutions.fp32_precision = before
