"""An optimiser of your own: gradient descent with momentum, whose steps have a fixed length.

python examples/optimizer.py photo.jpg painting.jpg out.png
"""

import sys

import torch
from torch import Tensor

import impasto


class Momentum(impasto.Optimizer):
    """Steps along a moving average of the gradients.

    Args:
        learning_rate: RMS length of a step, in grey levels; the recipe's setting of that name.
    """

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self.average = torch.zeros(())

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor:
        """The next canvas."""
        self.average = 0.9 * self.average + gradient
        rms = self.average.square().mean().sqrt()
        return canvas - self.learning_rate * self.average / rms

    def state(self) -> tuple[dict[str, float], dict[str, Tensor]]:
        """What a checkpoint saves, so that an interrupted run can be resumed exactly."""
        return {}, {"average": self.average}

    def restore(self, numbers: dict[str, float], tensors: dict[str, Tensor]) -> None:
        """Restore what a checkpoint saved."""
        self.average = tensors["average"]


impasto.register_optimizer("momentum", Momentum)

if __name__ == "__main__":
    content, style, output = sys.argv[1:]
    impasto.stylize(content, style, {"optimizer": "momentum", "learning_rate": 4}).save(output)
