"""How curved the loss is at each frequency of a canvas: a first guess, learned on the way."""

from __future__ import annotations

import math
from collections import deque

import torch
from torch import Tensor

from impasto.optim.optimizers import Guess, Tensors

LOWEST = 0.02  # cycles per pixel; lower frequencies count as this one
HIGHEST = math.sqrt(0.5)  # of a chessboard
BANDS = 16  # of equal width in the logarithm of the frequency
PAIRS = 20  # from which the gains are learned, the last ones
LEAST = 1e-9  # share of all power that every band is credited with, as some have none
AXES = ((1, 1, 1), (1, -1, 0), (1, 1, -2))  # of RGB: brightness, red–green, yellow–blue


class Spectrum(Guess):
    """A first guess of the inverse Hessian: gains for every frequency of brightness and colour.

    They begin as f to the power −falloff. Then the gain of a band of frequencies is the RMS of the
    last steps in it over that of the changes they made to the gradient: the geometric mean of the
    two step lengths of Barzilai and Borwein (*Two-Point Step Size Gradient Methods*, IMA Journal
    of Numerical Analysis 8, 1988), taken band by band, of brightness and of two differences of
    colours, but for a factor that they share. Where long steps changed little, the loss is flat,
    and steps may be longer still. Between the middles of two bands, the logarithm of the gain is
    interpolated by that of the frequency.

    Args:
        height: of the canvases, in pixels.
        width: of the canvas, in pixels.
        falloff: 0.8 is a change of variables: the canvas is written as noise through a filter
            f^−0.4, near the spectrum of pictures, so that coarse structure moves as easily as fine.
            0 treats all frequencies alike.
        device: where the canvases lie.
        dtype: theirs.
    """

    def __init__(
        self,
        height: int,
        width: int,
        falloff: float,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        down = torch.fft.fftfreq(height, dtype=torch.float64).unsqueeze(1)
        across = torch.fft.fftfreq(width, dtype=torch.float64)
        frequencies = torch.hypot(down, across).clamp_min(LOWEST)
        gains = frequencies**-falloff
        half = width // 2 + 1
        self._size = height, width
        self._gains = (gains / gains.mean())[:, :half].to(device=device, dtype=dtype)
        axes = torch.tensor(AXES, device=device, dtype=dtype)
        self._axes = axes / axes.norm(dim=1, keepdim=True)
        logarithms = (frequencies[:, :half] / LOWEST).log() / math.log(HIGHEST / LOWEST)
        self._places = (logarithms * (BANDS - 1)).to(device=device, dtype=dtype)
        nearest = self._places.round().flatten()
        self._order = nearest.argsort(stable=True).int()
        self._counts = torch.bincount(nearest.long(), minlength=BANDS).tolist()  # by band
        self._powers: deque[Tensor] = deque(maxlen=PAIRS)

    def __call__(self, canvas: Tensor) -> Tensor:
        """A canvas, 3 × height × width, filtered."""
        filtered = torch.fft.irfft2(self._spectrum(canvas) * self._gains, s=self._size)
        return torch.einsum("ac,ahw->chw", self._axes, filtered)

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Take in a step and how it changed the gradient, each 3 × height × width."""
        self._powers.append(torch.stack([self._by_band(step), self._by_band(change)]))
        self._set_gains()

    def state(self) -> Tensors:
        """What it learned from."""
        return {"powers": torch.stack(tuple(self._powers))} if self._powers else {}

    def restore(self, tensors: Tensors) -> None:
        """Go on from a state."""
        if "powers" in tensors:
            self._powers.extend(tensors["powers"])
            self._set_gains()

    def _set_gains(self) -> None:
        """Those of every frequency, by what was learned."""
        powers = torch.stack(tuple(self._powers)).sum(dim=0)
        shares = powers / powers.sum(dim=(1, 2), keepdim=True) + LEAST
        logarithms = (shares[0] / shares[1]).log() / 2
        below = self._places.floor().clamp_(0, BANDS - 2)
        at, part = below.long(), self._places - below
        self._gains = torch.lerp(logarithms[:, at], logarithms[:, at + 1], part).exp_()

    def _by_band(self, canvas: Tensor) -> Tensor:
        """The power of a canvas along every axis in every band, 3 × BANDS."""
        power = self._spectrum(canvas).abs().square_().flatten(1)
        bands = torch.split(power.index_select(1, self._order), self._counts, dim=1)
        return torch.stack([band.sum(dim=1) for band in bands], dim=1)

    def _spectrum(self, canvas: Tensor) -> Tensor:
        """That of a canvas along every axis; of a frequency and its opposite, one."""
        spectrum: Tensor = torch.fft.rfft2(torch.einsum("ac,chw->ahw", self._axes, canvas))
        return spectrum
