"""Reading, resizing and writing pictures.

Inside impasto a picture is an H × W × 3 array, RGB, 0…255: uint8 as in most files, float32 where
more precision is needed. :func:`read` converts every kind of file to that form.
"""

from __future__ import annotations

import functools
import hashlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import InputError
from impasto.files import reading
from impasto.messages.message import Message
from impasto.pictures import tiff
from impasto.pictures.arrays import Opacity, Pixels, is_grey
from impasto.pictures.decoding import (
    checked_head,
    from_file,
    from_image,
    main_page,
    opened_image,
    take_exif,
)
from impasto.pictures.limits import check_density, check_size
from impasto.pictures.png_text import PNG_SIGNATURE
from impasto.pictures.refusals import naming, refusing, shape_of, tell_of
from impasto.pictures.upright import SIDEWAYS, orientation_of

Source = str | os.PathLike[str] | Image.Image | npt.NDArray[np.uint8]

# The formats as a sentence lists them.
READABLE = ("JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "HEIC", "AVIF")
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF", "HEIF", "PPM")
STRIP = 256  # rows of a picture that are converted at a time
MOST_PIXELS = 178_956_970  # Pillow, too, takes a larger picture for a decompression bomb
MOST_DECODED = 8 * MOST_PIXELS  # bytes: four channels of 16 bits
MOST_BYTES = 2**31  # of a file
# Pixels that any file may have, and more for each of its bytes: deflate packs 8256 black pixels.
SMALL, DENSEST = 2**24, 10_000
MOST_COUNTED = 2**23  # bytes; the frames of a larger GIF are not counted
MOST_TILE = 2**28  # bytes of a tile or strip of a TIFF, even if its pages are smaller
LARGEST_SWELLING = 1032  # the largest factor by which deflate can compress
MOST_CHUNKS, MOST_TEXT = 2**18, 2**22  # chunks of a PNG, and bytes of a text in it
GREY_WITHIN = 4  # grey levels by which the channels of a grey picture may differ, as in a WebP
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD = 32  # bytes at the start of a file that show its format
# Camera raw files that are not TIFFs: Fujifilm, Olympus, Panasonic, Minolta, Sigma; and Canon.
RAW_SIGNATURES = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb")
CANON_RAW = (b"HEAPCCDR", b"ftypcrx ")  # a few bytes after the start
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# Tags of TIFF; then values of the photometric, extra-samples and compression tags.
BITS_PER_SAMPLE, PHOTOMETRIC, ORIENTATION, ICC_PROFILE = 258, 262, 274, 34675
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
PREMULTIPLIED_ALPHA, ALPHA = 1, 2
DEFLATE, LZMA = (8, 32946), 34925
SIDEWAYS = (5, 6, 7, 8)  # orientations of a picture turned by 90°
# Suffix → Pillow's format and options for saving.
WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
}
LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}

