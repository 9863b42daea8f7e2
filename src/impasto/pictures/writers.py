"""Write pictures in the formats that impasto supports."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from impasto.errors import InputError
from impasto.files import reading
from impasto.files.writing import check_writable, written_whole
from impasto.pictures import deep_tiff, profiles
from impasto.pictures.arrays import Pixels, to_uint8

# Suffix → Pillow's format and how to save it. JPEG would halve the resolution of colours unless
# subsampling is 0.
WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
}
# The most pixels on a side, in the formats that limit it to less than a picture can have.
LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}


def check_output(path: str | Path, *, bits: int = 8, size: tuple[int, int] = (1, 1)) -> Path:
    """Check that a picture of a given depth and size can be written to a path, and return it.

    Raises:
        InputError: its folder is missing or read-only, it is a folder, its suffix is unknown, or
            the depth or the size does not go with it.
    """
    path = check_writable(reading.located(path), WRITERS)
    kind = WRITERS[path.suffix.lower()][0]
    if max(size) > LONGEST_SIDE.get(kind, max(size)):
        limits = {"most": LONGEST_SIDE[kind], "side": max(size)}
        raise InputError("output.too-large", kind=kind, path=path, **limits)
    if bits not in (8, 16):
        raise InputError("output.depth", bits=bits)
    if bits == 16:
        if kind != "TIFF":
            raise InputError("output.needs-tiff", path=path)
        if importlib.util.find_spec("tifffile") is None:
            raise InputError("output.needs-tifffile")
    return path


def save(
    picture: Pixels | Image.Image, path: str | Path, *, bits: int = 8, text: str | None = None
) -> None:
    """Write a picture with an sRGB profile, completely or not at all.

    Args:
        picture: H × W × 3, RGB, 0…255, rounded and saturated to the depth; or an RGB image.
        path: ends in ``.png``, ``.jpg``, ``.jpeg``, ``.webp``, ``.tif`` or ``.tiff``.
        bits: 8, or 16 for TIFF.
        text: what a PNG carries under the key ``impasto``.

    Raises:
        InputError: such a picture cannot be written there.
    """
    pixels = np.asarray(picture)
    path = check_output(path, bits=bits, size=(pixels.shape[1], pixels.shape[0]))
    kind, options = WRITERS[path.suffix.lower()]
    with written_whole(path) as file:
        if bits == 16:
            deep_tiff.write(pixels, file)
            return
        if kind == "PNG" and text is not None:
            chunk = PngInfo()
            chunk.add_text("impasto", text)
            options = {**options, "pnginfo": chunk}
        Image.fromarray(to_uint8(pixels)).save(
            cast(BinaryIO, _Encoded(file)), kind, icc_profile=profiles.srgb_profile(), **options
        )


class _Encoded:
    """A file without its descriptor, which encoders would otherwise write to directly.

    They would say of a full disk no more than ``encoder error -2``.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.seek, self.tell, self.flush = file.write, file.seek, file.tell, file.flush
