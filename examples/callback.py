"""A callback of your own: watch every step, save previews, and stop when little changes.

python examples/callback.py photo.jpg painting.jpg out.png
"""

import sys
from pathlib import Path

import impasto


class UntilItSettles:
    """Stops a run when the loss of its last level has fallen by less than 1 % in 10 steps.

    Args:
        folder: where the canvas of every 10th step is saved.
        levels: number of levels of the run.
    """

    def __init__(self, folder: Path, levels: int) -> None:
        self.folder, self.levels = folder, levels
        self.losses: list[float] = []

    def __call__(self, step: impasto.Step) -> bool:
        """Watch a step; False stops the run, which keeps its best canvas so far."""
        print(f"step {step.number}, level {step.level}: loss {step.loss:.4g}")
        if step.number % 10 == 0:
            step.image().save(self.folder / f"step-{step.number:04}.png")
        if step.level < self.levels:
            return True
        self.losses.append(step.loss)
        return len(self.losses) <= 10 or self.losses[-1] < 0.99 * self.losses[-11]


if __name__ == "__main__":
    content, style, output = sys.argv[1:]
    watch = UntilItSettles(Path(output).parent, levels=3)
    impasto.stylize(content, style, {"levels": 3}, on_step=watch).save(output)
