"""The header of a JPEG XL picture, read first, since its decoder decodes whatever it opens.

ISO/IEC 18181-1 (codestream) and 18181-2 (file format).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

from impasto.errors import ReasonError
from impasto.messages.message import Message
from impasto.pictures.boxes import boxes
from impasto.pictures.limits import Head

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
LONGEST_HEADER = 4096  # bytes of the codestream that are read
# Width by height, for the seven ratios that have a number.
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
SIDE_BITS = (9, 13, 18, 30)
OPACITY, SPOT_COLOUR, BLACK = 0, 2, 4  # kinds of extra channels


@dataclass(frozen=True)
class Header:
    """What the header says.

    Attributes:
        width: in pixels, upright.
        height: in pixels, upright.
        bits: of a channel.
        extra_channels: channels beside the colours, such as the opacity.
        is_animated: whether there are several frames.
    """

    width: int
    height: int
    bits: int
    extra_channels: int
    is_animated: bool


def accepts(head: bytes) -> bool:
    """Whether a file begins like a JPEG XL picture."""
    return head.startswith((CODESTREAM, CONTAINER))


def describe(file: BinaryIO) -> Head:
    """Describe the picture from its header.

    Raises:
        ReasonError: the header is damaged.
    """
    found = header(file)
    channels = 3 + found.extra_channels
    size = found.width * found.height * channels * -(-found.bits // 8)
    return Head((found.width, found.height), channels, size)


def completed(image: Image.Image, file: BinaryIO, notes: list[Message]) -> Image.Image:
    """The picture, turned by its decoder, without the EXIF data that asks for the same."""
    found = header(file)
    if found.is_animated:
        notes.append(Message("picture.several-frames"))
    if found.bits > 8 and image.mode not in ("I;16", "F"):
        notes.append(Message("picture.deep", bits=found.bits, read=8))
    if not getattr(image, "jpeg", False):  # a JPEG inside is as it was before
        for name in ("exif", "xmp"):
            image.info.pop(name, None)
    return image


@contextmanager
def opening() -> Iterator[None]:
    """A context in which the decoder runs, whose panics are no exceptions otherwise.

    Raises:
        ReasonError: the decoder has panicked.
    """
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ReasonError("jxl.panic") from None


def header(file: BinaryIO) -> Header:
    """Read the header.

    Raises:
        ReasonError: it is damaged.
    """
    bits = _Bits(_codestream(file))
    if bits.take(16) != int.from_bytes(CODESTREAM, "little"):
        raise ReasonError("jxl.header")
    width, height = _size(bits)
    orientation, is_animated, depth, extra = 1, False, 8, 0
    if not bits.take(1):  # not all of the metadata has its usual values
        if bits.take(1):
            orientation = 1 + bits.take(3)
            if bits.take(1):
                _size(bits)  # that the picture should be shown at
            if bits.take(1):
                _skip_preview(bits)
            is_animated = bool(bits.take(1))
            if is_animated:
                _skip_animation(bits)
        depth = _depth(bits)
        bits.take(1)  # whether 16 bits are enough for the decoder
        extra = bits.choose((0, 0), (0, 1), (4, 2), (12, 1))
        if BLACK in (_skip_channel(bits) for _ in range(extra)):
            raise ReasonError("jxl.inks")
    if orientation > 4:
        width, height = height, width
    return Header(width, height, depth, extra, is_animated)


def _codestream(file: BinaryIO) -> bytes:
    """The beginning of the codestream, out of the boxes of a container."""
    file.seek(0)
    if file.read(2) == CODESTREAM:
        return CODESTREAM + file.read(LONGEST_HEADER)
    start = b""
    for box in boxes(file):
        if box.kind == b"jxlc":
            return box.read(file, LONGEST_HEADER)
        if box.kind == b"jxlp":  # one part of it, behind its number
            start += box.read(file, LONGEST_HEADER)[4:]
            if len(start) >= LONGEST_HEADER:
                break
    return start


class _Bits:
    """Reads numbers from bytes, the lowest bit first.

    Args:
        data: the bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._rest, self._count = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        """The next number of ``count`` bits."""
        if count > self._count:
            raise ReasonError("jxl.header")
        value = self._rest & ((1 << count) - 1)
        self._rest >>= count
        self._count -= count
        return value

    def choose(self, *choices: tuple[int, int]) -> int:
        """A number of one of four lengths, each with what is added to it."""
        count, added = choices[self.take(2)]
        return self.take(count) + added


def _size(bits: _Bits) -> tuple[int, int]:
    is_small = bits.take(1)

    def side() -> int:
        return 8 * (1 + bits.take(5)) if is_small else _side(bits)

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return side(), height
    across, down = RATIOS[ratio]
    return height * across // down, height


def _side(bits: _Bits) -> int:
    return bits.choose(*((count, 1) for count in SIDE_BITS))


def _skip_preview(bits: _Bits) -> None:
    is_small = bits.take(1)
    choices = (
        ((0, 16), (0, 32), (5, 1), (9, 33))
        if is_small
        else ((6, 1), (8, 65), (10, 321), (12, 1345))
    )
    bits.choose(*choices)
    if not bits.take(3):
        bits.choose(*choices)


def _skip_animation(bits: _Bits) -> None:
    bits.choose((0, 100), (0, 1000), (10, 1), (30, 1))  # ticks a second
    bits.choose((0, 1), (0, 1001), (8, 1), (10, 1))
    bits.choose((0, 0), (3, 0), (16, 0), (32, 0))  # how often it is repeated
    bits.take(1)


def _skip_channel(bits: _Bits) -> int:
    """Read what is said of an extra channel; its kind."""
    if bits.take(1):  # as usual
        return OPACITY
    kind = bits.choose((0, 0), (0, 1), (4, 2), (6, 18))
    _depth(bits)
    bits.choose((0, 0), (0, 3), (0, 4), (3, 1))  # by how much it is smaller
    bits.take(8 * bits.choose((0, 0), (4, 0), (5, 16), (10, 48)))  # its name
    bits.take({OPACITY: 1, SPOT_COLOUR: 64}.get(kind, 0))
    return kind


def _depth(bits: _Bits) -> int:
    if not bits.take(1):
        return bits.choose((0, 8), (0, 10), (0, 12), (6, 1))
    depth = bits.choose((0, 32), (0, 16), (0, 24), (6, 1))
    bits.take(4)  # bits of the exponent
    return depth
