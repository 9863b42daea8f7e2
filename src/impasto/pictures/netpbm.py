"""Read PBM, PGM, PPM, PAM and PFM.

The manual pages of Netpbm, netpbm.sourceforge.net/doc; PFM as Debevec describes it, *PFM Portable
FloatMap Image Format*.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from impasto.errors import ReasonError
from impasto.messages.message import Message
from impasto.pictures import ranges
from impasto.pictures.arrays import by_strips, to_uint8
from impasto.pictures.limits import Head, bytes_in
from impasto.pictures.rasters import Raster
from impasto.pictures.refusals import UnusableError
from impasto.process import interrupts

MAGIC = re.compile(rb"P(?:[1-6]|[Ff]|7(?=\n))(?=[\s#])")
LONGEST_HEADER = 2**16  # bytes, comments included
PIECE = 2**22  # bytes of text that are read at a time
HEAD = 16  # bytes that tell whether another picture follows
WHITE_SPACE = bytes.maketrans(b"\t\v\f\r", b"   \n")
COMMENT = re.compile(rb"#[^\n]*")
# Channels of a pixel, and whether the last is the opacity, by the tuple type of a PAM.
TUPLE_TYPES = {
    b"BLACKANDWHITE": (1, False),
    b"GRAYSCALE": (1, False),
    b"RGB": (3, False),
    b"BLACKANDWHITE_ALPHA": (2, True),
    b"GRAYSCALE_ALPHA": (2, True),
    b"RGB_ALPHA": (4, True),
}
# The tuple type of a PAM that names none, by its channels.
USUAL_TYPES = {1: b"GRAYSCALE", 2: b"GRAYSCALE_ALPHA", 3: b"RGB", 4: b"RGB_ALPHA"}


@dataclass(frozen=True)
class _Header:
    """What the header of a file says.

    Attributes:
        magic: the second byte of the file, which is its kind.
        width: in pixels.
        height: in pixels.
        channels: values of a pixel.
        most: the value of white; for a PFM its scale, whose sign is the byte order.
        has_opacity: whether the last channel is the opacity.
        start: offset of the first pixel.
    """

    magic: str
    width: int
    height: int
    channels: int
    most: float
    has_opacity: bool
    start: int

    @property
    def is_text(self) -> bool:
        return self.magic in "123"

    @property
    def is_float(self) -> bool:
        return self.magic in "Ff"

    @property
    def depth(self) -> int:
        """Bytes of a value, decoded."""
        return 4 if self.is_float else 1 if self.most < 256 else 2


def accepts(head: bytes) -> bool:
    """Whether a file begins like one of Netpbm's formats."""
    return MAGIC.match(head) is not None


def describe(file: BinaryIO) -> Head:
    """Describe the picture from its header.

    Raises:
        ReasonError: the header is damaged, or its kind of pixels cannot be read.
    """
    header = _header(file)
    width, height, channels = header.width, header.height, header.channels
    return Head((width, height), channels, width * height * channels * header.depth)


def read(file: BinaryIO, notes: list[Message]) -> Raster:
    """Read the first picture of a file.

    Raises:
        ReasonError: the header is damaged, or its kind of pixels cannot be read.
        UnusableError: the file is cut short, or has no finite value.
    """
    header = _header(file)
    stored = _stored(file, header)
    values = stored.reshape(header.height, header.width, header.channels)
    if header.is_float:
        return Raster(ranges.to_grey_levels(values[::-1], notes), _mode(values), bits=32)
    most = header.most
    if most == 255:
        values = values.astype(np.uint8)
    else:
        scaled = by_strips(lambda rows: np.minimum(rows, most) * (255 / most), values, np.float32)
        values = scaled if header.depth == 2 else to_uint8(scaled)
    if _is_another_ahead(file, header):
        notes.append(Message("picture.several-frames"))
    bits = math.ceil(math.log2(most + 1))
    if not header.has_opacity:
        return Raster(values, _mode(values), bits=bits)
    return Raster(values[:, :, :-1], _mode(values), values[:, :, -1], bits=bits)


def _mode(values: npt.NDArray[Any]) -> str:
    return "RGB" if values.shape[2] > 2 else "L"


# ---------------------------------------------------------------------------------- header


def _header(file: BinaryIO) -> _Header:
    file.seek(0)
    head = file.read(LONGEST_HEADER)
    magic = head[1:2].decode("ascii")
    return _pam_header(head) if magic == "7" else _words_header(magic, head)


