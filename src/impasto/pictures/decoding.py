"""Decode picture files to upright sRGB pixels."""

from __future__ import annotations

import importlib.util
import logging
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from impasto.files import reading
from impasto.messages.message import Message
from impasto.pictures import (
    camera_raw,
    deep_png,
    deep_tiff,
    jpeg_2000,
    jpeg_xl,
    png_data,
    profiles,
    ranges,
    targa,
    tiff,
)
from impasto.pictures.arrays import Opacity, Pixels, by_strips
from impasto.pictures.deep_tiff import MOST_TILE, SHOWN, WHITE_IS_ZERO
from impasto.pictures.kinds import READABLE, READERS, Reader, checked_head, formats
from impasto.pictures.limits import (
    MOST_DECODED,
    MOST_PIXELS,
    Head,
    bytes_in,
    check_density,
    check_size,
)
from impasto.pictures.rasters import Raster, in_srgb
from impasto.pictures.refusals import UnusableError
from impasto.pictures.upright import orientation_of, upright
from impasto.process import interrupts

UNSIGNED = 1  # the usual sample format of a TIFF
MOST_COUNTED = 2**23  # bytes of a GIF of which the frames are counted
# What decoders log about a damaged file is for those who listen, not for standard error.
for _decoder in ("PIL", "tifffile"):
    logging.getLogger(_decoder).addHandler(logging.NullHandler())


def from_file(file: BinaryIO, notes: list[Message]) -> tuple[Pixels, Opacity | None]:
    """Decode the picture in a file.

    Args:
        file: open for reading.
        notes: gets what the user should know about the picture.

    Returns:
        H × W × 3 in sRGB, and the opacity, H × W in 0…255; None where all is opaque.

    Raises:
        UnusableError: it is not a picture, or one that cannot be used.
    """
    head = checked_head(file)
    reader = reader_of(file, head)
    if reader is not None:
        check_head(file, reader.describe(file))
        return in_srgb(reader.read(file, notes), notes)
    if head.startswith(tiff.SIGNATURES):
        return _from_tiff(file, notes)
    image = opened_image(file, head)
    _tell_of_frames(image, file, notes)
    if image.format == "PNG":
        png_data.check_complete(file)
    if deep_png.accepts(head):
        return in_srgb(deep_png.read(file, notes), notes)
    return from_image(_completed(image, file, notes), notes)


def reader_of(file: BinaryIO, head: bytes) -> Reader | None:
    """The reader of our own for a file; None if it is a TIFF or Pillow decodes it."""
    for reader in READERS:
        if reader.accepts(head):
            return reader
    is_tiff = head.startswith(tiff.SIGNATURES)
    return camera_raw if is_tiff and tiff.is_camera_raw(head, tiff.pages(file)) else None


def check_head(file: BinaryIO, head: Head) -> None:
    """Refuse a picture that is too large, judging by its header.

    Raises:
        UnusableError: it is.
    """
    check_size(*head.size)
    check_density(file, *head.size)
    if head.bytes > MOST_DECODED:
        width, height = head.size
        raise UnusableError(
            "picture.page-too-large", width=width, height=height, channels=head.channels
        )


def opened_image(file: BinaryIO, head: bytes) -> Image.Image:
    """Open a picture with Pillow; only its header is read, except for JPEG XL.

    Raises:
        UnusableError: it is no picture, or too large.
    """
    if jpeg_xl.accepts(head):
        check_head(file, jpeg_xl.describe(file))
    file.seek(0)
    try:
        with jpeg_xl.opening():
            image = Image.open(file, formats=formats(head))
    except UnidentifiedImageError:
        raise UnusableError("picture.not-one", kinds=READABLE) from None
    except Image.DecompressionBombError:
        raise UnusableError("picture.too-many-pixels", most=MOST_PIXELS) from None
    check_size(*image.size)
    check_density(file, *image.size)
    return image


def main_page(file: BinaryIO, notes: list[Message]) -> tiff.Page:
    """The page of a TIFF that holds the picture rather than a reduced copy."""
    found = tiff.pages(file)
    whole = [page for page in found if page.is_whole]
    if not whole:
        raise UnusableError("picture.is-reduced")
    page = whole[0]
    check_head(file, Head((page.width, page.height), page.channels, page.bytes))
    if page.tile_bytes > max(page.bytes, MOST_TILE):
        raise UnusableError(
            "picture.page-too-large",
            width=page.width,
            height=page.height,
            channels=page.channels,
        )
    if page.tag_bytes > reading.size_in(file):
        raise UnusableError("picture.claims-more")
    count = len([page for page in whole if not page.is_sub])
    if count > 1:
        code = "picture.pages" if len(found) < tiff.MOST_PAGES else "picture.over-pages"
        notes.append(Message(code, count=count))
    return page


def _from_tiff(file: BinaryIO, notes: list[Message]) -> tuple[Pixels, Opacity | None]:
    page = main_page(file, notes)
    if page.offset != tiff.first_offset(file):
        file = tiff.beginning_with(page, file)
    deep = deep_tiff.read(file, page.orientation, notes)
    if deep is not None:
        return in_srgb(deep, notes)
    file.seek(0)
    try:
        image = Image.open(file, formats=["TIFF"])
    except UnidentifiedImageError:
        if page.bits > 16 and not importlib.util.find_spec("tifffile"):
            raise UnusableError("picture.needs-tiff", bits=page.bits) from None
        raise UnusableError("picture.not-one", kinds=READABLE) from None
    return from_image(image, notes)


