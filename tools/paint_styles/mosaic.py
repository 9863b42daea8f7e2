"""A mosaic whose tesserae run along the lines of its design."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from surface import (
    Floats,
    H,
    Labels,
    Points,
    W,
    colours,
    lit,
    noise,
    plane,
    sample,
    scatter,
    window,
)

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
