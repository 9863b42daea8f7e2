"""Pictures in and out.

Inside impasto a picture is an H × W × 3 array, RGB, 0…255: uint8 as most files hold it, float32
where there is more to hold. :func:`read` brings every kind of file into that form.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from impasto import colours
from impasto.errors import ImpastoWarning, InputError
from impasto.files import check_writable, shown, written_whole
from impasto.shared import unwarned

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
Source = str | Path | Image.Image | npt.NDArray[np.uint8]

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF", "HEIF", "PPM")
STRIP = 256  # rows of a picture that are converted at a time
MOST_PIXELS = 178_956_970  # where Pillow, too, takes a picture for a decompression bomb
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# Tags of TIFF, and values of the second of them and of those for extra samples.
BITS_PER_SAMPLE, PHOTOMETRIC, ORIENTATION, ICC_PROFILE = 258, 262, 274, 34675
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
PREMULTIPLIED_ALPHA, ALPHA = 1, 2
SIDEWAYS = (5, 6, 7, 8)  # orientations of a picture that lies on its side
LAID_ON_WHITE = "is transparent in places; it is laid on white"

# Suffix → Pillow's format and how to save it.
WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
}
LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}

# What decoders log about a damaged file is for those who listen, not for standard error.
for _decoder in ("PIL", "tifffile"):
    logging.getLogger(_decoder).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Picture:
    """A picture that has been read.

    Attributes:
        pixels: H × W × 3, RGB, 0…255; uint8, or float32 where the file held 16 bits.
        name: base name of its file; None for one that came from memory.
        sha256: of the file's bytes, or of the pixels for one from memory.
    """

    pixels: Pixels
    name: str | None
    sha256: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def identity(self) -> tuple[str, tuple[int, int]]:
        """Alike for two pictures only if they are the same; pixels in memory have no shape."""
        return self.sha256, self.size


# ------------------------------------------------------------------------------------- reading


def read(source: Source, role: str = "picture") -> Picture:
    """A picture from a file, a PIL image or an array, upright, in sRGB, without alpha.

    EXIF orientation is honoured, ICC profiles are converted to sRGB, transparency is laid on white.
    What the user should know about it is warned of with :class:`ImpastoWarning`.

    Args:
        source: a path, a ``PIL.Image.Image``, or an H × W × 3 uint8 array (RGB).
        role: what errors call it, such as ``content picture``.

    Raises:
        InputError: it cannot be read as a picture.
    """
    what, notes = role, list[str]()
    if isinstance(source, np.ndarray):
        picture = _from_memory(_checked_array(source, role))
    elif isinstance(source, Image.Image):
        with _one_sentence(what):
            picture = _from_memory(_from_image(source, notes))
    elif isinstance(source, str | Path):
        path = Path(source)
        what = f"{role} {shown(path)}"
        data = _file_bytes(path, what)
        with _one_sentence(what):
            pixels = _from_file(data, notes)
        picture = Picture(pixels, path.name, hashlib.sha256(data).hexdigest())
    else:
        raise InputError(
            f"The {role} should be a path, a PIL image or an H×W×3 uint8 array, "
            f"not {type(source).__name__}."
        )
    for note in notes:
        warnings.warn(f"The {what} {note}.", ImpastoWarning, stacklevel=2)
    return picture


def size_of(path: str | Path, role: str = "picture") -> tuple[int, int]:
    """Width and height of the picture in a file, upright; its pixels are read only where they must.

    Raises:
        InputError: it is no picture, as far as can be seen so.
    """
    what = f"{role} {shown(path)}"
    data = _file_bytes(Path(path), what)
    with _one_sentence(what):
        try:
            image = _opened(data)
        except _UnusableError:  # what Pillow cannot read, tifffile may
            height, width = _from_file(data, []).shape[:2]
            return width, height
        _check_size(*image.size)
        width, height = image.size
        turned = _orientation(image, []) in SIDEWAYS and image.format != "TIFF"  # upright already
        return (height, width) if turned else (width, height)


class _UnusableError(Exception):
    """A picture of which this text is true cannot be used."""


@contextmanager
def _one_sentence(what: str) -> Iterator[None]:
    """On hostile bytes decoders raise and warn of anything; one sentence of it is for the user."""
    try:
        with unwarned():
            yield
    except _UnusableError as error:
        raise InputError(f"The {what} {error}.") from None
    except MemoryError:
        raise InputError(f"The {what} does not fit into memory: make it smaller.") from None
    except Exception as error:
        reason = str(error).partition("\n")[0].strip(" .")
        if not reason.isprintable() or " at 0x" in reason or not reason:
            reason = type(error).__name__
        raise InputError(
            f"The {what} is damaged or of an unusual kind ({reason}): save it anew as PNG or JPEG."
        ) from None


def _from_memory(pixels: Pixels) -> Picture:
    return Picture(pixels, None, hashlib.sha256(pixels.tobytes()).hexdigest())


def _checked_array(array: npt.NDArray[Any], role: str) -> npt.NDArray[np.uint8]:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        raise InputError(
            f"The {role} should be an H×W×3 array of uint8 (RGB), "
            f"not {'×'.join(map(str, array.shape)) or 'one value'} of {array.dtype}."
        )
    return np.array(array, dtype=np.uint8)


def _file_bytes(path: Path, what: str) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"There is no {what}.") from None
    except IsADirectoryError:
        raise InputError(f"The {what} is a folder; name a picture in it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"The {what} cannot be read: {reason}.") from None
    if not data:
        raise InputError(f"The {what} is empty.")
    return data


def _from_file(data: bytes, notes: list[str]) -> Pixels:
    if data.startswith(TIFF_SIGNATURES):
        pixels = _from_deep_tiff(data, notes)
        if pixels is not None:
            return pixels
    deep_png = data.startswith(PNG_SIGNATURE) and data[24] == 16
    return _from_image(_opened(data), notes, deep_png=deep_png)


def _opened(data: bytes) -> Image.Image:
    """A picture of which only the head has been read."""
    try:
        return Image.open(io.BytesIO(data), formats=_formats(data))
    except UnidentifiedImageError:
        raise _UnusableError(
            "is damaged or not a picture that can be read: use JPEG, PNG, WebP, TIFF, BMP, GIF, "
            "HEIC or AVIF"
        ) from None
    except Image.DecompressionBombError:
        raise _UnusableError(f"has more than {MOST_PIXELS:,} pixels: make it smaller") from None


def _formats(data: bytes) -> list[str]:
    """Formats that may be read; HEIC joins them through pillow-heif when the file is one."""
    Image.init()
    if data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS:
        try:
            import pillow_heif
        except ImportError:
            if data[8:12] not in (b"mif1", b"msf1"):  # those may be AVIF, which Pillow reads
                raise _UnusableError(
                    "is a HEIC picture: install pillow-heif to read it, pip install 'impasto[heif]'"
                ) from None
        else:
            pillow_heif.register_heif_opener()
    return [name for name in FORMATS if name in Image.OPEN]


def _check_size(width: int, height: int) -> None:
    if width * height == 0:
        raise _UnusableError(f"has {width}×{height} pixels: use one that has some")
    if width * height > MOST_PIXELS:
        raise _UnusableError(
            f"has {width}×{height} pixels, more than {MOST_PIXELS:,}: make it smaller"
        )


def _from_image(
    image: Image.Image, notes: list[str], *, deep_png: bool = False
) -> npt.NDArray[np.uint8]:
    _check_size(*image.size)
    image.load()
    orientation = _orientation(image, notes)
    profile = image.info.get("icc_profile")
    image = _eight_bit(image, notes, deep_png=deep_png)
    alpha = None
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        rgba = image.convert("LA" if image.mode == "La" else image.mode).convert("RGBA")
        alpha = rgba.getchannel("A")
        image = rgba.convert("L" if grey else "RGB")  # a profile describes the colours alone
    image = colours.to_srgb(image, colours.transform(profile, image.mode, notes))
    if alpha is not None and alpha.getextrema() != (255, 255):
        notes.append(LAID_ON_WHITE)
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=alpha)
        image = white
    return _upright(np.asarray(image), orientation)


def _orientation(image: Image.Image, notes: list[str]) -> int:
    """What EXIF says of it; 1 means upright. A TIFF that Pillow has loaded is so already."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:
        notes.append("has damaged EXIF data; it is taken to be upright")
        return 1


