"""What the operators with a sliding window share: sizes, padding, per-channel scales."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_export.fixedpoint import quantize_multipliers, requantize_double
from firmware_export.node import Constant, Node, nhwc, scale, values, zero_point


def padding_before(node: Node, axis: int, window: int, stride: int, dilation: int = 1) -> int:
    """Return the rows or columns of padding before the picture; SAME pads more behind it."""
    if node.option("padding", "SAME") != "SAME":
        return 0
    side_in, side_out = nhwc(node.input())[axis], nhwc(node.output())[axis]
    reach = (side_out - 1) * stride + (window - 1) * dilation + 1
    return max(reach - side_in, 0) // 2


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """What each output channel adds and how it is scaled, and the kernels that do it."""

    constants: tuple[Constant, ...]
    kernels: tuple[str, ...]


def channels_of(node: Node, weights: NDArray[Any], axes: tuple[int, ...]) -> Channels:
    """Return bias, multiplier and shift of each channel; `axes` of the weights are added up.

    The input's zero point is folded into the bias, in wrapping int32 as the sums are. A channel
    whose weights are all zero answers a constant: it gets that, in place of a bias that may be
    far too large for the short ways to round.
    """
    quant = node.input(1).quant
    assert quant is not None  # noqa: S101 - faults() came first
    wide = weights.astype(np.int64)
    reach = np.abs(wide).sum(axis=axes)
    count = len(reach)
    into, out = float(scale(node.input())), float(scale(node.output()))
    # The product in double precision, from scales that the file holds as float32.
    multipliers, shifts = quantize_multipliers(
        [into * float(np.float32(s)) / out for s in quant.scales]
    )
    multiplier = np.resize(np.array(multipliers, np.int32), count)
    shift = np.resize(np.array(shifts, np.int8), count)
    bias = biases(node, 2, count)
    for dead in np.flatnonzero(reach == 0):
        q = requantize_double(int(bias[dead]), int(multiplier[dead]), int(shift[dead]))
        bias[dead], multiplier[dead], shift[dead] = max(-256, min(q, 256)), (1 << 31) - 1, 0
    folded = (bias - zero_point(node.input()) * wide.sum(axis=axes)).astype(np.int32)
    return Channels(
        constants=(
            Constant("weights", weights),
            Constant("bias", folded),
            Constant("multiplier", multiplier),
            Constant("shift", shift),
        ),
        kernels=requantize_kernels(reach, bias, shifts),
    )


def requantize_kernels(
    reach: NDArray[Any], bias: NDArray[Any], shifts: Sequence[int]
) -> tuple[str, ...]:
    """Return the kernels that bring sums to 8 bits: the shortest way that is right for all.

    `reach` holds the absolute weights of each channel added up, `bias` what is added to them.
    """
    most = int((reach * 255 + np.abs(bias.astype(np.int64))).max(initial=0))
    if most << max(0, *shifts) >= 1 << 29 or min(shifts) < -31:
        return ("requantize_wide",)
    return ("requantize_left",) if max(shifts) > 0 else ("requantize_short",)


def biases(node: Node, position: int, channels: int) -> NDArray[np.int64]:
    """Return the bias of each channel, zeros where there is none."""
    if not node.has_input(position):
        return np.zeros(channels, np.int64)
    return values(node.input(position)).astype(np.int64).reshape(channels)


def per_channel(node: Node, channels: int) -> list[str]:
    """Return faults of the weights' type and scales (one, or one for each output channel)."""
    weights, found = node.input(1), []
    quant = weights.quant
    if weights.dtype != "int8":
        found.append(f"weights '{weights.name}' are {weights.dtype}: quantize the model to int8")
    elif quant is None or len(quant.scales) not in (1, channels):
        found.append(f"weights '{weights.name}' have no scale for each of {channels} channels")
    elif any(quant.zero_points):
        found.append(f"weights '{weights.name}' have a zero point: int8 weights are symmetric")
    if node.has_input(2) and node.input(2).dtype != "int32":
        found.append(f"bias '{node.input(2).name}' is {node.input(2).dtype}, not int32")
    return found
