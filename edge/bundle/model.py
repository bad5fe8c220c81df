"""What must agree between a bundle's record and its model file, by reading the file."""

from collections.abc import Iterator, Sequence

from edge import tflite
from edge.bundle.checks import tensor_faults
from edge.bundle.parts import Bundle, Input, Output
from edge.errors import BadDataError


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


def model_faults(bundle: Bundle) -> list[str]:
    """Return where the model is damaged or not what the record says; [] where it is."""
    try:
        graph = tflite.read(bundle.model)
    except BadDataError as error:
        return [f"model.tflite: {fault}" for fault in error.faults]
    return [
        *_side_faults(graph, "input", bundle.inputs, graph.inputs),
        *_side_faults(graph, "output", bundle.outputs, graph.outputs),
    ]


def _side_faults(
    graph: tflite.Graph, side: str, specs: Sequence[Input | Output], indices: Sequence[int]
) -> Iterator[str]:
    order = tensor_order(graph, specs)
    if order is None:
        yield f"{len(specs)} [[{side}]] tables; the model has {len(indices)} {side}s"
        return
    for spec, index in zip(specs, order, strict=True):
        tensor = graph.tensors[index]
        shape = output_shape(tensor) if isinstance(spec, Output) else file_shape(tensor)
        where = f"{side} {spec.name!r}"
        yield from tensor_faults(where, spec, shape, tensor.dtype, *file_quant(tensor))


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
