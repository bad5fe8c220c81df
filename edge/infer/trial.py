"""The child in which a foreign model is tried: it may die of it.

Reads the model from stdin and announces each step on stdout before it begins; `edge.infer.judge`
reads the lines and the way this process ended.
"""

import json
import resource
import sys
from collections.abc import Callable

import numpy as np

from edge.infer.backend import Array
from edge.infer.runtime import Interpreter, Resolver, Runtime, build, pick


def _try(model: bytes, runtime: Runtime, threads: int, resolver: Resolver) -> None:
    """Build, run and free the model, each step announced before it begins."""
    _say("build")
    try:
        interpreter = build(runtime, model, threads, resolver)
        _say("invoke")
        try:
            _invoke(interpreter, np.zeros)
        except RuntimeError as error:
            if "xnnpack" in str(error).lower() and resolver == "default":
                interpreter = build(runtime, model, threads, "no-delegate")
            # nought is no fair input for a model that divides by it
            _invoke(interpreter, np.ones)
    except (RuntimeError, ValueError) as error:
        _say("refused " + json.dumps(str(error)[:2000]))
        return
    _say("free")
    del interpreter
    _say("done")


def _invoke(interpreter: Interpreter, fill: Callable[..., Array]) -> None:
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], fill(detail["shape"], detail["dtype"]))
    interpreter.invoke()
    for detail in interpreter.get_output_details():
        interpreter.get_tensor(detail["index"])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    """Try the model on stdin: the child's side. Arguments: runtime, threads, resolver."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash here is an answer, not a core file
    name, threads, resolver = arguments
    _try(sys.stdin.buffer.read(), pick(name), int(threads), resolver)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
