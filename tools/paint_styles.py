"""Paint the three style pictures that the package carries, from nothing but a fixed seed.

An oil painting of brush strokes that follow a flow field, a mosaic whose tesserae run along the
lines of its design, and a woodcut printed plate by plate: `python tools/paint_styles.py [folder]`.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.floating[Any]]
Points = NDArray[np.complexfloating[Any, Any]]  # x + iy, in heights of the picture, y downwards
Labels = NDArray[np.integer[Any]]

FOLDER = Path(__file__).resolve().parent.parent / "src" / "impasto" / "pictures"
SEED = 1888
WIDTH, HEIGHT = 640, 512  # of a finished picture
SCALE = 2  # each is painted this many times larger, then reduced
W, H = WIDTH * SCALE, HEIGHT * SCALE
QUALITY = 88  # of the JPEG
LIGHT = np.exp(-2.2j)  # the side that raking light comes from: the upper left

# The oil painting: x, y and radius of what the sky turns round, and the palettes, dark to light.
VORTICES = ((0.50, 0.27, 0.15, 1.0), (0.79, 0.40, 0.10, -1.0), (0.02, 0.40, 0.12, -0.8))
LIGHTS = ((1.06, 0.19, 0.070), (0.34, 0.10, 0.024), (0.80, 0.12, 0.026), (0.60, 0.47, 0.020),
          (0.06, 0.14, 0.028), (1.00, 0.46, 0.022), (0.37, 0.42, 0.022))  # fmt: skip
RANGES = ((1, 0.645, 0.030, 0.6), (2, 0.735, 0.028, 2.9), (3, 0.825, 0.018, 5.0))  # see `ridge`
CYPRESSES = ((0.315, 0.47, 0.052), (0.20, 0.05, 0.10))  # where they stand, their tips and widths
PASSES = ((44, 230, 34), (22, 120, 15), (12, 76, 10.5))  # a stroke's width, length; the spacing
OILS = {
    "sky": "0f1c4d 16297a 1f3fa0 2a5fc0 3f8fd0 7fbfd8 c4dccb f3ecc8",
    "far": "1c2a66 2b3f86 3d5aa0 5b7fb4 8aa9c4",
    "hills": "0c2236 12384a 1c5560 2f7668 5f9a72 a3bf7c",
    "field": "8a4a14 b46a18 cf8a1a e2a223 efbc35 f4d257 f8e597",
    "contour": "0b1230 121c48 1a2a66",
    "cypress": "08120f 0e2018 15332a 1f4a30 41612f 7d8036",
    "light": "fff6cf fde98c fbd13c f5b52a f0e6b0 bcd8bd 7fbfd8 4f9fd0",
}

# The mosaic: the side of a tessera in pixels, the rounds that settle them, and the design.
TILE, ROUNDS = 23.0, 18
SUN, MOON = 0.83 + 0.33j, 0.17 + 0.21j
FISHES = ((0.44 + 0.57j, -0.40, 0.29, 0.42), (0.93 + 0.82j, 2.95, 0.19, 0.45))  # see `inlay_fish`
STONES = {
    "sky": "f2d9a0 e8bd7a 8fc9c4 4fb0b5 2a93a8 1c6f9a 184f8c 143a78 102a5e",
    "sun": "f6d052 e9b02c 14305e c4562c f3dc7c",
    "sea": "f3ead2 9fd6cf 45b3b0 1f8b9b 17608a 133f72 0f2c57",
    "fish": "12305e e2ac33 c9542b e8833c 2ba6a4 f2dfb0",
    "frame": "14264f d9a22e",
    "eye": "0d1730 f7efd8",
}

# The woodcut: its inks, and the number of each one's plate. The first two are the bare paper.
INKS = "f1e6cb f1e6cb d5dfce 8fb4bd 3f78a0 1d4a80 12284f d8674a d9b070 5a6f86 14203f"
SKY, PAPER, MIST, PALE, MID, PRUSSIAN, INDIGO, VERMILION, OCHRE, SLATE, KEY = range(11)
CLOUDS = ((0.05, 0.35, 0.42), (0.20, 0.38, 0.36), (0.02, 0.41, 0.30), (0.36, 0.24, 0.26),
          (0.00, 0.18, 0.22), (0.08, 0.15, 0.25), (0.30, 0.45, 0.34), (-0.05, 0.48, 0.36),
          (0.08, 0.53, 0.30), (0.26, 0.49, 0.20))  # fmt: skip
RING = np.exp(2j * np.pi * np.linspace(0, 1, 40))


def colours(hexes: str) -> Floats:
    """Read a row of hexadecimal colours as values in [0, 1]."""
    return np.array([list(bytes.fromhex(code)) for code in hexes.split()]) / 255


def plane() -> Points:
    """Give every pixel its place."""
    y, x = np.mgrid[0:H, 0:W]
    return np.asarray((x + 1j * y) / H)


def sample(field: NDArray[Any], at: Points) -> Any:
    """Read a field of pixels at places of the picture."""
    x = np.clip(np.rint(at.real * H), 0, field.shape[1] - 1).astype(int)
    return field[np.clip(np.rint(at.imag * H), 0, field.shape[0] - 1).astype(int), x]


def window(place: complex, wide: float, tall: float) -> tuple[tuple[slice, slice], Points]:
    """Cut out the box around a pixel: its slices, and its pixels as seen from that one."""
    left, right = max(int(place.real - wide), 0), max(int(place.real + wide) + 1, 0)
    top, bottom = max(int(place.imag - tall), 0), max(int(place.imag + tall) + 1, 0)
    y, x = np.ogrid[top : min(bottom, H), left : min(right, W)]
    return (slice(top, bottom), slice(left, right)), np.asarray(x + 1j * y - place)


def noise(rng: Generator, across: int, down: int) -> Floats:
    """Make smooth noise in [0, 1] that has so many features across and down."""
    image = Image.fromarray(rng.random((down, across)).astype(np.float32))
    return np.clip(np.asarray(image.resize((W, H), Image.Resampling.BICUBIC), np.float64), 0, 1)


def smooth(values: Floats, low: float, high: float) -> Floats:
    """Step smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def scatter(rng: Generator, spacing: float) -> Points:
    """Spread points evenly but irregularly over the picture, `spacing` pixels apart."""
    y, x = np.mgrid[0 : H + spacing : spacing, 0 : W + spacing : spacing]
    wander = rng.uniform(-0.6, 0.6, x.shape) + 1j * rng.uniform(-0.6, 0.6, x.shape)
    return rng.permutation((x + 1j * y + spacing * wander).ravel() / H)


