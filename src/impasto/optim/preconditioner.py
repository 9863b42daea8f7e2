"""The preconditioners of L-BFGS: how curved the loss is by frequency and by place.

They learn it in a run. Where long steps changed the gradient little, the loss is flat, and steps
may be longer still. So a gain is the RMS of the last steps divided by the RMS of the changes that
they made to the gradient: except for a common factor, the geometric mean of the two step lengths of
Barzilai and Borwein (*Two-Point Step Size Gradient Methods*, IMA Journal of Numerical Analysis 8,
1988), for a part of the canvas alone.
"""

from __future__ import annotations

import math
from collections import deque

import torch
from torch import Tensor

from impasto.network.pyramid import averaged, enlarged
from impasto.optim.optimizer import Tensors
from impasto.optim.optimizers import Guess
from impasto.process import threads

LOWEST = 0.02  # cycles per pixel; lower frequencies count as this one
HIGHEST = math.sqrt(0.5)  # cycles per pixel, of a chessboard
BANDS = 16  # of equal width in the logarithm of the frequency
PAIRS = 20  # the gains are learned from this many pairs, the last ones
LEAST = 1e-9  # share of the total power that is added to every band, because some bands have none
PLACE = 16  # pixels; about the side of a place that has a gain of its own
FIRST_PAIRS = 10  # until there are more pairs, all places are alike
LEAST_BY_PLACE = 0.01  # of the mean power, added to that of every place, which bounds the gains
AXES = ((1, 1, 1), (1, -1, 0), (1, 1, -2))  # of RGB: brightness, red–green, yellow–blue


class Learned(Guess):
    """A preconditioner whose gains follow from the powers of the last pairs, part by part.

    Attributes:
        name: of the powers in a checkpoint.
    """

    name: str

    def __init__(self) -> None:
        self._powers: deque[Tensor] = deque(maxlen=PAIRS)

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Learn from a step and the change of the gradient along it, each 3 × height × width."""
        powers = threads.results(self._power_of, [step, change], step.device)
        self._powers.append(torch.stack(powers))
        self._set_gains()

    def state(self) -> Tensors:
        """The powers of the last pairs, from which the gains follow, for a checkpoint."""
        return {self.name: torch.stack(tuple(self._powers))} if self._powers else {}

    def restore(self, tensors: Tensors) -> None:
        """Restore a state that :meth:`state` returned."""
        if self.name in tensors:
            self._powers.extend(tensors[self.name])
            self._set_gains()

    def _power_of(self, canvas: Tensor) -> Tensor:
        """The power of a canvas, 3 × height × width, in each part."""
        raise NotImplementedError

    def _set_gains(self) -> None:
        """Compute the gains from the last pairs."""
        raise NotImplementedError


class Spectrum(Learned):
    """A preconditioner with a gain for every frequency of brightness and of two colour differences.

    The gains start as f to the power −falloff. Then the gain of a band of frequencies is the RMS of
    the last steps in the band, divided by the RMS of the changes that they made to the gradient.
    Between the centres of two bands, the logarithm of the gain is interpolated linearly in the
    logarithm of the frequency.

    Args:
        height: height of the canvases, in pixels.
        width: width of the canvases, in pixels.
        falloff: exponent of the initial gains. 0.8 amounts to a change of variables: the canvas is
            noise that went through a filter f^−0.4, near the spectrum of pictures, so that coarse
            structure moves as easily as fine structure. 0 treats all frequencies alike.
        passed: take steps without the highest frequencies along an axis: everything passes up to
            so many cycles per pixel, and nothing at 0.5; None for steps with all frequencies.
            Pooling hardly sees 0.5, a lattice of two pixels, but its gradient contains it, so a
            lattice grows where the picture is flat.
        device: device of the canvases.
        dtype: number format of the canvases.
    """

    name = "powers"

    def __init__(
        self,
        height: int,
        width: int,
        falloff: float,
        *,
        passed: float | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        down = torch.fft.fftfreq(height, dtype=torch.float64).unsqueeze(1)
        across = torch.fft.fftfreq(width, dtype=torch.float64)
        frequencies = torch.hypot(down, across).clamp_min(LOWEST)
        gains = frequencies**-falloff
        half = width // 2 + 1
        self._size = height, width
        self._gains = (gains / gains.mean())[:, :half].to(device=device, dtype=dtype)
        shares = torch.ones(1, 1)
        if passed is not None:
            shares = _passed(down, passed) * _passed(across[:half], passed)
        self._passed = shares.to(device=device, dtype=dtype)
        axes = torch.tensor(AXES, device=device, dtype=dtype)
        self._axes = axes / axes.norm(dim=1, keepdim=True)
        logarithms = (frequencies[:, :half] / LOWEST).log() / math.log(HIGHEST / LOWEST)
        self._positions = (logarithms * (BANDS - 1)).to(device=device, dtype=dtype)
        nearest = self._positions.round().flatten()
        self._order = nearest.argsort(stable=True).int()
        self._counts = torch.bincount(nearest.long(), minlength=BANDS).tolist()  # by band

    def __call__(self, canvas: Tensor) -> Tensor:
        """Apply the gains to a canvas, 3 × height × width; the result has the same shape."""
        filtered = torch.fft.irfft2(self._spectrum(canvas) * self._gains, s=self._size)
        return torch.einsum("ac,ahw->chw", self._axes, filtered)

    def _set_gains(self) -> None:
        powers = torch.stack(tuple(self._powers)).sum(dim=0)
        shares = powers / powers.sum(dim=(1, 2), keepdim=True) + LEAST
        logarithms = (shares[0] / shares[1]).log() / 2
        below = self._positions.floor().clamp_(0, BANDS - 2)
        at, part = below.long(), self._positions - below
        self._gains = torch.lerp(logarithms[:, at], logarithms[:, at + 1], part).exp_()

    def _power_of(self, canvas: Tensor) -> Tensor:
        """The power of a canvas by colour axis and band of frequencies, 3 × BANDS."""
        power = self._spectrum(canvas).abs().square_().flatten(1)
        bands = torch.split(power.index_select(1, self._order), self._counts, dim=1)
        return torch.stack([band.sum(dim=1) for band in bands], dim=1)

    def _spectrum(self, canvas: Tensor) -> Tensor:
        """What passes of a canvas's Fourier transform, by colour axis, one of each pair ±f."""
        spectrum: Tensor = torch.fft.rfft2(torch.einsum("ac,chw->ahw", self._axes, canvas))
        return spectrum * self._passed


