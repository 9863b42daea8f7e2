"""What kind of picture a file holds, as its first bytes tell."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from PIL import Image

from impasto.files import reading
from impasto.files.listing import KINDS
from impasto.messages.message import Message
from impasto.pictures import camera_raw, jpeg_xl, netpbm, photoshop, targa
from impasto.pictures.limits import MOST_BYTES, Head
from impasto.pictures.rasters import Raster
from impasto.pictures.refusals import UnusableError

# Formats that Pillow decodes, by its own names; those of HEIF and JXL come with their extras.
FORMATS = (
    *("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF", "HEIF", "JPEG2000"),
    *("JXL", "TGA"),
)
READABLE = tuple(KINDS)  # what a sentence says that can be read
HEAD = 32  # bytes of a file that tell its kind
# First bytes of Matroska, MPEG, Flash and Windows Media.
CLIPS = (b"\x1aE\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"FLV\1", b"0&\xb2u\x8ef\xcf\x11")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class Reader(Protocol):
    """A module that reads one kind of file."""

    def accepts(self, head: bytes) -> bool:
        """Whether a file begins like one of its kind."""

    def describe(self, file: BinaryIO) -> Head:
        """Describe the picture from its header."""

    def read(self, file: BinaryIO, notes: list[Message]) -> Raster:
        """Read the picture."""


READERS: tuple[Reader, ...] = (netpbm, photoshop, camera_raw)


def checked_head(file: BinaryIO) -> bytes:
    """The first bytes of a file, if it looks like a picture and is not too large.

    Raises:
        UnusableError: it is no picture, it is too large, or the extra for its kind is missing.
    """
    file.seek(0)
    head = file.read(HEAD)
    if not any(reader.accepts(head) for reader in READERS) and not formats(head):
        if is_clip(head):
            raise UnusableError("picture.is-clip")
        raise UnusableError("picture.not-one", kinds=READABLE)
    size = reading.size_in(file)
    if size > MOST_BYTES:
        given, most = map(reading.in_gigabytes, (size, MOST_BYTES))
        raise UnusableError("picture.too-many-bytes", size=given, most=most)
    return head


def is_clip(head: bytes) -> bool:
    """Whether a file begins like a clip: MP4, MOV, Matroska, AVI, MPEG, Flash or Windows Media."""
    is_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    is_quicktime = head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free")
    return is_avi or is_quicktime or head.startswith(CLIPS)


def formats(head: bytes) -> list[str]:
    """The formats of Pillow that a file may have; those that an extra reads are registered.

    Raises:
        UnusableError: the extra is not installed.
    """
    Image.init()
    _register_heif(head)
    _register_jxl(head)
    start = head[:16].ljust(16, b"\0")  # some of Pillow's checks fail on fewer bytes
    known = ((name, Image.OPEN[name][1]) for name in FORMATS if name in Image.OPEN)
    found = [name for name, accepts in known if accepts is not None and accepts(start) is True]
    return found or (["TGA"] if targa.accepts(head) else [])


def _register_heif(head: bytes) -> None:
    if head[4:8] != b"ftyp" or head[8:12] not in HEIF_BRANDS:
        return
    try:
        import pillow_heif
    except ImportError:
        if head[8:12] not in (b"mif1", b"msf1"):  # those may be AVIF, which Pillow reads
            raise UnusableError("picture.needs-heif") from None
    else:
        pillow_heif.register_heif_opener()


def _register_jxl(head: bytes) -> None:
    if not jpeg_xl.accepts(head):
        return
    try:
        import pillow_jxl  # noqa: F401 – which registers itself
    except ImportError:
        raise UnusableError("picture.needs-jxl") from None
