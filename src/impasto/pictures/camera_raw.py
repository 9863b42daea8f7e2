"""Develop camera raw files with LibRaw, through rawpy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from impasto.messages.message import Message
from impasto.pictures.arrays import by_strips
from impasto.pictures.limits import Head
from impasto.pictures.rasters import Raster
from impasto.pictures.refusals import UnusableError
from impasto.process import interrupts

if TYPE_CHECKING:
    import rawpy

# Files that are no TIFF: of Fujifilm, Olympus, Panasonic, Minolta, Sigma; and of Canon.
SIGNATURES = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb")
CANON = (b"HEAPCCDR", b"ftypcrx ")  # a few bytes after the start
SIDEWAYS = (5, 6)  # LibRaw's numbers of a picture that lies on its side
SRGB_CURVE = (2.4, 12.92)  # exponent, and slope in the shadows


def accepts(head: bytes) -> bool:
    """Whether a file begins like a camera raw file that is no TIFF."""
    return head.startswith(SIGNATURES) or any(sign in head[4:16] for sign in CANON)


def describe(file: BinaryIO) -> Head:
    """Describe the developed picture from the header; nothing is developed.

    Raises:
        UnusableError: LibRaw cannot read the file, or rawpy is not installed.
    """
    with _opened(file) as raw:
        return _head(raw)


def read(file: BinaryIO, notes: list[Message]) -> Raster:
    """Develop the picture: upright, in sRGB, with the white balance of the camera.

    Raises:
        UnusableError: LibRaw cannot read the file, or rawpy is not installed.
    """
    with _opened(file) as raw:
        interrupts.check()
        raw.unpack()
        interrupts.check()
        developed = raw.postprocess(use_camera_wb=True, output_bps=16, gamma=SRGB_CURVE)
    interrupts.check()
    notes.append(Message("picture.developed"))
    values = by_strips(lambda rows: rows / np.float32(257), developed, np.float32)
    return Raster(values, "RGB", bits=16)


def _head(raw: rawpy.RawPy) -> Head:
    sizes = raw.sizes
    width, height = sizes.iwidth, sizes.iheight
    if sizes.flip in SIDEWAYS:
        width, height = height, width
    return Head((width, height), 3, 6 * width * height)


@contextmanager
def _opened(file: BinaryIO) -> Iterator[rawpy.RawPy]:
    try:
        import rawpy
    except ImportError:
        raise UnusableError("picture.needs-raw") from None
    file.seek(0)
    try:
        with rawpy.imread(file) as raw:
            yield raw
    except rawpy.LibRawError as error:
        raise UnusableError("picture.undeveloped", reason=_reason(error)) from None


def _reason(error: rawpy.LibRawError) -> str:
    text = error.args[0] if error.args else type(error).__name__
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
