"""Whether every runtime here computes a model as the reference kernels do.

BUILTIN_REF of one runtime is the oracle: it gives the same bits on every processor. Runtimes can
die on a model, so each runs in a child process; run as a module, this file is that child.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import tflite
from edge.bundle import Output
from edge.errors import BadDataError
from edge.infer.backend import Array
from edge.infer.runtime import Resolver, Runtime, available, build, one_line, pick
from edge.training.convert import child_environment
from edge.training.golden import Batch

MOST_STEPS = 8
MOST_FLIPS = 0.05
RANKED = ("scores", "logits")
SQUASHING = ("SOFTMAX", "LOGISTIC", "TANH")
SEEN_THROUGH = (*SQUASHING, "RESHAPE", "QUANTIZE")
TENSORFLOW = "tensorflow"  # its own interpreter, where no device runtime is installed

MODEL, INPUTS, OUTPUTS = "model.tflite", "inputs.npz", "outputs.npz"


@dataclass(frozen=True, slots=True)
class Parity:
    """One output of one runtime against the reference, over `n` inputs.

    `max_steps` is the largest difference in steps of int8, `typical_steps` the median over the
    inputs of each one's largest, `share` the share of values that differ (0..1); all before
    `squash`, the function that ends the output, if any, for SOFTMAX and LOGISTIC make many steps
    of one at a border between classes and hide them elsewhere. `flips` is the share of inputs
    with another best class; None where the output ranks none.
    """

    runtime: str
    output: str
    squash: str
    max_steps: int
    typical_steps: float
    share: float
    flips: float | None
    n: int

    @property
    def text(self) -> str:
        """Return the figures on one line."""
        flips = "" if self.flips is None else f", best class differs in {self.flips:.1%}"
        where = f" (before {self.squash})" if self.squash else ""
        return (
            f"{self.output}{where} on {self.runtime}: {self.typical_steps:g} steps from the "
            f"reference in the median input, {self.max_steps} at most, {self.share:.2%} of values "
            f"differ{flips} (n={self.n})"
        )


def runtime_names() -> tuple[str, ...]:
    """Return the device runtimes that work here, the preferred first, else TensorFlow's own."""
    return tuple(runtime.name for runtime in available()) or (TENSORFLOW,)


