"""A run on disk, so that nothing is lost when it is stopped.

A checkpoint is a safetensors file: the canvases and the optimiser's tensors, and as metadata a JSON
text with everything else. It holds no code, so nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from impasto import __version__, masks, reading
from impasto.errors import InputError, StoppedError
from impasto.files import remove_parts, shown, written_whole
from impasto.inputs import MASKS, called, kind_of, numbered

KEY = "impasto"  # of the JSON text in the file's metadata
DIGEST = "sha256"  # of the JSON text and every tensor


class Saved(BaseModel):
    """A run's state, but for its tensors.

    Attributes:
        impasto: version that wrote it.
        recipe: every setting.
        content: path of the content picture, which is absolute, as every other is.
        styles: the styles.
        inputs: SHA-256 of every picture, by what it is in the run, and of the weights.
        weights: what the network's weights were loaded from.
        weights_input: what a weight file expects.
        device: where the run computes.
        threads: on a CPU.
        float32: whether bfloat16 had to be given up.
        level: number of the level.
        count: evaluations done at it.
        tiles: for each level the side of its tiles; None for one tile.
        history: loss, content, style, seconds and level of every step.
        best: number of the best step; 0 before the first.
        done: whether it has come to its end.
        optimizer: the optimiser's numbers.
        deferred: those of the losses that are estimated now and then.
        every: seconds between two checkpoints.
        outputs: what the caller wants to remember of what the run is for.
        folder: that the checkpoint was in, by which files are found that moved along with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    impasto: str
    recipe: dict[str, Any]
    content: str
    styles: list[dict[str, Any]]
    inputs: dict[str, str]
    weights: str
    weights_input: str | None
    device: str
    threads: int
    float32: bool
    level: int
    count: int
    tiles: list[int | None]
    history: list[tuple[float, float, float, float, int]]
    best: int
    done: bool
    optimizer: dict[str, float]
    deferred: dict[str, float]
    every: float
    outputs: dict[str, Any]
    folder: str


@dataclass
class Saving:
    """Where and how often a run is saved.

    Attributes:
        path: of the checkpoint.
        every: seconds between two of them.
        outputs: what the caller wants to find again in it.
        came_from: the folder that a checkpoint was in when it was written, if the run goes on.
        is_given_up: whether nobody will go on with the run, so that it need not be saved.
    """

    path: Path
    every: float
    outputs: dict[str, Any]
    came_from: Path | None = None
    is_given_up: Callable[[], bool] = lambda: False
    last: float | None = None

    def is_due(self) -> bool:
        """Whether it is the first time, or long enough after the last."""
        return self.last is None or time.monotonic() - self.last >= self.every

    def save(self, saved: Saved, tensors: dict[str, Tensor]) -> None:
        """Write a checkpoint.

        Raises:
            OSError: it cannot be written; an older one is still there.
            StoppedError: the run was given up meanwhile; likewise.
        """
        if self.last is None:
            remove_parts(self.path)
        write(self.path, saved, tensors, self.is_given_up)
        self.last = time.monotonic()


def write(
    path: Path,
    saved: Saved,
    tensors: dict[str, Tensor],
    is_given_up: Callable[[], bool] = lambda: False,
) -> None:
    """Write a run's state, whole or not at all.

    Raises:
        OSError: it cannot be written.
        StoppedError: the run was given up meanwhile.
    """
    text = saved.model_dump_json()
    on_host = _apart({name: tensor.detach().cpu() for name, tensor in tensors.items()})
    metadata = {KEY: text, DIGEST: _digest(text, on_host, is_given_up)}
    with written_whole(path) as file:
        try:
            safetensors.torch.save_file(on_host, file.name, metadata)
        except safetensors.SafetensorError as error:
            raise OSError(f"the checkpoint cannot be written: {error}") from None


def read(path: Path) -> tuple[Saved, dict[str, Tensor]]:
    """The state of a run and its tensors.

    Raises:
        InputError: it cannot be read, is no checkpoint, is damaged, or is another version's.
    """
    if not path.is_file():
        raise InputError(f"There is no checkpoint {shown(path)}.")
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            # Copied, since sums are rounded otherwise where memory is not aligned as PyTorch's own.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged, or no checkpoint"
        raise InputError(f"The checkpoint {shown(path)} cannot be read: {reason}.") from None
    text = metadata.get(KEY)
    if text is None:
        raise InputError(f"{shown(path)} is no checkpoint of impasto.")
    if metadata.get(DIGEST) != _digest(text, tensors):
        raise InputError(f"The checkpoint {shown(path)} is damaged: start the run anew.")
    try:
        saved = Saved.model_validate_json(text)
    except ValidationError:
        saved = None
    if saved is None or saved.impasto != __version__:
        raise InputError(
            f"The checkpoint {shown(path)} was written by another version of impasto than this one "
            f"({__version__}): go on with the version that wrote it, or start the run anew."
        )
    return saved, tensors


def with_inputs_found(saved: Saved, path: Path, folder: Path | None = None) -> Saved:
    """The state with the inputs' paths as they are now, if they have moved with the checkpoint.

    An input is looked for in the folder that is named, where it was, where it lay by the
    checkpoint, and beside it. It has to be the same file.

    Args:
        saved: the state.
        path: of the checkpoint.
        folder: where inputs are; None where nobody says.

    Raises:
        InputError: one is not there any more.
    """

    def found(key: str, source: str) -> str:
        file, colour = masks.split(source) if kind_of(key) in MASKS else (source, None)
        old = Path(file)
        places = [
            *([folder / old.name] if folder is not None else []),
            old,
            moved(old, Path(saved.folder), path),
            path.parent / old.name,
        ]
        there = [place for place in places if place.is_file()]
        if not there:
            raise InputError(
                f"The {called(key)} {shown(old)} is not there any more, nor beside the checkpoint: "
                "say with --inputs FOLDER where it is."
            )
        same = (place for place in there if _sha256(place, called(key)) == saved.inputs.get(key))
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


def _sha256(path: Path, role: str) -> str:
    with reading.opened(path, role) as file:
        return reading.sha256_of(file)


def moved(file: Path, folder: Path, checkpoint: Path) -> Path:
    """Where a file is now that lay somewhere by the checkpoint's folder, if all of it has moved.

    >>> moved(Path("/old/run/a.png"), Path("/old/run"), Path("/new/run/c.impasto")).as_posix()
    '/new/run/a.png'
    """
    return checkpoint.absolute().parent / os.path.relpath(file, folder)


def check_replaceable(path: str | Path) -> None:
    """Make sure that no run that could be gone on with is replaced by another.

    Raises:
        InputError: the file holds one that has not come to its end.
    """
    if is_unfinished(Path(path)):
        raise InputError(
            f"The checkpoint {shown(path)} holds a run that has not come to its end: go on with it "
            "(impasto resume), or remove the file to begin anew."
        )


def is_unfinished(path: Path) -> bool:
    """Whether a file is the checkpoint of a run that has not come to its end."""
    if not path.is_file():  # of a pipe one would wait for what comes out
        return False
    try:
        with safetensors.safe_open(path, "pt") as file:
            saved = Saved.model_validate_json((file.metadata() or {})[KEY])
    except (OSError, ValueError, KeyError, safetensors.SafetensorError):
        return False
    return not saved.done


def _digest(
    text: str, tensors: dict[str, Tensor], is_given_up: Callable[[], bool] = lambda: False
) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        if is_given_up():
            raise StoppedError
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of which no two share memory, as the format wants them."""
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        address = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if address in seen else tensor.contiguous()
        seen.add(address)
    return apart