# Without a handler of the program's own, decoders would log damaged files to standard error.
for _decoder in ("PIL", "tifffile"):
    logging.getLogger(_decoder).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Picture:
    """A picture that has been read.

    Attributes:
        pixels: H × W × 3, RGB, 0…255; uint8, or float32 if the file has 16 bits.
        name: base name of the file; None for a picture from memory.
        sha256: SHA-256 of the file's bytes, or of the pixels of a picture from memory.
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
        """Whether the picture is grey."""
        return is_grey(self.pixels)

    @property
    def identity(self) -> tuple[str, tuple[int, int]]:
        """A key that is equal only for equal pictures; the SHA-256 alone ignores the shape."""
        return self.sha256, self.size


@dataclass(frozen=True)
class Head:
    """What the head of a file says about its picture.

    Attributes:
        size: width and height of the upright picture, in pixels.
        channels: number of values of a pixel, including transparency.
        bytes: size of the decoded pixels.
    """

    size: tuple[int, int]
    channels: int
    bytes: int


def read(source: Source, role: str = "picture") -> Picture:
    """Read a picture from a file, a PIL image or an array, upright, in sRGB, without alpha.

    The picture is turned by its EXIF orientation and converted from its ICC profile to sRGB;
    transparent parts are laid on white. An :class:`ImpastoWarning` tells what the user should know.

    Args:
        source: a path, a ``PIL.Image.Image``, or an H × W × 3 uint8 array (RGB).
        role: what errors call the picture, such as ``content picture``.

    Raises:
        InputError: the source cannot be read as a picture.
    """
    notes = list[Message]()
    pixels, opacity, name, sha256 = _decoded(source, role, notes)
    if opacity is not None:
        notes.append(Message("picture.transparent"))
        pixels = _on_white(pixels, opacity)
    tell_of(naming(role, source), notes, stacklevel=2)
    return Picture(pixels, name, sha256 or _sha256(pixels))


def read_apart(
    source: Source, role: str = "picture"
) -> tuple[Picture, npt.NDArray[np.float32] | None]:
    """A picture as :func:`read` returns it, but with its opacity returned separately.

    Returns:
        The picture without its transparency, and the opacity of its pixels, H × W, 0…1; None if
        all of them are opaque.

    Raises:
        InputError: the source cannot be read as a picture.
    """
    notes = list[Message]()
    pixels, opacity, name, sha256 = _decoded(source, role, notes)
    tell_of(naming(role, source), notes, stacklevel=2)
    if opacity is None:
        return Picture(pixels, name, sha256 or _sha256(pixels)), None
    picture = Picture(pixels, name, sha256 or _sha256(pixels, opacity))
    return picture, (opacity / np.float32(255)).astype(np.float32)


def described(path: str | os.PathLike[str], role: str = "picture") -> Head:
    """What the head of a file says about its picture; no pixels are decoded.

    Raises:
        InputError: the head is not that of a picture that can be read.
    """
    with reading.opened(path, role) as file, refusing(naming(role, path)):
        notes = list[Message]()
        head = checked_head(file)
        if head.startswith(tiff.SIGNATURES):
            page = main_page(file, head, notes)
            turned = page.orientation in SIDEWAYS
            stored = page.width, page.height
            return Head(stored[::-1] if turned else stored, page.channels, page.bytes)
        image = opened_image(file, head)
        check_size(*image.size)
        check_density(file, *image.size)
        width, height = image.size
        channels = len(image.getbands())
        if image.has_transparency_data and not image.mode.endswith(("A", "a")):
            channels += 1
        deep = {"I": 4, "F": 4}.get(image.mode, 2 if image.mode.startswith("I;") else 1)
        if head.startswith(PNG_SIGNATURE):
            take_exif(file, image)
        turned = orientation_of(image, notes) in SIDEWAYS
        size = (height, width) if turned else (width, height)
        return Head(size, channels, width * height * channels * deep)


def size_of(path: str | os.PathLike[str], role: str = "picture") -> tuple[int, int]:
    """Width and height of the upright picture in a file; no pixels are decoded.

    Raises:
        InputError: the head is not that of a picture that can be read.
    """
    return described(path, role).size


def _decoded(
    source: Source, role: str, notes: list[Message]
) -> tuple[Pixels, Opacity | None, str | None, str | None]:
    """Pixels, their opacity if some are transparent, and the name and SHA-256 of a file."""
    if isinstance(source, np.ndarray):
        return _checked_array(source, role), None, None, None
    if isinstance(source, Image.Image):
        with refusing(naming(role, source)):
            return *from_image(source, notes), None, None
    if isinstance(source, str | os.PathLike):
        with reading.opened(source, role) as file, refusing(naming(role, source)):
            pixels, opacity = from_file(file, notes)
            return pixels, opacity, reading.located(source).name, reading.sha256_of(file)
    raise InputError("picture.wrong-type", what=role, type=type(source).__name__)


def _sha256(*arrays: npt.NDArray[Any]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def _checked_array(array: npt.NDArray[Any], role: str) -> npt.NDArray[np.uint8]:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        shape, dtype = shape_of(array), str(array.dtype)
        raise InputError("picture.wrong-array", what=role, shape=shape, dtype=dtype)
    return np.array(array, dtype=np.uint8)


def _from_file(file: BinaryIO, notes: list[Message]) -> tuple[Pixels, Opacity | None]:
    head = _checked_head(file)
    if head.startswith(tiff.SIGNATURES):
        page = _main_page(file, head, notes)
        if page.offset != tiff.first_offset(file):
            file = tiff.beginning_with(page, file)
        deep = _from_deep_tiff(file, notes)
        if deep is not None:
            return deep
    deep_png = head.startswith(PNG_SIGNATURE) and head[24] == 16
    image = _opened_image(file, head)
    _check_density(file, *image.size)
    if image.format != "TIFF":
        _tell_of_frames(image, _bytes_in(file), notes)
    return _from_image(image, notes, deep_png=deep_png)


def _checked_head(file: BinaryIO) -> bytes:
    """The head of a file, after checking that it is a picture's and the file not too large."""
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