def run(model: bytes, inputs: Batch, runtime: str, resolver: Resolver = "default") -> Batch:
    """Return the model's outputs (n, ...), file order, run in a child process.

    Raises BadDataError with one line where the runtime refuses the model or dies.
    """
    with tempfile.TemporaryDirectory(prefix="edge-parity-") as name:
        folder = Path(name)
        (folder / MODEL).write_bytes(model)
        _save(folder / INPUTS, inputs)
        done = subprocess.run(
            [sys.executable, "-m", "edge.training.parity", name, runtime, resolver],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, env=child_environment(),
            check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return _load(folder / OUTPUTS)
    kernels = f"{runtime}{' (reference kernels)' if resolver == 'reference' else ''}"
    if done.returncode < 0:
        raise BadDataError(f"{kernels} dies on this model (signal {-done.returncode})")
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    raise BadDataError(f"{kernels} cannot run this model: {last[:300]}")


def before_squash(graph: tflite.Graph) -> tuple[tuple[int, str], ...]:
    """Return per output the tensor that enters its last squashing function, and that function.

    An output without one is itself, with "".
    """
    maker = {index: op for op in graph.operators for index in op.outputs}

    def look(output: int) -> tuple[int, str]:
        index = output
        while (op := maker.get(index)) is not None and op.op in SEEN_THROUGH:
            index = op.inputs[0]
            if op.op in SQUASHING:
                return index, op.op
        return output, ""

    return tuple(look(output) for output in graph.outputs)


def compare(
    model: bytes, inputs: Batch, outputs: Sequence[Output], names: Sequence[str]
) -> tuple[Parity, ...]:
    """Return how each output on each named runtime differs from the reference.

    `inputs` are the model's, quantised, (n, ...); the first runtime gives the reference. Raises
    BadDataError where a runtime cannot run the model.
    """
    inside = before_squash(tflite.read(model))
    inner = tflite.with_outputs(model, [index for index, _ in inside])
    is_other = inner != model
    reference = run(model, inputs, names[0], "reference")
    inner_reference = run(inner, inputs, names[0], "reference") if is_other else reference
    found = []
    for name in names:
        got = run(model, inputs, name)
        inner_got = run(inner, inputs, name) if is_other else got
        for i, output in enumerate(outputs):
            flips = _flips(reference[i], got[i], output)
            steps = difference(inner_reference[i], inner_got[i]).reshape(len(got[i]), -1)
            found.append(
                Parity(
                    runtime=name,
                    output=output.name,
                    squash=inside[i][1],
                    max_steps=int(steps.max()),
                    typical_steps=float(np.median(steps.max(axis=1))),
                    share=float((steps > 0).mean()),
                    flips=flips,
                    n=len(steps),
                )
            )
    return tuple(found)


def difference(first: Array, second: Array) -> NDArray[np.int64]:
    """Return by how many steps two arrays of integers differ, element by element."""
    steps: NDArray[np.int64] = np.abs(first.astype(np.int64) - second.astype(np.int64))
    return steps


def _flips(want: Array, have: Array, output: Output) -> float | None:
    is_ranked = output.role in RANKED and want[0].size == output.shape[-1] > 1
    return float(flipped(want, have).mean()) if is_ranked else None


def flipped(want: Array, have: Array) -> NDArray[np.bool_]:
    """Return for each input whether `have` ranks another class first, bool (n,).

    Where several share the first place in `want`, any of them is right.
    """
    first = want.reshape(len(want), -1).astype(np.int64)
    other = have.reshape(len(have), -1).astype(np.int64)
    result: NDArray[np.bool_] = first[np.arange(len(first)), other.argmax(1)] < first.max(1)
    return result


def parity_faults(found: Sequence[Parity]) -> tuple[str, ...]:
    """Return one line for each output that a runtime computes too differently.

    The median input counts: rounding that adds up over many layers makes single inputs differ by
    more on runtimes that are all right, a wrong operator shows in every input.
    """
    return tuple(
        f"{p.text}; allowed: {MOST_STEPS} steps in the median input and {MOST_FLIPS:.0%}: this "
        "runtime is wrong on one of the operators; try another version of it, or replace "
        "attention (BATCH_MATMUL) and bilinear resizing, the usual causes"
        for p in found
        if p.typical_steps > MOST_STEPS or (p.flips or 0.0) > MOST_FLIPS
    )


# --- the child -------------------------------------------------------------------------------


def main(folder: Path, runtime: str, resolver: Resolver) -> None:
    """Answer every input in `folder` and write the outputs beside it."""
    chosen = _tensorflow() if runtime == TENSORFLOW else pick(runtime)
    interpreter = build(chosen, (folder / MODEL).read_bytes(), 1, resolver)
    inputs = _load(folder / INPUTS)
    into = [detail["index"] for detail in interpreter.get_input_details()]
    out = [detail["index"] for detail in interpreter.get_output_details()]
    answers: list[list[Array]] = [[] for _ in out]
    for row in range(len(inputs[0])):
        for index, values in zip(into, inputs, strict=True):
            interpreter.set_tensor(index, values[row : row + 1])
        interpreter.invoke()
        for kept, index in zip(answers, out, strict=True):
            kept.append(interpreter.get_tensor(index)[0])
    _save(folder / OUTPUTS, [np.stack(a) for a in answers])


def _tensorflow() -> Runtime:
    import tensorflow as tf

    from edge.infer.runtime import RESOLVERS

    kinds = tf.lite.experimental.OpResolverType
    resolvers = {ours: getattr(kinds, theirs) for ours, theirs in RESOLVERS.items()}
    return Runtime(TENSORFLOW, tf.__version__, tf.lite.Interpreter, resolvers)


def _save(path: Path, arrays: Sequence[Array]) -> None:
    named: dict[str, Any] = {str(i): a for i, a in enumerate(arrays)}
    np.savez(path, **named)


def _load(path: Path) -> Batch:
    with np.load(path) as archive:
        return tuple(archive[str(i)] for i in range(len(archive.files)))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])  # type: ignore[arg-type]
    except (ValueError, RuntimeError, BadDataError) as error:
        sys.stderr.write(f"{one_line(error)}\n")
        sys.stderr.flush()
        os._exit(1)
    sys.stderr.flush()
    os._exit(0)  # some runtimes die while they are taken down, after the work is done
