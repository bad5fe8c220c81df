"""What the operators with a sliding window share: sizes, padding, per-channel scales."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_export.fixedpoint import quantize_multipliers, requantize_double
from firmware_export.node import (
    BYTE_TYPES,
    Call,
    Constant,
    Node,
    elements,
    nhwc,
    scale,
    values,
    zero_point,
)


def padding_before(node: Node, axis: int, window: int, stride: int, dilation: int = 1) -> int:
    """Return the rows or columns of padding before the picture; SAME pads more behind it."""
    if node.option("padding", "SAME") != "SAME":
        return 0
    side_in, side_out = nhwc(node.input())[axis], nhwc(node.output())[axis]
    reach = (side_out - 1) * stride + (window - 1) * dilation + 1
    return max(reach - side_in, 0) // 2


def window_faults(node: Node, k_h: int, k_w: int) -> list[str]:
    """Return a fault where strides, window and sizes contradict each other."""
    into, out, found = nhwc(node.input()), nhwc(node.output()), []
    for axis, window, name in ((1, k_h, "h"), (2, k_w, "w")):
        stride = node.option(f"stride_{name}", 1)
        dilation = node.option(f"dilation_{name}_factor", 1)
        reach = (window - 1) * dilation + 1
        if min(stride, dilation, window) < 1:
            found.append(f"stride, dilation and window are {stride}, {dilation}, {window}")
            continue
        covered = into[axis] if node.option("padding", "SAME") == "SAME" else into[axis] - reach + 1
        if out[axis] != -(-covered // stride):
            found.append(f"{into[axis]} cannot become {out[axis]} by a window of {reach}")
    if into[0] != out[0]:
        found.append(f"{into[0]} pictures cannot become {out[0]}")
    return found


def per_picture(node: Node, call: Call, data: int = 0) -> tuple[Call, ...]:
    """Return the call once for each picture of the batch."""
    pictures = nhwc(node.input(data))[0]
    if pictures == 1:
        return (call,)
    into, out = (elements(t) // pictures for t in (node.input(data), node.output()))
    return tuple(
        replace(call, starts=(n * into, n * out), lead_bytes=None, lag_bytes=None)
        for n in range(pictures)
    )


def weights_zero_point(node: Node) -> int:
    """Return the zero point of the weights, which only uint8 ones have."""
    return zero_point(node.input(1)) if node.input(1).dtype == "uint8" else 0


def direct(node: Node, weights: NDArray[Any], sides: dict[str, int], rounding: str) -> Call:
    """Return the call of `conv_direct` for weights (outs, h, w, depth) with a zero point.

    `sides` are the other members of `conv_direct_t` that differ from 1 or 0.
    """
    outs, k_h, k_w, depth = weights.shape
    multiplier, shift = factors_of(node, 0, outs)
    ones = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "k_h", "k_w", "depth", "multiple")
    known = dict.fromkeys([*ones, "stride_h", "stride_w", "dilation_h", "dilation_w"], 1)
    known |= {"pad_h": 0, "pad_w": 0, "in_zero_point": zero_point(node.input())}
    known |= {"weights_zero_point": weights_zero_point(node)}
    known |= {"out_zero_point": zero_point(node.output()), "out_c": outs}
    known |= {"k_h": k_h, "k_w": k_w, "depth": depth, **sides}
    pointers = ("weights", "bias", "multiplier", "shift")
    return Call(
        kernels=(
            *(("fixed_point",) if rounding == "double" else ()), f"requantize_{rounding}",
            "conv_direct",

        ),
        function="conv_direct",
        fields=(
            *((name, f"@{name}") for name in pointers),
            *((name, str(value)) for name, value in known.items()),
            ("requantize", f"requantize_{rounding}"),
        ),
        constants=(
            Constant("weights", np.ascontiguousarray(weights)),
            Constant("bias", biases(node, 2, outs).astype(np.int32)),
            Constant("multiplier", multiplier), Constant("shift", shift),
        ),
    )  # fmt: skip


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
    wide = weights.astype(np.int64)
    reach = np.abs(wide).sum(axis=axes)
    count = len(reach)
    multiplier, shift = factors_of(node, 0, count)
    shifts = [int(s) for s in shift]
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


def factors_of(node: Node, data: int, count: int) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Return multiplier and shift of each output channel; `data` is the input's position."""
    quant = node.input(1).quant
    assert quant is not None  # noqa: S101 - faults() came first
    into, out = scale(node.input(data)), float(scale(node.output()))
    weights = [np.float32(s) for s in quant.scales]
    # The product of float32 scales in double precision; that of uint8 in float32.
    products = [float(into) * float(s) for s in weights]
    if node.output().dtype == "uint8":
        products = [float(into * s) for s in weights]
    multipliers, shifts = quantize_multipliers([product / out for product in products])
    multiplier = np.resize(np.array(multipliers, np.int32), count)
    return multiplier, np.resize(np.array(shifts, np.int8), count)


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


def per_channel(node: Node, channels: int, bias: int = 2) -> list[str]:
    """Return faults of the weights' type and scales (one, or one for each output channel)."""
    weights, found = node.input(1), []
    quant = weights.quant
    if weights.dtype not in BYTE_TYPES:
        found.append(f"weights '{weights.name}' are {weights.dtype}: quantize the model to int8")
    elif quant is None or len(quant.scales) not in (1, channels):
        found.append(f"weights '{weights.name}' have no scale for each of {channels} channels")
    elif weights.dtype == "int8" and any(quant.zero_points):
        found.append(f"weights '{weights.name}' have a zero point: int8 weights are symmetric")
    elif weights.dtype == "uint8" and len(quant.zero_points) != 1:
        found.append(f"weights '{weights.name}' have no single zero point: convert the model again")
    if node.has_input(bias) and node.input(bias).dtype != "int32":
        found.append(f"bias '{node.input(bias).name}' is {node.input(bias).dtype}, not int32")
    return found
