"""Calls for cores that multiply pairs of int16: the same answers in fewer instructions.

Each row of LANES turns the call of a portable kernel into the call of one that keeps its inputs as
int16 lanes, or None where that one does not do; what stays is called as before.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_export.layers import Layer
from firmware_export.node import Call, Constant
from firmware_export.ops.conv_2d import unpaired

WORD = 4  # values in a word of int8
PIXELS = 4  # columns beside each other
LANE_BYTES = 2
DEPTH = 4  # where a gemm_t has its depth
MOST = (1 << 31) - 1
MOST_RIGHT = 22  # so that the zero point, shifted to the left, leaves room for a sum


def with_lanes(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return the layers with the calls that suit such a core."""
    return tuple(replace(layer, call=_faster(layer.call)) for layer in layers)


def _faster(call: Call) -> Call:
    make = LANES.get(call.function)
    return (make and make(call)) or call


def _add(call: Call) -> Call | None:
    fields = dict(call.fields)
    rights = [-int(fields.pop(f"shift{side}")) for side in ("0", "1", "_out")]
    if (
        fields.pop("left_shift") != "20"
        or min(rights) < 0
        or rights[2] < 1
        or rights[2] > MOST_RIGHT
        or max(rights) > 31
    ):
        return None
    sides = zip(("0", "1", "_out"), rights, strict=True)
    fields |= {f"right{side}": str(right) for side, right in sides}
    return replace(
        call, kernels=("lanes", "lanes_add"), function="lanes_add", fields=tuple(fields.items())
    )


def _scaled_right(call: Call, weights: NDArray[Any]) -> Call | None:
    """Return a call whose sums are all shifted right by 1 to MOST_RIGHT, or None.

    `weights` are (outs, taps), for their reach.
    """
    if "requantize_short" not in call.kernels:
        return None
    arrays = {c.name: c.values for c in call.constants}
    shift, multiplier = arrays["shift"].copy(), arrays["multiplier"].copy()
    bias = arrays["bias"].copy()
    reach = np.abs(weights.astype(np.int64)).sum(axis=1)
    if len(shift) == len(bias):
        # a dead channel has no weights and answers its bias: the double of it is halved
        dead = (shift == 0) & (multiplier == MOST) & (reach == 0)
        dead &= np.abs(bias.astype(np.int64)) <= 256
        bias[dead] *= 2
        shift[dead] = -1
    # what never comes to half a step is nothing
    sums = (128 * reach + np.abs(bias.astype(np.int64))) * 1.0
    largest = sums if len(shift) == len(bias) else np.array([sums.max()])
    nothing = largest * multiplier * np.exp2(shift.astype(np.float64) - 31) < 0.25
    multiplier[nothing], shift[nothing] = 0, -1
    if shift.max() > -1 or shift.min() < -MOST_RIGHT:
        return None
    return _with_constants(call, bias=bias, shift=shift, multiplier=multiplier)


def _with_constants(call: Call, **arrays: NDArray[Any]) -> Call:
    constants = tuple(Constant(c.name, arrays.get(c.name, c.values)) for c in call.constants)
    return replace(call, constants=constants)


def _pointwise(call: Call) -> Call | None:
    depth = int(_gemm(call)[DEPTH])
    weights = unpaired(_weights(call), depth)
    scaled = _scaled_right(call, weights)
    if scaled is None or depth % WORD:
        return None
    kernels = ("gemm_type", "lanes", "lanes_pixels", "lanes_gemm", "lanes_pointwise")
    return replace(
        _with_constants(scaled, weights=weights),
        kernels=kernels,
        function="lanes_pointwise",
        scratch_bytes=PIXELS * LANE_BYTES * depth,
    )


def _conv_2d(call: Call) -> Call | None:
    fields, gemm = dict(call.fields), _gemm(call)
    depth = int(gemm[DEPTH])
    if fields["groups"] != "1":
        return None
    weights = unpaired(_weights(call), depth)
    scaled = _scaled_right(call, weights)
    if scaled is None:
        return None
    padded = -(-depth // WORD) * WORD
    gemm[DEPTH] = str(padded)
    kernels = (
        "gemm_type", "conv_2d_type", "conv_2d_gather", "lanes", "lanes_pixels", "lanes_gemm",
        "lanes_conv_2d",
    )  # fmt: skip
    return replace(
        _with_constants(scaled, weights=np.pad(weights, ((0, 0), (0, padded - depth)))),
        kernels=kernels,
        function="lanes_conv_2d",
        fields=tuple((fields | {"gemm": f"{{ {', '.join(gemm)} }}"}).items()),
        scratch_bytes=(PIXELS * LANE_BYTES + 1) * padded,
    )


def _gemm(call: Call) -> list[str]:
    """Return the members of the call's gemm_t."""
    return dict(call.fields)["gemm"].strip("{} ").split(", ")


def _weights(call: Call) -> NDArray[Any]:
    return next(c.values for c in call.constants if c.name == "weights")


def _depthwise(call: Call) -> Call | None:
    fields = dict(call.fields)
    same = ("depth_multiplier", "k_h", "k_w", "dilation_h", "dilation_w")
    if [fields[name] for name in same] != ["1", "3", "3", "1", "1"] or int(fields["out_c"]) % WORD:
        return None
    scaled = _scaled_right(call, _weights(call).reshape(-1, int(fields["out_c"])).T)
    if scaled is None:
        return None
    columns = (int(fields["out_w"]) - 1) * int(fields["stride_w"]) + 3
    return replace(
        scaled,
        kernels=("depthwise_struct", "lanes", "lanes_taps", "lanes_depthwise"),
        function="lanes_depthwise",
        scratch_bytes=3 * columns * WORD * LANE_BYTES,
        scratch_type="int8_t *",
        lead_bytes=None if call.lead_bytes is None else 0,
        lag_bytes=None,
        exactly_in_place=True,
        greatest=(),
    )


def _fully_connected(call: Call) -> Call | None:
    scaled = _scaled_right(call, _weights(call))
    weights = _weights(call).astype(np.int64)
    outs, depth = weights.shape
    if scaled is None or "fully_connected_by_double" not in call.kernels or depth % WORD:
        return None
    bias = next(c.values for c in scaled.constants if c.name == "bias").astype(np.int64)
    odd = weights[:, 1::2] - (weights[:, 0::2] < 0)
    reach = np.abs(weights).sum(axis=1) * 128 + np.abs(bias)
    if odd.min() < -128 or reach.max() >= 1 << 22:
        return None
    bias = 256 * bias - 127 * weights[:, 0::2].sum(axis=1)
    bias = (bias & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
    mixed = weights.astype(np.int8)
    mixed[:, 1::2] = odd
    rows = -outs % WORD
    mixed = np.pad(mixed, ((0, rows), (0, 0))).reshape(-1, WORD, depth // WORD, WORD)
    words = np.ascontiguousarray(mixed.swapaxes(1, 2)).view("<i4").reshape(-1).astype(np.int32)
    return replace(
        _with_constants(scaled, weights=words, bias=np.pad(bias, (0, rows))),
        kernels=("lanes", "lanes_channels", "lanes_fully_connected"),
        function="lanes_fully_connected",
        scratch_bytes=LANE_BYTES * depth,
    )


LANES: dict[str, Callable[[Call], Call | None]] = {
    "add": _add,
    "conv_2d": _conv_2d,
    "depthwise_conv_2d": _depthwise,
    "fully_connected": _fully_connected,
    "pointwise": _pointwise,
}
