"""What a bundle's model says of itself, and what it asks of a device."""

from dataclasses import replace
from typing import Any

import numpy as np

from edge import cost, tflite
from edge.bundle.checks import LABELLED_ROLES
from edge.bundle.model import tensor_order
from edge.bundle.parts import Bundle, Input, Output
from edge.errors import BadDataError
from edge.metadata import Metadata, TensorInfo, write_metadata


def requirements(model: bytes) -> dict[str, int]:
    """Return `macs` and `arena_lower_bound_bytes` of a model, for [requires]."""
    graph = tflite.read(model)
    return {
        "macs": cost.macs(graph),
        "arena_lower_bound_bytes": cost.live_tensor_bound_bytes(graph),
    }


def with_metadata(bundle: Bundle) -> Bundle:
    """Return the bundle with TFLite Metadata in its model: labels, normalization, threshold.

    Weights and results stay the same. Raises BadDataError where the model is another's.
    """
    graph = tflite.read(bundle.model)
    inputs = _in_file_order(graph, bundle.inputs, graph.inputs)
    outputs = _in_file_order(graph, bundle.outputs, graph.outputs)
    metadata = Metadata(
        name=bundle.name,
        version=str(bundle.version),
        author=bundle.created_by,
        license=bundle.license,
        inputs=tuple(_input_info(spec) for spec in inputs),
        outputs=tuple(_output_info(spec, bundle) for spec in outputs),
    )
    return replace(bundle, model=write_metadata(bundle.model, metadata))


def _in_file_order(graph: tflite.Graph, specs: Any, indices: tuple[int, ...]) -> list[Any]:
    order = tensor_order(graph, specs)
    if order is None or sorted(order) != sorted(indices):
        raise BadDataError(
            f"the bundle names {', '.join(spec.name for spec in specs)}; the model has others"
        )
    return [specs[order.index(index)] for index in indices]


def _input_info(spec: Input) -> TensorInfo:
    if spec.kind == "tensor":
        return TensorInfo(spec.name)
    # The standard knows RGB and gray only; for BGR it says nothing rather than something wrong.
    color = None if spec.color == "bgr" else spec.color
    mean, std = np.broadcast_arrays(spec.mean, spec.std)
    return TensorInfo(
        spec.name,
        kind="image",
        color=color,
        mean=spec.mean,
        std=spec.std,
        low=tuple((-mean / std).tolist()),
        high=tuple(((255 - mean) / std).tolist()),
    )


def _output_info(spec: Output, bundle: Bundle) -> TensorInfo:
    if spec.role not in LABELLED_ROLES:
        return TensorInfo(spec.name, description=spec.role)
    threshold = bundle.thresholds.default if spec.role == "scores" else None
    return TensorInfo(spec.name, description=spec.role, labels=bundle.labels, threshold=threshold)
