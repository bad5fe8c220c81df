"""Models of many operators that do not touch each other, drawn at random: one compile for all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from drawn_model import ACTIVATIONS, PADDINGS, Case, Draw, schema
from numpy.typing import NDArray


def _window(d: Draw, most: int = 4) -> tuple[int, int, int, int, int, int, str]:
    """Return k_h, k_w, stride_h, stride_w, in_h, in_w and the padding."""
    k_h, k_w = d.number(1, most), d.number(1, most)
    return (k_h, k_w, d.number(1, 4), d.number(1, 4), d.number(k_h, 9), d.number(k_w, 9),
            d.pick("SAME", "VALID"))  # fmt: skip


def _side(side: int, reach: int, stride: int, padding: str) -> int:
    return -(-(side if padding == "SAME" else side - reach + 1) // stride)


def _weights(d: Draw, shape: Sequence[int], axis: int) -> tuple[int, NDArray[np.float32]]:
    """Add weights, per channel or not; int8 ones are symmetric, uint8 ones have a zero point."""
    count = shape[axis] if d.dtype == "int8" and d.pick(True, False) else 1
    scales = np.array([d.scale(0.001, 0.05) for _ in range(count)], np.float32)
    values = d.bytes(shape, -127 if d.dtype == "int8" else None)
    zero = 0 if d.dtype == "int8" else d.zero()
    return d.tensor(shape, (scales, zero), values=values, axis=axis), scales


def _bias(
    d: Draw, into: int, scales: NDArray[np.float32], channels: int, always: bool = False
) -> int:
    if not always and d.pick(True, False, False) is True:
        return -1
    step = np.float32(d.quant(into)[0]) * scales
    values = d.rng.integers(-20000, 20000, channels).astype(np.int32)
    return d.tensor((channels,), (step, 0), "int32", values)


def _sum_output(
    d: Draw, into: int, scales: NDArray[np.float32], depth: int, shape: Sequence[int]
) -> int:
    """Add the output of a sum of `depth` products, of a scale that it spreads over."""
    step = d.quant(into)[0] * float(scales.mean()) * np.sqrt(depth) * 70 * d.pick(0.5, 1.0, 3.0)
    return d.tensor(shape, (np.float32(step), d.zero()))


def conv_2d(d: Draw) -> None:
    k_h, k_w, s_h, s_w, in_h, in_w, padding = _window(d)
    dilation = d.pick(1, 1, 2) if max(s_h, s_w) == 1 else 1
    r_h, r_w = (k_h - 1) * dilation + 1, (k_w - 1) * dilation + 1
    in_h, in_w = max(in_h, r_h), max(in_w, r_w)
    groups = d.pick(1, 1, 2) if d.dtype == "int8" else 1
    depth, out_c, n = d.number(1, 9), groups * d.number(1, 6), d.pick(1, 1, 2)
    into = d.input((n, in_h, in_w, depth * groups))
    weights, scales = _weights(d, (out_c, k_h, k_w, depth), 0)
    bias = _bias(d, into, scales, out_c, always=True)  # LiteRT refuses one without
    sides = (n, _side(in_h, r_h, s_h, padding), _side(in_w, r_w, s_w, padding), out_c)
    out = _sum_output(d, into, scales, k_h * k_w * depth, sides)
    d.op("CONV_2D", [into, weights, bias], [out],
         "Conv2DOptions", padding=PADDINGS[padding], strideH=s_h, strideW=s_w,
         dilationHFactor=dilation, dilationWFactor=dilation,
         fusedActivationFunction=ACTIVATIONS[d.pick(*ACTIVATIONS)])  # fmt: skip


def depthwise_conv_2d(d: Draw) -> None:
    k_h, k_w, s, _, in_h, in_w, padding = _window(d)
    dilation = d.pick(1, 1, 2) if s == 1 else 1
    r_h, r_w = (k_h - 1) * dilation + 1, (k_w - 1) * dilation + 1
    in_h, in_w = max(in_h, r_h), max(in_w, r_w)
    in_c, multiplier = d.number(1, 17), d.number(1, 4)
    out_c, n = in_c * multiplier, d.pick(1, 1, 2)
    into = d.input((n, in_h, in_w, in_c))
    weights, scales = _weights(d, (1, k_h, k_w, out_c), 3)
    bias = _bias(d, into, scales, out_c)
    sides = (n, _side(in_h, r_h, s, padding), _side(in_w, r_w, s, padding), out_c)
    out = _sum_output(d, into, scales, k_h * k_w, sides)
    d.op("DEPTHWISE_CONV_2D", [into, weights, bias] if bias >= 0 else [into, weights], [out],
         "DepthwiseConv2DOptions", padding=PADDINGS[padding], strideH=s, strideW=s,
         depthMultiplier=multiplier, dilationHFactor=dilation, dilationWFactor=dilation,
         fusedActivationFunction=ACTIVATIONS[d.pick(*ACTIVATIONS)])  # fmt: skip


def fully_connected(d: Draw) -> None:
    depth, outs = d.number(1, 40), d.number(1, 9)
    rows = d.pick((1,), (3,), (1, 2, 2))
    into = d.input((*rows, depth))
    weights, scales = _weights(d, (outs, depth), 0)
    bias = _bias(d, into, scales, outs)
    out = _sum_output(d, into, scales, depth, (*rows, outs))
    d.op("FULLY_CONNECTED", [into, weights, bias], [out], "FullyConnectedOptions",
         keepNumDims=len(rows) > 1,
         fusedActivationFunction=ACTIVATIONS[d.pick("NONE", "RELU", "RELU6")])  # fmt: skip


def transpose_conv(d: Draw) -> None:
    k_h, k_w, s_h, s_w, in_h, in_w, padding = _window(d)
    in_c, out_c = d.number(1, 5), d.number(1, 5)
    k_h, k_w = max(k_h, s_h), max(k_w, s_w)
    into = d.input((1, in_h, in_w, in_c))
    weights, scales = _weights(d, (out_c, k_h, k_w, in_c), 0)
    valid = (1, (in_h - 1) * s_h + k_h, (in_w - 1) * s_w + k_w, out_c)
    sides = (1, in_h * s_h, in_w * s_w, out_c) if padding == "SAME" else valid
    out = _sum_output(d, into, scales, in_c * 4, sides)
    bias = _bias(d, into, scales, out_c)
    inputs = [d.ints(sides), weights, into, *([bias] if bias >= 0 else [])]
    d.op("TRANSPOSE_CONV", inputs, [out], "TransposeConvOptions", padding=PADDINGS[padding],
         strideH=s_h, strideW=s_w)  # fmt: skip


def pool(name: str) -> Case:
    def case(d: Draw) -> None:
        k_h, k_w, s_h, s_w, in_h, in_w, padding = _window(d)
        into = d.input((d.pick(1, 1, 2), in_h, in_w, d.number(1, 9)))
        n, _, _, c = d.tensors[into].shape
        sides = (n, _side(in_h, k_h, s_h, padding), _side(in_w, k_w, s_w, padding), c)
        d.op(name, [into], [d.like(into, sides)], "Pool2DOptions", padding=PADDINGS[padding],
             strideH=s_h, strideW=s_w, filterHeight=k_h, filterWidth=k_w,
             fusedActivationFunction=ACTIVATIONS[d.pick("NONE", "RELU", "RELU6")])  # fmt: skip

    return case


def softmax(d: Draw) -> None:
    into = d.input((d.pick(1, 3), d.number(2, 20)), (d.scale(0.01, 2.0), d.zero()))
    zero = 0 if d.dtype == "uint8" else -128
    out = d.tensor(d.tensors[into].shape, (1 / 256, zero))
    d.op("SOFTMAX", [into], [out], "SoftmaxOptions", beta=d.pick(1.0, 0.5, 4.0))


def unary(name: str, kind: str = "", **options: Any) -> Case:
    def case(d: Draw) -> None:
        out_quant: tuple[float, int] | None = None
        into = d.input((2, d.number(1, 200)), (d.scale(), d.zero()))
        if name in ("LOGISTIC", "TANH"):
            zero, step = ((-128, 1 / 256), (0, 1 / 128))[name == "TANH"]
            out_quant = (step, zero + (128 if d.dtype == "uint8" else 0))
        sides = d.tensors[into].shape
        out = d.tensor(sides, out_quant) if out_quant else d.other(into, sides)
        d.op(name, [into], [out], kind, **options)

    return case


def leaky_relu(d: Draw) -> None:
    unary("LEAKY_RELU", "LeakyReluOptions", alpha=d.pick(0.01, 0.1, 0.3, 1.5))(d)


def quantize_to_the_other_type(d: Draw) -> None:
    into = d.input((2, d.number(1, 200)))
    other = "uint8" if d.dtype == "int8" else "int8"
    zero = d.number(0, 255) - (128 if other == "int8" else 0)
    d.op("QUANTIZE", [into], [d.tensor(d.tensors[into].shape, (d.scale(), zero), other)])


SHAPES = (
    ((2, 3, 4), (2, 3, 4)), ((1, 5, 4, 3), (1, 1, 1, 3)), ((4, 1), (1, 6)), ((7,), (1,)),
    ((2, 3, 4), (4,)), ((2, 1, 3, 1), (1, 4, 1, 5)), ((3, 3), ()),
)  # fmt: skip


def binary(name: str, kind: str, by: float, same: bool = False) -> Case:
    def case(d: Draw) -> None:
        first, second = SHAPES[int(d.rng.integers(len(SHAPES)))]
        quant = (d.scale(), d.zero())
        other = quant if same else (d.scale(), d.zero())
        a = d.input(first, quant)
        constant = len(second) == 0 or d.pick(True, False)
        b = d.tensor(second, other, values=d.bytes(second)) if constant else d.input(second, other)
        pair = [a, b] if name == "PRELU" or d.pick(True, False) else [b, a]
        sides = np.broadcast_shapes(first, second)
        step = max(quant[0], other[0]) if name in ("ADD", "SUB") else quant[0] * other[0] * 40
        out = d.tensor(sides, quant if same else (np.float32(step * d.scale(by, 2 * by)), d.zero()))
        options = {} if same else {
            "fusedActivationFunction": ACTIVATIONS[d.pick("NONE", "RELU", "RELU6")]
        }  # fmt: skip
        d.op(name, pair, [out], kind, **options)

    return case


def prelu(d: Draw) -> None:
    into = d.input((1, 3, 4, d.number(1, 9)))
    sides = (1, 1, d.tensors[into].shape[3])
    slope = d.tensor(sides, (d.scale(0.002, 0.02), d.zero()), values=d.bytes(sides))
    d.op("PRELU", [into, slope], [d.other(into)])


def reduce(name: str, by: float) -> Case:
    def case(d: Draw) -> None:
        sides = d.pick((1, 4, 5, 6), (2, 3, 4), (1, 7, 7, 5), (3, 8))
        rank = len(sides)
        axes = d.pick((1,), (-1,), (1, 2) if rank > 2 else (0, 1), (0,), (rank - 1, 0))
        keep = d.pick(True, False)
        kept = [s for i, s in enumerate(sides) if i not in {a % rank for a in axes}]
        if keep:
            kept = [1 if i in {a % rank for a in axes} else s for i, s in enumerate(sides)]
        into = d.input(sides)
        out = d.like(into, kept) if d.pick(True, False) else d.other(into, kept, by)
        if not d.tensors[out].shape:
            d.tensors[out].shape = []
        d.op(name, [into, d.ints(axes)], [out], "ReducerOptions", keepDims=keep)

    return case


def transpose(d: Draw) -> None:
    rank = d.number(2, 4)
    sides = [d.number(1, 5) for _ in range(rank)]
    order = d.rng.permutation(rank).tolist()
    into = d.input(sides)
    d.op("TRANSPOSE", [into, d.ints(order)], [d.like(into, [sides[i] for i in order])],
         "TransposeOptions")  # fmt: skip


def pad(name: str) -> Case:
    def case(d: Draw) -> None:
        sides = [1, *(d.number(1, 5) for _ in range(3))]
        pads = [[0, 0], *([d.number(0, 3), d.number(0, 3)] for _ in range(3))]
        into = d.input(sides)
        out = d.like(into, [s + a + b for s, (a, b) in zip(sides, pads, strict=True)])
        inputs = [into, d.ints(pads)]
        if name == "PADV2":
            inputs.append(d.tensor((), d.quant(into), values=d.bytes(())))
        d.op(name, inputs, [out], "PadOptions" if name == "PAD" else "PadV2Options")

    return case


def concatenation(d: Draw) -> None:
    sides, axis, count = [2, 3, 4], d.pick(0, 1, 2, -1), d.number(1, 4)
    quant, parts = (d.scale(), d.zero()), []
    for _ in range(count):
        part = list(sides)
        part[axis] = d.number(1, 4)
        own = (d.scale(), d.zero()) if d.dtype == "uint8" and d.pick(True, False) else quant
        parts.append(d.input(part, own))
    sides[axis] = sum(d.tensors[p].shape[axis] for p in parts)
    d.op("CONCATENATION", parts, [d.tensor(sides, quant)], "ConcatenationOptions", axis=axis)


def pack(d: Draw) -> None:
    sides, axis, count = [2, 3], d.pick(0, 1, 2), d.number(1, 3)
    first = d.input(sides)
    parts = [first, *(d.input(sides, d.quant(first)) for _ in range(count - 1))]
    out = d.like(first, [*sides[:axis], count, *sides[axis:]])
    d.op("PACK", parts, [out], "PackOptions", axis=axis, valuesCount=count)


def unpack(d: Draw) -> None:
    sides, axis = [2, 3, 4], d.pick(0, 1, 2, -1)
    into = d.input(sides)
    rest = [s for i, s in enumerate(sides) if i != axis % 3]
    outs = [d.like(into, rest) for _ in range(sides[axis])]
    d.op("UNPACK", [into], outs, "UnpackOptions", axis=axis, num=len(outs))


def split(d: Draw) -> None:
    axis, parts = d.pick(0, 1, 2, -1), d.number(1, 3)
    sides = [2, 3, 4]
    sides[axis] *= parts
    into = d.input(sides)
    outs = [d.like(into, [2, 3, 4]) for _ in range(parts)]
    d.op("SPLIT", [d.ints(axis), into], outs, "SplitOptions", numSplits=parts)


def split_v(d: Draw) -> None:
    axis = d.pick(0, 1, 2)
    sizes = [d.number(1, 4) for _ in range(d.number(2, 3))]
    sides = [2, 3, 4]
    sides[axis] = sum(sizes)
    into = d.input(sides)
    outs = [d.like(into, [s if i == axis else n for i, n in enumerate(sides)]) for s in sizes]
    d.op("SPLIT_V", [into, d.ints(sizes), d.ints(axis)], outs, "SplitVOptions",
         numSplits=len(sizes))  # fmt: skip


def slice_(d: Draw) -> None:
    sides = [d.number(1, 6) for _ in range(d.number(1, 4))]
    begin = [int(d.rng.integers(s)) for s in sides]
    size = [int(d.rng.integers(1, s - b + 1)) for s, b in zip(sides, begin, strict=True)]
    into = d.input(sides)
    asked = [-1 if b + n == s and d.pick(True, False) else n
             for s, b, n in zip(sides, begin, size, strict=True)]  # fmt: skip
    d.op("SLICE", [into, d.ints(begin), d.ints(asked)], [d.like(into, size)], "SliceOptions")


def strided_slice(d: Draw) -> None:
    sides = [d.number(1, 6) for _ in range(d.number(1, 4))]
    begin, end, step, shape, shrink, masks = [], [], [], [], 0, [0, 0]
    for axis, side in enumerate(sides):
        b, e = sorted(d.rng.choice(side + 1, 2, replace=False).tolist())
        s = d.number(1, 3)
        if d.pick(False, False, True) and len(sides) > 1 and shrink == 0:
            shrink |= 1 << axis
            e, s = b + 1, 1
        elif d.pick(False, True):
            b, e, s = e - 1, b - 1, -s
            if e < 0:
                masks[1] |= 1 << axis
        begin.append(b)
        end.append(e)
        step.append(s)
        taken = range(side)[b : None if masks[1] >> axis & 1 else e : s]
        if not shrink >> axis & 1:
            shape.append(len(taken))
    into = d.input(sides)
    d.op("STRIDED_SLICE", [into, d.ints(begin), d.ints(end), d.ints(step)],
         [d.like(into, shape)], "StridedSliceOptions", endMask=masks[1],
         shrinkAxisMask=shrink)  # fmt: skip


def space_to_depth(d: Draw) -> None:
    block, h, w, c = d.number(2, 3), d.number(1, 3), d.number(1, 3), d.number(1, 4)
    into = d.input((d.pick(1, 2), h * block, w * block, c))
    out = d.like(into, (d.tensors[into].shape[0], h, w, c * block * block))
    d.op("SPACE_TO_DEPTH", [into], [out], "SpaceToDepthOptions", blockSize=block)


def depth_to_space(d: Draw) -> None:
    block, h, w, c = d.number(2, 3), d.number(1, 3), d.number(1, 3), d.number(1, 4)
    into = d.input((1, h, w, c * block * block))
    out = d.like(into, (1, h * block, w * block, c))
    d.op("DEPTH_TO_SPACE", [into], [out], "DepthToSpaceOptions", blockSize=block)


def space_to_batch(d: Draw) -> None:
    block, c = [d.number(1, 3), d.number(1, 3)], d.number(1, 4)
    sides, pads = [d.number(1, 6), d.number(1, 6)], []
    for b, s in zip(block, sides, strict=True):
        before = d.number(0, 2)
        pads.append([before, -(s + before) % b])
    inner = [(s + sum(p)) // b for s, p, b in zip(sides, pads, block, strict=True)]
    into = d.input((1, *sides, c))
    out = d.like(into, (block[0] * block[1], *inner, c))
    d.op("SPACE_TO_BATCH_ND", [into, d.ints(block), d.ints(pads)], [out], "SpaceToBatchNDOptions")


def batch_to_space(d: Draw) -> None:
    block, c = [d.number(1, 3), d.number(1, 3)], d.number(1, 4)
    inner = [d.number(1, 4), d.number(1, 4)]
    crops = [[d.number(0, i * b - 1) // 2, d.number(0, i * b - 1) // 2]
             for i, b in zip(inner, block, strict=True)]  # fmt: skip
    sides = [i * b - sum(c) for i, b, c in zip(inner, block, crops, strict=True)]
    into = d.input((block[0] * block[1], *inner, c))
    out = d.like(into, (1, *sides, c))
    d.op("BATCH_TO_SPACE_ND", [into, d.ints(block), d.ints(crops)], [out], "BatchToSpaceNDOptions")


def resize(name: str, kind: str) -> Case:
    def case(d: Draw) -> None:
        into = d.input((d.pick(1, 2), d.number(1, 6), d.number(1, 6), d.number(1, 4)))
        sides = (d.number(1, 9), d.number(1, 9))
        align, half = d.pick((False, False), (True, False), (False, True))
        n, _, _, c = d.tensors[into].shape
        d.op(name, [into, d.ints(sides)], [d.like(into, (n, *sides, c))], kind,
             alignCorners=align, halfPixelCenters=half)  # fmt: skip

    return case


def arg_max(name: str, kind: str) -> Case:
    def case(d: Draw) -> None:
        sides, axis = [2, 3, 4], d.pick(0, 1, 2, -1)
        into = d.input(sides)
        rest = [s for i, s in enumerate(sides) if i != axis % 3]
        out = d.tensor(rest, None, "int32")
        d.op(name, [into, d.ints([axis])], [out], kind, outputType=schema.TensorType.INT32)

    return case


CASES: dict[str, Case] = {
    "ABS": unary("ABS"),
    "ADD": binary("ADD", "AddOptions", 0.5),
    "ARG_MAX": arg_max("ARG_MAX", "ArgMaxOptions"),
    "ARG_MIN": arg_max("ARG_MIN", "ArgMinOptions"),
    "AVERAGE_POOL_2D": pool("AVERAGE_POOL_2D"),
    "BATCH_TO_SPACE_ND": batch_to_space,
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "DEPTH_TO_SPACE": depth_to_space,
    "FULLY_CONNECTED": fully_connected,
    "HARD_SWISH": unary("HARD_SWISH", "HardSwishOptions"),
    "LEAKY_RELU": leaky_relu,
    "LOGISTIC": unary("LOGISTIC"),
    "MAXIMUM": binary("MAXIMUM", "MaximumMinimumOptions", 1.0, same=True),
    "MAX_POOL_2D": pool("MAX_POOL_2D"),
    "MEAN": reduce("MEAN", 0.5),
    "MINIMUM": binary("MINIMUM", "MaximumMinimumOptions", 1.0, same=True),
    "MUL": binary("MUL", "MulOptions", 0.5),
    "PACK": pack,
    "PAD": pad("PAD"),
    "PADV2": pad("PADV2"),
    "PRELU": prelu,
    "QUANTIZE": unary("QUANTIZE"),
    "QUANTIZE to the other type": quantize_to_the_other_type,
    "RELU": unary("RELU"),
    "RELU6": unary("RELU6"),
    "RESIZE_BILINEAR": resize("RESIZE_BILINEAR", "ResizeBilinearOptions"),
    "RESIZE_NEAREST_NEIGHBOR": resize("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
    "SLICE": slice_,
    "SOFTMAX": softmax,
    "SPACE_TO_BATCH_ND": space_to_batch,
    "SPACE_TO_DEPTH": space_to_depth,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "STRIDED_SLICE": strided_slice,
    "SUB": binary("SUB", "SubOptions", 0.5),
    "SUM": reduce("SUM", 4.0),
    "TANH": unary("TANH"),
    "TRANSPOSE": transpose,
    "TRANSPOSE_CONV": transpose_conv,
    "UNPACK": unpack,
}