def _tell_of_frames(image: Image.Image, file: BinaryIO, notes: list[Message]) -> None:
    """Note that a file contains more pictures than the one that is read."""
    if image.format == "GIF" and bytes_in(file) > MOST_COUNTED:  # which Pillow would go through
        if getattr(image, "is_animated", False):
            notes.append(Message("picture.several-frames"))
        return
    count = int(getattr(image, "n_frames", 1))
    if image.format == "MPO":  # whose others can be previews, or say how to brighten the first
        count = sum(_is_of_size(image, number, image.size) for number in range(count))
        image.seek(0)
    if count > 1:
        notes.append(Message("picture.frames", count=count))


def _is_of_size(image: Image.Image, number: int, size: tuple[int, int]) -> bool:
    image.seek(number)
    return image.size == size


def _completed(image: Image.Image, file: BinaryIO, notes: list[Message]) -> Image.Image:
    """The picture with what its format says beyond what Pillow has read."""
    if image.format == "JPEG2000":
        return jpeg_2000.completed(image, file, notes)
    if image.format == "JXL":
        return jpeg_xl.completed(image, file, notes)
    return targa.completed(image, file) if image.format == "TGA" else image


def from_image(image: Image.Image, notes: list[Message]) -> tuple[Pixels, Opacity | None]:
    """Decode a picture that Pillow has opened, as :func:`from_file` does."""
    check_size(*image.size)
    _check_page(image)
    was_turned = tiff.ORIENTATION in getattr(image, "tag_v2", {})  # which loading it does
    image.load()
    interrupts.check()
    orientation = 1 if was_turned else orientation_of(image, notes)
    if image.mode == "F" or image.mode.startswith("I"):
        return in_srgb(_deep_grey(image, orientation, notes), notes)
    _tell_of_depth(image, notes)
    profile = image.info.get("icc_profile")
    alpha = None
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        rgba = image.convert("LA" if image.mode == "La" else image.mode).convert("RGBA")
        alpha = rgba.getchannel("A")
        image = rgba.convert("L" if grey else "RGB")  # a profile describes the colours alone
    interrupts.check()
    image = profiles.to_srgb(image, profiles.transform(profile, image.mode, notes))
    pixels = upright(np.asarray(image), orientation)
    if alpha is None or alpha.getextrema() == (255, 255):
        return pixels, None
    return pixels, upright(np.asarray(alpha), orientation)


def _check_page(image: Image.Image) -> None:
    """Refuse a page of a TIFF in memory that is a raw or a reduced picture."""
    tags = getattr(image, "tag_v2", {})
    kind = tags.get(tiff.NEW_SUBFILE_TYPE, 0)
    if tiff.DNG_VERSION in tags or tags.get(tiff.PHOTOMETRIC) in tiff.RAW:
        raise UnusableError("picture.is-raw")
    if kind & tiff.IS_REDUCED or tags.get(tiff.SUBFILE_TYPE) == tiff.REDUCED:
        raise UnusableError("picture.is-reduced")


def _deep_grey(image: Image.Image, orientation: int, notes: list[Message]) -> Raster:
    """A grey picture with 16 or 32 bits, which Pillow itself would clip to 8."""
    tags = getattr(image, "tag_v2", {})
    stored = np.asarray(image)
    if image.mode == "I" and tags and tags.get(tiff.SAMPLE_FORMAT, (UNSIGNED,))[0] == UNSIGNED:
        stored = stored.view(np.uint32)
    is_16_bit = image.mode.startswith("I;16")
    bits = 16 if is_16_bit else 32
    if is_16_bit:
        bits = max(tags.get(tiff.BITS_PER_SAMPLE, (bits,)))  # 12 too, which Pillow does not scale
        factor = np.float32(255 / (2**bits - 1))
        values = by_strips(lambda rows: rows * factor, stored, np.float32)
    else:
        values = ranges.to_grey_levels(stored, notes)
    if tags.get(tiff.PHOTOMETRIC) == WHITE_IS_ZERO:
        values = 255 - values
    key = image.info.get("transparency")
    opacity = np.where(stored == key, 0, 255).astype(np.uint8) if isinstance(key, int) else None
    profile = image.info.get("icc_profile")
    return Raster(values[:, :, None], "L", opacity, profile, orientation, bits)


def _tell_of_depth(image: Image.Image, notes: list[Message]) -> None:
    """Note that Pillow has read a TIFF of 16 bits with 8."""
    tags = getattr(image, "tag_v2", {})
    bits = np.max(tags.get(tiff.BITS_PER_SAMPLE, 1))
    if bits > 8:
        is_missing = tags.get(tiff.PHOTOMETRIC) in SHOWN and not importlib.util.find_spec(
            "tifffile"
        )
        code = "picture.deep-without-tifffile" if is_missing else "picture.deep"
        notes.append(Message(code, bits=int(bits), read=8))
