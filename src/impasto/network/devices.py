"""Devices and number formats: which device computes, and what it can do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.messages.message import Message
from impasto.process import memory
from impasto.process.global_state import Shared
from impasto.process.memory import is_out_of_memory
from impasto.process.notices import tell
from impasto.settings.validation import counted, suggest


@contextmanager
def _without_tf32() -> Iterator[None]:
    """A context in which cuDNN computes exactly.

    Since PyTorch 2.9, a program may have set the precision of convolutions by a name, and then
    ``cudnn.flags`` fails, which reads the older switch.
    """
    cudnn = torch.backends.cudnn
    convolutions: Any = getattr(cudnn, "conv", None)
    if convolutions is None:
        with cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
        return
    before = cudnn.enabled, cudnn.benchmark, cudnn.deterministic, convolutions.fp32_precision
    try:
        cudnn.enabled, cudnn.benchmark, cudnn.deterministic = True, False, True
        convolutions.fp32_precision = "ieee"
        yield
    finally:
        cudnn.enabled, cudnn.benchmark, cudnn.deterministic, convolutions.fp32_precision = before


_exactly = Shared(_without_tf32)
DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
}


@dataclass(frozen=True)
class Arithmetic:
    """How the network computes.

    Attributes:
        dtype: number format of its weights and feature maps.
        by_rows: whether feature maps are computed in parts, mostly a few rows at a time, which the
            threads of a CPU share; in float32 with Winograd's algorithm, which needs fewer
            multiplications and rounds differently.
    """

    dtype: torch.dtype
    by_rows: bool = False

    @property
    def name(self) -> str:
        """The name as in a trace: ``float32``, ``float32 (Winograd)`` …"""
        name = str(self.dtype).removeprefix("torch.")
        return f"{name} (Winograd)" if self.by_rows and self.dtype == torch.float32 else name


def arithmetic(precision: str, device: torch.device) -> Arithmetic:
    """How the network computes with a ``precision`` setting on a device.

    ``auto`` is bfloat16 on devices that multiply matrices several times faster in it, and float32
    elsewhere, on a CPU with Winograd convolutions. A notice warns of ``bfloat16`` on a device that
    is slow at it.
    """
    if precision == "auto":
        return fastest(torch.bfloat16 if multiplies_bfloat16(device) else torch.float32, device)
    if precision != "bfloat16":
        return Arithmetic(DTYPES[precision])
    if not multiplies_bfloat16(device):
        tell(Message("device.slow-bfloat16", device=device.type))
    return fastest(torch.bfloat16, device)


def fastest(dtype: torch.dtype, device: torch.device) -> Arithmetic:
    """The fastest way to compute in float32 or bfloat16 on a device."""
    return Arithmetic(dtype, by_rows=device.type == "cpu")


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies matrices of bfloat16 several times faster than of float32.

    So do NVIDIA's from Ampere on, and CPUs with Intel's AMX or with AVX-512 BF16 in full width, as
    AMD's Zen 5. Zen 4, which computes it in two halves, lacks AVX-VNNI. Intel's AVX-512 BF16 has
    half the rate of float32: where a virtual machine hides AMX, such a Xeon is told by AVX-512
    FP16, without the VP2INTERSECT that AMD's processors with FP16 have.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    onednn: Any = torch.backends.mkldnn  # which has the fast convolutions
    if device.type != "cpu" or not onednn.is_available():
        return False
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", bool)
    instructions: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    has_avx = instructions.get("avx512_bf16") and instructions.get("avx_vnni")
    in_full_width = instructions.get("avx512_vp2intersect") or not instructions.get("avx512_fp16")
    return bool(has_amx() or (has_avx and in_full_width))


def choose(device: str | torch.device = "auto", precision: str = "float32") -> torch.device:
    """Choose the device; ``auto`` is a GPU if there is one that supports the precision.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``, in upper or lower case, with an index if
            there are several, as in ``cuda:1``.
        precision: the ``precision`` setting.

    Raises:
        InputError: the device is unknown or absent, or lacks the precision.
    """
    device = str(device).strip().lower()
    kind = device.partition(":")[0]
    if kind not in DEVICES:
        hint = suggest(kind, DEVICES)
        raise InputError("device.unknown", device=device, devices=DEVICES, hint=hint)
    if kind == "auto":
        return torch.device(_best(precision))
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _has_mps()}
    if not available[kind]:
        raise InputError("device.absent", device=kind)
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).add_(1).item()  # a device may lack PyTorch's programs
    except (RuntimeError, AssertionError, ValueError, OverflowError) as error:
        if is_out_of_memory(error):
            raise
        raise InputError("device.absent", device=device) from None
    if kind == "mps" and precision == "float64":
        raise InputError("device.no-float64", device=kind)
    return chosen


def is_offered(device: str) -> bool:
    """Whether PyTorch offers a device on this machine."""
    try:
        choose(device)
    except InputError:
        return False
    return True


def _best(precision: str) -> str:
    if torch.cuda.is_available():
        with suppress(RuntimeError):
            torch.zeros(1, device="cuda").add_(1).item()  # a GPU may lack PyTorch's programs
            return "cuda"
    return "mps" if _has_mps() and precision != "float64" else "cpu"


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def in_float64(tensor: Tensor) -> Tensor:
    """A tensor in float64: on the CPU if its device, an Apple GPU, has no such numbers."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def exact_convolutions() -> AbstractContextManager[None]:
    """A context in which cuDNN computes in full float32, not TF32, and deterministically."""
    return _exactly


def describe(device: torch.device) -> str:
    """A device in words, as in ``cuda (NVIDIA H100, 80 GB)`` or ``cpu (2 threads)``."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{device} ({properties.name}, {properties.total_memory / 1e9:.0f} GB)"
    if device.type == "cpu":
        return f"cpu ({counted(torch.get_num_threads(), 'thread')})"
    return str(device)


def free_memory(device: torch.device) -> float:
    """Bytes of memory that are available on a device, including caches that can be released."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + kept)
    return memory.free()
