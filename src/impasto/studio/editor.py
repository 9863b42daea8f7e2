"""The components for pictures and clips: uploads, and the editor for painting a region."""

from __future__ import annotations

from abc import ABCMeta
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.component_meta import ComponentMeta
from gradio.components.base import server
from gradio.data_classes import FileData
from PIL import Image

from impasto.pictures import images
from impasto.settings.style import Style
from impasto.studio.job import Job
from impasto.studio.refusals import refusal
from impasto.studio.texts import said

EDITED = 800  # pixels; longer side of the photograph in the editor, at most
LAYERS = ("PNG", "WEBP", "JPEG")  # formats in which an editor sends its layers
MOST_LAYERS, MOST_LAYER = 4, 4_000_000  # layers of an editor, and bytes of one layer
MOST_KEPT = 100  # editors whose layers are kept until they are used


def upload(**settings: Any) -> gr.File:
    """A component for a file of any kind, which impasto reads itself."""
    file = gr.File(**settings)
    file.preprocess = _as_uploaded  # type: ignore[method-assign]
    return file


class _Plain(ComponentMeta):
    """Makes a component as Python makes a class; Gradio would write a stub beside this file."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> Any:
        return ABCMeta.__new__(cls, name, bases, attributes)


class Film(gr.Video, metaclass=_Plain):
    """A component that shows a film as it is: no other program converts it.

    It is a class because an update of the page makes the component anew.
    """

    def postprocess(self, value: str | Path | None) -> FileData | None:
        """What the page needs to know of a file."""
        return None if value is None else FileData(path=str(value), orig_name=Path(value).name)

    def get_block_name(self) -> str:
        """The name by which the page knows the component."""
        return "video"


def picture(**settings: Any) -> gr.Image:
    """An image component that passes on the uploaded file, which impasto reads itself."""
    image = gr.Image(**settings)
    image.preprocess = _as_uploaded  # type: ignore[method-assign]
    return image


def _as_uploaded(payload: Any) -> str | None:
    """The path of an upload."""
    return None if payload is None else payload.path


def editor(**settings: Any) -> gr.ImageEditor:
    """An image editor that limits the size of its pictures and the number of its layers."""
    made = gr.ImageEditor(**settings)
    read, prepare, keep = made.convert_and_format_image, made.preprocess, made.accept_blobs

    def read_small(file: Any, flatten_on_white: bool = False) -> Any:
        if isinstance(file, bytes):
            with Image.open(BytesIO(file), formats=LAYERS) as image:
                _check_edited(image.size)
        elif file is not None:
            _check_edited(images.described(file.path).size)
        return read(file, flatten_on_white)

    def prepare_few(payload: Any) -> Any:
        kept = payload
        if payload is not None and payload.id is not None:
            kept = made.blob_storage.get(payload.id)
        if kept is not None and len(kept.layers or ()) > MOST_LAYERS:
            raise refusal(said("layers", "en", most=MOST_LAYERS))
        return prepare(payload)

    def keep_few(data: Any) -> None:
        index = data.data["index"]
        is_far = index not in (None, "", "null") and not 0 <= int(index) < MOST_LAYERS
        if is_far or len(data.files[0][1]) > MOST_LAYER:
            raise ValueError("not a layer of the editor")
        keep(data)
        while len(made.blob_storage) > MOST_KEPT:
            made.blob_storage.pop(next(iter(made.blob_storage)), None)

    made.convert_and_format_image = read_small  # type: ignore[method-assign]
    made.preprocess = prepare_few  # type: ignore[method-assign]
    made.accept_blobs = server(keep_few)  # type: ignore[no-untyped-call] # marks it as callable from a page
    return made


def _check_edited(size: tuple[int, int]) -> None:
    if max(size) > EDITED:
        raise refusal(said("edited", "en", most=EDITED))


def mask_of(brush: dict[str, Any] | None, path: Path) -> str | None:
    """The path of a mask of what was painted in the editor; None if nothing was painted."""
    layers = [] if brush is None else brush["layers"]
    if not layers:
        return None
    painted = np.max([layer[..., 3] for layer in layers], axis=0)
    if not painted.any():
        return None
    Image.fromarray(painted.astype(np.uint8)).save(path)
    return str(path)


def two_styles(
    job: Job, first: Style, second: Path, weight: float, brush: dict[str, Any] | None
) -> list[Style]:
    """Two styles: blended, or each in its own region if the visitor painted one."""
    mask = mask_of(brush, job.folder / "mask.png")
    other = Style(picture=second, weight=weight, mask=mask)
    if mask is None:
        return [first, other]
    with Image.open(mask) as image:
        rest = 255 - np.asarray(image)
    if not rest.any():
        return [other]
    Image.fromarray(rest).save(job.folder / "rest.png")
    return [Style(picture=first.picture, mask=str(job.folder / "rest.png")), other]
