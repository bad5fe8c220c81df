"""Whether a converted model is int8 from end to end, in operators that every runtime here loads."""

import re
from collections.abc import Iterator

from edge import operators, tflite

MOST_FAULTS = 10
BORDERS = ("QUANTIZE", "DEQUANTIZE")
NO_REFERENCE = ("TILE",)  # what BUILTIN_REF lacks
FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
INSIDE = ("int8", "uint8", "int32", "int64", "bool")  # int32: biases; int64, bool: shapes, masks

# (operator, part of a tensor's name) -> what to build instead. The first that fits is said.
REMEDIES: tuple[tuple[str, str, str], ...] = (
    ("", "gru", "build the GRU with reset_after=False and unroll=True"),
    ("", "layer_norm", "LayerNormalization has no int8 form: use BatchNormalization after a "
     "convolution or Dense layer"),
    ("ELU", "", "ELU has no int8 kernel: use ReLU or LeakyReLU"),
    ("CONV_3D", "", "Conv3D has no int8 kernel: use Conv2D with the depth as channels"),
    ("CONV_3D_TRANSPOSE", "", "Conv3DTranspose has no int8 kernel: use Conv2DTranspose"),
    ("ARG_MAX", "", "end the model at the scores: the host takes the largest"),
    ("TILE", "", "UpSampling2D gives TILE: use keras.layers.Resizing or tf.image.resize with "
     "nearest"),
    ("LOG", "", "softplus and mish give LOG: use ReLU or hard-swish"),
    ("WHILE", "", "loops do not quantise: build recurrent layers with unroll=True"),
)  # fmt: skip
GENERAL = "replace the layer by one of convolutions, Dense, ReLU, pooling, ADD or MUL"


def audit_model(graph: tflite.Graph, io: str) -> tuple[str, ...]:
    """Return why a converted model is not full int8 with `io` (int8, uint8) at its border.

    One line a fault: the operator, its tensor, the remedy.
    """
    faults = [*_border_faults(graph, io), *_operator_faults(graph)]
    if graph.subgraph_count > 1:
        faults.append(f"{graph.subgraph_count} subgraphs: {remedy('WHILE', '')}")
    more = len(faults) - MOST_FAULTS
    if more > 0:
        faults = [*faults[:MOST_FAULTS], f"and {more} more like these"]
    return tuple(faults)


def remedy(op: str, tensor: str) -> str:
    """Return what to build instead of an operator whose output has this name."""
    for kind, part, cure in REMEDIES:
        if kind in ("", op) and part in tensor.lower():
            return cure
    return GENERAL


def _border_faults(graph: tflite.Graph, io: str) -> Iterator[str]:
    for side, indices in (("input", graph.inputs), ("output", graph.outputs)):
        for tensor in (graph.tensors[i] for i in indices):
            if -1 in tensor.shape_signature:
                yield f"{side} {tensor.name!r}: open shape {list(tensor.shape_signature)}"
            if tensor.dtype in ("int32", "int64"):
                yield (
                    f"{side} {tensor.name!r} is {tensor.dtype}, an index without a scale: "
                    f"{remedy('ARG_MAX', '')}"
                )
            elif tensor.dtype != io:
                yield f"{side} {tensor.name!r} is {tensor.dtype}, not {io}"


def _operator_faults(graph: tflite.Graph) -> Iterator[str]:
    """Yield one line for each kind of operator and fault, the first place of each."""
    computing = {op.index for op in graph.operators if op.op not in BORDERS}
    is_mixed = any(_float_tensor(graph, op) for op in graph.operators if op.index in computing)
    for op in graph.operators:
        name = graph.tensors[op.outputs[0]].name if op.outputs else ""
        tensor = _float_tensor(graph, op)
        where = f"{op.op} ({_short(tensor.name if tensor else name)})"
        if op.custom or op.op.startswith("Flex"):
            yield f"{where} is no builtin operator: {remedy(op.op, name)}"
        elif tensor and (op.index in computing or not is_mixed):
            # a conversion to float around a float operator is its consequence
            yield f"{where} is {tensor.dtype}, not int8: {remedy(op.op, tensor.name)}"
        elif not tensor and (why := _unproved(op)):
            yield f"{where} {why}: {remedy(op.op, name)}"


def _unproved(op: tflite.Operator) -> str:
    """Return why an int8 operator cannot be relied on everywhere, "" if it can."""
    limit = operators.max_version(op.op)
    if limit is None:
        return "is not among the operators that both runtimes load in int8"
    if op.version > limit:
        return f"has version {op.version}; the runtimes load up to {limit}"
    if op.op in NO_REFERENCE:
        return "has no reference kernel, so that nothing could be compared"
    return ""


def _float_tensor(graph: tflite.Graph, op: tflite.Operator) -> tflite.Tensor | None:
    used = [graph.tensors[i] for i in (*op.outputs, *op.inputs) if i >= 0]
    return next((t for t in used if t.dtype in FLOATS or t.dtype not in INSIDE), None)


def _short(name: str) -> str:
    """Return the first of the names that the converter joined, without its prefix."""
    first = re.split(r"[;]", name)[0]
    return first if len(first) <= 60 else "..." + first[-57:]
