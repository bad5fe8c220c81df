"""DEPTHWISE_CONV_2D: any multiplier, stride and dilation."""

from firmware_export.node import (
    Call,
    Node,
    activation_range,
    constant,
    nhwc,
    quantised,
    unknown_activation,
    values,
    zero_point,
)
from firmware_export.ops.walk import Axis, walk
from firmware_export.ops.window import channels_of, padding_before, per_channel


def faults(node: Node) -> list[str]:
    """Return why this convolution cannot be exported."""
    return [
        *quantised(node.input(), node.output()),
        *constant(node, 1, "weights"),
        *constant(node, 2, "bias"),
        *per_channel(node, nhwc(node.output())[3]),
        *unknown_activation(node),
    ]


def call(node: Node) -> Call:
    """Return the call of `depthwise_conv_2d`."""
    batch, in_h, in_w, in_c = nhwc(node.input())
    _, out_h, out_w, out_c = nhwc(node.output())
    weights = values(node.input(1))
    _, k_h, k_w, _ = weights.shape
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
    lead = path.lead_by_channel() if in_c == out_c else path.lead_while_reading(1)
    low, high = activation_range(node.output(), node.option("fused_activation_function", "NONE"))
    channels = channels_of(node, weights, (0, 1, 2))
    return Call(
        kernels=(
            *channels.kernels, "depthwise_struct", "depthwise_type", "depthwise_block",
            "depthwise_conv_2d",
        ),
        function="depthwise_conv_2d",
        fields=(
            ("weights", "@weights"), ("bias", "@bias"),
            ("multiplier", "@multiplier"), ("shift", "@shift"),
            ("in_h", str(in_h)), ("in_w", str(in_w)), ("in_c", str(in_c)),
            ("out_h", str(out_h)), ("out_w", str(out_w)), ("out_c", str(out_c)),
            ("depth_multiplier", str(out_c // in_c)), ("taps", str(k_h * k_w)),
            ("k_h", str(k_h)), ("k_w", str(k_w)),
            ("stride_h", str(stride[0])), ("stride_w", str(stride[1])),
            ("dilation_h", str(dilation[0])), ("dilation_w", str(dilation[1])),
            ("pad_h", str(pads[0])), ("pad_w", str(pads[1])),
            ("in_zero_point", str(zero_point(node.input()))),
            ("out_zero_point", str(zero_point(node.output()))),
            ("act_min", str(low)), ("act_max", str(high)),
        ),
        constants=channels.constants,
        scratch_bytes=in_c,
        lead_bytes=lead if batch == 1 else None,
        lag_bytes=path.lag() if batch == 1 else None,
        greatest=(("DEPTHWISE_TAPS", k_h * k_w),),
    )  # fmt: skip
