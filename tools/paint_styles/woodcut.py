"""A woodcut, printed plate by plate."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from surface import RING, Floats, H, Points, W, colours, noise, plane, sample, smooth

# The woodcut: its inks, and the number of each one's plate. The first two are the bare paper.
INKS = "f1e6cb f1e6cb d5dfce 8fb4bd 3f78a0 1d4a80 12284f d8674a d9b070 5a6f86 14203f"
SKY, PAPER, MIST, PALE, MID, PRUSSIAN, INDIGO, VERMILION, OCHRE, SLATE, KEY = range(11)
CLOUDS = ((0.05, 0.35, 0.42), (0.20, 0.38, 0.36), (0.02, 0.41, 0.30), (0.36, 0.24, 0.26),
          (0.00, 0.18, 0.22), (0.08, 0.15, 0.25), (0.30, 0.45, 0.34), (-0.05, 0.48, 0.36),
          (0.08, 0.53, 0.30), (0.26, 0.49, 0.20))  # fmt: skip


class Block:
    """A woodcut's drawing: the plate that tints each pixel, and the key block's lines over it."""

    def __init__(self) -> None:
        self.tints, self.lines = Image.new("L", (W, H), SKY), Image.new("L", (W, H), 0)

    def fill(self, outline: Points, tint: int) -> None:
        """Cut one filled shape: a line if its tint is the KEY, else a tint that hides lines."""
        corners = [(p.real * H, p.imag * H) for p in outline]
        ImageDraw.Draw(self.lines).polygon(corners, fill=255 * (tint == KEY))
        if tint != KEY:
            ImageDraw.Draw(self.tints).polygon(corners, fill=tint)

    def line(self, path: Points, width: float, taper: float = 1.0, tint: int = KEY) -> None:
        """Cut a line that swells in its middle."""
        t = np.linspace(0, 1, path.size)
        swell = (1 - taper) * (1 + 0.3 * np.sin(23 * t)) + taper * np.sin(np.pi * t) ** 0.7
        side = np.gradient(path) * 1j
        side = side / (abs(side) + 1e-9) * swell * width / 2
        for i in range(path.size - 1):
            self.fill(np.append((path + side)[i : i + 2], (path - side)[i : i + 2][::-1]), tint)

    def shape(self, outline: Points, tint: int, width: float) -> None:
        """Cut a filled shape and the line around it."""
        self.fill(outline, tint)
        self.line(np.append(outline, outline[:1]), width, 0.0)

    def sweep(self, upper: Points, lower: Points, tints: Sequence[int], lines: int) -> None:
        """Cut bands, and broken lines over them, that run between two curves and follow them."""
        steps = np.linspace(0, 1, len(tints) + 1)
        for tint, low, high in zip(tints, steps, steps[1:], strict=False):
            band = upper + (lower - upper) * low, upper + (lower - upper) * high
            self.fill(np.append(band[0], band[1][::-1]), tint)
        for k in range(1, lines):
            start, stop = upper.size * (k * 37 % 29) // 100, upper.size * (k * 53 % 31) // 100
            path = upper + (lower - upper) * k / lines
            self.line(path[start : path.size - stop], 0.0065 if k % 4 == 0 else 0.005)
        self.line(upper, 0.007, 0.3)
        self.line(lower, 0.007, 0.3)


def curve(knots: str, count: int = 160) -> Points:
    """Draw a smooth curve through knots that are written `x,y x,y`: a Catmull-Rom spline."""
    p = np.array([complex(*map(float, knot.split(","))) for knot in knots.split()])
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, p.size - 3 - 1e-9, count)
    i, f = t.astype(int), t % 1
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    cubic = (3 * (b - c) + d - a) * f**3 + (2 * a - 5 * b + 4 * c - d) * f**2 + (c - a) * f
    return np.asarray(b + cubic / 2)


def claw(block: Block, root: complex, heading: complex, size: float, curl: float) -> None:
    """Cut one hooked finger of foam, after the smaller ones that grow from its back."""
    t = np.linspace(0, 1, 18)
    turn = heading * np.exp(1j * curl * (2.9 * t**1.6 - 0.5))
    spine = root + np.cumsum(turn) / t.size * size
    side = 1j * turn * size * 0.17 * (1 - t) ** 0.6 * (1 + 0.5 * np.sin(np.pi * t))
    if size > 0.05:
        for k, start in enumerate((4, 8)):
            branch = turn[start] * np.exp(-1j * curl * (0.75 - 0.15 * k))
            claw(block, spine[start], branch, size * (0.62 - 0.1 * k), curl)
    block.shape(np.append(spine + side, (spine - side)[::-1]), PAPER, 0.0042)
    block.line(spine[1:11] + 0.3 * curl * side[1:11], 0.004)


def foam(block: Block, edge: Points, size: float, curl: float, rng: Generator) -> None:
    """Let foam break along an edge: spray, then claws that reach forward from lobes of paper."""
    ahead = np.gradient(edge)
    gone = np.cumsum(abs(ahead))
    ahead = ahead / abs(ahead)
    for i in rng.integers(edge.size, size=int(gone[-1] / size * 4)):
        drop = edge[i] + 1j * curl * ahead[i] * size * rng.uniform(0.5, 2.3)
        block.shape(drop + rng.uniform(0.0025, 0.0075) * RING, PAPER, 0.003)
    for i in np.searchsorted(gone, np.arange(0.3 * size, gone[-1], 0.52 * size)):
        heading = ahead[i] * np.exp(1j * curl * rng.uniform(0.7, 1.3))
        claw(block, edge[i], heading, size * rng.uniform(0.75, 1.25), curl)
    roots = np.searchsorted(gone, np.arange(0, gone[-1], 0.27 * size))
    sizes = size * rng.uniform(0.12, 0.34, roots.size)
    lobes = list(zip(edge[roots] - 0.1j * curl * size * ahead[roots], sizes, strict=True))
    for middle, radius in lobes:
        block.shape(middle + radius * RING, PAPER, 0.0065)
    for middle, radius in lobes:
        block.fill(middle + radius * 0.86 * RING, PAPER)
    for (middle, radius), start in zip(lobes, rng.integers(20, size=roots.size), strict=True):
        block.line(middle + radius * 0.6 * RING[start : start + 17], 0.0045)


def draw_sky(block: Block) -> None:
    """Cut the sun, strips of cloud, a flock of birds, and two mountains far off."""
    block.shape(0.33 + 0.30j + 0.105 * RING, VERMILION, 0.005)
    t = np.linspace(0, 1, 60)
    for k, (x, y, long) in enumerate(CLOUDS):
        path = x + long * t + 1j * (y + 0.006 * np.sin(7 * t + k))
        block.line(path, 0.02, 1.0, MIST if k % 2 else PAPER)
        block.line(path + 0.011j, 0.004)
    wing = np.array([-19 - 10j, -10 - 13j, -3, 0, 3, 12 - 15j, 22 - 8j]) / 800
    for k in range(7):
        bird = 0.33 + 0.11j + 0.045 * k - 0.017j * (k % 3)
        block.line(bird + wing * np.exp(0.5j * np.sin(2.1 * k)), 0.007)
    for knots, level in (
        ("-0.1,0.67 0.02,0.615 0.10,0.585 0.16,0.60 0.30,0.67", 0.60),
        ("0.30,0.67 0.42,0.59 0.50,0.515 0.525,0.50 0.555,0.515 0.62,0.59 0.76,0.67", 0.56),
    ):
        slope = curve(knots)
        block.shape(slope, SLATE, 0.006)
        snow = slope[slope.imag < level]
        teeth = np.linspace(snow[-1], snow[0], 17) + 0.03j * (np.arange(17) % 2)
        block.shape(np.append(snow, teeth), PAPER, 0.004)
        for k in range(1, 9):
            head, foot = (ends[0] + (ends[-1] - ends[0]) * k / 9 for ends in (snow, slope))
            block.line(np.linspace(head + 0.035j, foot, 30), 0.005)


def draw_boat(block: Block) -> None:
    """Cut a fishing boat, its striped sail full, that climbs a swell."""
    block.line(curve("0.235,0.47 0.238,0.60 0.24,0.75"), 0.01, 0.1)
    left = curve("0.165,0.50 0.15,0.60 0.175,0.705")
    right = curve("0.315,0.525 0.325,0.62 0.30,0.715")
    block.sweep(left, right, (PAPER, PAPER, OCHRE, PAPER, PAPER), 8)
    for end in (0, -1):
        block.line(np.linspace(left[end], right[end], 20), 0.011, 0.2)
    rail = curve("0.075,0.675 0.14,0.725 0.22,0.742 0.30,0.735 0.36,0.705 0.405,0.655")
    keel = curve("0.075,0.675 0.12,0.745 0.20,0.775 0.30,0.77 0.37,0.73 0.405,0.655")
    block.sweep(rail, keel, (OCHRE, VERMILION, OCHRE), 4)


def draw_sea(block: Block, rng: Generator) -> None:
    """Cut the sea from the far swells to the near ones, and the great wave between them."""
    far = curve("-0.05,0.655 0.12,0.63 0.28,0.655 0.46,0.62 0.66,0.66 1.3,0.62")
    block.sweep(far, far + 0.3j, (PALE, MID, PALE, MID, PRUSSIAN, MID), 18)
    draw_boat(block)
    swell = curve("-0.05,0.74 0.10,0.765 0.25,0.76 0.42,0.70 0.60,0.73 0.8,0.8 1.3,0.8")
    block.sweep(swell, swell + 0.25j, (PAPER, PALE, MID, PRUSSIAN, MID), 15)
    back = curve("1.33,0.40 1.20,0.24 1.03,0.125 0.86,0.10 0.72,0.14 0.62,0.22 0.565,0.345")
    face = curve("1.33,1.05 1.02,1.02 0.80,0.88 0.715,0.72 0.70,0.54 0.665,0.42 0.60,0.345")
    deep, bright = (INDIGO, PRUSSIAN, INDIGO, PALE, PRUSSIAN, PAPER), (MID, INDIGO, PALE)
    block.sweep(back, face, (*deep, *bright, PRUSSIAN, MIST, MID), 38)
    lip = curve("1.3,0.33 1.18,0.215 1.03,0.125 0.86,0.1 0.72,0.14 0.62,0.22 0.565,0.345", 400)
    foam(block, lip, 0.13, -1.0, rng)
    for knots, start, stop in (
        (
            "-0.05,0.83 0.1,0.785 0.24,0.84 0.42,0.905 0.62,0.87 0.8,0.89 1.02,0.96 1.3,0.93",
            20,
            180,
        ),
        ("-0.05,0.93 0.14,0.945 0.34,0.985 0.55,0.945 0.76,0.965 1.0,1.0 1.3,0.985", 190, 330),
    ):
        crest = curve(knots, 400)
        block.sweep(crest, crest + 0.2j, (MIST, MID, PRUSSIAN, PALE, INDIGO, MID), 14)
        foam(block, crest[start:stop], 0.07, 1.0, rng)


def woodcut(rng: Generator) -> Floats:
    """Print the woodcut: a breaking wave, a boat and mountains, one plate after another."""
    block, z, inks = Block(), plane(), colours(INKS)
    draw_sky(block)
    draw_sea(block, rng)
    tints = np.asarray(block.tints)
    fibre = noise(rng, 320, 256) + noise(rng, 40, 200) + noise(rng, 9, 7) - 1.5
    bent = z.imag + 0.05 * noise(rng, 5, 6) + 0.012 * noise(rng, 14, 9)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * bent * 75 + 5 * noise(rng, 4, 16))
    grain = 0.6 * rings**3 + 0.6 * noise(rng, 24, 512)
    high, low = smooth(-z.imag, -0.26, 0.03), 0.5 * smooth(z.imag, 0.42, 0.66)
    bare = (tints == SKY) * (1.1 - 0.45 * grain)
    loads = [(PRUSSIAN, bare * high), (OCHRE, bare * low)]  # the sky's gradation, wiped by hand
    for plate in range(MIST, KEY):
        slip = complex(*rng.integers(-2, 3, 2))  # no plate lies quite true
        loads.append((plate, (sample(tints, z + slip / H) == plate) * (1.02 - 0.35 * grain)))
    loads.append((KEY, np.asarray(block.lines) / 255 * (1 - 0.22 * noise(rng, 200, 400))))
    printed = inks[PAPER] * (1 + 0.05 * fibre)[..., None]
    for plate, load in loads:
        printed = printed * (1 - np.clip(load, 0, 1)[..., None] * (1 - inks[plate]))
    return np.asarray(printed)
