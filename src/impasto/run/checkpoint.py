"""Checkpoint files: a run on disk, so that nothing is lost when it is interrupted.

A checkpoint is a safetensors file: the canvases and the optimiser's tensors, and everything else as
JSON text in the metadata. It contains no code, so nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json
from torch import Tensor

from impasto._version import __version__
from impasto.errors import InputError, ReasonError, StoppedError
from impasto.files import reading
from impasto.files.reading import as_given, located, open_file, reason_of
from impasto.files.writing import written_whole
from impasto.messages.message import Message
from impasto.network import pyramid
from impasto.optim.optimizer import OWN
from impasto.optim.preconditioner import BANDS, PAIRS, grid_of
from impasto.pictures import masks
from impasto.pictures.inputs import MASKS, called, kind_of, numbered
from impasto.run.levels import Level
from impasto.settings.layers import BY_NAME
from impasto.settings.validation import refusal
from impasto.settings.values import LARGEST_SIDE, MOST_THREADS, TILE_STEP

KEY = "impasto"  # key of the JSON text in the file's metadata
DIGEST = "sha256"  # key of the SHA-256 of the JSON text and every tensor
# First words of the names of tensors: those of a canvas's shape, single numbers, maps of the cut.
LIKE_A_CANVAS = ("canvas", "kept", "step", "change", "line", "round", "begun")
NUMBERS = ("scale", "curvature")
MOST_LEVELS = 16  # of a Laplacian pyramid
LIKE_THE_CUT = ("deep map", "deep content", "deep style")


Positive = Annotated[float, Field(gt=0)]


class Saved(BaseModel):
    """The state of a run without its tensors.

    Attributes:
        impasto: version of impasto that wrote it.
        recipe: every setting.
        content: absolute path of the content picture; all other paths are absolute too.
        styles: the settings of every style.
        inputs: SHA-256 of every picture, by its role in the run, and of the weights.
        weights: ``bundled``, or the path of the weight file.
        weights_input: the input that a weight file expects.
        device: the device that computes.
        threads: number of CPU threads.
        float32: whether the run had to change from bfloat16 to float32.
        level: number of the level, counted from 1.
        count: evaluations done at this level.
        tiles: for each level, the side of its tiles in pixels; None if it is processed whole.
        history: loss, content, style, seconds and level of every step.
        best: number of the best step; 0 before the first.
        stand_in: the fields of :class:`impasto.run.stand_in.StandIn`.
        done: whether the run is finished.
        optimizer: the numbers of the optimiser's state.
        objective: the numbers of the objective's state.
        every: seconds between two checkpoints.
        outputs: data of the caller, such as the files that the run writes.
        folder: folder in which the checkpoint was written; it helps to find files that moved along.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    impasto: str
    recipe: dict[str, Any]
    content: str
    styles: list[dict[str, Any]]
    inputs: dict[str, str]
    weights: str
    weights_input: str | None
    device: str
    threads: int = Field(ge=1, le=MOST_THREADS)
    float32: bool
    level: int = Field(ge=1)
    count: int = Field(ge=0)
    tiles: list[Annotated[int, Field(gt=0, le=LARGEST_SIDE, multiple_of=TILE_STEP)] | None]
    history: list[tuple[float, float, float, Annotated[float, Field(ge=0)], int]]
    best: int = Field(ge=0)
    stand_in: tuple[Positive, Positive, bool]
    done: bool
    optimizer: dict[str, float]
    objective: dict[str, float]
    every: float = Field(ge=0)
    outputs: dict[str, Any]
    folder: str

    def check(self, levels: Sequence[Level]) -> None:
        """Make sure that this is the state of a run with the given levels.

        Raises:
            ValueError: it is not.
        """
        if len(self.tiles) != len(levels) or self.level > len(levels):
            raise ReasonError("state.levels")
        before = sum(level.steps for level in levels[: self.level - 1])
        taken = [sum(step[4] == level.number for step in self.history) for level in levels]
        at = [step[4] for step in self.history]
        if at != sorted(at) or sum(taken) != len(at) or len(at) > before + self.count:
            raise ReasonError("state.steps")
        if any(count > level.steps for count, level in zip(taken, levels, strict=True)):
            raise ReasonError("state.too-many-steps")
        if self.count > levels[self.level - 1].steps or (self.best == 0) != (not at):
            raise ReasonError("state.too-many-steps")
        if self.best > len(at):
            raise ReasonError("state.best")


