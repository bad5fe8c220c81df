"""What composed digits lie on: crops of a photograph, plain walls, shapes that are no digits."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.training.digits import Pixels

Rng: TypeAlias = np.random.Generator
Real: TypeAlias = NDArray[np.float32]

FRAME_PX = (320, 240)  # width, height of a composed frame: a small camera picture
LEAST_CROP_PX = 150  # height of the smallest part of a photograph that fills a frame


def photo_crop(photo: Pixels, rng: Rng) -> Pixels:
    """Return a random 4:3 part of the photograph, mirrored half of the time, as a frame."""
    height = int(rng.integers(LEAST_CROP_PX, photo.shape[0]))
    width = min(height * FRAME_PX[0] // FRAME_PX[1], photo.shape[1])
    x = int(rng.integers(photo.shape[1] - width + 1))
    y = int(rng.integers(photo.shape[0] - height + 1))
    part = photo[y : y + height, x : x + width]
    part = part[:, ::-1] if rng.random() < 0.5 else part
    frame = cv2.resize(np.ascontiguousarray(part), FRAME_PX, interpolation=cv2.INTER_LINEAR)
    return np.asarray(frame, np.uint8)


def recoloured(frame: Pixels, rng: Rng) -> Pixels:
    """Return the frame with channels swapped and light changed: one photograph shows more."""
    mixed = np.ascontiguousarray(frame[..., rng.permutation(3)], np.float32)
    if rng.random() < 0.5:
        mixed = 255.0 - mixed
    gain = rng.uniform(0.4, 1.2, 3).astype(np.float32)
    lit: Pixels = np.clip(mixed * gain + rng.uniform(-20, 40), 0, 255).astype(np.uint8)
    return lit


def wall(rng: Rng) -> Pixels:
    """Return a frame of one colour that drifts smoothly from corner to corner."""
    base = rng.uniform(30, 245) + rng.uniform(-25, 25, 3)
    corners = np.clip(base + rng.uniform(-25, 25, (2, 2, 1)), 0, 255).astype(np.float32)
    return np.asarray(cv2.resize(corners, FRAME_PX, interpolation=cv2.INTER_LINEAR), np.uint8)


def draw_shapes(frame: Pixels, rng: Rng) -> None:
    """Draw ellipses and arcs in colours near those of the frame: round edges are no digits."""
    for _ in range(int(rng.integers(1, 14))):
        x, y = (int(v) for v in rng.integers((0, 0), FRAME_PX))
        colour = frame[y, x] * rng.uniform(0.6, 1.5) + rng.uniform(-30, 30, 3)
        centre = tuple(int(v) for v in rng.integers((0, 0), FRAME_PX))
        radii = tuple(int(v) for v in np.exp(rng.uniform(np.log(5), np.log(90), 2)))
        thickness = -1 if rng.random() < 0.7 else int(rng.integers(1, 6))
        angle, start, sweep = rng.uniform(0, 360), rng.uniform(0, 360), rng.uniform(90, 360)
        cv2.ellipse(
            frame, centre, radii, angle, start, start + sweep, _bgr(colour), thickness, cv2.LINE_AA
        )


def draw_lines(frame: Pixels, rng: Rng) -> None:
    """Draw lines, half of them as short as a stroke of a digit."""
    for _ in range(int(rng.integers(1, 6))):
        ends = rng.integers((0, 0), FRAME_PX, (2, 2))
        if rng.random() < 0.5:
            ends[1] = ends[0] + rng.integers(-50, 50, 2)
        start, stop = (tuple(int(v) for v in end) for end in ends)
        thickness = int(rng.integers(1, 9))
        cv2.line(frame, start, stop, _bgr(rng.uniform(0, 255, 3)), thickness, cv2.LINE_AA)


def webcam(canvas: Real, rng: Rng) -> Real:
    """Return the picture with what a webcam adds: uneven light, blur, noise."""
    light = rng.uniform(0.7, 1.2, (2, 2)).astype(np.float32)
    spread = cv2.resize(light, FRAME_PX, interpolation=cv2.INTER_LINEAR)
    lit: Real = canvas * np.asarray(spread, np.float32)[..., np.newaxis]
    blur = float(rng.uniform(0.0, 2.2))
    if blur > 0.5:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), blur), np.float32)
    # one field of noise for all channels: a third of the work, and grain looks grey anyway
    noise = rng.standard_normal((FRAME_PX[1], FRAME_PX[0], 1), np.float32)
    return np.asarray(lit + np.float32(rng.uniform(0.0, 12.0)) * noise, np.float32)


def _bgr(colour: NDArray[np.floating]) -> tuple[float, float, float]:
    blue, green, red = (float(v) for v in np.clip(colour, 0, 255))
    return blue, green, red
