"""TRANSPOSE_CONV: each output adds up the input pixels whose window covers it."""

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
from firmware_export.ops.window import (
    biases,
    factors_of,
    per_channel,
    per_picture,
    weights_zero_point,
)

DATA, BIAS = 2, 3


def faults(node: Node) -> list[str]:
    """Return why this convolution cannot be exported."""
    return [
        *quantised(node.input(DATA), node.output()),
        *constant(node, 1, "weights"),
        *constant(node, BIAS, "bias"),
        *per_channel(node, nhwc(node.output())[3], BIAS),
        *unknown_activation(node),
    ]


def call(node: Node) -> tuple[Call, ...]:
    """Return the calls of `transpose_conv`, one for each picture."""
    _, in_h, in_w, in_c = nhwc(node.input(DATA))
    _, out_h, out_w, out_c = nhwc(node.output())
    weights = values(node.input(1))
    _, k_h, k_w, _ = weights.shape
    stride_h, stride_w = node.option("stride_h", 1), node.option("stride_w", 1)
    pads = [0, 0]
    if node.option("padding", "SAME") == "SAME":
        sides = zip((in_h, in_w), (out_h, out_w), (k_h, k_w), (stride_h, stride_w), strict=True)
        pads = [max((i - 1) * s + k - o, 0) // 2 for i, o, k, s in sides]
    low, high = activation_range(node.output(), node.option("fused_activation_function", "NONE"))
    multiplier, shift = factors_of(node, DATA, out_c)
    fields = (
        ("weights", "@weights"), ("bias", "@bias"),
        ("multiplier", "@multiplier"), ("shift", "@shift"),
        ("in_h", str(in_h)), ("in_w", str(in_w)), ("in_c", str(in_c)),
        ("out_h", str(out_h)), ("out_w", str(out_w)), ("out_c", str(out_c)),
        ("k_h", str(k_h)), ("k_w", str(k_w)),
        ("stride_h", str(stride_h)), ("stride_w", str(stride_w)),
        ("pad_h", str(pads[0])), ("pad_w", str(pads[1])),
        ("in_zero_point", str(zero_point(node.input(DATA)))),
        ("weights_zero_point", str(weights_zero_point(node))),
        ("out_zero_point", str(zero_point(node.output()))),
        ("act_min", str(low)), ("act_max", str(high)),
    )  # fmt: skip
    constants = (
        Constant("weights", weights), Constant("bias", biases(node, BIAS, out_c).astype("i4")),
        Constant("multiplier", multiplier), Constant("shift", shift),
    )  # fmt: skip
    kernels = ("fixed_point", "requantize_double", "transpose_conv")
    made = Call(kernels, "transpose_conv", fields, constants, inputs=(DATA,))
    return per_picture(node, made, DATA)
