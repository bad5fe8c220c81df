"""CONV_2D: dilated, any stride, grouped, per-tensor or per-channel."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_export.node import (
    Call,
    Constant,
    Node,
    activation_range,
    constant,
    nhwc,
    quantised,
    unknown_activation,
    values,
    zero_point,
)
from firmware_export.ops.walk import Axis, Walk, walk
from firmware_export.ops.window import (
    channels_of,
    direct,
    padding_before,
    per_channel,
    per_picture,
    weights_zero_point,
    window_faults,
)

PIXELS = 4  # the most columns that a kernel gathers at a time
GEMM = ("gemm_type", "gemm_block", "gemm")
GATHER = ("conv_2d_type", "conv_2d_gather", "conv_2d")


def faults(node: Node) -> list[str]:
    """Return why this convolution cannot be exported."""
    return [
        *quantised(node.input(), node.output()),
        *constant(node, 1, "weights"),
        *constant(node, 2, "bias"),
        *per_channel(node, nhwc(node.output())[3]),
        *unknown_activation(node),
        *window_faults(node, *nhwc(node.input(1))[1:3]),
    ]


def call(node: Node) -> tuple[Call, ...]:
    """Return the calls, one for each picture of the batch."""
    return per_picture(node, _one(node))


def _one(node: Node) -> Call:
    """Return the call of `pointwise`, or of `conv_2d` with four gathered columns as scratch."""
    _, in_h, in_w, in_c = nhwc(node.input())
    _, out_h, out_w, out_c = nhwc(node.output())
    weights = values(node.input(1))
    _, k_h, k_w, k_c = weights.shape
    groups, depth = in_c // k_c, k_h * k_w * k_c
    stride = [node.option(f"stride_{axis}", 1) for axis in "hw"]
    dilation = [node.option(f"dilation_{axis}_factor", 1) for axis in "hw"]
    pads = [
        padding_before(node, axis, k, s, d)
        for axis, k, s, d in zip((1, 2), (k_h, k_w), stride, dilation, strict=True)
    ]
    path = walk(
        Axis(in_h, out_h, k_h, stride[0], pads[0], dilation[0]),
        Axis(in_w, out_w, k_w, stride[1], pads[1], dilation[1]), in_c, out_c,
    )  # fmt: skip
    sizes = {"in_h": in_h, "in_w": in_w, "in_c": in_c, "out_h": out_h, "out_w": out_w}
    steps = {
        "stride_h": stride[0], "stride_w": stride[1],
        "dilation_h": dilation[0], "dilation_w": dilation[1], "pad_h": pads[0], "pad_w": pads[1],
    }  # fmt: skip
    if weights_zero_point(node):
        low, high = activation_range(node.output(), _activation(node))
        sides = {**sizes, **steps, "multiple": out_c // groups, "act_min": low, "act_max": high}
        return direct(node, weights, sides, "double")
    channels = channels_of(node, weights, (1, 2, 3))
    constants = tuple(
        replace(c, values=paired(c.values, groups)) if c.name == "weights" else c
        for c in channels.constants
    )
    kernels = (*channels.kernels, *GEMM)
    gemm = ("gemm", _gemm(node, depth, out_c // groups, out_c))
    if (k_h, k_w, *stride, groups) == (1, 1, 1, 1, 1):
        return _pointwise(kernels, gemm, constants, path)
    fields = (
        *((name, str(value)) for name, value in (sizes | steps).items()),
        ("out_c", str(out_c)), ("k_h", str(k_h)), ("k_w", str(k_w)), ("groups", str(groups)),
        ("in_zero_point", str(zero_point(node.input()))), gemm,
    )  # fmt: skip
    lead = path.lead_after_reading() if groups == 1 else path.lead_while_reading(PIXELS)
    return Call(
        (*kernels, *GATHER), "conv_2d", fields, constants, scratch_bytes=(PIXELS + 1) * depth,
        lead_bytes=lead,
    )  # fmt: skip


def paired(weights: NDArray[Any], groups: int) -> NDArray[Any]:
    """Return weights (outs, h, w, depth) in the order of the kernels: flat, two channels alternate.

    The last of an odd number of channels in a group stands alone.
    """
    rows = weights.reshape(groups, len(weights) // groups, -1)
    even = rows.shape[1] & ~1
    pairs = rows[:, :even].reshape(groups, even // 2, 2, rows.shape[2]).swapaxes(2, 3)
    flat = [part.reshape(groups, part.size // groups) for part in (pairs, rows[:, even:])]
    return np.concatenate(flat, axis=1).reshape(-1)


def unpaired(flat: NDArray[Any], depth: int) -> NDArray[Any]:
    """Return the weights (outs, depth) of one group out of the order of the kernels."""
    even = len(flat) // depth & ~1
    pairs = flat[: even * depth].reshape(even // 2, depth, 2).swapaxes(1, 2)
    return np.concatenate([pairs.reshape(even, depth), flat[even * depth :].reshape(-1, depth)])


def _pointwise(
    kernels: tuple[str, ...],
    gemm: tuple[str, str],
    constants: tuple[Constant, ...],
    path: Walk,
) -> Call:
    """Return the call of a 1x1 window; in place where it leaves as many channels as it takes."""
    pixels = len(path.needed_to)
    fields = (("pixels", str(pixels)), gemm)
    depth = int(path.needed_to[0])
    lead: int | None = 0
    if depth != path.out_bytes:
        lead = path.lead_while_reading(PIXELS)
    return Call(
        (*kernels, "pointwise"), "pointwise", fields, constants, scratch_bytes=PIXELS * depth,
        lead_bytes=lead,
    )  # fmt: skip


def _activation(node: Node) -> str:
    return str(node.option("fused_activation_function", "NONE"))


def _gemm(node: Node, depth: int, channels: int, out_stride: int) -> str:
    low, high = activation_range(node.output(), node.option("fused_activation_function", "NONE"))
    zero = zero_point(node.output())
    return (
        f"{{ @weights, @bias, @multiplier, @shift, {depth}, {channels}, {out_stride}, {zero}, "
        f"{low}, {high} }}"
    )
