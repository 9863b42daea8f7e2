"""Read and write TIFF with 16 bits a channel, using tifffile."""

from __future__ import annotations

import lzma
import math
import zlib
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.files.carried import XMP_TAG
from impasto.messages.message import Message
from impasto.pictures import profiles
from impasto.pictures.arrays import Opacity, Pixels, by_strips, to_uint8
from impasto.pictures.limits import check_size
from impasto.pictures.refusals import UnusableError
from impasto.pictures.tiff import ICC_PROFILE, ORIENTATION
from impasto.pictures.upright import upright

MOST_TILE = 2**28  # bytes of a piece of a TIFF, though its pages be smaller
LARGEST_SWELLING = 1032  # times, to which deflate can unpack
# Values of tags: photometric interpretation, extra samples, compression.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
PREMULTIPLIED_ALPHA, ALPHA = 1, 2
DEFLATE, LZMA = (8, 32946), 34925


def read(
    file: BinaryIO, notes: list[Message]
) -> tuple[npt.NDArray[np.float32], Opacity | None] | None:
    """Read a 16-bit grey or RGB TIFF in full depth; None for other kinds or without tifffile."""
    file.seek(0)
    try:
        import tifffile

        with tifffile.TiffFile(file) as pages:
            page = pages.pages[0]
            _check_depth(page.dtype)
            check_size(page.imagewidth, page.imagelength)
            kind, extra = page.photometric, page.extrasamples
            if kind not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB) or page.bitspersample != 16:
                return None
            if page.axes not in ("YX", "YXS", "SYX"):
                return None
            _check_swelling(page, file)
            stored = page.asarray()
            orientation = page.tags.valueof(ORIENTATION, 1)
            profile = page.tags.valueof(ICC_PROFILE)
            axes = page.axes
    except UnusableError:
        raise
    except Exception:  # what it cannot read, Pillow may, or it says what is wrong
        return None
    stored = np.moveaxis(stored, 0, 2) if axes == "SYX" else np.atleast_3d(stored)
    count = 3 if kind == RGB else 1
    transparent = bool(extra) and extra[0] in (PREMULTIPLIED_ALPHA, ALPHA)
    values = stored[:, :, : count + transparent] / np.float32(257)
    pixels, opacity = values[:, :, :count], values[:, :, count:] if transparent else None
    if kind == WHITE_IS_ZERO:
        pixels = 255 - pixels
    if opacity is not None and extra[0] == PREMULTIPLIED_ALPHA:
        pixels = np.minimum(pixels / np.maximum(opacity / 255, 1 / np.float32(65535)), 255)
    transform = profiles.transform(profile, "RGB" if kind == RGB else "L", notes)
    if transform is not None:
        notes.append(Message("picture.deep-profile", bits=16, used=8))
        image = Image.fromarray(to_uint8(pixels if kind == RGB else pixels[:, :, 0]))
        pixels = np.asarray(profiles.to_srgb(image, transform))
    pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32)
    if opacity is None or opacity.min() == 255:
        return upright(pixels, orientation), None
    return upright(pixels, orientation), upright(opacity[:, :, 0], orientation)


def _check_swelling(page: Any, file: BinaryIO) -> None:
    """Refuse a page with a piece that decompresses to more than its size; tifffile would not."""
    room = math.prod(page.chunks) * page.dtype.itemsize + 1
    for place, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if count * LARGEST_SWELLING <= MOST_TILE or page.compression not in (*DEFLATE, LZMA):
            continue
        file.seek(place)
        packed = file.read(count)
        if page.compression == LZMA:
            unpacked = lzma.LZMADecompressor().decompress(packed, room)
        else:
            unpacked = zlib.decompressobj().decompress(packed, room)
        if len(unpacked) == room:
            raise UnusableError("picture.swells")


def _check_depth(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "bu" or dtype.itemsize > 2:
        raise UnusableError("picture.too-deep", kind=str(dtype))


def write(pixels: Pixels, file: BinaryIO, packet: bytes | None = None) -> None:
    """Write H × W × 3 in 0…255 with 16 bits a channel, and an XMP packet if there is one."""
    import tifffile

    deep = by_strips(
        lambda rows: np.floor(np.clip(rows.astype(np.float64), 0, 255) * 257 + 0.5),
        pixels,
        np.uint16,
    )
    tifffile.imwrite(
        file,
        deep,
        photometric="rgb",
        planarconfig="contig",
        iccprofile=profiles.srgb_profile(),
        metadata=None,
        software=False,
        extratags=[] if packet is None else [(XMP_TAG, "B", len(packet), packet, True)],
    )