def _upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.array(pixels, order="C")  # Pillow's own may not be written to


def _eight_bit(image: Image.Image, notes: list[str], *, deep_png: bool) -> Image.Image:
    """What Pillow opened with more than 8 bits; its own conversion would clip, so scale."""
    if image.mode == "F":
        raise _UnusableError("holds floating-point values: save it with 8 or 16 bits a channel")
    tags = getattr(image, "tag_v2", {})
    key = image.info.get("transparency")
    if image.mode.startswith("I") or deep_png or np.max(tags.get(BITS_PER_SAMPLE, 1)) > 8:
        notes.append("has 16 bits a channel; it is read as 8 bit" + _without_tifffile(image))
    if not image.mode.startswith("I"):
        if deep_png and isinstance(key, tuple):  # Pillow has brought the pixels to 8 bits alone
            image = image.copy()
            image.info["transparency"] = tuple(value >> 8 for value in key)
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise _UnusableError("holds 32-bit values: save it with 8 or 16 bits a channel")
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        values = 65535 - values
    grey = Image.fromarray(to_uint8(values / 257))
    if isinstance(key, int):
        grey.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return grey


def _without_tifffile(image: Image.Image) -> str:
    if image.format != "TIFF" or importlib.util.find_spec("tifffile"):
        return ""
    return ", since tifffile is not installed: pip install 'impasto[tiff]'"


