"""Write pictures in the formats that impasto supports."""

from __future__ import annotations

import errno
import importlib.util
import io
import os
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.errors import InputError
from impasto.files import reading, xmp
from impasto.files.carried import MOST_IN_JPEG, XMP_TAG
from impasto.files.writing import check_writable, written_whole
from impasto.messages.message import Message
from impasto.pictures import deep_tiff, profiles
from impasto.pictures.arrays import Pixels, to_uint8
from impasto.process.notices import tell
from impasto.settings.validation import plain

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
FORMATS = tuple(suffix[1:] for suffix in WRITERS)  # the names of the formats
OFFERED = ("png", "jpg", "webp", "tiff")  # one name for each
# The most pixels on a side, in the formats that limit it to less than a picture can have.
LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}
WITH_QUALITY, BEST_QUALITY = ("JPEG", "WEBP"), 100
SHOWN_SIDE = 800  # pixels; the longer side of a painting that a notebook shows is at most this


def check_output(
    path: str | Path,
    *,
    bits: int = 8,
    size: tuple[int, int] = (1, 1),
    format: str | None = None,
    quality: int | None = None,
) -> Path:
    """Check that a picture of a given depth and size can be written to a path, and return it.

    Args:
        path: the path of the picture.
        bits: bits per channel.
        size: width and height, in pixels.
        format: the format, for a path without a suffix; None for that of the suffix.
        quality: of a JPEG or a WebP, from 1 to 100; None for the usual one.

    Raises:
        InputError: its folder is missing or read-only, it is a folder, its suffix is unknown or of
            another format, or the depth, the size or the quality does not go with it.
    """
    path = reading.located(path)
    suffix = suffix_of(path, format)
    path = check_writable(path, () if format is not None else WRITERS)
    _check_kind(suffix, path, bits=bits, size=size, quality=quality)
    return path


def check_stream(
    *,
    bits: int = 8,
    size: tuple[int, int] = (1, 1),
    format: str | None,
    quality: int | None = None,
) -> None:
    """Check that a picture of a given depth and size can be written to a stream.

    Raises:
        InputError: the format is missing or unknown, or the depth, the size or the quality does not
            go with it.
    """
    _check_kind(suffix_of(None, format), None, bits=bits, size=size, quality=quality)


def suffix_of(path: Path | None, format: str | None) -> str:
    """The key in :data:`WRITERS` of a picture.

    Args:
        path: the path of the picture; None for a stream.
        format: the name of the format; None for that of the path's suffix.

    Raises:
        InputError: there is no such format, the path ends in the suffix of another, or a stream has
            no format.
    """
    if format is None:
        if path is None:
            raise InputError("output.stream-format", names=OFFERED)
        return path.suffix.lower()
    if not isinstance(format, str) or format.lower() not in FORMATS:
        raise InputError("output.format", format=format, names=OFFERED)
    chosen = f".{format.lower()}"
    own = path.suffix.lower() if path is not None else ""
    if path is not None and own and WRITERS.get(own, ("",))[0] != WRITERS[chosen][0]:
        raise InputError("output.other-format", path=path, suffix=path.suffix, format=format)
    return chosen


def has_quality(path: Path | None, format: str | None) -> bool:
    """Whether a picture of this path and format has a quality.

    Raises:
        InputError: there is no such format, or the path ends in the suffix of another.
    """
    return WRITERS.get(suffix_of(path, format), ("",))[0] in WITH_QUALITY


def _check_kind(
    suffix: str, path: Path | None, *, bits: int, size: tuple[int, int], quality: int | None
) -> None:
    """Make sure that a format can hold such a picture."""
    kind, _ = WRITERS[suffix]
    if max(size) > LONGEST_SIDE.get(kind, max(size)):
        limits = {"kind": kind, "most": LONGEST_SIDE[kind], "side": max(size)}
        if path is None or not path.suffix:
            raise InputError("output.format-too-small", **limits)
        raise InputError("output.too-large", path=path, **limits)
    if bits not in (8, 16):
        raise InputError("output.depth", bits=bits)
    if bits == 16:
        if kind != "TIFF":
            if path is None or not path.suffix:
                raise InputError("output.format-too-shallow", kind=kind)
            raise InputError("output.needs-tiff", path=path)
        if importlib.util.find_spec("tifffile") is None:
            raise InputError("output.needs-tifffile")
    _check_quality(quality, kind)


