"""How far an output may overlap its input: from how a kernel walks over a window's pixels.

All kernels write their output from the first byte to the last, or, walking backwards, pixel by
pixel from the last to the first. Offsets are bytes from the start of each tensor.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a sliding window: sides and strides in pixels."""

    side_in: int
    side_out: int
    window: int
    stride: int = 1
    pad: int = 0
    dilation: int = 1

    def ends(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return for each output position the first and the last input position under it.

        Where the whole window lies outside, first is NEVER and last -1.
        """
        at = np.arange(self.side_out)[:, None] * self.stride - self.pad
        taps = at + np.arange(self.window)[None] * self.dilation
        inside = (taps >= 0) & (taps < self.side_in)
        first = np.where(inside, taps, NEVER).min(axis=1)
        return first, np.where(inside, taps, -1).max(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Output pixels in row-major order: the input bytes that each and all later ones need."""

    out_bytes: int  # of a pixel
    needed_from: NDArray[Any]  # (pixels + 1,): the first byte that pixel q or a later one reads
    needed_to: NDArray[Any]  # (pixels,): the end of what pixel q or an earlier one reads

    def lead_after_reading(self) -> int:
        """Return the lead where pixels are read in full before any of them is written."""
        written = np.arange(1, len(self.needed_from)) * self.out_bytes
        return _most(written - self.needed_from[1:])

    def lead_by_channel(self) -> int:
        """Return the lead where channel c is read, then written, one channel after the other."""
        written = np.arange(len(self.needed_from)) * self.out_bytes
        return _most(written - self.needed_from)

    def lead_while_reading(self, pixels: int) -> int:
        """Return the lead where any of `pixels` pixels may be read after all are written."""
        count = len(self.needed_from) - 1
        written = np.minimum(np.arange(count) + pixels, count) * self.out_bytes
        return _most(written - self.needed_from[:-1])

    def lag(self) -> int:
        """Return how far behind the input the output may start when the walk goes backwards."""
        return _most(self.needed_to - np.arange(len(self.needed_to)) * self.out_bytes)


def walk(rows: Axis, columns: Axis, in_bytes: int, out_bytes: int) -> Walk:
    """Return the walk of a window over an NHWC picture of one batch; bytes are of a pixel."""
    (top, bottom), (left, right) = rows.ends(), columns.ends()
    first = top[:, None] * columns.side_in + left[None]
    last = bottom[:, None] * columns.side_in + right[None]
    outside = (bottom[:, None] < 0) | (right[None] < 0)
    starts = np.where(outside | (top[:, None] == NEVER), NEVER, first * in_bytes).reshape(-1)
    ends = np.where(outside, 0, (last + 1) * in_bytes).reshape(-1)
    later = np.minimum.accumulate(np.append(starts, NEVER)[::-1])[::-1]
    return Walk(out_bytes, later, np.maximum.accumulate(ends))


def _most(gaps: NDArray[Any]) -> int:
    return max(int(gaps.max(initial=0)), 0)
