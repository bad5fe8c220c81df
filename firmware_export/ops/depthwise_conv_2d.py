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
from firmware_export.ops.window import (
    channels_of,
    direct,
    padding_before,
    per_channel,
    per_picture,
    weights_zero_point,
    window_faults,
)


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
    """Return the call of `depthwise_conv_2d`."""
    _, in_h, in_w, in_c = nhwc(node.input())
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
    if weights_zero_point(node):
        sides = {
            "in_h": in_h, "in_w": in_w, "in_c": in_c, "out_h": out_h, "out_w": out_w,
            "stride_h": stride[0], "stride_w": stride[1], "dilation_h": dilation[0],
            "dilation_w": dilation[1], "pad_h": pads[0], "pad_w": pads[1],
            "multiple": out_c // in_c, "act_min": low, "act_max": high,
        }  # fmt: skip
        return direct(node, weights.transpose(3, 1, 2, 0), sides, "double")
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
        lead_bytes=lead,
        lag_bytes=path.lag(),
        greatest=(("DEPTHWISE_TAPS", k_h * k_w),),
    )  # fmt: skip