def _check_quality(quality: int | None, kind: str) -> None:
    """Make sure that a format has such a quality; None is the usual one."""
    if quality is None:
        return
    value = plain(quality)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= BEST_QUALITY:
        raise InputError("output.quality", quality=quality, most=BEST_QUALITY)
    if kind not in WITH_QUALITY:
        raise InputError("output.no-quality", kind=kind)


def save(
    picture: Pixels | Image.Image,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    format: str | None = None,
    quality: int | None = None,
    bits: int = 8,
    text: str | None = None,
) -> None:
    """Write a picture with an sRGB profile: a file completely or not at all.

    Args:
        picture: H × W × 3, RGB, 0…255, rounded and saturated to the depth; or an RGB image.
        target: a path that ends in ``.png``, ``.jpg``, ``.jpeg``, ``.webp``, ``.tif`` or
            ``.tiff``; a path without a suffix, with ``format``; or a binary stream, with
            ``format``.
        format: ``png``, ``jpg``, ``jpeg``, ``webp``, ``tif`` or ``tiff``.
        quality: of a JPEG or a WebP, from 1 to 100; None for 95.
        bits: 8, or 16 for TIFF.
        text: what the picture carries: a PNG under the key ``impasto``, the others as XMP.

    Raises:
        InputError: such a picture cannot be written there.
        OSError: writing failed.
    """
    pixels = np.asarray(picture)
    size = pixels.shape[1], pixels.shape[0]
    if isinstance(target, str | os.PathLike):
        path = Path(target)
        path = check_output(path, bits=bits, size=size, format=format, quality=quality)
        suffix = suffix_of(path, format)
        with written_whole(path) as file:
            _encode(pixels, file, suffix, quality=quality, bits=bits, text=text)
        return
    if isinstance(target, io.TextIOBase):
        raise InputError("output.text-stream")
    check_stream(bits=bits, size=size, format=format, quality=quality)
    encoded = io.BytesIO()  # a pipe cannot be positioned, as the encoders of TIFF do
    _encode(pixels, encoded, suffix_of(None, format), quality=quality, bits=bits, text=text)
    _write_all(encoded.getvalue(), target)


def png_for_notebook(image: Image.Image) -> bytes:
    """A picture as a notebook shows it: a PNG, reduced if it is large."""
    shown = image.copy()
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    shown.save(file, "PNG")
    return file.getvalue()


def _write_all(data: bytes, stream: BinaryIO) -> None:
    """Write every byte; an unbuffered file may take only some of them at a time.

    Raises:
        OSError: the stream takes no more.
    """
    while data:
        taken: int | None = stream.write(data)
        if taken is None and not isinstance(stream, io.RawIOBase):
            return  # streams of the caller's own often return nothing
        if not taken:
            raise OSError(errno.EIO, "The stream takes no more bytes")
        data = data[taken:]


def _encode(
    pixels: Pixels,
    file: BinaryIO,
    suffix: str,
    *,
    quality: int | None,
    bits: int,
    text: str | None,
) -> None:
    kind, options = WRITERS[suffix]
    carried = None if text is None else xmp.packet(text)
    if bits == 16:
        deep_tiff.write(pixels, file, carried)
        return
    if quality is not None:
        options = {**options, "quality": int(quality)}
    if text is not None and carried is not None:
        options = {**options, **_carrying(kind, text, carried)}
    Image.fromarray(to_uint8(pixels)).save(
        cast(BinaryIO, _Encoded(file)), kind, icc_profile=profiles.srgb_profile(), **options
    )


def _carrying(kind: str, text: str, packet: bytes) -> dict[str, Any]:
    """The options of Pillow's encoder for a picture that carries a text."""
    if kind == "PNG":
        chunk = PngInfo()
        chunk.add_text("impasto", text)
        return {"pnginfo": chunk}
    if kind == "TIFF":
        tags = ImageFileDirectory_v2()
        tags[XMP_TAG] = packet
        return {"tiffinfo": tags}
    if kind == "JPEG" and len(packet) > MOST_IN_JPEG:
        tell(Message("output.text-too-long", bytes=len(packet), most=MOST_IN_JPEG))
        return {}
    return {"xmp": packet}


class _Encoded:
    """A file without its descriptor, which encoders would otherwise write to directly.

    They would say of a full disk no more than ``encoder error -2``.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.seek, self.tell, self.flush = file.write, file.seek, file.tell, file.flush