def _opened_image(file: BinaryIO, head: bytes) -> Image.Image:
    """A PIL image of which only the head has been read."""
    file.seek(0)
    try:
        return Image.open(file, formats=_formats(head))
    except UnidentifiedImageError:
        raise UnusableError("picture.not-one", kinds=READABLE) from None
    except Image.DecompressionBombError:
        raise UnusableError("picture.too-many-pixels", most=MOST_PIXELS) from None


def _formats(head: bytes) -> list[str]:
    """Formats that the file may have; for a HEIC file, pillow-heif is registered first."""
    Image.init()
    if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS:
        try:
            import pillow_heif
        except ImportError:
            if head[8:12] not in (b"mif1", b"msf1"):  # these may be AVIF, which Pillow reads
                raise UnusableError("picture.needs-heif") from None
        else:
            pillow_heif.register_heif_opener()
    known = ((name, Image.OPEN[name][1]) for name in FORMATS if name in Image.OPEN)
    return [name for name, accepts in known if accepts is None or accepts(head[:16]) is True]


def _main_page(file: BinaryIO, head: bytes, notes: list[Message]) -> tiff.Page:
    """The page of a TIFF that holds the picture rather than a reduced copy."""
    found = tiff.pages(file)
    if tiff.is_camera_raw(head, found):
        raise UnusableError("picture.is-raw")
    whole = [page for page in found if page.is_whole]
    if not whole:
        raise UnusableError("picture.is-reduced")
    page = whole[0]
    _check_size(page.width, page.height)
    _check_density(file, page.width, page.height)
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
    """Add a note if a file holds more pictures than the one that is read."""
    if image.format == "GIF" and bytes_there > MOST_COUNTED:  # Pillow would decode every frame
        if getattr(image, "is_animated", False):
            notes.append(Message("picture.several-frames"))
        return
    count = int(getattr(image, "n_frames", 1))
    if image.format == "MPO":  # its other frames can be previews or gain maps
        count = sum(_is_of_size(image, number, image.size) for number in range(count))
        image.seek(0)
    if count > 1:
        notes.append(Message("picture.frames", count=count))


def _is_of_size(image: Image.Image, number: int, size: tuple[int, int]) -> bool:
    image.seek(number)
    return image.size == size


def _check_size(width: int, height: int) -> None:
    if width * height == 0:
        raise UnusableError("picture.no-pixels", width=width, height=height)
    if width * height > MOST_PIXELS:
        raise UnusableError("picture.too-large", width=width, height=height, most=MOST_PIXELS)


def _check_density(file: BinaryIO, width: int, height: int) -> None:
    """Refuse more pixels than so few bytes can hold, such as a GIF's screen without frames."""
    bytes_there = _bytes_in(file)
    if width * height > SMALL + DENSEST * bytes_there:
        raise UnusableError("picture.too-dense", width=width, height=height, bytes=bytes_there)


def _bytes_in(file: BinaryIO) -> int:
    """Size of a file, or of a file object in memory."""
    return file.seek(0, io.SEEK_END)


