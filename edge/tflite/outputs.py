"""The same model that gives other tensors out: to look inside it with any runtime."""

from collections.abc import Sequence

import tflite as schema

from edge.errors import BadDataError
from edge.tflite.reading import read


def with_outputs(model: bytes, outputs: Sequence[int]) -> bytes:
    """Return the model with these tensor indices as outputs, as many as it has already.

    The signature is left as it was. Raises BadDataError where the model is damaged or an index
    is none of its tensors.
    """
    graph = read(model)
    if len(outputs) != len(graph.outputs):
        raise BadDataError(f"{len(outputs)} tensors given; the model has {len(graph.outputs)}")
    if not all(0 <= index < len(graph.tensors) for index in outputs):
        raise BadDataError(f"tensors {list(outputs)}; the model has {len(graph.tensors)}")
    changed = bytearray(model)
    # a view into these bytes: the vector keeps its length, so nothing moves
    schema.Model.GetRootAs(changed).Subgraphs(0).OutputsAsNumpy()[:] = list(outputs)
    return bytes(changed)
