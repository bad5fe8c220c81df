"""A frozen float graph to a full int8 TFLite model, in a child process.

The calibrator can die of a segmentation fault (recurrent layers) and the converter aborts on some
graphs: the caller must outlive both. Run as a module, this file is that child.
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge.errors import BadDataError
from edge.training.calibration import Samples
from edge.training.load import FloatModel

Io = Literal["int8", "uint8"]
Progress = Callable[[str, int, int], None]  # what is done, so far, of how many

GRAPH, JOB, MODEL, LOG = "graph.pb", "job.json", "model.tflite", "log.txt"
UNROLL = (
    "recurrent layers cannot be calibrated as a loop: build them with unroll=True (GRU also with "
    "reset_after=False)"
)


def convert(
    model: FloatModel,
    samples: Samples,
    io: Io = "int8",
    progress: Progress | None = None,
) -> bytes:
    """Return the model as TFLite bytes: batch 1, builtin int8 operators, `io` at the border.

    `samples` are the representative data, one float32 array (n, ...) per input. Inputs and
    outputs keep the order of `model`; there is no signature yet. Raises BadDataError in one line
    where the converter refuses the model or its process dies.
    """
    with tempfile.TemporaryDirectory(prefix="edge-convert-") as name:
        folder = Path(name)
        _write_job(folder, model, samples, io)
        with (folder / LOG).open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "edge.training.convert", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=child_environment(),
            )
        step, fault = _follow(process, progress)
        if process.returncode == 0 and not fault:
            return (folder / MODEL).read_bytes()
        text = (folder / LOG).read_text(errors="replace")
    raise BadDataError(fault or death(process.returncode, step, model.graph, text))


def child_environment() -> dict[str, str]:
    """Return this environment, in which a child finds the same packages and keeps TF quiet."""
    here = str(Path(__file__).parents[2])
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"}


def _write_job(folder: Path, model: FloatModel, samples: Samples, io: Io) -> None:
    (folder / GRAPH).write_bytes(model.graph)
    for index, values in enumerate(samples):
        np.save(folder / f"samples{index}.npy", values)
    job = {
        "inputs": [port.tensor for port in model.inputs],
        "outputs": [port.tensor for port in model.outputs],
        "io": io,
    }
    (folder / JOB).write_text(json.dumps(job))


def _follow(process: "subprocess.Popen[str]", progress: Progress | None) -> tuple[str, str]:
    """Pass progress on until the child ends; return its last step and the fault it named."""
    step, fault = "start", ""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    try:
        with process.stdout as lines:
            for line in lines:
                message = json.loads(line)
                fault = message.get("fault", fault)
                if "step" in message:
                    step = message["step"]
                    if progress:
                        progress(step, message["done"], message["total"])
        process.wait()
    finally:
        if process.poll() is None:  # interrupted here: the child must not go on alone
            process.kill()
            process.wait()
    return step, fault


def death(returncode: int, step: str, graph: bytes, log: str) -> str:
    """Return one line on a converter that died without a word: when, of what, what to do."""
    if returncode < 0:
        how = signal.Signals(-returncode).name
        when = "" if step == "start" else f" at step {step!r}"
        cure = (
            UNROLL
            if re.search(rb"TensorList|\bWhile\b|StatelessWhile", graph)
            else (
                "out of memory: give fewer or smaller calibration samples"
                if how == "SIGKILL"
                else "leave out layers by halves to find the one that it cannot take"
            )
        )
        return f"the converter died ({how}){when}: {cure}"
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "no message")
    return f"the converter failed at step {step!r}: {last.strip()[:300]}"


# --- the child -------------------------------------------------------------------------------


def main(folder: Path, out: IO[str]) -> int:
    """Convert the job in `folder`, telling `out` one JSON line a step; return the exit code."""

    def tell(**message: Any) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    job = json.loads((folder / JOB).read_text())
    samples: list[NDArray[np.float32]] = []
    while (path := folder / f"samples{len(samples)}.npy").exists():
        samples.append(np.load(path, mmap_mode="r"))
    graph = (folder / GRAPH).read_bytes()
    try:
        content = convert_graph(graph, job["inputs"], job["outputs"], samples, job["io"], tell)
    except BadDataError as error:
        tell(fault=error.faults[0])
        return 1
    (folder / MODEL).write_bytes(content)
    tell(step="done", done=1, total=1)
    return 0


def convert_graph(
    graph: bytes,
    inputs: Sequence[str],
    outputs: Sequence[str],
    samples: Sequence[NDArray[np.float32]],
    io: Io,
    tell: Callable[..., None],
) -> bytes:
    """Return a frozen graph as TFLite bytes, here and now: it may take this process with it.

    `inputs` and `outputs` are names of the graph's tensors. Raises BadDataError in one line.
    """
    tell(step="read", done=0, total=1)
    converter = _converter(graph, inputs, outputs, io)
    tell(step="read", done=1, total=1)
    converter.representative_dataset = lambda: _rows(samples, tell)
    try:
        return bytes(converter.convert())
    except Exception as error:
        raise BadDataError(converter_fault(str(error))) from None


def _converter(graph: bytes, inputs: Sequence[str], outputs: Sequence[str], io: Io) -> Any:
    """Return a converter that takes the frozen graph itself.

    The way through a SavedModel, the default elsewhere, takes many times as long, silently
    corrupts models of Keras 3 and sorts the outputs by name. `from_concrete_functions` gives the
    same model as this but freezes it a second time. Dense layers have one scale: per-channel
    weights of three-dimensional inputs are computed wrongly by tflite-runtime 2.14.
    """
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef.FromString(graph)
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(definition, name="")
    ports = imported.get_tensor_by_name
    converter = tf.compat.v1.lite.TFLiteConverter(
        definition, [ports(name) for name in inputs], [ports(name) for name in outputs]
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = getattr(tf, io)
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return converter


def _rows(
    samples: Sequence[NDArray[np.float32]], tell: Callable[..., None]
) -> Iterator[list[NDArray[np.float32]]]:
    total = len(samples[0])
    for index in range(total):
        yield [values[index : index + 1] for values in samples]
        tell(step="calibrate", done=index + 1, total=total)
    tell(step="quantize", done=0, total=1)


def converter_fault(text: str) -> str:
    """Return what the converter's long message says, in one line with the cure."""
    flex = re.findall(r"\bFlex(\w+)", text)
    names = sorted(set(flex) or set(re.findall(r"'tf\.(\w+)' op\b", text)))
    if "TensorList" in "".join(names):
        return f"no builtin operator for {', '.join(names)}: {UNROLL}"
    if names:
        return (
            f"no builtin operator for {', '.join(names)}: replace the layer that needs it by one "
            "of convolutions, Dense, ReLU, pooling (an argmax at the end belongs to the host)"
        )
    useful = [line.strip() for line in text.splitlines() if line.strip()]
    first = next((line for line in useful if "error:" in line), useful[0] if useful else "no text")
    return f"the converter refuses the model: {first[:300]}"


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would help nobody
    # Keras imports it for a wrapper: a second that a child has no use for
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    # TensorFlow and its C++ write to stdout too: keep the channel to the parent apart
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.exit(main(Path(sys.argv[1]), channel))
