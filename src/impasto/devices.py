"""Which device computes, and what it can do."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from impasto.errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def choose(device: str = "auto", precision: str = "float32") -> torch.device:
    """The device asked for; ``auto`` is a GPU where there is one that has the precision.

    Raises:
        InputError: the device is unknown or absent, or lacks the precision.
    """
    kind = device.partition(":")[0]
    if kind not in DEVICES:
        raise InputError(f"There is no device '{device}': use {', '.join(DEVICES)}.")
    if kind == "auto":
        return torch.device(_best(precision))
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _has_mps()}
    if not available[kind]:
        raise InputError(f"This machine offers PyTorch no '{kind}' device: use --device cpu.")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError):
        raise InputError(f"This machine offers PyTorch no '{device}' device.") from None
    if kind == "mps" and precision == "float64":
        raise InputError("The mps device has no float64: use --precision float32 or --device cpu.")
    return chosen


def _best(precision: str) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if _has_mps() and precision != "float64" else "cpu"


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def exact_convolutions() -> AbstractContextManager[None]:
    """Keep cuDNN to full float32, which it rounds to TF32 otherwise, and to one algorithm a run."""
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )


def describe(device: torch.device) -> str:
    """The device in words, as in ``cuda (NVIDIA H100, 80 GB)`` or ``cpu (2 threads)``."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{device} ({properties.name}, {properties.total_memory / 1e9:.0f} GB)"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return str(device)
