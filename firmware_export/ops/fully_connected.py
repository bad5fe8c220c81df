"""FULLY_CONNECTED: per-tensor or per-channel, N-D, with or without a bias."""

import numpy as np

from firmware_export.fixedpoint import quantize_multipliers, rounding_of
from firmware_export.node import (
    Call,
    Constant,
    Node,
    activation_range,
    constant,
    elements,
    quantised,
    scale,
    shape,
    unknown_activation,
    values,
    zero_point,
)
from firmware_export.ops.window import (
    biases,
    direct,
    per_channel,
    requantize_kernels,
    weights_zero_point,
)


def faults(node: Node) -> list[str]:
    """Return why this layer cannot be exported."""
    found = [
        *quantised(node.input(), node.output()),
        *constant(node, 1, "weights"),
        *constant(node, 2, "bias"),
        *per_channel(node, shape(node.input(1))[0]),
        *unknown_activation(node),
    ]
    if node.option("weights_format", "DEFAULT") != "DEFAULT":
        found.append("shuffled weights are for one phone only: convert the model again")
    return found


def call(node: Node) -> Call:
    """Return the call of `fully_connected`, once for each row of the input."""
    weights = values(node.input(1))
    outs, depth = weights.shape
    quant = node.input(1).quant
    assert quant is not None  # noqa: S101 - faults() came first
    low, high = activation_range(node.output(), node.option("fused_activation_function", "NONE"))
    rounding = rounding_of(node.rounding, node.op.op)
    if weights_zero_point(node):
        rows = elements(node.input()) // depth
        sides = {"in_h": rows, "out_h": rows, "in_c": depth, "multiple": outs}
        sides |= {"act_min": low, "act_max": high}
        return direct(node, weights.reshape(outs, 1, 1, depth), sides, rounding)
    into, out = scale(node.input()), float(scale(node.output()))
    if len(quant.scales) == 1:  # the product of float32 scales in float32, as TFLM has it
        factors = [float(into * np.float32(quant.scales[0])) / out]
    else:
        factors = [float(into) * float(np.float32(s)) / out for s in quant.scales]
    multipliers, shifts = quantize_multipliers(factors)
    sums = weights.astype(np.int64).sum(axis=1)
    bias = (biases(node, 2, outs) - zero_point(node.input()) * sums).astype(np.int32)
    kernels: tuple[str, ...] = ("requantize_single",)
    if rounding == "double":
        reach = np.abs(weights.astype(np.int64)).sum(axis=1)
        kernels = requantize_kernels(reach, biases(node, 2, outs), shifts)
    return Call(
        kernels=(
            *kernels, f"fully_connected_by_{rounding}", "fully_connected",
            "fully_connected_block", "fully_connected_rows",
        ),
        function="fully_connected",
        fields=(
            ("weights", "@weights"), ("bias", "@bias"),
            ("multiplier", "@multiplier"), ("shift", "@shift"),
            ("rows", str(elements(node.input()) // depth)),
            ("depth", str(depth)), ("outs", str(outs)), ("per_channel", str(int(len(factors) > 1))),
            ("out_zero_point", str(zero_point(node.output()))),
            ("act_min", str(low)), ("act_max", str(high)),
        ),
        constants=(
            Constant("weights", weights),
            Constant("bias", bias),
            Constant("multiplier", np.array(multipliers, np.int32)),
            Constant("shift", np.array(shifts, np.int8)),
        ),
    )  # fmt: skip
