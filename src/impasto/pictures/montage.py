"""Pictures side by side, or in rows and columns with their names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from impasto.errors import InputError
from impasto.pictures import arrays, images
from impasto.settings.pieces import check_whole, described

INK = "#1f2933"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def montage(pictures: Iterable[images.Source], *, gap: int | None = None) -> Image.Image:
    """Lay out pictures side by side on white.

    Every cell has the size of the first picture. The other pictures are centred in their cells and
    scaled to fit, with their aspect ratio kept.

    Args:
        pictures: one or more, each of any kind that :func:`impasto.read_picture` takes.
        gap: width of the white around the cells, in pixels; None means 1/32 of a cell's longer
            side.

    Raises:
        InputError: there is no picture, one cannot be read, or the gap is not a width.
    """
    if gap is not None:
        check_whole("gap", gap, 0)
    tiles = [images.read(picture) for picture in _several(pictures)]
    if not tiles:
        raise InputError("montage.empty")
    width, height = tiles[0].size
    if gap is None:
        gap = max(1, round(max(width, height) / 32))
    whole = (len(tiles) * (width + gap) + gap, height + 2 * gap)
    sheet = Image.new("RGB", whole, "white")
    for index, tile in enumerate(tiles):
        _place(sheet, tile, (gap + index * (width + gap), gap), (width, height))
    return sheet


def sheet(
    rows: Sequence[Sequence[Image.Image | None]],
    titles: Sequence[Sequence[str]],
    names: Sequence[str],
    size: tuple[int, int],
) -> Image.Image:
    """Pictures in rows and columns on white, with their titles and the names of the rows.

    Args:
        rows: rows of RGB pictures; None leaves a cell white.
        titles: the titles above the pictures of each row; a row may have none.
        names: the names of the rows, from top to bottom.
        size: width and height of the cells, in pixels.
    """
    width, height = size
    gap = max(4, max(size) // 32)
    letters = max(11, max(size) // 18)
    font = ImageFont.load_default(letters)
    titles = [[_wrapped(title, font, width) for title in row] for row in titles]
    names = [_wrapped(name, font, max(size)) for name in names]
    left = gap + max((_across(name, font) + gap for name in names if name), default=0)
    tops, bottom = [], gap
    for row in titles:
        bottom += round(1.3 * letters) * max((1 + title.count("\n") for title in row), default=0)
        tops.append(bottom)
        bottom += height + gap
    made = Image.new("RGB", (left + max(map(len, rows)) * (width + gap), bottom), "white")
    draw = ImageDraw.Draw(made)
    for pictures, name, above, top in zip(rows, names, titles, tops, strict=True):
        middle = draw.multiline_textbbox((0, 0), name, font)[3] / 2
        draw.multiline_text((gap, top + height / 2 - middle), name, INK, font)
        for column, title in enumerate(above):
            x = left + column * (width + gap) + width / 2
            for up, line in enumerate(reversed(title.split("\n"))):
                y = top - letters // 4 - up * round(1.3 * letters)
                draw.text((x, y), line, INK, font, anchor="ms")
        for column, picture in enumerate(pictures):
            if picture is not None:
                corner = (left + column * (width + gap), top)
                _place(made, images.read(picture), corner, size)
    return made


def _several(pictures: Any) -> Iterable[Any]:
    """The pictures, if they are several; an array of four dimensions holds one after another.

    Raises:
        InputError: it is a single picture, or nothing that holds pictures.
    """
    one = isinstance(pictures, str | bytes | bytearray | memoryview | os.PathLike | Mapping)
    flat = hasattr(pictures, "shape") and len(pictures.shape) < 4
    if one or flat or hasattr(pictures, "read") or not isinstance(pictures, Iterable):
        raise InputError("montage.one", got=described(pictures))
    return pictures


def _across(text: str, font: Font) -> int:
    """The width of the longest line, in pixels."""
    return max(round(font.getlength(line)) for line in text.split("\n"))


def _wrapped(text: str, font: Font, width: int) -> str:
    """A text broken into lines of at most ``width`` pixels, preferably after punctuation.

    >>> font = ImageFont.load_default(11)
    >>> _wrapped("strength=0.25", font, 100), _wrapped("style_scale=0.25", font, 48)
    ('strength=0.25', 'style_\\nscale=\\n0.25')
    """
    lines = [""]
    for part in re.findall(r"[^\s=,:_/-]*[\s=,:_/-]?", text):
        for piece in [part] if font.getlength(part) <= width else part:
            if lines[-1] and font.getlength(lines[-1] + piece.rstrip()) > width:
                lines.append("")
            lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


def _place(
    sheet: Image.Image, picture: images.Picture, corner: tuple[int, int], room: tuple[int, int]
) -> None:
    """Paste a picture into the middle of the cell with that corner and that size."""
    width, height = _touching(picture.size, room)
    pixels = arrays.to_uint8(arrays.resize_in_kind(picture.pixels, (width, height)))
    across, down = (room[0] - width) // 2, (room[1] - height) // 2
    sheet.paste(Image.fromarray(pixels), (corner[0] + across, corner[1] + down))


def _touching(size: tuple[int, int], tile: tuple[int, int]) -> tuple[int, int]:
    """The largest size with the same aspect ratio that fits into a cell.

    >>> _touching((400, 100), (512, 384)), _touching((10, 20), (512, 384))
    ((512, 128), (192, 384))
    """
    width, height = size
    if width * tile[1] >= height * tile[0]:
        return tile[0], max(1, round(height * tile[0] / width))
    return max(1, round(width * tile[1] / height)), tile[1]
