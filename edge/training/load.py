"""Any Keras model, from memory or disk, as one frozen float graph of batch 1."""

import contextlib
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import BadDataError, EdgeError, NotFoundError
from edge.infer.backend import Array
from edge.infer.runtime import one_line
from edge.training.quiet import import_tensorflow

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output: its name for people, its name in the graph, its shape with batch 1."""

    name: str
    tensor: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class FloatModel:
    """A model with its weights frozen: a GraphDef whose ports are in the Keras order.

    `call` takes one array per input (batch 1) and returns one per output. `keras` is the Keras
    object, None for a SavedModel. `notes` say what had to be decided while reading.
    """

    graph: bytes
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    call: Callable[[Sequence[Array]], tuple[Array, ...]]
    keras: Any = None
    notes: tuple[str, ...] = ()


def load(model: Any) -> FloatModel:
    """Return a Keras model, or the one in a .keras or .h5 file or a SavedModel folder, frozen.

    Raises NotFoundError, or BadDataError with every reason why it cannot become full int8.
    """
    if isinstance(model, str | Path):
        path = Path(model)
        if not path.exists():
            raise NotFoundError(f"no model {str(path)!r}; a .keras or .h5 file or a SavedModel")
        import_tensorflow()
        if path.is_dir():
            return _load_saved_model(path)
        model = _load_file(path)
    return _freeze_keras(model)


def _load_file(path: Path) -> Any:
    import keras

    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise BadDataError(f"{path}: ends in {path.suffix!r}; allowed: .keras, .h5, a SavedModel")
    try:
        # Keras warns about each optimiser and metric that an old file lacks: not needed here
        with contextlib.redirect_stderr(io.StringIO()):
            return keras.models.load_model(path, compile=False)
    except Exception as error:
        raise BadDataError(f"{path}: {_load_fault(str(error))}") from None


# What Keras says when it cannot read a model (a pattern) -> what to do about it.
LOAD_CURES = {
    r"Could not locate (?:class|function) '(?P<name>[^']*)'": (
        "holds '{name}', which only your code knows; load it in Python and pass the model itself: "
        "edge.quantize(model, ...)"
    ),
    r"Unknown (?:layer|object|activation function|[a-z ]+): '?(?P<name>\w+)": (
        "holds '{name}', which only your code knows; load it in Python and pass the model itself: "
        "edge.quantize(model, ...)"
    ),
    r"(?i)lambda": (
        "holds a Lambda layer, that is, code which is not run unasked; load it with "
        "safe_mode=False and pass the model itself: edge.quantize(model, ...)"
    ),
    r"No model config found": (
        "holds weights only; build the model, load_weights, and pass it or save it whole"
    ),
}


def _load_fault(text: str) -> str:
    for pattern, cure in LOAD_CURES.items():
        found = re.search(pattern, text)
        if found:
            return cure.format(**found.groupdict())
    return f"is no Keras model: {one_line(ValueError(text))}"


def _freeze_keras(model: Any) -> FloatModel:
    import keras

    if not isinstance(model, keras.Model):
        raise BadDataError(
            f"not a Keras model: {type(model).__name__}; pass a keras.Model or a path"
        )
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise BadDataError(
            f"model {model.name!r} declares no inputs; wrap it: x = keras.Input(shape); "
            "keras.Model(x, model(x))"
        )
    names = [tensor.name for tensor in inputs]
    shapes = [tuple(tensor.shape) for tensor in inputs]
    _refuse_open_shapes(zip(names, shapes, strict=True))

    # a Sequential model has no `input`, and always one tensor
    structure = inputs[0] if isinstance(model, keras.Sequential) else model.input

    def run(*tensors: Any) -> list[Any]:
        packed = keras.tree.pack_sequence_as(structure, list(tensors))
        return list(keras.tree.flatten(model(packed, training=False)))

    specs = [
        (n, s, keras.backend.standardize_dtype(t.dtype))
        for n, s, t in zip(names, shapes, inputs, strict=True)
    ]
    return _freeze(run, specs, _output_names(model), keras_model=model)


def _output_names(model: Any) -> list[str]:
    """Return a name per output; a Sequential model has none of its own: its last layer's."""
    names = getattr(model, "output_names", None)
    return list(names) if names else [model.layers[-1].name]