def _from_image(
    image: Image.Image, notes: list[Message], *, deep_png: bool = False
) -> tuple[npt.NDArray[np.uint8], Opacity | None]:
    _check_size(*image.size)
    _check_page(image)
    image.load()
    interrupts.check()
    orientation = _orientation(image, notes)
    profile = image.info.get("icc_profile")
    image = _eight_bit(image, notes, deep_png=deep_png)
    interrupts.check()
    alpha = None
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        rgba = image.convert("LA" if image.mode == "La" else image.mode).convert("RGBA")
        alpha = rgba.getchannel("A")
        image = rgba.convert("L" if grey else "RGB")  # a profile describes only the colours
    interrupts.check()
    image = profiles.to_srgb(image, profiles.transform(profile, image.mode, notes))
    pixels = _upright(np.asarray(image), orientation)
    if alpha is None or alpha.getextrema() == (255, 255):
        return pixels, None
    return pixels, _upright(np.asarray(alpha), orientation)


def _check_page(image: Image.Image) -> None:
    """Refuse a TIFF page in memory that holds raw values or a reduced copy."""
    tags = getattr(image, "tag_v2", {})
    kind = tags.get(tiff.NEW_SUBFILE_TYPE, 0)
    if tiff.DNG_VERSION in tags or tags.get(PHOTOMETRIC) in tiff.RAW:
        raise UnusableError("picture.is-raw")
    if kind & tiff.IS_REDUCED or tags.get(tiff.SUBFILE_TYPE) == tiff.REDUCED:
        raise UnusableError("picture.is-reduced")


def _orientation(image: Image.Image, notes: list[Message]) -> int:
    """The EXIF orientation; 1 means upright. Pillow turns a TIFF upright when it loads it."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:
        notes.append(Message("picture.damaged-exif"))
        return 1


def _take_exif(file: BinaryIO, image: Image.Image) -> None:
    """Read the EXIF data of a PNG, for which Pillow would first decode the pixels."""
    if "exif" in image.info:
        return
    image.info["exif"] = b""
    file.seek(len(PNG_SIGNATURE))
    with suppress(UnusableError):  # a file that is cut short, which may still be read in part
        for name, length in _chunks(file):
            if name == b"eXIf":
                image.info["exif"] = file.read(min(length, MOST_TEXT))


def _upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.array(pixels, order="C")  # Pillow's array is read-only


def _eight_bit(image: Image.Image, notes: list[Message], *, deep_png: bool) -> Image.Image:
    """A picture of more than 8 bits scaled to 8; Pillow's own conversion would clip."""
    if image.mode == "F":
        raise UnusableError("picture.floats")
    tags = getattr(image, "tag_v2", {})
    key = image.info.get("transparency")
    if image.mode.startswith("I") or deep_png or np.max(tags.get(BITS_PER_SAMPLE, 1)) > 8:
        notes.append(_read_as_eight_bit(image))
    if not image.mode.startswith("I"):
        if deep_png and isinstance(key, tuple):  # Pillow has converted only the pixels to 8 bits
            image = image.copy()
            image.info["transparency"] = tuple(value >> 8 for value in key)
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise UnusableError("picture.too-deep", kind="32-bit")
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        values = 65535 - values
    grey = Image.fromarray(to_uint8(values / 257))
    if isinstance(key, int):
        grey.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return grey


def _read_as_eight_bit(image: Image.Image) -> Message:
    if image.format != "TIFF" or importlib.util.find_spec("tifffile"):
        return Message("picture.deep", bits=16, read=8)
    return Message("picture.deep-without-tifffile", bits=16, read=8)


