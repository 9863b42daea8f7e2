"""Read TIFF with more than 8 bits a channel, and write it with 16, using tifffile."""

from __future__ import annotations

import lzma
import math
import zlib
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from impasto.errors import StoppedError
from impasto.files.carried import XMP_TAG
from impasto.messages.message import Message
from impasto.pictures import packed_tiff, profiles, ranges
from impasto.pictures.arrays import Opacity, Pixels, by_strips
from impasto.pictures.limits import check_size
from impasto.pictures.packed_tiff import Unpacked
from impasto.pictures.rasters import Raster
from impasto.pictures.refusals import UnusableError
from impasto.pictures.tiff import ICC_PROFILE

MOST_TILE = 2**28  # bytes of a piece of a TIFF, though its pages be smaller
LARGEST_SWELLING = 1032  # times, to which deflate can unpack
# Values of tags: photometric interpretation, extra samples, compression.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = SHOWN = 0, 1, 2
PREMULTIPLIED_ALPHA, ALPHA = 1, 2
DEFLATE, LZMA = (8, 32946), 34925


def read(file: BinaryIO, orientation: int, notes: list[Message]) -> Raster | None:
    """Read a TIFF of more than 8 bits in full depth, grey or RGB.

    16-bit values are taken from 0 to 65535, others by their range: :mod:`impasto.pictures.ranges`.

    Args:
        file: a TIFF whose first page is the picture.
        orientation: of that page, as in EXIF.
        notes: gets the range of the values.

    Returns:
        The picture; None for other kinds, or what neither tifffile nor libtiff can unpack.

    Raises:
        UnusableError: its values cannot be shown, or part of it swells when it is unpacked.
    """
    page = _with_tifffile(file) or _with_libtiff(file)
    if page is None:
        return None
    values, kind, extra = page.values, page.photometric, page.extra
    count = 3 if kind == RGB else 1
    transparent = bool(extra) and extra[0] in (PREMULTIPLIED_ALPHA, ALPHA)
    opacity = _opacity(values[:, :, count]) if transparent else None
    colours = values[:, :, :count]
    bits = 8 * values.dtype.itemsize
    if values.dtype == np.uint16:
        pixels = by_strips(lambda rows: rows / np.float32(257), colours, np.float32)
    else:
        pixels = ranges.to_grey_levels(colours, notes)
    if kind == WHITE_IS_ZERO:
        pixels = 255 - pixels
    if opacity is not None and extra[0] == PREMULTIPLIED_ALPHA:
        share = np.maximum(opacity[:, :, None] / 255, 1 / np.float32(65535))
        pixels = np.minimum(pixels / share, 255)
    return Raster(pixels, "RGB" if kind == RGB else "L", opacity, page.profile, orientation, bits)


def _with_tifffile(file: BinaryIO) -> Unpacked | None:
    """The pixels, unpacked by tifffile; None if it cannot do it, or is not installed."""
    file.seek(0)
    try:
        import tifffile

        with tifffile.TiffFile(file) as pages:
            page = pages.pages[0]
            check_size(page.imagewidth, page.imagelength)
            _check_numbers(page.dtype, is_shown=page.photometric in SHOWN)
            bits = 8 * page.dtype.itemsize
            if page.photometric not in SHOWN or page.bitspersample != bits or bits == 8:
                return None
            if page.axes not in ("YX", "YXS", "SYX"):
                return None
            _check_swelling(page, file)
            stored = page.asarray()
            if page.axes == "SYX":
                stored = np.moveaxis(stored, 0, 2)
            profile = page.tags.valueof(ICC_PROFILE)
            return Unpacked(np.atleast_3d(stored), page.photometric, page.extrasamples, profile)
    except UnusableError:
        raise
    except Exception:  # what it cannot read, libtiff may, or it says what is wrong
        return None


def _with_libtiff(file: BinaryIO) -> Unpacked | None:
    """The pixels, unpacked by libtiff; None if it cannot do it."""
    try:
        page = packed_tiff.read(file)
    except StoppedError:
        raise
    except Exception:  # what it cannot read, Pillow may, or it says what is wrong
        return None
    if page is None or page.photometric not in SHOWN:
        return None
    return page if page.values.shape[2] >= (3 if page.photometric == RGB else 1) else None


def _opacity(stored: npt.NDArray[Any]) -> Opacity:
    """The opacity, H × W in 0…255: white is 1 for floats, and else the largest possible value."""
    white = 1 if stored.dtype.kind == "f" else np.iinfo(stored.dtype).max

    def shares(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(255 * np.clip(np.nan_to_num(rows / np.float64(white)), 0, 1))

    return by_strips(shares, stored, np.float32)


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


def _check_numbers(dtype: np.dtype[Any], *, is_shown: bool) -> None:
    """Refuse complex numbers, and all but 8 and 16 bits in colours other than grey and RGB."""
    is_usual = dtype.kind in "bu" and dtype.itemsize <= 2
    if not is_usual and (dtype.kind not in "iuf" or not is_shown):
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
