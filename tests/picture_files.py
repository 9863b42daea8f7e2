"""Small picture files of the kinds that neither Pillow nor tifffile writes, made byte by byte.

:func:`read`, :func:`head` and :func:`refusal` read such bytes as a file in the current folder.
"""

from __future__ import annotations

import io
import itertools
import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from impasto.errors import ImpastoWarning, InputError
from impasto.pictures import images
from impasto.pictures.limits import Head

Array = npt.NDArray[Any]
UNPACKED, RUNS, DEFLATED, DEFLATED_DIFFERENCES = range(4)  # compressions of PSD


def read(data: bytes) -> Array:
    """The pixels, H × W × 3 in 0…255; a warning is an error."""
    Path("picture").write_bytes(data)
    return images.read("picture").pixels


def head(data: bytes) -> Head:
    """What the header says."""
    Path("picture").write_bytes(data)
    return images.described("picture")


def refusal(data: bytes) -> str:
    """The one sentence with which a picture is refused, whole and by its header alike."""
    with pytest.raises(InputError) as caught:
        read(data)
    sentence = str(caught.value)
    assert sentence.startswith("The picture 'picture' ")
    assert sentence.endswith(".")
    assert sentence.isprintable()
    return sentence


def outcome(data: bytes) -> Array | None:
    """The pixels, or None if the file is refused in one sentence."""
    Path("picture").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImpastoWarning)
        try:
            return images.read("picture").pixels
        except InputError:
            refusal(data)
            return None


def noise(height: int = 5, width: int = 7, channels: int = 3, dtype: Any = np.uint8) -> Array:
    """Pixels of all values, H × W × C."""
    generator = np.random.default_rng(0)
    return generator.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, True)


def on_white(rgba: Array) -> Array:
    """Pixels with opacity, H × W × 4 in 0…255, on white."""
    share = rgba[:, :, 3:] / 255
    return np.asarray(rgba[:, :, :3] * share + 255 * (1 - share))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture in one of Pillow's formats."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


# ------------------------------------------------------------------------------------- PSD, PSB


def psd(
    planes: Array,
    kind: int = 3,
    *,
    bits: int | None = None,
    is_big: bool = False,
    compression: int = RUNS,
    layers: bytes = b"",
    resources: Mapping[int, bytes] | None = None,
    palette: bytes = b"",
) -> bytes:
    """A PSD or, if big, a PSB.

    Args:
        planes: C × H × W as they are stored, uint8 or uint16; of bits, their packed rows.
        kind: Photoshop's number of the colours; 3 is RGB.
        bits: of a channel, if they are not those of the array.
        is_big: whether it is a PSB.
        compression: of the merged picture.
        layers: the section of the layers, without its length.
        resources: image resources by number.
        palette: the colour mode data.
    """
    channels, height, width = planes.shape
    depth = bits or 8 * planes.dtype.itemsize
    width = width * 8 if depth == 1 else width
    version = 2 if is_big else 1
    head = struct.pack(">4sH6xHIIHH", b"8BPS", version, channels, height, width, depth, kind)
    blocks = b"".join(
        struct.pack(">4sHHI", b"8BIM", number, 0, len(data)) + data + bytes(len(data) % 2)
        for number, data in (resources or {}).items()
    )
    long = ">Q" if is_big else ">I"
    return b"".join(
        [
            head,
            struct.pack(">I", len(palette)) + palette,
            struct.pack(">I", len(blocks)) + blocks,
            struct.pack(long, len(layers)) + layers,
            struct.pack(">H", compression) + _packed(planes, compression, is_big=is_big),
        ]
    )


def layer_count(count: int, *, is_big: bool = False) -> bytes:
    """The section of the layers, with their number and no layer; negative for transparency."""
    return struct.pack(">QhH" if is_big else ">IhH", 4, count, 0)


def _packed(planes: Array, compression: int, *, is_big: bool) -> bytes:
    stored = planes.astype(planes.dtype.newbyteorder(">"))
    if compression == DEFLATED_DIFFERENCES:
        before = np.concatenate([np.zeros_like(planes[:, :, :1]), planes[:, :, :-1]], axis=2)
        stored = (planes - before).astype(stored.dtype)
    if compression in (DEFLATED, DEFLATED_DIFFERENCES):
        return zlib.compress(stored.tobytes())
    if compression == UNPACKED:
        return stored.tobytes()
    rows = [_runs(row.tobytes()) for plane in stored for row in plane]
    lengths = np.array([len(row) for row in rows], ">u4" if is_big else ">u2")
    return lengths.tobytes() + b"".join(rows)


def _runs(row: bytes) -> bytes:
    """PackBits."""
    packed = b""
    for byte, run in itertools.groupby(row):
        count = len(list(run))
        for start in range(0, count, 128):
            length = min(128, count - start)
            packed += bytes([(257 - length) % 256, byte]) if length > 1 else bytes([0, byte])
    return packed


# ---------------------------------------------------------------------------------- camera raw


def dng(mosaic: npt.NDArray[np.uint16], *, orientation: int = 1, neutral: float = 1.0) -> bytes:
    """A DNG of a camera whose colours are those of sRGB in linear light.

    Args:
        mosaic: H × W, 0…65535, with the pattern red, green; green, blue.
        orientation: as in EXIF.
        neutral: what the sensor's red and blue are for a grey, where green is 1.
    """
    import tifffile

    # From XYZ to linear sRGB (IEC 61966-2-1).
    matrix = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)
    fractions = [part for value in matrix for part in (round(value * 10000), 10000)]
    whites = [part for value in (neutral, 1, neutral) for part in (round(value * 10000), 10000)]
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        mosaic,
        photometric="cfa",
        metadata=None,
        software=False,
        extratags=[
            (274, 3, 1, orientation, True),
            (271, 2, 0, "Maker", True),
            (272, 2, 0, "Camera", True),
            (33421, 3, 2, (2, 2), True),
            (33422, 1, 4, (0, 1, 1, 2), True),
            (50706, 1, 4, (1, 4, 0, 0), True),
            (50708, 2, 0, "Maker Camera", True),
            (50714, 4, 1, 0, True),
            (50717, 4, 1, 65535, True),
            (50721, 10, 9, fractions, True),
            (50728, 5, 3, whites, True),
            (50778, 3, 1, 21, True),
        ],
    )
    return file.getvalue()


# --------------------------------------------------------------------------------------- boxes


def box(kind: bytes, data: bytes) -> bytes:
    """A box of JPEG 2000 or JPEG XL."""
    return struct.pack(">I4s", 8 + len(data), kind) + data


def with_boxes(jp2: bytes, *inside: bytes) -> bytes:
    """A JP2 with more boxes in its header; of a kind that is there already, the new one stays."""
    start = jp2.index(b"jp2h") - 4
    (length,) = struct.unpack_from(">I", jp2, start)
    place, old = start + 8, list[bytes]()
    while place < start + length:
        (size,) = struct.unpack_from(">I", jp2, place)
        old.append(jp2[place : place + size])
        place += size
    kinds = {new[4:8] for new in inside}
    kept = [one for one in old if one[4:8] not in kinds]
    return jp2[:start] + box(b"jp2h", b"".join([*kept, *inside])) + jp2[start + length :]