class Places(Learned):
    """A preconditioner with a gain for every place of the canvas, around another one.

    The losses are curved more where the picture is rich in features than where it is flat. The gain
    of a place, of about 16 × 16 pixels, is the RMS of the last steps there, divided by the RMS of
    the changes of the gradient there, relative to the geometric mean over all places. Its square
    root is applied before the other preconditioner and after it, so that the whole stays symmetric.
    Between the centres of places, the logarithm of the gain is interpolated linearly.

    Args:
        height: height of the canvases, in pixels.
        width: width of the canvases, in pixels.
        other: the preconditioner that learns what is the same everywhere, from steps divided by the
            root and changes multiplied by it.
    """

    name = "places"

    def __init__(self, height: int, width: int, other: Guess) -> None:
        super().__init__()
        self._size = height, width
        self._other = other
        self._root = torch.ones(())  # of the gains; 1 × height × width once they are known

    def __call__(self, canvas: Tensor) -> Tensor:
        """Apply the gains to a canvas, 3 × height × width; the result has the same shape."""
        return self._other(canvas * self._root).mul_(self._root)

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Learn from a step and the change of the gradient along it, each 3 × height × width."""
        self._other.learn(step / self._root, change * self._root)
        super().learn(step, change)

    def state(self) -> Tensors:
        """The powers of the last pairs by place, and what the other one has learned."""
        return {**self._other.state(), **super().state()}

    def restore(self, tensors: Tensors) -> None:
        """Restore a state that :meth:`state` returned."""
        self._other.restore(tensors)
        super().restore(tensors)

    def _set_gains(self) -> None:
        if len(self._powers) <= FIRST_PAIRS:
            return
        powers = torch.stack(tuple(self._powers)).sum(dim=0)
        shares = powers / powers.mean(dim=(1, 2), keepdim=True) + LEAST_BY_PLACE
        logarithms = (shares[:1] / shares[1:]).log() / 2
        self._root = (enlarged(logarithms - logarithms.mean(), self._size) / 2).exp_()

    def _power_of(self, canvas: Tensor) -> Tensor:
        """The mean power of the pixels of each place, rows × columns."""
        return averaged(canvas.square().sum(dim=0, keepdim=True), grid_of(*self._size))[0]


def grid_of(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the places of a canvas that have gains of their own.

    >>> grid_of(384, 500)
    (24, 31)
    """
    return max(1, round(height / PLACE)), max(1, round(width / PLACE))


def _passed(frequencies: Tensor, whole: float) -> Tensor:
    """The share of each frequency along an axis that passes, if all do up to the given one."""
    beyond = (frequencies.abs() - whole) / (0.5 - whole)
    return torch.cos(math.pi / 2 * beyond.clamp(0, 1)).square()
