"""Whether a foreign model can be trusted with this process: it is built and run in a child first.

A model file can kill the interpreter that loads it, by a segmentation fault, an abort or a call
that never returns. The child (`edge.infer.trial`) reports each step as a line on stdout, and the
way it ends is the verdict; nothing is written to disk.
"""

import json
import re
import signal
import subprocess
import sys

from edge import tflite
from edge.bundle import Bundle
from edge.errors import BadDataError, EdgeError, UnavailableError
from edge.infer.child import environment
from edge.infer.runtime import Resolver, Runtime

STEPS = {
    "start": "before it is built",
    "build": "while it is built",
    "invoke": "while it runs",
    "free": "while it is freed",
    "done": "after it ran",
}

_BROUGHT_ALONG = "TFLite_Detection_PostProcess"

# What a runtime says of a model it refuses, in its own words -> what that means and the cure.
REFUSALS: tuple[tuple[str, str], ...] = (
    (
        r"unresolved custom op: edgetpu-custom-op",
        "this model is compiled for the Edge TPU (operator 'edgetpu-custom-op'); "
        "without one, use the CPU model it was compiled from",
    ),
    (
        r"unresolved custom op: ethos-u",
        "this model is compiled for an Arm Ethos-U (operator 'ethos-u'); "
        "use the CPU model it was compiled from",
    ),
    (
        r"unresolved custom op: ",
        "this model needs {operators}, which {runtime} does not have; "
        "convert it with built-in operators only",
    ),
    (
        r"Select TensorFlow op",
        "this model needs TensorFlow's own (Flex) operators, which {runtime} does not have; "
        "convert it without SELECT_TF_OPS",
    ),
    (
        r"quantized_dimension must be in range",
        "{runtime} refuses this model: {text}; its quantisation is written wrongly: "
        "convert it again with a current converter",
    ),
    (
        r"builtin_code out of range|Didn't find op for builtin",
        "this model has an operator newer than {runtime}: {text}; "
        "use a newer runtime or convert for an older one",
    ),
)


def judge(
    bundle: Bundle,
    runtime: Runtime,
    *,
    threads: int = 1,
    resolver: Resolver = "default",
    timeout_s: float = 60.0,
) -> None:
    """Return when the model was built, run and freed in a child without harm.

    Raises BadDataError with one line and its cure when the model is at fault, UnavailableError
    when no child could be started.
    """
    try:
        child = _run(bundle.model, (runtime.name, str(threads), resolver), timeout_s)
    except subprocess.TimeoutExpired as error:
        step = _steps(error.stdout or b"")[0]
        raise BadDataError(
            f"model '{bundle.name}' hangs {runtime.description} {STEPS[step]}: "
            f"no end within {timeout_s:g} s; use another model"
        ) from None
    except OSError as error:
        raise UnavailableError(f"cannot start a child to try the model: {error}") from error
    fault = _verdict(bundle, runtime, child)
    if fault:
        raise fault


def explain(text: str, runtime: str, model: bytes) -> str:
    """Return what a runtime's words about a model it refuses mean, and the cure, on one line."""
    text = " ".join(text.split())
    for pattern, meaning in REFUSALS:
        if re.search(pattern, text):
            first = text.split(".Tensor ")[0]  # the runtime repeats itself for each tensor
            return meaning.format(runtime=runtime, text=first, operators=_custom(model))
    return f"{runtime} refuses this model: {text}"


def _custom(model: bytes) -> str:
    """Return every custom operator of a model that no runtime brings along."""
    operators = tflite.read(model).operators
    names = dict.fromkeys(op.op for op in operators if op.custom and op.op != _BROUGHT_ALONG)
    return f"operator{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"


def _run(
    model: bytes, arguments: tuple[str, ...], timeout_s: float
) -> subprocess.CompletedProcess[bytes]:
    """Run the child to its end; it finds this very package, and nothing of the working folder."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "edge.infer.trial", *arguments],
        input=model,
        capture_output=True,
        timeout=timeout_s,
        check=False,
        env=environment(),
    )


def _verdict(
    bundle: Bundle, runtime: Runtime, child: subprocess.CompletedProcess[bytes]
) -> EdgeError | None:
    name, status = bundle.name, child.returncode
    step, refusal = _steps(child.stdout)
    if refusal is not None:
        words = explain(refusal, runtime.description, bundle.model)
        return BadDataError(f"model '{name}': {words}")
    if status < 0:
        return BadDataError(
            f"model '{name}' kills {runtime.description} {STEPS[step]}: "
            f"{signal.strsignal(-status)}; use another model or another runtime"
        )
    if status == 0 and step == "done":
        return None
    if step != "start":
        return BadDataError(
            f"model '{name}' ends the process {STEPS[step]} with status {status}; "
            "use another model or another runtime"
        )
    last = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return UnavailableError(
        f"the child that tries model '{name}' ended with {status}: {''.join(last) or 'no message'}"
    )


def _steps(stdout: bytes) -> tuple[str, str | None]:
    """Return the last step that the child began, and the runtime's refusal if there was one."""
    step, refusal = "start", None
    for line in stdout.decode(errors="replace").splitlines():
        word, _, rest = line.partition(" ")
        if word in STEPS:
            step = word
        elif word == "refused":
            refusal = json.loads(rest)
    return step, refusal
