"""Strokes without width: the middle lines of many small drawings at once."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def skeletons(drawings: Mask) -> Mask:
    """Return the middle lines, one pixel wide, of drawings (n, h, w).

    The parallel thinning of Zhang and Suen (Communications of the ACM 27:236, 1984), for all
    drawings together: each round takes off the outer pixels that hold nothing together.
    """
    padded = np.pad(drawings, ((0, 0), (1, 1), (1, 1)))
    inner = padded[:, 1:-1, 1:-1]
    thinner = True
    while thinner:
        thinner = False
        for first in (True, False):
            removable = inner & _removable(padded, first)
            thinner |= bool(removable.any())
            inner &= ~removable
    return np.ascontiguousarray(inner)


def _removable(padded: Mask, first: bool) -> Mask:
    """Return which pixels (n, h, w) are of the border that this half round takes off."""
    rows, columns = padded.shape[1] - 2, padded.shape[2] - 2

    def beside(dy: int, dx: int) -> Mask:
        return padded[:, 1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns]

    n, ne, e, se = beside(-1, 0), beside(-1, 1), beside(0, 1), beside(1, 1)
    s, sw, w, nw = beside(1, 0), beside(1, -1), beside(0, -1), beside(-1, -1)
    around = (n, ne, e, se, s, sw, w, nw)
    count = np.add.reduce([side.astype(np.uint8) for side in around])
    turns = zip(around, (*around[1:], n), strict=True)
    steps = np.add.reduce([(~a & b).astype(np.uint8) for a, b in turns])
    outer = ~(n & e & s) & ~(e & s & w) if first else ~(n & e & w) & ~(n & s & w)
    removable: Mask = (count >= 2) & (count <= 6) & (steps == 1) & outer
    return removable