def _from_deep_tiff(data: bytes, notes: list[str]) -> npt.NDArray[np.float32] | None:
    """A TIFF of 16 bits, grey or RGB, in full depth; None if it is another or tifffile is away."""
    try:
        import tifffile

        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages[0]
            _check_depth(page.dtype)
            _check_size(page.imagewidth, page.imagelength)
            kind, extra = page.photometric, page.extrasamples
            if kind not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB) or page.bitspersample != 16:
                return None
            if page.axes not in ("YX", "YXS", "SYX"):
                return None
            values = page.asarray() / np.float32(257)
            values = np.moveaxis(values, 0, 2) if page.axes == "SYX" else np.atleast_3d(values)
            orientation = page.tags.valueof(ORIENTATION, 1)
            profile = page.tags.valueof(ICC_PROFILE)
    except _UnusableError:
        raise
    except Exception:  # what it cannot read, Pillow may, or it says what is wrong
        return None
    count = 3 if kind == RGB else 1
    pixels, alpha = values[:, :, :count], values[:, :, count : count + 1] / 255
    if kind == WHITE_IS_ZERO:
        pixels = 255 - pixels
    transparent = bool(extra) and extra[0] in (PREMULTIPLIED_ALPHA, ALPHA)
    if transparent and extra[0] == PREMULTIPLIED_ALPHA:
        pixels = np.minimum(pixels / np.maximum(alpha, 1 / np.float32(65535)), 255)
    transform = colours.transform(profile, "RGB" if kind == RGB else "L", notes)
    if transform is not None:
        notes.append("has 16 bits a channel; its colour profile is converted with 8 bits")
        image = Image.fromarray(to_uint8(pixels if kind == RGB else pixels[:, :, 0]))
        pixels = np.asarray(colours.to_srgb(image, transform))
    pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32)
    return _upright(_on_white(pixels, alpha, notes) if transparent else pixels, orientation)