def lit(paint: Floats, height: Floats, strength: float, gloss: float) -> Floats:
    """Light a painted relief from the upper left: with shade, and a shine on its edges."""
    down, right = np.gradient(height)
    slope = np.tanh(-strength * (right * LIGHT.real + down * LIGHT.imag))[..., None]
    return np.asarray(paint * (1 + 0.42 * slope) + gloss * np.clip(slope - 0.35, 0, 1) ** 2)


# --- the oil painting ---


def sky_flow(z: Points) -> Points:
    """Blow a wind over the sky that rolls in waves and curls round the vortices and lights."""
    flow = 1 + 0.45j * np.cos(7.5 * z.real + 3 * z.imag) + 0.15j
    for x, y, radius, turn in VORTICES:
        arm = z - (x + 1j * y)
        pull = np.exp(-((abs(arm) / radius) ** 2) / 1.6)
        flow = flow * (1 - 0.8 * pull) + 5 * turn * pull * arm * (1j - 0.22) / radius
    for x, y, radius in LIGHTS:
        arm = z - (x + 1j * y)
        pull = np.exp(-((abs(arm) / (2.1 * radius)) ** 4))
        flow = flow * (1 - pull) + 2 * pull * 1j * arm / (abs(arm) + 1e-6)
    return np.asarray(flow)