def write(
    path: Path,
    saved: Saved,
    tensors: dict[str, Tensor],
    is_given_up: Callable[[], bool] = lambda: False,
) -> None:
    """Write a checkpoint, completely or not at all.

    Args:
        path: path of the checkpoint.
        saved: the state of the run without its tensors.
        tensors: the tensors, by name.
        is_given_up: tells whether nobody will resume the run; writing then stops.

    Raises:
        OSError: the checkpoint cannot be written.
        StoppedError: the run was given up in the meantime.
    """
    text = saved.model_dump_json()
    on_host = _apart({name: tensor.detach().cpu() for name, tensor in tensors.items()})
    metadata = {KEY: text, DIGEST: digest(text, on_host, is_given_up)}
    with written_whole(path) as file:
        try:
            safetensors.torch.save_file(on_host, file.name, metadata)
        except safetensors.SafetensorError as error:
            raise OSError(str(error)) from None


def read(path: Path) -> tuple[Saved, dict[str, Tensor]]:
    """Read the state of a run and its tensors from a checkpoint, validated.

    Raises:
        InputError: the file cannot be read, is not a checkpoint, is damaged, or was written by
            another version of impasto.
    """
    metadata, tensors = _content(path, with_tensors=True)
    text = metadata.get(KEY)
    if text is not None and metadata.get(DIGEST) != digest(text, tensors):
        raise InputError("checkpoint.damaged", path=path)
    return _saved_in(metadata, path), tensors


def read_saved(path: Path) -> Saved:
    """Read the state of a run without its tensors, which may be damaged; only the header is read.

    Raises:
        InputError: the header cannot be read, is not of a checkpoint, or was written by another
            version of impasto.
    """
    return _saved_in(_content(path, with_tensors=False)[0], path)