def _check_depth(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "bu" or dtype.itemsize > 2:
        raise _UnusableError(f"holds {dtype} values: save it with 8 or 16 bits a channel")


def _on_white(
    pixels: npt.NDArray[Any], alpha: npt.NDArray[Any], notes: list[str]
) -> npt.NDArray[Any]:
    """Pixels of 0…255 and their opacity of 0…1, not multiplied with it yet, on white."""
    if alpha.min() == 1:
        return pixels
    notes.append(LAID_ON_WHITE)
    return np.asarray(pixels * alpha + 255 * (1 - alpha), dtype=np.float32)


# ------------------------------------------------------------------------------------ changing


def carried_text(path: Path) -> str | None:
    """What :func:`save` let a PNG carry; None for a picture that carries nothing.

    Raises:
        InputError: there is no such picture.
    """
    what = f"picture {shown(path)}"
    data = _file_bytes(path, what)
    with _one_sentence(what):
        if not data.startswith(PNG_SIGNATURE):
            return None
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        image.load()  # since a text may stand after the pixels
        text = image.info.get("impasto")
        return text if isinstance(text, str) else None


def resize(pixels: Pixels, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Bicubic resize as MATLAB's ``imresize`` does it, neither rounded nor clipped.

    Keys' kernel with a = −0.5 (*Cubic convolution interpolation for digital image processing*,
    1981), widened when shrinking, the picture mirrored beyond its border.

    Args:
        pixels: H × W × 3.
        size: new width and height.
    """
    height, width = pixels.shape[:2]
    if size == (width, height):
        return pixels.astype(np.float32)
    margin_x, margin_y = (
        math.ceil(2 * max(1.0, old / new)) + 1
        for old, new in zip((width, height), size, strict=True)
    )
    box = (margin_x, margin_y, margin_x + width, margin_y + height)
    channels = []
    for channel in np.moveaxis(pixels, 2, 0):
        mirrored = np.pad(channel, ((margin_y, margin_y), (margin_x, margin_x)), mode="symmetric")
        image = Image.fromarray(mirrored.astype(np.float32))
        channels.append(np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box)))
    return np.stack(channels, axis=2)


def resize_in_kind(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """:func:`resize`, rounded and saturated back to uint8 when it came as uint8."""
    if pixels.dtype != np.uint8:
        return resize(pixels, size)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return to_uint8(resize(pixels, size))


def rescale(pixels: Pixels) -> npt.NDArray[np.float32]:
    """One linear map over the whole array: smallest value to 0, largest to 255.

    A picture of one value becomes 0.
    """
    low, high = float(pixels.min()), float(pixels.max())
    if low == high:
        return np.zeros(pixels.shape, np.float32)
    return ((pixels.astype(np.float64) - low) * (255 / (high - low))).astype(np.float32)


def to_uint8(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Round half away from zero and saturate to 0…255.

    >>> to_uint8(np.array([-3.0, 0.5, 1.5, 254.5, 300.0])).tolist()
    [0, 1, 2, 255, 255]
    """
    return by_strips(_rounded, pixels, np.uint8)


def _rounded(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    clipped = np.clip(pixels, 0, 255)
    whole = np.floor(clipped)  # adding 0.5 instead would round 0.49999997 up
    return np.asarray(whole + (clipped - whole >= 0.5))


def by_strips(
    convert: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    pixels: npt.NDArray[Any],
    dtype: Any,
    channels: int | None = None,
) -> npt.NDArray[Any]:
    """Convert a picture a few rows at a time, so that what lies between takes little memory.

    Args:
        convert: makes rows of the result from rows of the picture.
        pixels: the picture.
        dtype: of the result.
        channels: of the result, where they are not as many as the picture's.
    """
    shape = pixels.shape if channels is None else (*pixels.shape[:-1], channels)
    converted = np.empty(shape, dtype)
    for top in range(0, len(pixels), STRIP):
        rows = slice(top, top + STRIP)
        converted[rows] = convert(pixels[rows])
    return converted


# ------------------------------------------------------------------------------------- writing


def check_output(path: str | Path, *, bits: int = 8, size: tuple[int, int] = (1, 1)) -> Path:
    """The path, if a picture of that depth and size can be written there.

    Raises:
        InputError: its folder is missing or read-only, it is a folder, its suffix is unknown, or
            the depth or the size does not go with it.
    """
    path = check_writable(path, WRITERS)
    kind = WRITERS[path.suffix.lower()][0]
    if max(size) > LONGEST_SIDE.get(kind, max(size)):
        raise InputError(
            f"A {kind} picture can have {LONGEST_SIDE[kind]} pixels a side, not {max(size)}: "
            f"end {shown(path)} in .png or .tiff."
        )
    if bits not in (8, 16):
        raise InputError(f"A picture can have 8 or 16 bits a channel, not {bits}.")
    if bits == 16:
        if kind != "TIFF":
            raise InputError(f"16 bits a channel need a TIFF: end {shown(path)} in .tif or .tiff.")
        if importlib.util.find_spec("tifffile") is None:
            raise InputError("To write 16-bit TIFF, install tifffile: pip install 'impasto[tiff]'.")
    return path


def save(
    picture: Pixels | Image.Image, path: str | Path, *, bits: int = 8, text: str | None = None
) -> None:
    """Write a picture, whole or not at all, with an sRGB profile.

    Args:
        picture: H × W × 3, RGB, 0…255, rounded and saturated to the depth; or an RGB image.
        path: ends in ``.png``, ``.jpg``, ``.jpeg``, ``.webp``, ``.tif`` or ``.tiff``.
        bits: 8, or 16 for TIFF.
        text: what a PNG carries under the key ``impasto``.

    Raises:
        InputError: such a picture cannot be written there.
    """
    pixels = np.asarray(picture)
    path = check_output(path, bits=bits, size=(pixels.shape[1], pixels.shape[0]))
    kind, options = WRITERS[path.suffix.lower()]
    with written_whole(path) as file:
        if bits == 16:
            _write_deep_tiff(pixels, file)
            return
        if kind == "PNG" and text is not None:
            chunk = PngInfo()
            chunk.add_text("impasto", text)
            options = {**options, "pnginfo": chunk}
        Image.fromarray(to_uint8(pixels)).save(
            file, kind, icc_profile=colours.srgb_profile(), **options
        )


def _write_deep_tiff(pixels: Pixels, file: BinaryIO) -> None:
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
        iccprofile=colours.srgb_profile(),
        metadata=None,
        software=False,
    )
