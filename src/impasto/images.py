"""Pictures in and out.

Inside impasto a picture is an H × W × 3 array, RGB, 0…255: uint8 as most files hold it, float32
where there is more to hold. :func:`read` brings every kind of file into that form.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from impasto.errors import ImpastoWarning, InputError
from impasto.files import check_writable, written_whole

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
Source = str | Path | Image.Image | npt.NDArray[np.uint8]

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF", "HEIF", "PPM")
MOST_PIXELS = 2**28  # a picture of 16384 × 16384; more is taken for a decompression bomb
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_BITS_PER_SAMPLE = 258
EXIF_ORIENTATION = 274

# Suffix → Pillow's format and how to save it.
WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
}
LONGEST_SIDE = {"JPEG": 65535, "WEBP": 16383}


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


# ------------------------------------------------------------------------------------- reading


def read(source: Source, role: str = "picture") -> Picture:
    """A picture from a file, a PIL image or an array, upright, in sRGB, without alpha.

    EXIF orientation is honoured, ICC profiles are converted to sRGB, transparency is laid on white.

    Args:
        source: a path, a ``PIL.Image.Image``, or an H × W × 3 uint8 array (RGB).
        role: what errors call it, such as ``content picture``.

    Raises:
        InputError: it cannot be read as a picture.
    """
    if isinstance(source, np.ndarray):
        return _from_memory(_checked_array(source, role))
    if isinstance(source, Image.Image):
        return _from_memory(_upright_rgb(source, role))
    if not isinstance(source, str | Path):
        raise InputError(
            f"The {role} should be a path, a PIL image or an H×W×3 uint8 array, "
            f"not {type(source).__name__}."
        )
    path = Path(source)
    data = _file_bytes(path, role)
    return Picture(_decoded(data, f"{role} '{path}'"), path.name, hashlib.sha256(data).hexdigest())


def _from_memory(pixels: Pixels) -> Picture:
    return Picture(pixels, None, hashlib.sha256(pixels.tobytes()).hexdigest())


def _checked_array(array: npt.NDArray[Any], role: str) -> npt.NDArray[np.uint8]:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        raise InputError(
            f"The {role} should be an H×W×3 array of uint8 (RGB), "
            f"not {'×'.join(map(str, array.shape))} of {array.dtype}."
        )
    return array


def _file_bytes(path: Path, role: str) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"There is no {role} '{path}'.") from None
    except IsADirectoryError:
        raise InputError(f"The {role} '{path}' is a folder; name a picture in it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"The {role} '{path}' cannot be read: {reason}.") from None
    if not data:
        raise InputError(f"The {role} '{path}' is empty.")
    return data


def _decoded(data: bytes, what: str) -> Pixels:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = _opened(data, what)
    if _is_deep_tiff(image):
        pixels = _deep_tiff(data, image, what)
        if pixels is not None:
            return pixels
    elif data.startswith(PNG_SIGNATURE) and data[24] == 16:
        _note(f"The {what} has 16 bits a channel; it is read as 8 bit.")
    return _upright_rgb(image, what)


def _opened(data: bytes, what: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=_formats(data, what))
    except UnidentifiedImageError:
        raise InputError(
            f"The {what} is not a picture that can be read: use JPEG, PNG, WebP, TIFF, BMP, GIF, "
            "HEIC or AVIF."
        ) from None
    except Image.DecompressionBombError:
        raise InputError(
            f"The {what} has more than {MOST_PIXELS:,} pixels: make it smaller first."
        ) from None
    except Exception as error:  # decoders raise anything on hostile bytes
        raise InputError(f"The {what} is damaged: {error}.") from None
    if image.width * image.height > MOST_PIXELS:
        raise InputError(
            f"The {what} has {image.width}×{image.height} pixels, more than {MOST_PIXELS:,}: "
            "make it smaller first."
        )
    return image


def _formats(data: bytes, what: str) -> list[str]:
    """Formats that may be read; HEIC joins them through pillow-heif when the file is one."""
    Image.init()
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftyphevc"):
        try:
            import pillow_heif
        except ImportError:
            if data[4:12] != b"ftypmif1":  # may be AVIF, which Pillow reads
                raise InputError(
                    f"To read the {what}, a HEIC picture, install pillow-heif: "
                    "pip install 'impasto[heif]'."
                ) from None
        else:
            pillow_heif.register_heif_opener()
    return [name for name in FORMATS if name in Image.OPEN]


def _upright_rgb(image: Image.Image, what: str) -> npt.NDArray[np.uint8]:
    try:
        image.load()
        image = _eight_bit(ImageOps.exif_transpose(image), what)
        if not image.has_transparency_data:
            return np.asarray(_to_srgb(image, what))
        rgba = image.convert("RGBA")
        alpha = rgba.getchannel("A")
        # An ICC profile describes the colours alone, so alpha goes round the conversion.
        opaque = rgba.convert("L" if image.mode in ("LA", "La") else "RGB")
        opaque.info = image.info
        if alpha.getextrema() == (255, 255):
            return np.asarray(_to_srgb(opaque, what))
        _note(f"The {what} is transparent in places; it is laid on white.")
        white = Image.new("RGB", image.size, "white")
        white.paste(_to_srgb(opaque, what), mask=alpha)
        return np.asarray(white)
    except InputError:
        raise
    except Exception as error:  # decoders raise anything on hostile bytes
        reason = str(error) or type(error).__name__
        raise InputError(f"The {what} is damaged: {reason}.") from None


def _eight_bit(image: Image.Image, what: str) -> Image.Image:
    """Pillow clips what its modes of 16 and 32 bits hold when it converts them, so scale it."""
    if image.mode == "F":
        raise InputError(
            f"The {what} holds floating-point values, whose white is not known: "
            "save it with 8 or 16 bits a channel."
        )
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.float64)
    if values.min() < 0 or values.max() > 65535:
        raise InputError(f"The {what} holds 32-bit values: save it with 8 or 16 bits a channel.")
    grey = Image.fromarray(to_uint8(values / 257))
    grey.info = image.info
    return grey


def _to_srgb(image: Image.Image, what: str) -> Image.Image:
    profile = _profile(image, what)
    if profile is None:
        return image.convert("RGB")
    space = profile.profile.xcolor_space.strip()
    mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}.get(space)
    if mode is None or (mode != image.mode and "CMYK" in (mode, image.mode)):
        _note(f"The {what} has a colour profile for another kind of picture; it is ignored.")
        return image.convert("RGB")
    try:
        converted = ImageCms.profileToProfile(
            image.convert(mode), profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except ImageCms.PyCMSError:
        _note(f"The {what} has a colour profile that cannot be used; it is ignored.")
        return image.convert("RGB")
    return converted if converted is not None else image.convert("RGB")


def _profile(image: Image.Image, what: str) -> ImageCms.ImageCmsProfile | None:
    """The colour profile that a picture carries, None where there is nothing to convert."""
    data = image.info.get("icc_profile")
    if image.mode == "LAB" and not data:
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    if not data:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        name = ImageCms.getProfileDescription(profile)
    except (OSError, ImageCms.PyCMSError):
        _note(f"The {what} has a damaged colour profile; its colours are taken as sRGB.")
        return None
    return None if name.startswith("sRGB") else profile


def _is_deep_tiff(image: Image.Image) -> bool:
    if image.format != "TIFF":
        return False
    bits = image.tag_v2.get(TIFF_BITS_PER_SAMPLE, 1)  # type: ignore[attr-defined]
    return bool(np.max(bits) > 8)


def _deep_tiff(data: bytes, image: Image.Image, what: str) -> npt.NDArray[np.float32] | None:
    """A 16-bit TIFF in full depth; None, with a note, where it has to be read as 8 bit."""
    reason = None
    if _profile(image, what) is not None:
        reason = "its colour profile has to be converted"
    elif image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        reason = "it has to be turned upright"
    else:
        try:
            import tifffile

            array = tifffile.imread(io.BytesIO(data), key=0)
        except ImportError:
            reason = "tifffile is not installed: pip install 'impasto[tiff]'"
        except Exception:  # a compression or layout that tifffile does not know
            reason = "its layout is unusual"
    if reason is None and array.dtype == np.uint16:
        if array.ndim == 3 and array.shape[0] in (3, 4) and array.shape[2] not in (3, 4):
            array = np.moveaxis(array, 0, 2)  # planes one after the other
        if array.ndim == 2:
            array = np.stack([array] * 3, axis=2)
        if array.shape[:2] == (image.height, image.width) and array.shape[2] in (3, 4):
            return _on_white((array / np.float32(257)).astype(np.float32), what)
        reason = "its layout is unusual"
    if reason is not None:
        _note(f"The {what} has 16 bits a channel; it is read as 8 bit, since {reason}.")
    return None


def _on_white(pixels: npt.NDArray[np.float32], what: str) -> npt.NDArray[np.float32]:
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[:, :, 3:] / 255
    if alpha.min() < 1:
        _note(f"The {what} is transparent in places; it is laid on white.")
    return np.asarray(pixels[:, :, :3] * alpha + 255 * (1 - alpha), dtype=np.float32)


def _note(text: str) -> None:
    warnings.warn(text, ImpastoWarning, stacklevel=2)


# ------------------------------------------------------------------------------------ changing


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
    resized = resize(pixels, size)
    return to_uint8(resized) if pixels.dtype == np.uint8 else resized


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
    rounded: npt.NDArray[np.uint8] = np.floor(np.clip(pixels, 0, 255) + 0.5).astype(np.uint8)
    return rounded


# ------------------------------------------------------------------------------------- writing


def check_output(path: str | Path, *, bits: int = 8, size: tuple[int, int] = (1, 1)) -> Path:
    """The path, if a picture of that depth and size can be written there.

    Raises:
        InputError: its folder is missing or read-only, it is a folder, its suffix is unknown, or
            the depth or the size does not go with it.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise InputError(
            f"The output '{path}' should end in {', '.join(WRITERS)}, "
            f"not {repr(path.suffix) if suffix else 'nothing'}."
        )
    check_writable(path)
    kind = WRITERS[suffix][0]
    if max(size) > LONGEST_SIDE.get(kind, max(size)):
        raise InputError(
            f"A {kind} picture can have {LONGEST_SIDE[kind]} pixels a side, not {max(size)}: "
            f"end '{path}' in .png or .tiff."
        )
    if bits not in (8, 16):
        raise InputError(f"A picture can have 8 or 16 bits a channel, not {bits}.")
    if bits == 16:
        if kind != "TIFF":
            raise InputError(f"16 bits a channel need a TIFF: end '{path}' in .tif or .tiff.")
        if importlib.util.find_spec("tifffile") is None:
            raise InputError("To write 16-bit TIFF, install tifffile: pip install 'impasto[tiff]'.")
    return path


def save(pixels: Pixels, path: str | Path, *, bits: int = 8, text: str | None = None) -> None:
    """Write a picture, whole or not at all, with an sRGB profile.

    Args:
        pixels: H × W × 3, RGB, 0…255; rounded and saturated to the depth.
        path: ends in ``.png``, ``.jpg``, ``.jpeg``, ``.webp``, ``.tif`` or ``.tiff``.
        bits: 8, or 16 for TIFF.
        text: what a PNG carries under the key ``impasto``.

    Raises:
        InputError: such a picture cannot be written there.
    """
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
        Image.fromarray(to_uint8(pixels)).save(file, kind, icc_profile=srgb_profile(), **options)


def _write_deep_tiff(pixels: Pixels, file: BinaryIO) -> None:
    import tifffile

    deep = np.floor(np.clip(pixels.astype(np.float64), 0, 255) * 257 + 0.5).astype(np.uint16)
    tifffile.imwrite(
        file, deep, photometric="rgb", iccprofile=srgb_profile(), metadata=None, software=False
    )


@functools.cache
def srgb_profile() -> bytes:
    """An ICC profile of sRGB, the same bytes at any time of day."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)  # when it was made
    return bytes(profile)