def _content(path: Path, *, with_tensors: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata of a safetensors file and its tensors, if they are wanted.

    Raises:
        InputError: the file cannot be read.
    """
    path = located(path)
    try:
        open_file(path).close()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError("checkpoint.not-found", path=as_given(path)) from None
    except (OSError, ValueError) as error:
        raise InputError("checkpoint.unreadable", path=path, reason=reason_of(error)) from None
    try:
        with safetensors.safe_open(path, "pt") as file:
            names = file.keys() if with_tensors else ()
            # Copied: sums are rounded differently in memory not aligned like PyTorch's own.
            return file.metadata() or {}, {name: file.get_tensor(name).clone() for name in names}
    except Exception as error:  # damaged bytes make readers raise almost anything
        reason = getattr(error, "strerror", None) or Message("checkpoint.not-one")
        raise InputError("checkpoint.unreadable", path=path, reason=reason) from None


def _saved_in(metadata: Mapping[str, str], path: Path) -> Saved:
    """The state of a run in the metadata of a file.

    Raises:
        InputError: there is none, or it was written by another version of impasto.
    """
    text = metadata.get(KEY)
    if text is None:
        raise InputError("checkpoint.not-ours", path=path)
    if _version(text) != __version__:
        raise InputError("checkpoint.other-version", path=path, version=__version__)
    try:
        return Saved.model_validate_json(text)
    except ValidationError as error:
        reason = refusal(error, Saved, Message("of.run"))
        raise InputError("checkpoint.unusable", path=path, error=reason) from None


def _version(text: str) -> Any:
    """The version that wrote a run's state; None if the text is not such a state."""
    try:
        table = from_json(text)
    except ValueError:
        return None
    return table.get("impasto") if isinstance(table, dict) else None


def check_tensors(
    tensors: Mapping[str, Tensor], level: Level, dtype: torch.dtype, cut: str | None
) -> None:
    """Make sure that the tensors of a checkpoint are those of a run at a level.

    Args:
        tensors: the tensors, by name.
        level: the level of the canvas.
        dtype: number format of the canvases.
        cut: name of the layer behind which deep layers are deferred; None if none are.

    Raises:
        ValueError: a tensor has the wrong shape or number format, or is not finite.
    """
    width, height = level.size
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(LIKE_A_CANVAS, (3, height, width))
    shapes |= dict.fromkeys(NUMBERS, ())
    for number, size in enumerate(pyramid.sizes((height, width), MOST_LEVELS)):
        shapes |= dict.fromkeys((f"mean {number}", f"square {number}"), (3, *size))
    if cut is not None:
        layer = BY_NAME[cut]
        at = layer.channels, height >> layer.pools, width >> layer.pools
        shapes |= {"deep losses": (2,), **dict.fromkeys(LIKE_THE_CUT, at)}
    for name, tensor in tensors.items():
        if name.startswith(f"{OWN} "):
            continue
        shape = shapes.get(name) or shapes.get(name.partition(" ")[0])
        if name == "powers" and tensor.ndim:
            shape = (min(len(tensor), PAIRS), 2, 3, BANDS)
        if name == "places" and tensor.ndim:
            shape = (min(len(tensor), PAIRS), 2, *grid_of(height, width))
        if tensor.shape != shape or tensor.dtype != dtype:
            raise ReasonError("state.tensor", name=name)
    if not tensors["kept"].isfinite().all():
        raise ReasonError("state.not-finite")


def holds_begun(level: Level, count: int) -> bool:
    """Whether a checkpoint holds the canvas with which its level began.

    Args:
        level: the level.
        count: number of steps that it has taken.
    """
    return level.paints_on and count < level.steps


def with_inputs_found(saved: Saved, path: Path, folder: Path | None = None) -> Saved:
    """Update the paths of the inputs in a state, in case files have moved.

    Each input is searched for in the given folder, at its old path, at the same place relative to
    the checkpoint, and beside the checkpoint. A file with the same SHA-256 is preferred.

    Args:
        saved: the state.
        path: path of the checkpoint.
        folder: the folder that contains the inputs now; None if none is given.

    Returns:
        The state with the paths of the inputs as they are now.

    Raises:
        InputError: an input is not found, or the folder does not exist.
    """
    if folder is not None and not os.path.isdir(folder):  # noqa: PTH112 – never raises
        raise InputError("checkpoint.no-folder", folder=folder)

    def found(key: str, source: Any) -> Any:
        if not isinstance(source, str):  # the reader of this setting refuses it
            return source
        file, colour = masks.split(source) if kind_of(key) in MASKS else (source, None)
        old = Path(file)
        places = [
            *([folder / old.name] if folder is not None else []),
            old,
            moved(old, Path(saved.folder), path),
            path.parent / old.name,
        ]
        there = [place for place in places if os.path.isfile(place)]  # noqa: PTH113 – never raises
        if not there:
            lost = {"what": called(key), "path": old}
            if folder is None:
                raise InputError("checkpoint.input-gone", **lost)
            raise InputError("checkpoint.input-not-in", **lost, folder=folder)
        wanted = saved.inputs.get(key, "")
        same = (place for place in there if _sha256(place, called(key)) == wanted)
        new = str(next(same, there[0]).absolute())
        return new if colour is None else f"{new}#{colour}"

    styles = []
    for number, table in enumerate(saved.styles, start=1):
        keys = {"picture": "style", "mask": "mask", "style_mask": "style mask"}
        paths = {
            field: found(numbered(key, number), table[field])
            for field, key in keys.items()
            if field in table
        }
        styles.append({**table, **paths})
    recipe = {
        key: found(key, value) if key in saved.inputs else value
        for key, value in saved.recipe.items()
    }
    weights = saved.weights if saved.weights == "bundled" else found("weights", saved.weights)
    return saved.model_copy(
        update={
            "content": found("content", saved.content),
            "styles": styles,
            "recipe": recipe,
            "weights": weights,
        }
    )


def _sha256(path: Path, role: str) -> str | None:
    """The SHA-256 of a file; None if it cannot be read."""
    try:
        with reading.opened(path, role) as file:
            return reading.sha256_of(file)
    except (InputError, OSError):
        return None


def moved(file: Path, folder: Path, checkpoint: Path) -> Path:
    """The new path of a file, if it has moved together with the checkpoint's folder.

    >>> moved(Path("/old/run/a.png"), Path("/old/run"), Path("/new/run/c.impasto")).as_posix()
    '/new/run/a.png'
    """
    return checkpoint.absolute().parent / os.path.relpath(file, folder)


def check_replaceable(path: str | Path) -> None:
    """Make sure that a new checkpoint would not replace that of an unfinished run.

    Raises:
        InputError: the file contains an unfinished run.
    """
    if is_unfinished(Path(path)):
        raise InputError("checkpoint.unfinished", path=path)


def is_unfinished(path: Path) -> bool:
    """Whether a file is the checkpoint of an unfinished run, of this version or another."""
    try:
        saved = from_json(_content(path, with_tensors=False)[0][KEY])
    except (KeyError, ValueError):
        return False
    return not (isinstance(saved, dict) and saved.get("done") is True)


def digest(
    text: str, tensors: dict[str, Tensor], is_given_up: Callable[[], bool] = lambda: False
) -> str:
    """SHA-256 of a run's state: its text and its tensors, in the order of their names."""
    hashed = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        if is_given_up():
            raise StoppedError
        tensor = tensors[name].contiguous()
        hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        hashed.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return hashed.hexdigest()


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies of tensors where two share memory, which the file format does not allow."""
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        address = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if address in seen else tensor.contiguous()
        seen.add(address)
    return apart
