"""Read pictures from a file, from memory or from an array, upright and in sRGB.

:func:`read` brings every kind of picture into the form of :mod:`impasto.pictures.arrays`.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import InputError, ReasonError
from impasto.files import reading
from impasto.files.png_text import PNG_SIGNATURE
from impasto.messages.message import Message
from impasto.pictures import deep_png, in_memory, jpeg_xl, tiff
from impasto.pictures.arrays import Opacity, Pixels, is_grey, middle
from impasto.pictures.decoding import (
    check_head,
    from_file,
    from_image,
    main_page,
    opened_image,
    reader_of,
)
from impasto.pictures.kinds import checked_head
from impasto.pictures.limits import Head
from impasto.pictures.refusals import UnusableError, naming, refusing, tell_of
from impasto.pictures.strokes import resize_smoothed
from impasto.pictures.upright import SIDEWAYS, orientation_of, take_metadata

if TYPE_CHECKING:
    from torch import Tensor

MOST_SIZES, MOST_PIXELS = 4, 2**20  # sizes of a picture that are kept; pixels of each

# What a picture can be given as; :func:`read` explains each kind.
Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | reading.Readable"
    " | Image.Image | npt.NDArray[Any] | Tensor"
)


@dataclass(frozen=True)
class Picture:
    """A picture that has been read.

    Attributes:
        pixels: H × W × 3, RGB, 0…255; uint8, or float32 where the source held more than 8 bits.
        name: base name of its file; None for one that came from memory.
        sha256: of the file's bytes, in memory too, or of the pixels of an image or an array.
    """

    pixels: Pixels
    name: str | None
    sha256: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @functools.cached_property
    def is_grey(self) -> bool:
        """Whether it has no colours."""
        return is_grey(self.pixels)

    def resized(self, size: tuple[int, int], *, reach: float = 0.0) -> npt.NDArray[np.float32]:
        """The pixels in another size, as :func:`impasto.pictures.arrays.resize` makes them.

        The last small ones are kept, read-only, since a run reads a picture several times in each
        of its sizes.

        Args:
            size: new width and height.
            reach: how far they are smoothed along strokes, in pixels (:func:`resize_smoothed`).
        """
        kept, key = self._in_sizes, (size, reach)
        found = kept.get(key)
        if found is None:
            found = resize_smoothed(self.pixels, size, reach)
            if size[0] * size[1] <= MOST_PIXELS:
                found.setflags(write=False)
                kept[key] = found
                for earlier in list(kept)[:-MOST_SIZES]:
                    kept.pop(earlier, None)
        return found

    @functools.cached_property
    def _in_sizes(self) -> dict[tuple[tuple[int, int], float], npt.NDArray[np.float32]]:
        return {}

    def cropped(self, size: tuple[int, int]) -> Picture:
        """The middle of the picture, of a width and a height that are at most its own."""
        if size == self.size:
            return self
        return replace(self, pixels=middle(self.pixels, size))

    @property
    def identity(self) -> tuple[str, tuple[int, int]]:
        """A key that two pictures share only if they are the same; it includes the size."""
        return self.sha256, self.size


def are_several(given: Any) -> TypeGuard[Iterable[Any]]:
    """Whether these are several pictures rather than one; text, arrays and files are one."""
    one = isinstance(given, str | os.PathLike) or in_memory.is_array(given)
    return isinstance(given, Iterable) and not one and not reading.is_encoded(given)


def read(source: Source, role: str = "picture") -> Picture:
    """Read a picture from a file or from memory, upright, in sRGB, without alpha.

    EXIF orientation is honoured, ICC profiles are converted to sRGB, transparency is laid on white.
    What the user should know about it is warned of with :class:`ImpastoWarning`.

    Args:
        source: one of these:

            - a path;
            - the bytes of a picture file, or a file object that is open for reading in binary mode
              (it is read from its position and stays open);
            - a ``PIL.Image.Image`` of any mode;
            - a NumPy array, H × W, or H × W × C with 1, 3 or 4 channels: uint8 is 0…255, uint16 is
              0…65535, booleans are black and white, and floats are 0…1 if all of them are within
              it, which is noted, and 0…255 otherwise;
            - a PyTorch tensor on any device, C × H × W, 1 × C × H × W or H × W × C, with the same
              values as an array.

        role: what errors call it, such as ``content picture``.

    Raises:
        InputError: it cannot be read as a picture.
    """
    notes = list[Message]()
    pixels, opacity, name, sha256 = _decoded(source, role, notes)
    if opacity is not None:
        notes.append(Message("picture.transparent"))
        pixels = _on_white(pixels, opacity)
    tell_of(naming(role, source), notes)
    return Picture(pixels, name, sha256 or digest(pixels))


def read_apart(
    source: Source, role: str = "picture"
) -> tuple[Picture, npt.NDArray[np.float32] | None]:
    """Read a picture like :func:`read`, but return its opacity separately.

    The range of an array is not noted: it is for masks, whose floats usually are in 0…1.

    Returns:
        The picture as if nothing of it were transparent; and H × W, 0…1, how opaque each of its
        pixels is, or None where all are.

    Raises:
        InputError: it cannot be read as a picture.
    """
    notes = list[Message]()
    pixels, opacity, name, sha256 = _decoded(source, role, notes)
    tell_of(naming(role, source), [note for note in notes if note.code not in in_memory.OF_RANGE])
    if opacity is None:
        return Picture(pixels, name, sha256 or digest(pixels)), None
    picture = Picture(pixels, name, sha256 or digest(pixels, opacity))
    return picture, (opacity / np.float32(255)).astype(np.float32)


def described(path: str | os.PathLike[str], role: str = "picture") -> Head:
    """Describe the picture in a file from its header; no pixels are decoded.

    Raises:
        InputError: it is no picture, as far as can be seen so.
    """
    with reading.opened(path, role) as file, refusing(naming(role, path)):
        notes = list[Message]()
        head = checked_head(file)
        reader = reader_of(file, head)
        if reader is not None or jpeg_xl.accepts(head):
            described = (reader or jpeg_xl).describe(file)
            check_head(file, described)
            return described
        if head.startswith(tiff.SIGNATURES):
            page = main_page(file, notes)
            turned = page.orientation in SIDEWAYS
            stored = page.width, page.height
            return Head(stored[::-1] if turned else stored, page.channels, page.bytes)
        image = opened_image(file, head)
        width, height = image.size
        channels = len(image.getbands())
        if image.has_transparency_data and not image.mode.endswith(("A", "a")):
            channels += 1
        is_deep = image.mode.startswith("I") or deep_png.accepts(head)
        if head.startswith(PNG_SIGNATURE):
            take_metadata(file, image)
        turned = orientation_of(image, notes) in SIDEWAYS
        size = (height, width) if turned else (width, height)
        return Head(size, channels, width * height * channels * (2 if is_deep else 1))


def size_of(path: str | os.PathLike[str], role: str = "picture") -> tuple[int, int]:
    """Width and height of the picture in a file, upright; no pixels are decoded.

    Raises:
        InputError: it is no picture, as far as can be seen so.
    """
    return described(path, role).size


def _decoded(
    source: Source, role: str, notes: list[Message]
) -> tuple[Pixels, Opacity | None, str | None, str | None]:
    """Pixels, opacity (None if all are opaque), and the name and SHA-256 of a file."""
    if source is None:
        raise InputError("picture.none", what=role)
    if isinstance(source, str | os.PathLike):
        with reading.opened(source, role) as file, refusing(naming(role, source)):
            pixels, opacity = from_file(file, notes)
            return pixels, opacity, reading.located(source).name, reading.sha256_of(file)
    with refusing(naming(role, source), "picture.no-pixels-to-read"):
        if isinstance(source, Image.Image):
            return *from_image(source, notes), None, None
        if in_memory.is_array(source):
            return *in_memory.pixels_of(source, notes), None, None
    with refusing(naming(role, source)):
        if reading.is_encoded(source):
            data = _taken(source)
            with reading.in_memory(data) as file:
                return *from_file(file, notes), None, hashlib.sha256(data).hexdigest()
    raise InputError("picture.wrong-type", what=role, type=type(source).__name__)


def digest(*arrays: npt.NDArray[Any]) -> str:
    """SHA-256 of pixels."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def _taken(source: Any) -> bytes:
    """The bytes of an encoded picture.

    Raises:
        UnusableError: there are none, or they cannot be read.
    """
    try:
        data: bytes = reading.taken(source)
    except ReasonError as error:
        raise UnusableError("picture.unreadable", reason=error.message) from None
    if not data:
        raise UnusableError("picture.no-bytes")
    return data


def _on_white(pixels: Pixels, opacity: Opacity) -> Pixels:
    """Composite pixels without premultiplied opacity on white."""
    if pixels.dtype == np.uint8:
        white = Image.new("RGB", (pixels.shape[1], pixels.shape[0]), "white")
        white.paste(Image.fromarray(pixels), mask=Image.fromarray(opacity))
        return np.array(white)
    alpha = opacity[:, :, None] / 255
    return np.asarray(pixels * alpha + 255 * (1 - alpha), dtype=np.float32)