def ridge(x: Floats, level: float, swell: float, phase: float) -> Floats:
    """Draw the skyline of a range of hills: heights over `x`."""
    waves = np.sin(4.3 * x + phase) + 0.45 * np.sin(10.1 * x + 2.3 * phase)
    return np.asarray(level + swell * waves)


def landscape(z: Points) -> tuple[Labels, Points]:
    """Lay out the oil painting: which of the OILS is at each place, and how strokes run there."""
    x, y = z.real, z.imag
    what, flow = np.zeros(z.shape, np.int64), sky_flow(z)
    for kind, level, swell, phase in RANGES:
        skyline = ridge(x, level, swell, phase)
        slope, deep = (ridge(x + 0.01, level, swell, phase) - skyline) / 0.01, y - skyline
        roll = np.arctan(slope) + 0.6 * np.sin(15 * x + 24 * deep + kind) * smooth(deep, 0, 0.04)
        stalks = -0.75 + 0.55 * np.sin(7 * x + 13 * y)
        below, line = deep > 0, abs(deep) < 0.0075
        what[below], flow[below] = kind, np.exp(1j * (stalks if kind == 3 else roll))[below]
        what[line], flow[line] = 4, (1 + 1j * slope)[line]
    for place, tip, width in CYPRESSES:
        rise = np.clip((1.04 - y) / (1.04 - tip), 0, 1)  # 0 at its foot and 1 at its tip
        off = x - place - 0.018 * np.sin(9 * y + 0.5)
        flame = 1.9 * width * np.sqrt(rise) * (1 - rise) ** 0.8
        inside = abs(off) < flame * (1 + 0.17 * np.sin(30 * y + 3 * np.sign(off)))
        lean = 0.5 * np.sin(20 * y + 4 * off / width) - 1.6 * off / width * (1 - rise)
        what[inside], flow[inside] = 5, (0.5 * lean - 1j)[inside]
    return what, np.asarray(flow / (abs(flow) + 1e-9))


def streaks(values: Floats, flow: Points, steps: int) -> Floats:
    """Draw values out along a flow, so that their features become streaks, and rank them."""
    start = plane()[::4, ::4]
    total = np.zeros(start.shape)
    for step in (4 / H, -4 / H):
        at = start
        for _ in range(steps):
            total += sample(values, at)
            at = at + step * sample(flow, at)
    ranks = np.argsort(np.argsort(total, axis=None)).reshape(total.shape) / total.size
    return np.asarray(ranks.repeat(4, 0).repeat(4, 1))


def oil_colours(at: Points, what: Labels, tone: Floats, rng: Generator) -> Floats:
    """Choose two paints for each stroke: what the brush is loaded with, and what streaks it."""
    paints = np.empty((at.size, 2, 3))
    for kind, name in enumerate(list(OILS)[:-1]):
        palette, mine = colours(OILS[name]), what == kind
        pick = (tone[mine] ** 1.15 * len(palette) + rng.normal(0, 0.55, mine.sum()))[:, None]
        pick = pick + rng.normal(0.4, 1.0, (len(pick), 2)) * [0, 1]
        paints[mine] = palette[np.clip(pick, 0, len(palette) - 1).astype(int)]
    glow = colours(OILS["light"])
    for x, y, radius in LIGHTS:
        far = abs(at - (x + 1j * y)) / radius + rng.normal(0, 0.16, at.size)
        near = (far < 2.5) & (what == 0)
        ring = 2.9 * far[near, None] + rng.normal(0, 0.5, (near.sum(), 2))
        paints[near] = glow[np.clip(ring, 0, len(glow) - 1).astype(int)]
    paints[(what == 3) & (rng.random(at.size) < 0.05)] = colours("d8381f e8603a")  # poppies
    return paints


