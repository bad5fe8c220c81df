"""Pictures that are nearly the same, told by a 64-bit difference hash."""

import cv2
import numpy as np
from numpy.typing import NDArray

NEAR_BITS = 4  # hashes of nearly equal pictures differ in no more bits


def difference_hash(bgr: NDArray[np.uint8]) -> int:
    """Return 64 bits of a picture, BGR uint8 (height, width, 3).

    Each says whether a cell is lighter than the one to its right; the picture is averaged into 8
    rows of 9 grey cells first, so that light, contrast and size matter little. The dHash of Neal
    Krawetz, "Kind of Like That" (2013).
    """
    small = cv2.resize(bgr, (9, 8), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    return int.from_bytes(np.packbits(grey[:, :-1] > grey[:, 1:]).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """Return in how many of the 64 bits two hashes differ."""
    return (one ^ other).bit_count()
