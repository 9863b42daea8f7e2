"""Decode picture files to upright sRGB pixels."""

from __future__ import annotations

import importlib.util
import logging
from contextlib import suppress
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from impasto.files import reading
from impasto.files.png_text import MOST_TEXT, PNG_SIGNATURE, chunks
from impasto.messages.message import Message
from impasto.pictures import deep_tiff, profiles, tiff
from impasto.pictures.arrays import Opacity, Pixels, to_uint8
from impasto.pictures.deep_tiff import MOST_TILE, WHITE_IS_ZERO
from impasto.pictures.limits import (
    MOST_BYTES,
    MOST_DECODED,
    MOST_PIXELS,
    bytes_in,
    check_density,
    check_size,
)
from impasto.pictures.refusals import UnusableError
from impasto.pictures.upright import orientation_of, upright
from impasto.process import interrupts

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF", "HEIF", "PPM")
# What a sentence says that can be read.
READABLE = ("JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "HEIC", "AVIF")
MOST_COUNTED = 2**23  # bytes of a GIF of which the frames are counted
HEAD = 32  # bytes of a file that tell its kind
# Camera raw files that are no TIFF: of Fujifilm, Olympus, Panasonic, Minolta, Sigma; and of Canon.
RAW_SIGNATURES = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb")
CANON_RAW = (b"HEAPCCDR", b"ftypcrx ")  # a few bytes after the start
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
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
    if head.startswith(tiff.SIGNATURES):
        page = main_page(file, head, notes)
        if page.offset != tiff.first_offset(file):
            file = tiff.beginning_with(page, file)
        deep = deep_tiff.read(file, notes)
        if deep is not None:
            return deep
    deep_png = head.startswith(PNG_SIGNATURE) and head[24] == 16
    image = opened_image(file, head)
    check_density(file, *image.size)
    if image.format != "TIFF":
        _tell_of_frames(image, bytes_in(file), notes)
    return from_image(image, notes, deep_png=deep_png)


def checked_head(file: BinaryIO) -> bytes:
    """The first bytes of a file, if it looks like a picture and is not too large."""
    head = file.read(HEAD)
    if head.startswith(RAW_SIGNATURES) or any(sign in head[4:16] for sign in CANON_RAW):
        raise UnusableError("picture.is-raw")
    if not _formats(head):
        raise UnusableError("picture.not-one", kinds=READABLE)
    size = reading.size_in(file)
    if size > MOST_BYTES:
        given, most = map(reading.in_gigabytes, (size, MOST_BYTES))
        raise UnusableError("picture.too-many-bytes", size=given, most=most)
    return head


def opened_image(file: BinaryIO, head: bytes) -> Image.Image:
    """Open a picture with Pillow; only its header is read."""
    file.seek(0)
    try:
        return Image.open(file, formats=_formats(head))
    except UnidentifiedImageError:
        raise UnusableError("picture.not-one", kinds=READABLE) from None
    except Image.DecompressionBombError:
        raise UnusableError("picture.too-many-pixels", most=MOST_PIXELS) from None


def _formats(head: bytes) -> list[str]:
    """The formats that a file may have, with HEIC registered through pillow-heif if it is one."""
    Image.init()
    if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS:
        try:
            import pillow_heif
        except ImportError:
            if head[8:12] not in (b"mif1", b"msf1"):  # those may be AVIF, which Pillow reads
                raise UnusableError("picture.needs-heif") from None
        else:
            pillow_heif.register_heif_opener()
    start = head[:16].ljust(16, b"\0")  # some of Pillow's checks fail on fewer bytes
    known = ((name, Image.OPEN[name][1]) for name in FORMATS if name in Image.OPEN)
    return [name for name, accepts in known if accepts is None or accepts(start) is True]


def main_page(file: BinaryIO, head: bytes, notes: list[Message]) -> tiff.Page:
    """The page of a TIFF that holds the picture rather than a reduced copy."""
    found = tiff.pages(file)
    if tiff.is_camera_raw(head, found):
        raise UnusableError("picture.is-raw")
    whole = [page for page in found if page.is_whole]
    if not whole:
        raise UnusableError("picture.is-reduced")
    page = whole[0]
    check_size(page.width, page.height)
    check_density(file, page.width, page.height)
    if page.bytes > MOST_DECODED or page.tile_bytes > max(page.bytes, MOST_TILE):
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


def _tell_of_frames(image: Image.Image, bytes_there: int, notes: list[Message]) -> None:
    """Note that a file contains more pictures than the one that is read."""
    if image.format == "GIF" and bytes_there > MOST_COUNTED:  # which Pillow would go through
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


def from_image(
    image: Image.Image, notes: list[Message], *, deep_png: bool = False
) -> tuple[npt.NDArray[np.uint8], Opacity | None]:
    """Decode a picture that Pillow has opened, as :func:`from_file` does."""
    check_size(*image.size)
    _check_page(image)
    image.load()
    interrupts.check()
    orientation = orientation_of(image, notes)
    profile = image.info.get("icc_profile")
    image = _eight_bit(image, notes, deep_png=deep_png)
    interrupts.check()
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


def take_exif(file: BinaryIO, image: Image.Image) -> None:
    """Read the EXIF data of a PNG without decoding its pixels, as Pillow would."""
    if "exif" in image.info:
        return
    image.info["exif"] = b""
    file.seek(len(PNG_SIGNATURE))
    with suppress(UnusableError):  # a file that breaks off, which may be read as far as it goes
        for name, length in chunks(file):
            if name == b"eXIf":
                image.info["exif"] = file.read(min(length, MOST_TEXT))


def _eight_bit(image: Image.Image, notes: list[Message], *, deep_png: bool) -> Image.Image:
    """Scale a picture with more than 8 bits to 8; Pillow itself would clip its values."""
    if image.mode == "F":
        raise UnusableError("picture.floats")
    tags = getattr(image, "tag_v2", {})
    key = image.info.get("transparency")
    if image.mode.startswith("I") or deep_png or np.max(tags.get(tiff.BITS_PER_SAMPLE, 1)) > 8:
        notes.append(_read_as_eight_bit(image))
    if not image.mode.startswith("I"):
        if deep_png and isinstance(key, tuple):  # Pillow has brought the pixels to 8 bits alone
            image = image.copy()
            image.info["transparency"] = tuple(value >> 8 for value in key)
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise UnusableError("picture.too-deep", kind="32-bit")
    if tags.get(tiff.PHOTOMETRIC) == WHITE_IS_ZERO:
        values = 65535 - values
    grey = Image.fromarray(to_uint8(values / 257))
    if isinstance(key, int):
        grey.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return grey


def _read_as_eight_bit(image: Image.Image) -> Message:
    if image.format != "TIFF" or importlib.util.find_spec("tifffile"):
        return Message("picture.deep", bits=16, read=8)
    return Message("picture.deep-without-tifffile", bits=16, read=8)