def stroke(
    canvas: Floats,
    height: Floats,
    place: complex,
    turn: complex,
    shape: tuple[float, float, float],
    paints: Floats,
    rng: Generator,
) -> None:
    """Lay one bent, tapering stroke of a loaded brush on the canvas and into its relief."""
    length, width, bend = shape
    stout = width / 2 + abs(bend) * length**2 / 8
    lean = np.array([[abs(turn.real), abs(turn.imag)], [abs(turn.imag), abs(turn.real)]])
    wide, tall = lean @ [length / 2, stout]
    box, local = window(place, wide, tall)
    local = local * np.conj(turn)
    along = np.clip(local.real / length + 0.5, 0, 1)
    half = 0.5 + width / 2 * np.minimum(1, 3 * np.sqrt(along)) * np.sqrt(1 - along**3)
    across = (local.imag - bend * local.real**2 / 2) / half
    hairs = rng.random(max(int(width / 2.2), 4))
    hair = np.interp(across + 0.06 * np.sin(9 * along), np.linspace(-1, 1, hairs.size), hairs)
    cover = np.clip((1 - abs(across)) * half / 1.5, 0, 1) * (abs(local.real) < length / 2)
    cover *= smooth(0.55 + 0.75 * hair - along, 0, 0.12)  # the hairs run dry one after another
    mixed = paints[0] + (paints[1] - paints[0]) * smooth(hair, 0.5, 0.9)[..., None]
    canvas[box] += (mixed * (0.9 + 0.2 * hair)[..., None] - canvas[box]) * cover[..., None]
    body = width**0.5 * (0.35 + 0.75 * hair + 0.5 * across**4) * (1.1 - 0.4 * along)
    height[box] += (body - 0.75 * height[box]) * cover


def flowfield(rng: Generator) -> Floats:
    """Paint the oil: a swirling night over hills, a ripe field and cypresses."""
    what, flow = landscape(plane())
    tone = streaks(noise(rng, 26, 21), flow, 26)
    canvas, height = np.zeros((H, W, 3)) + colours("3a3550"), np.zeros((H, W))
    for width, length, spacing in PASSES:
        at = scatter(rng, spacing)
        at = at[np.argsort(sample(what, at), kind="stable")]  # the nearest things come last
        turns = sample(flow, at)
        ahead = np.angle(sample(flow, at + turns * length / 3 / H) / turns)
        bends = np.clip(ahead, -0.8, 0.8) / (length / 3)
        paints = oil_colours(at, sample(what, at), sample(tone, at), rng)
        sizes = rng.uniform(0.7, 1.25, (2, at.size)) * [[length], [width]]
        turns = turns * np.exp(1j * rng.normal(0, 0.1, at.size))
        for i, shape in enumerate(zip(*sizes, bends, strict=True)):
            stroke(canvas, height, at[i] * H, turns[i], shape, paints[i], rng)
    return lit(canvas, height, 0.7, 0.5)


# --- the mosaic ---


class Design:
    """A mosaic's drawing: for each pixel its part, the lines that rows follow, its colour."""

    def __init__(self) -> None:
        self.part = np.zeros((H, W), np.int64)
        self.rows = np.zeros((H, W))  # a distance: its level lines, a tile apart, part the rows
        self.colour = np.zeros((H, W, 3))

    def inlay(self, where: NDArray[np.bool_], rows: Floats, stones: str, pick: Floats) -> None:
        """Set a new part into the drawing, its stones picked by the whole part of `pick`."""
        palette = colours(STONES[stones])
        self.part[where] = self.part.max() + 1
        self.rows[where] = rows[where]
        self.colour[where] = palette[np.clip(pick[where], 0, len(palette) - 1).astype(int)]


