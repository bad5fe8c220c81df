"""SOFTMAX over the last axis, in fixed point with five integer bits."""

import math

from firmware_export.fixedpoint import quantize_multiplier
from firmware_export.node import Call, Node, elements, quantised, scale, shape, zero_point

INTEGER_BITS = 5


def faults(node: Node) -> list[str]:
    """Return why this softmax cannot be exported."""
    found = quantised(node.input(), node.output())
    if not found and (zero_point(node.output()), float(scale(node.output()))) != (-128, 1 / 256):
        found.append(
            f"output has scale {scale(node.output())} and zero point {zero_point(node.output())}: "
            "only 1/256 and -128 are defined"
        )
    return found


def call(node: Node) -> Call:
    """Return the call of `softmax`."""
    depth = shape(node.input())[-1]
    beta = float(node.option("beta", 1.0))
    real = beta * float(scale(node.input())) * (1 << (31 - INTEGER_BITS))
    multiplier, left = quantize_multiplier(min(real, float((1 << 31) - 1)))
    reach = ((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS)) / (1 << left)
    return Call(
        kernels=("fixed_point", "exponential", "softmax"),
        function="softmax",
        fields=(
            ("rows", str(elements(node.input()) // depth)), ("depth", str(depth)),
            ("multiplier", str(multiplier)), ("left_shift", str(left)),
            ("diff_min", str(-math.floor(reach))),
        ),
        lead_bytes=0,
    )  # fmt: skip
