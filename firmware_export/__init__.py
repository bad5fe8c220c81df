"""An int8 TFLite model as plain C: no interpreter, no heap, no float inside invoke."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge import tflite
from edge.bundle import Bundle
from edge.bundle.model import tensor_order
from edge.errors import BadDataError
from edge.infer.border import pixel_table
from firmware_export import emit, header, targets
from firmware_export.lanes import with_lanes
from firmware_export.layers import allowed_overlaps, layers_of, lifetimes, outside_arena, turned
from firmware_export.model import STACK_BOUND_BYTES, Io, Model, c_name
from firmware_export.node import Rounding, scale
from firmware_export.placement import plan
from firmware_export.plan import ALIGN_BYTES, overlaps
from firmware_export.rewrite import rewrite
from firmware_export.schedule import schedule

# The arena begins a line of its own where a cache may be cleaned behind the back of a DMA.
CACHE_LINE_BYTES = {"cortex-m7": 32, "cortex-m55": 32}
__all__ = ["Export", "export", "measured"]


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """The text of each file by its name, what the model takes, and what both are made of."""

    files: Mapping[str, str]
    report: Mapping[str, Any]
    model: Model


def export(
    bundle: Bundle | Path | bytes,
    target: str = "c99",
    *,
    name: str | None = None,
    rounding: Rounding = "tflm",
    io: Io = "arena",
) -> Export:
    """Return a model as C for a target core.

    `bundle` is a Bundle, a path or the bytes of a `.tflite`; `name` the C prefix, `io` where
    inputs and outputs lie. Raises BadDataError with every reason why it cannot be exported.
    """
    core = None if target == targets.HOST else targets.find(target)
    content, labels, found = _content(bundle)
    original = tflite.read(content)
    rewritten = rewrite(original)
    graph = rewritten.graph
    layers = schedule(rewritten, layers_of(rewritten, rounding))
    if core is not None and core.has_lanes:
        layers = with_lanes(layers)
    lives, allowed = lifetimes(rewritten, layers), allowed_overlaps(layers)
    if io == "caller":
        lives, allowed = outside_arena(rewritten, lives, allowed)
    placed = plan(lives, allowed)
    if faults := overlaps(placed, allowed):
        raise AssertionError(f"the planner made a wrong plan: {faults}")
    model = Model(
        name=c_name(name or found),
        content=content,
        graph=replace(graph, outputs=tuple(rewritten.at(i) for i in graph.outputs)),
        inputs=tuple(graph.tensors[i] for i in graph.inputs),
        outputs=tuple(graph.tensors[i] for i in graph.outputs),
        layers=turned(layers, placed),
        plan=placed,
        rounding=rounding,
        labels=labels,
        family=core.family if core is not None else "",
        io=io,
        stack_bytes=STACK_BOUND_BYTES + emit.greatest(layers).get("DEPTHWISE_TAPS", 0) * 8,
        align_bytes=CACHE_LINE_BYTES.get(target, ALIGN_BYTES),
        pixels=_pixels(bundle, original, tuple(graph.tensors[i] for i in graph.inputs)),
    )
    texts = {
        f"{model.name}.h": header.header(model),
        f"{model.name}.c": emit.source(model),
        f"{model.name}_weights.c": emit.weights(model),
    }
    return Export(texts, _report(model, original), model)


def measured(made: Export, stack_bytes: int) -> Export:
    """Return the export with the stack that a compiler was seen to take in its header."""
    model = replace(made.model, stack_bytes=stack_bytes)
    return replace(made, model=model, files={**made.files, f"{model.name}.h": header.header(model)})


def _pixels(
    bundle: Bundle | Path | bytes, original: tflite.Graph, inputs: tuple[tflite.Tensor, ...]
) -> dict[int, NDArray[Any]]:
    """Return what each picture input holds for a pixel value, where a bundle tells it."""
    if not isinstance(bundle, Bundle):
        return {}
    order = tensor_order(original, bundle.inputs) or ()
    specs = dict(zip(order, bundle.inputs, strict=False))
    found = {}
    for i, (index, tensor) in enumerate(zip(original.inputs, inputs, strict=True)):
        spec, quant = specs.get(index), tensor.quant
        if spec is not None and spec.kind == "image" and quant is not None:
            # the tensor of the C, where the model's own takes floats
            step, zero = float(scale(tensor)), int(quant.zero_points[0])
            found[i] = pixel_table(replace(spec, dtype=tensor.dtype, scale=step, zero_point=zero))
    return found


def _report(model: Model, original: tflite.Graph) -> dict[str, Any]:
    arrays = emit.unique_constants(model)
    return {
        "arena_bytes": model.plan.arena_bytes,
        "weight_bytes": sum(array.values.nbytes for array in arrays),
        "layers": len(model.layers),
        "notes": [
            *_float_borders(original.inputs, model.inputs, original, "takes", "QUANTIZE"),
            *_float_borders(original.outputs, model.outputs, original, "gives", "DEQUANTIZE"),
        ],
    }


def _float_borders(
    indices: tuple[int, ...],
    seen: tuple[tflite.Tensor, ...],
    original: tflite.Graph,
    verb: str,
    op: str,
) -> list[str]:
    """Return a sentence for each float tensor that the C has as int8 or uint8."""
    return [
        f"'{original.tensors[i].name}' is float32 in the model; the C {verb} {t.dtype} with scale "
        f"{scale(t)} and zero point {t.quant.zero_points[0]}, and leaves its {op} out"
        for i, t in zip(indices, seen, strict=True)
        if original.tensors[i].dtype == "float32" and t.quant is not None
    ]  # fmt: skip


def _content(bundle: Bundle | Path | bytes) -> tuple[bytes, tuple[str, ...], str]:
    if isinstance(bundle, Bundle):
        return bundle.model, tuple(bundle.labels), bundle.name
    if isinstance(bundle, bytes):
        return bundle, (), "model"
    try:
        return bundle.read_bytes(), (), bundle.stem
    except OSError as error:
        raise BadDataError(f"cannot read {bundle}: {error.strerror}") from error