def inlay_sky(design: Design, z: Points) -> None:
    """Draw the sky in rings about a moon, and about a spiral sun with wavy rays."""
    radius, angle, moon = abs(z - SUN), np.angle(z - SUN), abs(z - MOON)
    far = np.minimum(radius, moon + 0.27)
    rings = (far - 0.16) * H / TILE / 2
    design.inlay(radius < 9, far, "sky", 1.05 * rings - 2.4 * (np.mod(rings, 3) < 1))
    for disc, stone in ((0.095, 0.0), (0.072, 2.0), (0.05, 4.0)):
        design.inlay(moon < disc, moon, "sun", stone + 0 * moon)
    for kind, tip in enumerate((0.34, 0.29)):
        phase = 10 * (angle + 0.22 * np.sin(24 * radius)) / (2 * np.pi) + kind / 2
        spread = abs(np.mod(phase, 1) - 0.5)
        ray = (spread < 0.36 * (1 - (radius - 0.1) / (tip - 0.1))) & (radius < tip)
        design.inlay(ray, spread * radius * np.pi / 5, "sun", 3.0 - 2 * kind + 0 * radius)
    for disc, stone in ((0.155, 3.0), (0.127, 2.0)):
        design.inlay(radius < disc, radius, "sun", stone + 0 * radius)
    spiral = np.mod(radius / 0.046 - angle / (2 * np.pi), 1) < 0.5
    design.inlay(radius < 0.105, radius, "sun", 1 + 3.0 * spiral)


def inlay_waves(design: Design, z: Points) -> None:
    """Draw the sea as rows of fans, one before the other."""
    for k in range(5):
        level, size = 0.615 + 0.078 * k, 0.19 + 0.006 * k
        off = size * (np.mod(z.real / size + 0.6 * k, 1) - 0.5)
        fan = 0.115 - abs(off + 1j * (z.imag - level))
        crest = level - np.sqrt(0.115**2 - off**2)
        design.inlay(z.imag > crest, fan, "sea", fan * H / TILE * (1 + k % 2 / 4) + 0.4 * (k % 3))


def inlay_fish(design: Design, z: Points, fish: tuple[complex, float, float, float]) -> None:
    """Draw a fish by its place, heading, size and bend, with a striped tail and rows of scales."""
    place, heading, size, bend = fish
    local, tiles = (z - place) * np.exp(-1j * heading) / size, size * H / TILE
    along, across = local.real, local.imag - bend * (local.real**2 - 0.3)
    aside, behind = abs(across), -0.7 - along
    body = 0.36 * np.clip(1 - along**2, 0, 1) ** 0.75 * (1.12 + 0.3 * along)
    tail = (behind > 0) & (aside < 0.07 + 0.95 * behind) & (behind < 0.36 + 0.5 * aside)
    tail &= behind < 0.58
    design.inlay(tail, behind * size, "fish", 1.0 + 2 * (behind * tiles % 3 > 1.5))
    fin = (abs(along + 0.05) < 0.5) & (aside < body + 0.17 * np.cos(3 * (along + 0.1)))
    design.inlay(fin, (along + 0.5 * aside) * size, "fish", 1 + 0 * along)
    depth = (body - aside) * tiles
    scales = (along * tiles / 1.6 + 0.8 * np.cos(depth * np.pi)).astype(int) % 2
    flank = np.where(across < 0, 4.0 * (1 - scales), 5.0 - 2 * scales)
    flank = np.where(depth < 1, 0.0, np.where(depth < 2, 1.0, flank))
    design.inlay(aside < body, depth * TILE / H, "fish", flank)
    head = (aside < body) & (along > 0.52)
    design.inlay(head, abs(local - 0.3 + 0.3j * bend) * size, "fish", 1.0 * (along > 0.6))
    eye = abs(local - 0.72 - 1j * (0.22 * bend - 0.06)) * tiles
    for disc in (1.5, 0.7):
        design.inlay(eye < disc, eye * TILE / H, "eye", 1.0 * (eye > 0.7))


def tessellate(points: Points, turns: Points, part: Labels) -> Labels:
    """Give every pixel to the nearest tessera, by turned squares, that is of the pixel's part."""
    nearest, owner = np.full((H, W), np.inf), np.zeros((H, W), np.int64)
    own = sample(part, points)
    for i, (place, turn) in enumerate(zip(points * H, turns, strict=True)):
        box, local = window(place, 1.7 * TILE, 1.7 * TILE)
        local = local * np.conj(turn)
        far = np.maximum(abs(local.real), abs(local.imag)) + 1e3 * (part[box] != own[i])
        closer = far < nearest[box]
        nearest[box][closer] = far[closer]
        owner[box][closer] = i
    return owner


