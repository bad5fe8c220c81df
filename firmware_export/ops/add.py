"""ADD of two tensors of one shape, each with its own scale."""

from firmware_export.fixedpoint import quantize_multiplier
from firmware_export.node import (
    Call,
    Node,
    activation_range,
    elements,
    quantised,
    scale,
    shape,
    unknown_activation,
    zero_point,
)

LEFT_SHIFT = 20  # head room that keeps the addends' fractions


def faults(node: Node) -> list[str]:
    """Return why this addition cannot be exported."""
    found = [*quantised(node.input(0), node.input(1), node.output())]
    found += unknown_activation(node)
    if shape(node.input(0)) != shape(node.input(1)):
        found.append(
            f"broadcast of {list(shape(node.input(0)))} and {list(shape(node.input(1)))} is not "
            "supported: both sides need one shape"
        )
    if any(node.input(i).data is not None for i in (0, 1)):
        found.append("a constant addend is not supported")
    return found


def call(node: Node) -> Call:
    """Return the call of `add`, which may run in place."""
    first, second, out = (float(scale(t)) for t in (node.input(0), node.input(1), node.output()))
    twice = 2.0 * max(first, second)
    m0, s0 = quantize_multiplier(first / twice)
    m1, s1 = quantize_multiplier(second / twice)
    m2, s2 = quantize_multiplier(twice / ((1 << LEFT_SHIFT) * out))
    low, high = activation_range(node.output(), node.option("fused_activation_function", "NONE"))
    return Call(
        kernels=("fixed_point", "requantize_double", "add"),
        function="add",
        fields=(
            ("count", str(elements(node.output()))), ("left_shift", str(LEFT_SHIFT)),
            ("multiplier0", str(m0)), ("multiplier1", str(m1)), ("multiplier_out", str(m2)),
            ("shift0", str(s0)), ("shift1", str(s1)), ("shift_out", str(s2)),
            ("zero_point0", str(zero_point(node.input(0)))),
            ("zero_point1", str(zero_point(node.input(1)))),
            ("out_zero_point", str(zero_point(node.output()))),
            ("act_min", str(low)), ("act_max", str(high)),
        ),
        inputs=(0, 1),
        lead_bytes=0,
        in_place=(0, 1),
    )  # fmt: skip
