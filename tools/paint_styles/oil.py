"""An oil painting of brush strokes that follow a flow field."""

import numpy as np
from numpy.random import Generator

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
    smooth,
    window,
)

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
