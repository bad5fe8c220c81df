"""The time in a picture: 16 black or white bars are a count of milliseconds, as bits."""

import numpy as np

BITS = 16


def milliseconds_of(bgr: np.ndarray) -> int:
    """Return the count modulo 2**16 that the bars of a picture spell, the lowest bit left."""
    height, width = bgr.shape[:2]
    centres = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
    row = bgr[height // 2, centres].mean(axis=1)
    return sum(1 << bit for bit in range(BITS) if row[bit] > 127)


def age_ms(bgr: np.ndarray, now_ms: int) -> int:
    """Return how long ago a picture was made, 0 to 65 s."""
    return (now_ms - milliseconds_of(bgr)) % (1 << BITS)


def bars(width: int, height: int, count: int) -> bytes:
    """Return a grey picture, one byte a pixel, that spells `count`."""
    row = bytes(255 * (count >> (x * BITS // width) & 1) for x in range(width))
    return row * height
