"""What the operators with a sliding window share: sizes, padding, per-channel scales."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.tflite import Tensor
from firmware_export.fixedpoint import quantize_multipliers
from firmware_export.node import Constant, Node, nhwc, scale, values, zero_point


def padding_before(node: Node, axis: int, window: int, stride: int, dilation: int = 1) -> int:
    """Return the rows or columns of padding before the picture; SAME pads more behind it."""
    if node.option("padding", "SAME") != "SAME":
        return 0
    side_in, side_out = nhwc(node.input())[axis], nhwc(node.output())[axis]
    reach = (side_out - 1) * stride + (window - 1) * dilation + 1
    return max(reach - side_in, 0) // 2


def channel_constants(node: Node, weights: Tensor, bias: NDArray[Any], channels: int) -> list[Any]:
    """Return bias, multiplier and shift of each output channel as constants."""
    assert weights.quant is not None  # noqa: S101 - faults() came first
    into, out = float(scale(node.input())), float(scale(node.output()))
    # The product in double precision, from scales that the file holds as float32.
    factors = [into * float(np.float32(s)) / out for s in weights.quant.scales]
    multipliers, shifts = quantize_multipliers(factors)
    repeat = channels // len(factors)
    return [
        Constant("bias", bias.astype(np.int32)),
        Constant("multiplier", np.repeat(np.array(multipliers, np.int32), repeat)),
        Constant("shift", np.repeat(np.array(shifts, np.int8), repeat)),
    ]


def biases(node: Node, position: int, channels: int) -> NDArray[np.int64]:
    """Return the bias of each channel, zeros where there is none."""
    if not node.has_input(position):
        return np.zeros(channels, np.int64)
    return values(node.input(position)).astype(np.int64).reshape(channels)


def folded(node: Node, bias: NDArray[np.int64], sums: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the bias less what the input's zero point adds to every sum, in wrapping int32."""
    return (bias - zero_point(node.input()) * sums).astype(np.int32)


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