def _words_header(magic: str, head: bytes) -> _Header:
    """The header of every format but PAM: words with comments between them."""
    place, words = 2, list[bytes]()
    for _ in range(2 if magic in "14" else 3):
        found = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])+([^\s#]+)").match(head, place)
        if found is None:
            raise ReasonError("netpbm.header")
        words.append(found[1])
        place = found.end()
    if not head[place : place + 1].isspace():
        raise ReasonError("netpbm.header")
    most = 1.0 if magic in "14" else _scale(words[2]) if magic in "Ff" else _white(words[2])
    channels = 3 if magic in "36F" else 1
    return _Header(magic, _side(words[0]), _side(words[1]), channels, most, False, place + 1)


def _pam_header(head: bytes) -> _Header:
    """The header of a PAM: a name and its value on each line."""
    text, end, _ = head.partition(b"\nENDHDR\n")
    if not end:
        raise ReasonError("netpbm.header")
    lines = (line.split(maxsplit=1) for line in text.splitlines()[1:] if not line.startswith(b"#"))
    fields = {line[0]: line[1].strip() for line in lines if len(line) == 2}
    try:
        width, height, channels = (_side(fields[key]) for key in (b"WIDTH", b"HEIGHT", b"DEPTH"))
        most = _white(fields[b"MAXVAL"])
    except KeyError:
        raise ReasonError("netpbm.header") from None
    kind = fields.get(b"TUPLTYPE") or USUAL_TYPES.get(channels, b"")
    expected, has_opacity = TUPLE_TYPES.get(kind, (0, False))
    if expected != channels:
        given = kind.decode("ascii", "backslashreplace")
        raise ReasonError("netpbm.tuple-type", kind=given, channels=channels)
    return _Header("7", width, height, channels, most, has_opacity, len(text) + len(end))


def _side(word: bytes) -> int:
    if not re.fullmatch(rb"[0-9]{1,10}", word):
        raise ReasonError("netpbm.header")
    return int(word)


def _white(word: bytes) -> float:
    most = _side(word)
    if not 1 <= most <= 65535:
        raise ReasonError("netpbm.white", most=most)
    return float(most)


def _scale(word: bytes) -> float:
    try:
        scale = float(word)
    except ValueError:
        raise ReasonError("netpbm.header") from None
    if not math.isfinite(scale) or scale == 0:
        raise ReasonError("netpbm.header")
    return scale


# ---------------------------------------------------------------------------------- pixels


def _stored(file: BinaryIO, header: _Header) -> npt.NDArray[Any]:
    """The values of all pixels, one after the other; 0 is black."""
    count = header.width * header.height * header.channels
    file.seek(header.start)
    if header.magic == "1":
        return 1 - _digits(file, count)
    if header.is_text:
        return _numbers(file, count)
    if header.magic == "4":
        rows = _exactly(file, -(-header.width // 8) * header.height)
        bits = np.unpackbits(np.frombuffer(rows, np.uint8).reshape(header.height, -1), axis=1)
        return 1 - bits[:, : header.width]
    kind = ("<f4" if header.most < 0 else ">f4") if header.is_float else f">u{header.depth}"
    return np.frombuffer(_exactly(file, count * header.depth), kind)


def _exactly(file: BinaryIO, count: int) -> bytes:
    start = file.tell()
    if start + count > bytes_in(file):
        raise UnusableError("picture.cut-short")
    file.seek(start)
    return file.read(count)


def _digits(file: BinaryIO, count: int) -> npt.NDArray[np.uint8]:
    """Zeros and ones that are written as text, with or without white space between them."""
    bits = np.empty(count, np.uint8)
    done = 0
    for text in _text(file, count):
        digits = text.translate(None, b" \n")[: count - done]
        if digits.translate(None, b"01"):
            raise ReasonError("netpbm.not-a-number")
        bits[done : done + len(digits)] = np.frombuffer(digits, np.uint8) - ord("0")
        done += len(digits)
        if done == count:
            return bits
    raise UnusableError("picture.cut-short")


def _numbers(file: BinaryIO, count: int) -> npt.NDArray[np.uint16]:
    """Numbers that are written as text; those over 65535 become 65535."""
    numbers = np.empty(count, np.uint16)
    done = 0
    for text in _text(file, 2 * count - 1):
        if text.translate(None, b"0123456789 \n"):
            raise ReasonError("netpbm.not-a-number")
        found = np.fromstring(text, np.float64, sep=" ")[: count - done]
        numbers[done : done + len(found)] = np.minimum(found, 65535)
        done += len(found)
        if done == count:
            return numbers
    raise UnusableError("picture.cut-short")


def _text(file: BinaryIO, least: int) -> Iterator[bytes]:
    """The rest of a file in pieces that end between two words, without comments.

    Raises:
        UnusableError: fewer than ``least`` bytes are left.
    """
    start, rest = file.tell(), b""
    if start + least > bytes_in(file):
        raise UnusableError("picture.cut-short")
    file.seek(start)
    while piece := file.read(PIECE):
        interrupts.check()
        text = rest + piece.translate(WHITE_SPACE)
        end = (text.rfind(b"\n") + 1) or (text.rfind(b" ") + 1)
        if not end and len(text) > PIECE:
            raise ReasonError("netpbm.not-a-number")
        rest = text[end:]
        if end:
            yield COMMENT.sub(b" ", text[:end])
    if rest:
        yield COMMENT.sub(b" ", rest)


def _is_another_ahead(file: BinaryIO, header: _Header) -> bool:
    """Whether a second picture follows the one that was read."""
    return not header.is_text and accepts(file.read(HEAD).lstrip())
