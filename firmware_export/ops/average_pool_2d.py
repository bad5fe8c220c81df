"""AVERAGE_POOL_2D: the sum is divided by the valid taps, halves away from zero."""

from firmware_export.node import (
    Call,
    Node,
    activation_range,
    nhwc,
    quantised,
    scale,
    unknown_activation,
    zero_point,
)
from firmware_export.ops.walk import Axis, walk
from firmware_export.ops.window import padding_before, per_picture, window_faults


def faults(node: Node) -> list[str]:
    """Return why this pooling cannot be exported."""
    found = own_faults(node)
    if not found and (scale(node.input()), zero_point(node.input())) != (
        scale(node.output()),
        zero_point(node.output()),
    ):
        found.append("input and output have different scales: convert the model again")
    return found


def own_faults(node: Node) -> list[str]:
    """Return the faults of types, activation and window."""
    sides = node.option("filter_height", 1), node.option("filter_width", 1)
    found = [*quantised(node.input(), node.output()), *unknown_activation(node)]
    return found + window_faults(node, *sides)


def call(node: Node) -> tuple[Call, ...]:
    """Return the calls of `average_pool_2d`, one for each picture."""
    _, in_h, in_w, channels = nhwc(node.input())
    _, out_h, out_w, _ = nhwc(node.output())
    k_h, k_w = node.option("filter_height", 1), node.option("filter_width", 1)
    stride_h, stride_w = node.option("stride_h", 1), node.option("stride_w", 1)
    pads = padding_before(node, 1, k_h, stride_h), padding_before(node, 2, k_w, stride_w)
    rows = Axis(in_h, out_h, k_h, stride_h, pads[0])
    path = walk(rows, Axis(in_w, out_w, k_w, stride_w, pads[1]), channels, channels)
    low, high = activation_range(node.output(), node.option("fused_activation_function", "NONE"))
    made = Call(
        kernels=("average_pool_2d",),
        function="average_pool_2d",
        fields=(
            ("in_h", str(in_h)), ("in_w", str(in_w)), ("channels", str(channels)),
            ("out_h", str(out_h)), ("out_w", str(out_w)), ("k_h", str(k_h)), ("k_w", str(k_w)),
            ("stride_h", str(stride_h)), ("stride_w", str(stride_w)),
            ("pad_h", str(pads[0])), ("pad_w", str(pads[1])),
            # halves are rounded away from the 0 of the type that the model has
            ("offset", "128" if node.output().dtype == "uint8" else "0"),
            ("act_min", str(low)), ("act_max", str(high)),
        ),
        lead_bytes=path.lead_by_channel(),
    )  # fmt: skip
    return per_picture(node, made)
