"""The method ``learned``: a painter that is trained on the clip, and then paints every frame.

The painter learns to minimise the losses of the recipe on crops of the frames, and a temporal loss
besides: what it paints of a frame, moved along the optical flow, should be what it paints of the
next one. Huang and others, *Real-Time Neural Style Transfer for Videos*, CVPR 2017. It then paints
frames without the noise of what does not move, which it would paint as something else in each. What
it paints is paler than an optimisation, so one map of colours gives the clip those of the style.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeVar

import cachetools
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import StoppedError
from impasto.objective.losses import temporal_loss
from impasto.painters import learning
from impasto.painters.applying import Painter
from impasto.painters.learning import Course
from impasto.painters.objective import style_pixels, tensor_of
from impasto.painters.photos import CROP, STEP
from impasto.painters.training import Length, time_share
from impasto.pictures import arrays
from impasto.pictures.color_transfer import ColorMap, color_map
from impasto.process import interrupts
from impasto.run.canvas import SMALLEST_VARIANCE
from impasto.video.cuts import is_cut
from impasto.video.flow import Way, way
from impasto.video.method import Frames, OnVideoStep, Order, PaintedFrames, Pixels, VideoStep
from impasto.video.moving import Motion
from impasto.video.painter_style import paint_with
from impasto.video.working import PAINTER, TRAINING

Kind = TypeVar("Kind", bound=np.generic)

STEPS = 1500  # of the training
SEED = 0
STEADINESS = 60.0  # weight of the temporal loss, as a share of the loss of a photograph
TRAINED = 0.9  # share of the whole work, when the painter is trained
NOISY = 2  # frames before one, of which the mean is taken where nothing moves
SEEN = 12  # frames whose painting shows which colours the painter uses
COLORS = 2**16  # of a picture that are looked at
KEPT_BYTES = 2**29  # of ways between frames that are remembered


def paint(frames: Frames, painted: PaintedFrames, order: Order, on_step: OnVideoStep) -> None:
    """Train a painter on the frames, and paint every frame that is missing.

    The training is saved in the working folder, and so is the painter, so that a call that was
    interrupted is continued.

    Args:
        frames: the frames.
        painted: the frames that are painted.
        order: how they are painted.
        on_step: called after every step of the training, and after every frame.

    Raises:
        InputError: the recipe cannot be learned, a style or the device cannot be used, or OpenCV
            is not installed.
        RunError: the training failed, or memory ran out.
        StoppedError: the work was interrupted.
    """
    count = len(frames)
    if all(number in painted for number in range(count)):
        return
    palette = _palette(order)
    painter = _painter(frames, order, lambda share: on_step(VideoStep(0, TRAINED * share)))
    calm = Calm(frames)
    paint_with(
        painter.recolored(_to_palette(palette, painter, calm, order.recipe.strength)),
        _mixture(painter),
        calm,
        painted,
        order.recipe,
        lambda done: on_step(VideoStep(done, TRAINED + (1 - TRAINED) * done / count)),
    )


class Calm:
    """Frames in which what does not move is the mean of the last three frames.

    A painter sees one frame alone, so it paints noise that changes from frame to frame.

    Args:
        frames: the frames.
    """

    def __init__(self, frames: Frames) -> None:
        self._motion = Motion(frames, 0)

    def __len__(self) -> int:
        """The number of frames."""
        return len(self._motion.frames)

    def __getitem__(self, number: int) -> Pixels:
        """A frame, H × W × 3."""
        frames = self._motion.frames
        total, count = frames[number].astype(np.float32), np.ones((1, 1, 1), np.float32)
        for other in reversed(range(self._motion.start(number, NOISY), number)):
            way = self._motion.way(number, other)
            rests = (way.trusted & (way.flow == 0).all(axis=2))[..., None]
            if not rests.any():
                break
            total, count = total + rests * frames[other], count + rests
        return arrays.to_uint8(total / count)


def _mixture(painter: Painter) -> dict[str, float]:
    """All styles of a painter, with equal weights."""
    return dict.fromkeys(painter.styles, 1.0)


def _palette(order: Order) -> arrays.Pixels:
    """Colours of the styles, N × 3, as many of each style.

    Raises:
        InputError: a style cannot be read.
    """
    styles = learning.read_styles(order.styles or order.recipe.styles)
    return np.concatenate([_colors(style_pixels(style, order.recipe)) for style in styles])


def _to_palette(
    palette: arrays.Pixels, painter: Painter, frames: Calm, strength: float | None
) -> ColorMap:
    """The map from the colours of the painted clip to those of the styles.

    It follows from frames that are spread over the clip, and is the same for every frame.
    """
    numbers = np.linspace(0, len(frames) - 1, min(SEEN, len(frames))).round().astype(int).tolist()
    seen = (
        painter.paint(frames[number], style=_mixture(painter), strength=strength)
        for number in numbers
    )
    painted = np.concatenate([_colors(painting.canvas.clip(0, 255)) for painting in seen])
    return color_map(painted, palette, SMALLEST_VARIANCE)


def _colors(picture: arrays.Pixels) -> arrays.Pixels:
    """Colours of a picture, H × W × 3, from places that are spread over it, N × 3."""
    every = picture.reshape(-1, 3)
    colors: arrays.Pixels = every[np.linspace(0, len(every) - 1, COLORS).astype(int)]
    return colors


def _painter(frames: Frames, order: Order, on_share: Callable[[float], None]) -> Painter:
    """The painter of a clip: from the working folder, or trained.

    Raises:
        StoppedError: the training was interrupted.
    """
    folder = order.folder
    if folder is not None and (folder / PAINTER).exists():
        return Painter.load(folder / PAINTER, device=order.device)
    crops = FrameCrops(frames)
    recipe = order.recipe.model_copy(update={"color": "style", "output_size": "working"})
    course = learning.prepare(
        order.styles or recipe.styles,
        crops,
        recipe,
        Length(STEPS),
        seed=SEED,
        device=order.device,
        weights=order.weights,
        weights_input=order.weights_input,
        checkpoint=None if folder is None else folder / TRAINING,
    )
    course.training = replace(course.training, own_share=1.0)
    if len(frames) > 1:
        weight = STEADINESS * _loss_of(crops, course)
        course.training = replace(course.training, term=Steady(crops, weight))
    for step in course.train():
        on_share(time_share(step.share))
    if not course.is_done:
        raise StoppedError
    painter = course.painter()
    if folder is not None:
        with interrupts.shielded():
            painter.save(folder / PAINTER)
            course.finish()
    return painter


def _loss_of(crops: FrameCrops, course: Course) -> float:
    """The loss of the first crop as a photograph."""
    photograph = tensor_of(crops.crop(0), course.device)
    training = course.training
    return training.objective(photograph, photograph, 0, training.own_strength).loss


class Place(NamedTuple):
    """Where a crop lies.

    Attributes:
        frame: number of the frame.
        top: its first row.
        left: its first column.
    """

    frame: int
    top: int
    left: int


class FrameCrops:
    """The frames of a clip as crops. What a crop shows follows from its number alone.

    Args:
        frames: the frames.

    Attributes:
        side: side of a crop, in pixels; a multiple of 32.
    """

    identity = "frames"  # the working folder belongs to one clip

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        height, width = frames[0].shape[:2]
        self.side = max(STEP, min(CROP, height, width) // STEP * STEP)
        kept: cachetools.LRUCache[int, Way | None] = cachetools.LRUCache(KEPT_BYTES, _bytes_of)
        self._way = cachetools.cached(kept)(self._found_way)

    def __len__(self) -> int:
        """The number of frames."""
        return len(self._frames)

    def crop(self, number: int, *, half: bool = False) -> arrays.Pixels:
        """A crop of a frame, H × W × 3.

        Args:
            number: of the crop.
            half: give it half the side.
        """
        side = self.side // 2 if half else self.side
        place = self._place(number, side)
        return _cut(self._frames[place.frame], place, side)

    def last(self, number: int, side: int) -> tuple[arrays.Pixels, Way] | None:
        """The frame before that of a crop, at the same place, and the way there from the crop.

        None if there is no frame before, or if it belongs to another shot.

        Args:
            number: of the crop.
            side: of the crop, in pixels.
        """
        place = self._place(number, side)
        found = self._way(place.frame) if place.frame else None
        if found is None:
            return None
        before = _cut(self._frames[place.frame - 1], place, side)
        seen, trusted = (_cut(one, place, side) for one in (found.seen, found.trusted))
        return before, Way(_cut(found.flow, place, side), seen, trusted)

    def _place(self, number: int, side: int) -> Place:
        turn, place = divmod(number, len(self._frames))
        order = np.random.default_rng((SEED, turn, 0)).permutation(len(self._frames))
        draws = np.random.default_rng((SEED, number))
        height, width = (max(side, length) for length in self._frames[0].shape[:2])
        top, left = (int(draws.integers(0, length - side + 1)) for length in (height, width))
        return Place(int(order[place]), top, left)

    def _found_way(self, number: int) -> Way | None:
        frame, before = self._frames[number], self._frames[number - 1]
        return None if is_cut(before, frame) else way(frame, before)


def _bytes_of(way: Way | None) -> int:
    return 1 if way is None else sum(one.nbytes for one in (way.flow, way.seen, way.trusted))


def _cut(whole: npt.NDArray[Kind], place: Place, side: int) -> npt.NDArray[Kind]:
    """A square of an array, H × W or H × W × C; beyond its border, values repeat."""
    square = whole[place.top : place.top + side, place.left : place.left + side]
    beyond = [(0, side - length) for length in square.shape[:2]]
    return np.pad(square, [*beyond, *[(0, 0)] * (square.ndim - 2)], mode="edge")


class Steady:
    """The temporal loss of a crop's painting (:class:`impasto.painters.training.Term`).

    Args:
        crops: the frames.
        weight: of the loss.
    """

    def __init__(self, crops: FrameCrops, weight: float) -> None:
        self._crops, self._weight = crops, weight

    def __call__(
        self, paint: Callable[[Tensor], Tensor], painted: Tensor, number: int
    ) -> Tensor | None:
        """The weighted mean of the squared differences from the last frame's painting, moved."""
        found = self._crops.last(number, painted.shape[1])
        if found is None:
            return None
        before, way = found
        moved = _moved(paint(tensor_of(before, painted.device)), way)
        trust = torch.from_numpy(way.trusted.astype(np.float32)).to(painted.device)
        return self._weight * temporal_loss(painted, moved, trust)


def _moved(picture: Tensor, way: Way) -> Tensor:
    """A picture, 3 × H × W, sampled bilinearly where a flow leads; its border beyond."""
    height, width = picture.shape[1:]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    across = (2 * (x + way.flow[..., 0]) + 1) / width - 1
    down = (2 * (y + way.flow[..., 1]) + 1) / height - 1
    grid = torch.from_numpy(np.stack([across, down], -1)).to(picture.device, picture.dtype)
    moved = F.grid_sample(picture[None], grid[None], padding_mode="border", align_corners=False)
    return moved[0]