def _from_deep_tiff(
    file: BinaryIO, notes: list[Message]
) -> tuple[npt.NDArray[np.float32], Opacity | None] | None:
    """A grey or RGB TIFF of 16 bits in full depth; None for others, or without tifffile."""
    file.seek(0)
    try:
        import tifffile

        with tifffile.TiffFile(file) as pages:
            page = pages.pages[0]
            _check_depth(page.dtype)
            _check_size(page.imagewidth, page.imagelength)
            kind, extra = page.photometric, page.extrasamples
            if kind not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB) or page.bitspersample != 16:
                return None
            if page.axes not in ("YX", "YXS", "SYX"):
                return None
            _check_swelling(page, file)
            stored = page.asarray()
            orientation = page.tags.valueof(ORIENTATION, 1)
            profile = page.tags.valueof(ICC_PROFILE)
            axes = page.axes
    except UnusableError:
        raise
    except Exception:  # Pillow may be able to read it, or report what is wrong
        return None
    stored = np.moveaxis(stored, 0, 2) if axes == "SYX" else np.atleast_3d(stored)
    count = 3 if kind == RGB else 1
    transparent = bool(extra) and extra[0] in (PREMULTIPLIED_ALPHA, ALPHA)
    values = stored[:, :, : count + transparent] / np.float32(257)
    pixels, opacity = values[:, :, :count], values[:, :, count:] if transparent else None
    if kind == WHITE_IS_ZERO:
        pixels = 255 - pixels
    if opacity is not None and extra[0] == PREMULTIPLIED_ALPHA:
        pixels = np.minimum(pixels / np.maximum(opacity / 255, 1 / np.float32(65535)), 255)
    transform = profiles.transform(profile, "RGB" if kind == RGB else "L", notes)
    if transform is not None:
        notes.append(Message("picture.deep-profile", bits=16, used=8))
        image = Image.fromarray(to_uint8(pixels if kind == RGB else pixels[:, :, 0]))
        pixels = np.asarray(profiles.to_srgb(image, transform))
    pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32)
    if opacity is None or opacity.min() == 255:
        return _upright(pixels, orientation), None
    return _upright(pixels, orientation), _upright(opacity[:, :, 0], orientation)


def _check_swelling(page: Any, file: BinaryIO) -> None:
    """Refuse a page with a tile or strip that unpacks to more than its size."""
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


def _check_depth(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "bu" or dtype.itemsize > 2:
        raise UnusableError("picture.too-deep", kind=str(dtype))


def _on_white(pixels: Pixels, opacity: Opacity) -> Pixels:
    """Pixels on white; they are not yet multiplied by their opacity."""
    if pixels.dtype == np.uint8:
        white = Image.new("RGB", (pixels.shape[1], pixels.shape[0]), "white")
        white.paste(Image.fromarray(pixels), mask=Image.fromarray(opacity))
        return np.array(white)
    alpha = opacity[:, :, None] / 255
    return np.asarray(pixels * alpha + 255 * (1 - alpha), dtype=np.float32)


# ------------------------------------------------------------------------------------ changing


def carried_text(path: str | os.PathLike[str]) -> str | None:
    """The text that :func:`save` stored in a PNG; None if the picture has none.

    Raises:
        InputError: the file cannot be read, or the text is damaged or too long.
    """
    with reading.opened(path, "picture") as file, refusing(naming("picture", path)):
        if file.read(len(PNG_SIGNATURE)) != PNG_SIGNATURE:
            return None
        for name, length in _chunks(file):
            if name not in (b"tEXt", b"zTXt", b"iTXt"):
                continue
            text = _text_in(name, file.read(min(length, MOST_TEXT)))
            if text is not None:
                if length > MOST_TEXT:
                    raise UnusableError("picture.text-too-long")
                return text
        return None


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length of every chunk of a PNG; the file is positioned at the chunk's data."""
    size = reading.size_in(file)
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        length, name = struct.unpack(">I4s", head)
        place = file.tell()
        if place + length > size or not name.isalpha():
            break
        yield name, length
        if name == b"IEND":
            return
        file.seek(place + length + 4)  # after its checksum
    raise UnusableError("picture.cut-short")


def _text_in(name: bytes, data: bytes) -> str | None:
    """The text of a chunk if its keyword is ``impasto``, else None."""
    keyword, _, rest = data.partition(b"\0")
    if keyword != b"impasto":
        return None
    packed = name == b"zTXt"
    if name == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].split(b"\0", 2)[-1]  # after the language and the translated keyword
    elif packed:
        rest = rest[1:]
    if packed:
        unpacking = zlib.decompressobj()
        rest = unpacking.decompress(rest, MOST_TEXT)
        if not unpacking.eof:
            raise UnusableError("picture.damaged-text")
    return rest.decode("utf-8" if name == b"iTXt" else "latin-1")


