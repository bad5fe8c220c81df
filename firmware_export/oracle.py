"""The named runtimes that generated C must equal, each run in a child: some models kill them."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge import tflite
from edge.errors import UnavailableError
from firmware_export.node import NUMPY_TYPES
from firmware_export.rewrite import rewrite

OracleName = Literal["tflm", "litert", "xnnpack"]
Batch = Sequence[NDArray[Any]]  # one array (n, ...) for each input or output
TIMEOUT_S = 120.0
TFLM_ARENA_BYTES = 1 << 26


def answers(model: bytes, inputs: Batch, rounding: OracleName) -> list[NDArray[Any]]:
    """Return the outputs (n, ...) of a profile's oracle, or of XNNPACK; raises UnavailableError.

    A model with a float border is given and gives what the C has there instead: int8 or uint8.
    """
    inner = rewrite(tflite.read(model)).graph
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "model.tflite").write_bytes(model)
        np.savez(place / "inputs.npz", *_as_float(tflite.read(model), inner, inputs))
        command = [sys.executable, "-m", "firmware_export.oracle", rounding, folder]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise UnavailableError(f"the {rounding} runtime does not run this model here: {last}")
        with np.load(place / "outputs.npz") as stored:
            outputs = [stored[f"arr_{i}"] for i in range(len(stored.files))]
    return [_as_steps(a, inner.tensors[i]) for a, i in zip(outputs, inner.outputs, strict=True)]


def _as_float(outer: tflite.Graph, inner: tflite.Graph, inputs: Batch) -> Batch:
    """Return inputs as the model takes them: a float border gets the real numbers."""
    made = []
    for values, before, after in zip(inputs, outer.inputs, inner.inputs, strict=True):
        tensor = inner.tensors[after]
        if outer.tensors[before].dtype == "float32" and tensor.quant is not None:
            steps = values.astype(np.float32) - np.float32(tensor.quant.zero_points[0])
            values = steps * np.float32(tensor.quant.scales[0])
        made.append(values)
    return made


def _as_steps(values: NDArray[Any], tensor: tflite.Tensor) -> NDArray[Any]:
    """Return float outputs as the steps that they stand for."""
    if values.dtype != np.float32 or tensor.quant is None:
        return values
    steps = np.round(values / np.float32(tensor.quant.scales[0])) + tensor.quant.zero_points[0]
    return steps.astype(NUMPY_TYPES[tensor.dtype])


def _run_tflm(model: bytes, inputs: Batch) -> list[NDArray[Any]]:
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=TFLM_ARENA_BYTES)
    rows = []
    for row in zip(*inputs, strict=True):
        interpreter.reset()
        for i, value in enumerate(row):
            sides = interpreter.get_input_details(i)["shape"]
            interpreter.set_input(np.ascontiguousarray(value.reshape(sides)), i)
        interpreter.invoke()
        rows.append([np.array(interpreter.get_output(i))[None] for i in range(_outputs(model))])
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def _run_litert(model: bytes, inputs: Batch, resolver: Any = None) -> list[NDArray[Any]]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=resolver or OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    ins, outs = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for row in zip(*inputs, strict=True):
        interpreter.reset_all_variables()
        for detail, value in zip(ins, row, strict=True):
            interpreter.set_tensor(detail["index"], value.reshape(detail["shape"]))
        interpreter.invoke()
        rows.append([interpreter.get_tensor(detail["index"])[None] for detail in outs])
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def _outputs(model: bytes) -> int:
    return len(tflite.read(model).outputs)


def _run_xnnpack(model: bytes, inputs: Batch) -> list[NDArray[Any]]:
    from ai_edge_litert.interpreter import OpResolverType

    return _run_litert(model, inputs, OpResolverType.AUTO)


# The profiles' oracles, and what a Linux board would answer.
ORACLES = {"tflm": _run_tflm, "litert": _run_litert, "xnnpack": _run_xnnpack}


def _main(rounding: str, folder: str) -> None:
    place = Path(folder)
    with np.load(place / "inputs.npz") as stored:
        inputs = [stored[f"arr_{i}"] for i in range(len(stored.files))]
    outputs = ORACLES[rounding]((place / "model.tflite").read_bytes(), inputs)
    np.savez(place / "outputs.npz", *outputs)


if __name__ == "__main__":
    _main(*sys.argv[1:])
