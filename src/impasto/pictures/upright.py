"""The orientation of a picture, as its EXIF or XMP data gives it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.files.png_text import MOST_TEXT, PNG_SIGNATURE, chunks, text_of_chunk
from impasto.messages.message import Message
from impasto.pictures.refusals import UnusableError
from impasto.pictures.tiff import ORIENTATION, xmp_orientation

SIDEWAYS = (5, 6, 7, 8)  # orientations of a picture that lies on its side
XMP = "XML:com.adobe.xmp"  # its name in a PNG
WITHOUT_XMP = ("AVIF", "HEIF")  # formats whose own properties turn a picture, never XMP data


def orientation_of(image: Image.Image, notes: list[Message]) -> int:
    """The EXIF orientation, 1 to 8, or that of XMP if there is none; 1 means upright.

    Pillow loads a TIFF upright.
    """
    try:
        given = _exif(image).get(ORIENTATION)
        if given is not None or image.format in WITHOUT_XMP:
            return int(given or 1)
    except Exception:
        notes.append(Message("picture.damaged-exif"))
        return 1
    packet = image.info.get("xmp") or image.info.get(XMP) or b""
    return xmp_orientation(packet.encode() if isinstance(packet, str) else packet)


def _exif(image: Image.Image) -> Image.Exif:
    """The EXIF data alone: Pillow adds an orientation from XMP, for every format."""
    if image.format not in WITHOUT_XMP:
        return image.getexif()
    exif = Image.Exif()
    exif.load(image.info.get("exif") or b"")
    return exif


def take_metadata(file: BinaryIO, image: Image.Image) -> None:
    """Read the EXIF and XMP data of a PNG without decoding its pixels, as Pillow would."""
    if "exif" in image.info or "Raw profile type exif" in image.info:
        return
    image.info["exif"] = b""
    file.seek(len(PNG_SIGNATURE))
    with suppress(UnusableError):  # a file that breaks off, which may be read as far as it goes
        for name, length in chunks(file):
            if name == b"eXIf":
                image.info["exif"] = file.read(min(length, MOST_TEXT))
            elif name == b"iTXt" and "xmp" not in image.info:
                packet = text_of_chunk(name, file.read(min(length, MOST_TEXT)), XMP.encode())
                if packet is not None:
                    image.info["xmp"] = packet.encode()


def upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn and mirror the pixels, H × W or H × W × C, as an EXIF orientation asks for."""
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.array(pixels, order="C")  # Pillow's own may not be written to