def resize(pixels: Pixels, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """A picture resized bicubically, as by MATLAB's ``imresize``; neither rounded nor clipped.

    The kernel is that of Keys (*Cubic convolution interpolation for digital image processing*,
    1981) with a = −0.5, widened when the picture shrinks; the picture is mirrored at its border.

    Args:
        pixels: H × W × 3.
        size: the new width and height.
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
    """:func:`resize` that returns uint8, rounded and saturated, for a uint8 picture."""
    if pixels.dtype != np.uint8:
        return resize(pixels, size)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return to_uint8(resize(pixels, size))


def is_grey(pixels: Pixels) -> bool:
    """Whether a picture has no colours, except for those that rounding can cause.

    >>> is_grey(np.full((2, 2, 3), 7, np.uint8)), is_grey(np.array([[[255, 0, 0]]], np.uint8))
    (True, False)
    """
    return all(
        float(np.ptp(pixels[top : top + STRIP], axis=2).max()) <= GREY_WITHIN
        for top in range(0, len(pixels), STRIP)
    )


def rescale(pixels: Pixels) -> npt.NDArray[np.float32]:
    """The array mapped linearly so that its smallest value is 0 and its largest 255.

    A picture with a single value becomes 0.
    """
    low, high = float(pixels.min()), float(pixels.max())
    if low == high:
        return np.zeros(pixels.shape, np.float32)
    return ((pixels.astype(np.float64) - low) * (255 / (high - low))).astype(np.float32)


def to_uint8(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Values rounded, halves upwards, and saturated to 0…255, as uint8.

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
    """A picture converted a few rows at a time, so that temporary arrays take little memory.

    Args:
        convert: converts rows of the picture to rows of the result.
        pixels: the picture.
        dtype: the type of the result.
        channels: the number of channels of the result; None for those of the picture.
    """
    shape = pixels.shape if channels is None else (*pixels.shape[:-1], channels)
    converted = np.empty(shape, dtype)
    for top in range(0, len(pixels), STRIP):
        rows = slice(top, top + STRIP)
        converted[rows] = convert(pixels[rows])
    return converted


# ------------------------------------------------------------------------------------- writing


def check_output(path: str | Path, *, bits: int = 8, size: tuple[int, int] = (1, 1)) -> Path:
    """The path, after checking that a picture of that depth and size can be written to it.

    Raises:
        InputError: the folder is missing or read-only, the path is a folder, its suffix is unknown,
            or its format does not allow the depth or the size.
    """
    path = check_writable(reading.located(path), WRITERS)
    kind = WRITERS[path.suffix.lower()][0]
    if max(size) > LONGEST_SIDE.get(kind, max(size)):
        limits = {"most": LONGEST_SIDE[kind], "side": max(size)}
        raise InputError("output.too-large", kind=kind, path=path, **limits)
    if bits not in (8, 16):
        raise InputError("output.depth", bits=bits)
    if bits == 16:
        if kind != "TIFF":
            raise InputError("output.needs-tiff", path=path)
        if importlib.util.find_spec("tifffile") is None:
            raise InputError("output.needs-tifffile")
    return path


def save(
    picture: Pixels | Image.Image, path: str | Path, *, bits: int = 8, text: str | None = None
) -> None:
    """Write a picture with an sRGB profile, completely or not at all.

    Args:
        picture: H × W × 3, RGB, 0…255, which is rounded and saturated; or an RGB image.
        path: ends in ``.png``, ``.jpg``, ``.jpeg``, ``.webp``, ``.tif`` or ``.tiff``.
        bits: bits per channel: 8, or 16 for TIFF.
        text: a text that is stored in a PNG under the key ``impasto``.

    Raises:
        InputError: such a picture cannot be written to the path.
        OSError: writing failed.
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
            cast(BinaryIO, _Encoded(file)), kind, icc_profile=profiles.srgb_profile(), **options
        )


class _Encoded:
    """A file without its descriptor, so that encoders do not write to the descriptor themselves.

    On a full disk they would only report ``encoder error -2``.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.seek, self.tell, self.flush = file.write, file.seek, file.tell, file.flush


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
        iccprofile=profiles.srgb_profile(),
        metadata=None,
        software=False,
    )
