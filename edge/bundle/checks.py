"""What must agree between a bundle's record, its labels and its model file."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from edge import tflite
from edge.bundle.parts import Bundle, Input, Output
from edge.bundle.rules import DECODERS, NAME
from edge.errors import BadDataError

# Roles whose last axis has one slice per label.
LABELLED_ROLES = ("scores", "logits", "heatmap")
# Decoder -> the roles it needs.
_NEEDS = {
    "classify": ({"scores"}, {"logits"}),
    "ssd": ({"boxes", "classes", "scores"}, {"boxes", "scores"}, {"boxes", "logits"}),
    "boxes": ({"objectness", "logits", "distances"},),
    "centroid": ({"heatmap"}, {"scores"}, {"logits"}),
}


def tensor_order(graph: tflite.Graph, specs: Sequence[Input | Output]) -> tuple[int, ...] | None:
    """Return the tensor index of each input (or output), None where the model has others.

    By the names of the model's signature where it has them all, else by position.
    """
    is_input = any(isinstance(spec, Input) for spec in specs)
    indices = graph.inputs if is_input else graph.outputs
    if graph.signature:
        names = graph.signature.inputs if is_input else graph.signature.outputs
        if set(names) == {spec.name for spec in specs}:
            return tuple(names[spec.name] for spec in specs)
    return indices if len(indices) == len(specs) else None


def bundle_faults(bundle: Bundle) -> list[str]:
    """Return every contradiction inside a bundle, one line each; [] where there is none."""
    faults = list(_own_faults(bundle))
    try:
        graph = tflite.read(bundle.model)
    except BadDataError as error:
        return faults + [f"model.tflite: {fault}" for fault in error.faults]
    faults += _side_faults(graph, "input", bundle.inputs, graph.inputs)
    faults += _side_faults(graph, "output", bundle.outputs, graph.outputs)
    return faults


def _side_faults(
    graph: tflite.Graph, side: str, specs: Sequence[Input | Output], indices: Sequence[int]
) -> Iterator[str]:
    order = tensor_order(graph, specs)
    if order is None:
        yield f"{len(specs)} [[{side}]] tables; the model has {len(indices)} {side}s"
        return
    for spec, index in zip(specs, order, strict=True):
        yield from _tensor_faults(f"{side} {spec.name!r}", spec, graph.tensors[index])


def _own_faults(bundle: Bundle) -> Iterator[str]:
    if not NAME.fullmatch(bundle.name):
        yield f"name is {bundle.name!r}; it must be [{NAME.pattern}]"
    for side, specs in (("input", bundle.inputs), ("output", bundle.outputs)):
        names = [spec.name for spec in specs]
        if len(set(names)) < len(names):
            yield f"{side} names repeat: {', '.join(names)}"
    if bundle.states:
        fed = ", ".join(name for name, _ in bundle.states)
        yield f"inputs {fed} are fed by outputs, and format 1 has no word for states"
    yield from _decode_faults(bundle)
    yield from _label_faults(bundle)


def _decode_faults(bundle: Bundle) -> Iterator[str]:
    decoder = bundle.decode.decoder
    if decoder not in DECODERS:
        yield f"decode.decoder is {decoder!r}; it must be {' | '.join(DECODERS)}"
    roles = {spec.role for spec in bundle.outputs}
    needs = _NEEDS.get(decoder, (set(),))
    if not any(need <= roles for need in needs):
        allowed = " or ".join(", ".join(sorted(need)) for need in needs)
        yield f"decoder {decoder} needs outputs of role {allowed}; got {', '.join(sorted(roles))}"


def _label_faults(bundle: Bundle) -> Iterator[str]:
    labels = bundle.labels
    for label in labels:
        if label and (label != label.strip() or label.splitlines() != [label]):
            yield f"label {label!r} has spaces around it or a line break; remove them"
    known = set(labels)
    for label in sorted(set(bundle.thresholds.label) - known):
        yield f"thresholds.label.{label}: no such label; known: {_some(labels)}"
    for key, value in [("default", bundle.thresholds.default), *bundle.thresholds.label.items()]:
        if not 0 <= value <= 1:
            yield f"threshold {key} is {value}; it must be 0..1"
    if bundle.task == "raw":
        return
    if not labels:
        yield f"a bundle for {bundle.task} needs labels.txt"
    for spec in bundle.outputs:
        if spec.role not in LABELLED_ROLES or bundle.decode.decoder == "ssd":
            continue
        count = spec.shape[-1] if spec.shape else 0
        if len(labels) != count:
            yield f"{len(labels)} labels; output {spec.name!r} ({spec.role}) has {count} slices"


def _some(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")


def file_shape(tensor: tflite.Tensor) -> tuple[int, ...]:
    """Return a tensor's shape with -1 as 1."""
    return tuple(1 if side == -1 else side for side in tensor.shape)


def output_shape(tensor: tflite.Tensor) -> tuple[int, ...]:
    """Return an output's shape with a batch of 1, and -1 for any other size that is left open."""
    shape, signature = tensor.shape, tensor.shape_signature
    if len(signature) != len(shape):
        signature = shape
    batch = 0 if len(shape) > 1 else None
    return tuple(
        size if axis == batch or -1 not in (side, signature[axis]) else -1
        for axis, (side, size) in enumerate(zip(shape, file_shape(tensor), strict=True))
    )


def file_quant(tensor: tflite.Tensor) -> tuple[float, int]:
    """Return (scale, zero point) of a border tensor; (0.0, 0) where it is not quantized.

    A float tensor may carry the scale of what it once was: it holds real numbers all the same.
    """
    quant = None if tensor.dtype.startswith("float") else tensor.quant
    return (quant.scales[0], quant.zero_points[0]) if quant else (0.0, 0)


def _tensor_faults(where: str, spec: Input | Output, tensor: tflite.Tensor) -> Iterator[str]:
    scale, zero_point = file_quant(tensor)
    shape = output_shape(tensor) if isinstance(spec, Output) else file_shape(tensor)
    if spec.shape != shape:
        yield f"{where}: shape is {list(spec.shape)}; the model's is {list(shape)}"
    if spec.dtype != tensor.dtype:
        yield f"{where}: dtype is {spec.dtype}; the model's is {tensor.dtype}"
    if np.float32(spec.scale) != np.float32(scale):
        yield f"{where}: scale is {spec.scale!r}; the model's is {scale!r}"
    if spec.zero_point != zero_point:
        yield f"{where}: zero_point is {spec.zero_point}; the model's is {zero_point}"
    if isinstance(spec, Input) and spec.kind == "image":
        yield from _image_faults(where, spec)


def _image_faults(where: str, spec: Input) -> Iterator[str]:
    channels = 1 if spec.color == "gray" else 3
    if len(spec.shape) != 4 or spec.shape[0] != 1 or spec.shape[3] != channels:
        yield (
            f"{where}: shape {list(spec.shape)} with color {spec.color}; "
            f"an image is [1, height, width, {channels}]"
        )
    for key, values in (("mean", spec.mean), ("std", spec.std)):
        if len(values) not in (1, channels):
            yield f"{where}: {len(values)} values of {key}; 1 or {channels}"