def settle(design: Design, rng: Generator) -> tuple[Labels, Points]:
    """Lay tesserae along the drawing's rows, moving each to its row and its cell's middle."""
    down, right = np.gradient(design.rows * H)
    slope = right + 1j * down
    lead = np.where(abs(slope) > 0.2, slope / (abs(slope) + 1e-9), 1)
    points, z = scatter(rng, TILE), plane().ravel()
    owner: Labels = design.part
    for step in range(ROUNDS):
        owner = tessellate(points, sample(lead, points), design.part)
        count, x, y = (
            np.bincount(owner.ravel(), weights, points.size)
            for weights in (np.ones(z.size), z.real, z.imag)
        )
        points = np.where(count > 0, (x + 1j * y) / np.maximum(count, 1), points)
        if step < ROUNDS - 3:
            row = sample(design.rows, points) * H / TILE
            points = points + 0.6 * (np.floor(row) + 0.5 - row) * TILE / H * sample(lead, points)
    return owner, points


def bevel(owner: Labels, depth: int) -> Floats:
    """Raise tesserae from their edges: how many pixels inwards each pixel is, up to `depth`."""
    steps = [(shift, axis) for shift in (-1, 1) for axis in (0, 1)]
    inside = np.logical_and.reduce([np.roll(owner, *step) == owner for step in steps])
    height = np.zeros(owner.shape)
    for _ in range(depth):
        height += inside
        inside = np.logical_and.reduce([inside, *(np.roll(inside, *step) for step in steps)])
    return height


def mosaic(rng: Generator) -> Floats:
    """Lay the mosaic: fish that leap from fans of waves between the sun and the moon."""
    z, design = plane(), Design()
    inlay_sky(design, z)
    inlay_waves(design, z)
    for fish in FISHES:
        inlay_fish(design, z, fish)
    edge = np.minimum(np.minimum(z.real, W / H - z.real), np.minimum(z.imag, 1 - z.imag))
    design.inlay(edge < 2 * TILE / H, edge, "frame", edge * H / TILE)
    owner, points = settle(design, rng)
    chips = noise(rng, 160, 128) - 0.5 + 1j * (noise(rng, 160, 128) - 0.5)
    owner = sample(owner, z + 3 * chips / H)
    tone = sample(design.colour, points)
    stars = (sample(design.part, points) == 1) & (rng.random(points.size) < 0.06)
    tone[stars] = colours(STONES["sun"])[0]
    tone = tone * rng.normal(1, 0.11, (points.size, 1)) + rng.normal(0, 0.025, tone.shape)
    tilt = rng.normal(0, 1, points.size) * np.exp(2j * np.pi * rng.random(points.size))
    lean = ((z - points[owner]) * np.conj(tilt[owner])).real * H / TILE
    grain = noise(rng, 320, 256) + noise(rng, 90, 72) - 1
    height = bevel(owner, 6)
    stone = tone[owner] * (1 + 0.10 * lean + 0.13 * grain)[..., None]
    stone = lit(stone, np.minimum(height, 4) + 1.2 * lean * (height > 0), 0.45, 0.8)
    grout = colours("2a2320") * (1 + 0.5 * grain)[..., None]
    return np.asarray(grout + (stone - grout) * np.clip((height - 1) / 1.5, 0, 1)[..., None])


# --- the woodcut ---


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


PICTURES: dict[str, Callable[[Generator], Floats]] = {
    "flowfield": flowfield,
    "mosaic": mosaic,
    "woodcut": woodcut,
}


def save(picture: Floats, path: Path) -> None:
    """Reduce a picture to its finished size and write it."""
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))
    image = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    image.save(path, quality=QUALITY, optimize=True)


def main(arguments: Sequence[str]) -> None:
    """Paint every picture into the folder that was named, or into the package."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, paint in PICTURES.items():
        path = folder / f"{name}.jpg"
        save(paint(np.random.default_rng(SEED)), path)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
