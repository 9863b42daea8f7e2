"""Colour profiles: conversion from a picture's own ICC profile to sRGB, and the sRGB profile."""

from __future__ import annotations

import functools
import io
import struct

import numpy as np
from PIL import Image, ImageCms

from impasto.messages.message import Message

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of ITU-R BT.601, as in Pillow
LARGEST_PROFILE = 2**25  # bytes; profiles of printers have up to five million
# Colour space of a profile → Pillow's mode of pictures with such a profile.
PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}


def transform(
    data: bytes | None, mode: str, notes: list[Message]
) -> ImageCms.ImageCmsTransform | None:
    """The conversion from a picture's own colours to sRGB; None if there is nothing to convert.

    Args:
        data: the ICC profile of the picture; None if it has none.
        mode: Pillow's mode of the picture.
        notes: notes for the user about the profile are added here.
    """
    srgb = ImageCms.createProfile("sRGB")
    kind = {"1": "L", "L": "L", "CMYK": "CMYK", "LAB": "LAB"}.get(mode, "RGB")
    if data and len(data) > LARGEST_PROFILE:
        notes.append(Message("picture.large-profile", megabytes=len(data) / 1e6))
    elif data:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
            space = PROFILE_MODES.get(profile.profile.xcolor_space.strip())
            if space == kind or (space == "RGB" and kind == "L"):
                # With optimisation, a grey profile can be some levels off in the shadows.
                flags = ImageCms.Flags.NOOPTIMIZE if space == "L" else ImageCms.Flags.NONE
                transform = ImageCms.buildTransform(profile, srgb, space, "RGB", flags=flags)
                return None if _is_identity(transform) else transform
            notes.append(Message("picture.other-profile"))
        except Exception:
            notes.append(Message("picture.damaged-profile"))
    if kind == "LAB":
        return ImageCms.buildTransform(ImageCms.createProfile("LAB"), srgb, "LAB", "RGB")
    return None


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a conversion leaves RGB or grey pixels unchanged, except for rounding."""
    if transform.input_mode not in ("RGB", "L"):
        return False
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 17)] * 3), axis=-1)
    probe = Image.fromarray(cube.reshape(64, 64, 3).astype(np.uint8)).convert(transform.input_mode)
    before, after = np.asarray(probe.convert("RGB"), int), np.asarray(to_srgb(probe, transform))
    return bool(np.abs(before - after).max() <= 1)


def to_srgb(image: Image.Image, transform: ImageCms.ImageCmsTransform | None) -> Image.Image:
    """The picture converted to sRGB, as 8-bit RGB."""
    if transform is None:
        return image.convert("RGB")
    return ImageCms.applyTransform(image.convert(transform.input_mode), transform) or image


@functools.cache
def srgb_profile() -> bytes:
    """The ICC profile of sRGB, always with the same bytes: its time stamp is fixed."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # its date and time
    return bytes(profile)
