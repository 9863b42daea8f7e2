"""Paint a short clip with two methods, side by side, as an animated WebP for the page on clips.

`python tools/paint_clip.py [--folder FOLDER]`

A window moves over the photograph *Coffee* by Rachel Michetti (public domain), from scikit-image.
On the left every frame is painted alone (`single`), on the right by `keyframes`.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto import stylize_video
from impasto.pictures import samples

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
FRAMES, RATE = 36, 12
SIZE = (320, 240)  # of a frame, in pixels
NEAR, FAR = 0.62, 0.8  # side of the window, as a share of the photograph's
METHODS = ("single", "keyframes")
QUALITY = 60  # of the WebP


def main() -> None:
    """Paint the clip, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "source")
        source.mkdir()
        for number, frame in enumerate(pan(coffee())):
            frame.save(source / f"{number:03}.png")
        painted = [paint(source, method) for method in METHODS]
    sides = [
        Image.fromarray(np.hstack([np.asarray(one) for one in pair]))
        for pair in zip(*painted, strict=True)
    ]
    sides[0].save(
        folder / "clip.webp",
        save_all=True,
        append_images=sides[1:],
        duration=round(1000 / RATE),
        loop=0,
        quality=QUALITY,
        method=6,
    )


def coffee() -> Image.Image:
    """The photograph."""
    (path,) = (one for one in samples.photographs() if one.name == "coffee.png")
    return Image.open(path).convert("RGB")


def pan(photograph: Image.Image) -> Iterator[Image.Image]:
    """What a window shows that moves over a photograph and goes nearer."""
    width, height = photograph.size
    for share in np.linspace(0, 1, FRAMES):
        side = FAR + share * (NEAR - FAR)
        across = min(side * width, side * height * SIZE[0] / SIZE[1])
        down = across * SIZE[1] / SIZE[0]
        left, top = share * (width - across), 0.5 * (height - down)
        box = (left, top, left + across, top + down)
        yield photograph.resize(SIZE, Image.Resampling.LANCZOS, box=box)


def paint(source: Path, method: str) -> list[npt.NDArray[np.uint8]]:
    """The frames of a clip, painted by a method."""
    began = time.perf_counter()
    folder = source.parent / method
    stylize_video(source, samples.style("flowfield"), output=folder, method=method, rate=RATE)
    print(f"{method}: {FRAMES} frames in {time.perf_counter() - began:.0f} s", flush=True)
    return [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.png"))]


if __name__ == "__main__":
    main()
