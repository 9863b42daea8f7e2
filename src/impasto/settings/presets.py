"""The presets: what a recipe can start from."""

from __future__ import annotations

from typing import Any

# The published worked example, unchanged.
GATYS: dict[str, Any] = {
    "size": (512, 384),
    "output_size": "content",
    "style_fit": "squeeze",
    "rescale": True,
    "initial": "noisy-content",
    "noise_ratio": 0.7,
    "content_layers": {"conv4_2": 1.0},
    "style_layers": {
        "conv1_1": 0.5,
        "conv2_1": 1.0,
        "conv3_1": 1.5,
        "conv4_1": 3.0,
        "conv5_1": 4.0,
    },
    "balance": "absolute",
    "alpha": 1.0,
    "beta": 1000.0,
    "pooling": "average",
    "padding": "zeros",
    "optimizer": "adam",
    "learning_rate": 2.0,
    "steps": 2500,
    "levels": 1,
    "keep": "updated",
    "precision": "float32",
}

# The layers of the two methods' hypercolumns, which VGG-16 and VGG-19 both have.
STROTSS_LAYERS = dict.fromkeys(
    (
        *("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3"),
        *("relu4_3", "relu5_3"),
    ),
    1.0,
)
NNST_LAYERS = dict.fromkeys(
    (
        *("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3"),
        *("relu4_1", "relu4_2", "relu4_3"),
    ),
    1.0,
)

NNST: dict[str, Any] = {
    "method": "nnst",
    "style_layers": NNST_LAYERS,
    "style_symmetry": "rotate",
    "variable": "pyramid",
    "steps": 150,
}

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "fast": {"size": 320, "steps": 22, "levels": 2},
    # One pass of the network of Ghiasi and others, arXiv:1705.06830, instead of an optimisation.
    "instant": {"method": "instant", "steps": 1, "levels": 1},
    "fine": {**NNST, "method": "even-nnst", "style_symmetry": "none", "size": 1024, "steps": 75},
    # Kolkin and others, arXiv:1904.12785 and arXiv:2203.13215.
    "strotss": {
        "method": "strotss",
        "style_layers": STROTSS_LAYERS,
        "variable": "pyramid",
        "steps": 160,
    },
    "nnst": NNST,
    "gatys": GATYS,
    # The two halves of the paper's first figure: only the style, and only the content.
    "texture": {"alpha": 0.0, "initial": "noise", "steps": 250},
    "reconstruction": {
        "content_layers": GATYS["content_layers"],
        "beta": 0.0,
        "initial": "noise",
        "levels": 1,
        "steps": 150,
    },
    # The objective, size and output of gatys, with our first canvas, levels, optimiser, precision.
    "gatys-fast": {
        **GATYS,
        "initial": "recolored-content",
        "optimizer": "lbfgs",
        "levels": "auto",
        "steps": 360,
        "keep": "measured",
        "precision": "auto",
    },
}

# What each preset is for, its size, and its usual time on two cores (docs/presets.md).
PURPOSES: dict[str, str] = {
    "default": "A good picture at 512 pixels, in about 20 seconds.",
    "fast": "A draft at 320 pixels, in 5 to 6 seconds.",
    "instant": "A first look in about a second, by a trained network; 512 pixels; extra instant.",
    "fine": "Our best quality: even-nnst at 1024 pixels, in 1 to 2 minutes.",
    "strotss": "The largest strokes, by relaxed optimal transport; 512 pixels, 1 to 2 minutes.",
    "nnst": "Strokes most like the style's, by neural neighbours; 512 pixels, 1 to 2 minutes.",
    "gatys": "The published example, unchanged: 2500 steps at 512x384, over half an hour.",
    "texture": "Only the style, from noise, at 512 pixels; needs one picture.",
    "reconstruction": "Only the content, from noise, at 512 pixels; needs one picture.",
    "gatys-fast": "The objective of gatys in a twentieth of its time.",
}