def _load_saved_model(path: Path) -> FloatModel:
    import tensorflow as tf

    if not (path / "saved_model.pb").is_file():
        raise BadDataError(f"{path}: no SavedModel: saved_model.pb is missing in this folder")
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:
        raise BadDataError(f"{path}: is no SavedModel: {one_line(error)}") from None
    keys = sorted(loaded.signatures)
    key = "serving_default" if "serving_default" in keys else (keys or [""])[0]
    if not key:
        raise BadDataError(f"{path}: has no signature; write it by model.export(folder)")
    entry = loaded.signatures[key]
    given = entry.structured_input_signature[1]
    names, outputs = sorted(given, key=_natural), sorted(entry.structured_outputs, key=_natural)
    shapes = [tuple(given[name].shape.as_list()) for name in names]
    _refuse_open_shapes(zip(names, shapes, strict=True))

    def run(*tensors: Any) -> list[Any]:
        answer = entry(**dict(zip(names, tensors, strict=True)))
        return [answer[name] for name in outputs]

    specs = [(n, s, given[n].dtype.name) for n, s in zip(names, shapes, strict=True)]
    note = f"SavedModel, signature {key!r}: outputs in the order {', '.join(outputs)}"
    return _freeze(run, specs, outputs, notes=(note,) if len(outputs) > 1 else ())


def _natural(name: str) -> list[str | int]:
    """Return a sort key in which output_10 follows output_9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _refuse_open_shapes(ports: Iterable[tuple[str, tuple[int | None, ...]]]) -> None:
    faults = [
        f"input {name!r} has shape {list(shape)}: only the batch may be open; build the model "
        "with a fixed size, such as keras.Input((96, 96, 3))"
        for name, shape in ports
        if None in shape[1:]
    ]
    if faults:
        raise BadDataError(*faults)


def _freeze(
    body: Callable[..., list[Any]],
    specs: Sequence[tuple[str, tuple[int | None, ...], str]],
    output_names: list[str],
    keras_model: Any = None,
    notes: tuple[str, ...] = (),
) -> FloatModel:
    """Trace `body` at batch 1 and make its variables constants.

    The converter folds shapes only at a fixed batch; a constant graph can be handed to a child
    process that knows none of the user's classes.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    signature = [
        tf.TensorSpec((1, *shape[1:]), dtype, name=f"input{i}")
        for i, (_, shape, dtype) in enumerate(specs)
    ]
    try:
        traced = tf.function(body).get_concrete_function(*signature)
        frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    except EdgeError:
        raise
    except Exception as error:
        raise BadDataError(f"the model cannot run at batch 1: {one_line(error)}") from None
    graph = frozen.graph.as_graph_def()
    names = [name for name, _, _ in specs]
    inputs = _ports(names, frozen.inputs)
    outputs = _ports(_unique(output_names), frozen.outputs)
    faults = [*_dtype_faults(inputs), *_half_faults(graph)]
    if faults:
        raise BadDataError(*faults)

    def call(arrays: Sequence[Array]) -> tuple[Array, ...]:
        answer = frozen(*[tf.constant(a) for a in arrays])
        return tuple(np.asarray(t) for t in tf.nest.flatten(answer))

    return FloatModel(graph.SerializeToString(), inputs, outputs, call, keras_model, notes)


def _ports(names: Sequence[str], tensors: Sequence[Any]) -> tuple[Port, ...]:
    return tuple(
        Port(name, t.name, tuple(int(n or 1) for n in t.shape), t.dtype.name)
        for name, t in zip(names, tensors, strict=True)
    )


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names, a later repetition numbered: a signature maps each name once."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen[name] = seen.get(name, -1) + 1
        result.append(f"{name}_{count}" if count else name)
    return result


def _dtype_faults(inputs: Sequence[Port]) -> list[str]:
    return [
        f"input {port.name!r} is {port.dtype}; full int8 needs float32 inputs (look embeddings "
        "and indices up before the model)"
        for port in inputs
        if port.dtype != "float32"
    ]


def _half_faults(graph: Any) -> list[str]:
    """Return one fault where the graph computes in half precision.

    The converter would name only a Flex operator that is not the cause.
    """
    from tensorflow.core.framework import types_pb2

    halves = {types_pb2.DT_HALF: "float16", types_pb2.DT_BFLOAT16: "bfloat16"}
    found = {
        halves[node.attr["T"].type]: node.name
        for node in reversed(graph.node)
        if "T" in node.attr and node.attr["T"].type in halves
    }
    return [
        f"the model computes in {kind} (first at {name}): mixed precision; rebuild it under "
        "keras.config.set_dtype_policy('float32') and load the same weights"
        for kind, name in found.items()
    ]
