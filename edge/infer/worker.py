"""The child in which an Edge TPU is used: it may die of it, or hang, and nobody else does.

It knows nothing of bundles or real numbers: it loads, tells what the model's tensors are, and then
answers each word with one invoke, inputs and outputs being in shared memory. Each step is announced
before it begins, so that the parent knows where the child ended. Imports are few, because frames
wait for a start: no OpenCV, no schema, none of this project's rooms.
"""

import ctypes
import importlib
import json
import mmap
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What the child says to the number of a buffer, one byte; each message is one packet.
ANSWERED = b"a"
FAILED = b"f"
MESSAGE_BYTES = 1 << 16
SYMBOLS = ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate")
TAKEN = "DELEGATE"  # how a runtime calls the operators that a delegate took

_PR_SET_PDEATHSIG = 1

Views = list[tuple[int, NDArray[Any]]]


class _StepError(Exception):
    """A step that did not raise by itself and still failed."""


def main(arguments: Sequence[str]) -> None:
    """Run the child: the one argument is a JSON object of what `edge.infer.edgetpu` settles."""
    settings = json.loads(arguments[0])
    _end_with_parent(settings["parent"])
    with socket.socket(fileno=settings["socket"]) as peer:
        settings["peer"] = peer
        step = "library"
        try:
            for step, work in (("library", _library), ("load", _load), ("build", _build),
                               ("allocate", _allocate), ("invoke", _first_invoke)):  # fmt: skip
                _tell(peer, step=step)
                work(settings)
        except Exception as error:
            _tell(peer, step=step, error=type(error).__name__, text=str(error)[:4000])
            # half-made delegates raise once more when they are freed
            os._exit(1)
        _serve(settings)


def _end_with_parent(parent: int) -> None:
    """Die when the parent does, leave no core file, and let the parent see to signals of keys."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that was said
        os._exit(1)


def _tell(peer: socket.socket, **words: Any) -> None:
    peer.send(json.dumps(words).encode())


def _library(settings: dict[str, Any]) -> None:
    """Open the library without using it: what is absent, damaged or wrong shows here."""
    library = ctypes.CDLL(settings["library"])
    for symbol in SYMBOLS:
        getattr(library, symbol)


def _load(settings: dict[str, Any]) -> None:
    runtime = importlib.import_module(settings["module"])
    settings["runtime"] = runtime
    options = {"device": settings["device"]} if settings["device"] else {}
    settings["delegate"] = runtime.load_delegate(settings["library"], options)


def _build(settings: dict[str, Any]) -> None:
    with os.fdopen(settings["model"], "rb") as file:
        model = file.read()
    interpreter = settings["runtime"].Interpreter(
        model_content=model,
        num_threads=settings["threads"],
        experimental_delegates=[settings["delegate"]],
    )
    # asked before tensors are allocated: then XNNPACK takes operators under the same name
    if TAKEN not in [op["op_name"] for op in interpreter._get_ops_details()]:
        raise _StepError("no DELEGATE among the operators")
    settings["interpreter"] = interpreter


def _allocate(settings: dict[str, Any]) -> None:
    interpreter = settings["interpreter"]
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    _tell(
        settings["peer"],
        inputs=list(map(_described, inputs)),
        outputs=list(map(_described, outputs)),
    )


def _described(detail: dict[str, Any]) -> dict[str, Any]:
    scale, zero_point = detail["quantization"]
    return {
        "index": int(detail["index"]),
        "name": detail["name"],
        "shape": [int(side) for side in detail["shape"]],
        "dtype": detail["dtype"].__name__.rstrip("_"),
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def _first_invoke(settings: dict[str, Any]) -> None:
    """Map what the parent laid out, and answer one frame of zeros: it loads the device.

    `inputs` of the layout is a list of buffers, each with every input of one frame.
    """
    peer: socket.socket = settings["peer"]
    word = peer.recv(MESSAGE_BYTES)
    if not word:
        os._exit(0)
    layout = json.loads(word)
    shared = mmap.mmap(settings["memory"], layout["bytes"])
    settings["buffers"] = [_views(shared, places) for places in layout["inputs"]]
    settings["outputs"] = _views(shared, layout["outputs"])
    _answer(settings["interpreter"], settings["buffers"][0], settings["outputs"])
    _tell(peer, step="ready")


def _views(shared: mmap.mmap, places: list[tuple[int, int, str, list[int]]]) -> Views:
    """Return (tensor, its bytes in shared memory) for each (tensor, offset, dtype, shape)."""
    return [
        (index, np.frombuffer(shared, dtype, int(np.prod(shape)), offset).reshape(shape))
        for index, offset, dtype, shape in places
    ]


def _answer(interpreter: Any, inputs: Views, outputs: Views) -> None:
    for index, view in inputs:
        interpreter.set_tensor(index, view)
    interpreter.invoke()
    for index, view in outputs:
        np.copyto(view, interpreter.get_tensor(index))


def _serve(settings: dict[str, Any]) -> None:
    """Answer until the parent hangs up."""
    interpreter, peer = settings["interpreter"], settings["peer"]
    buffers, outputs = settings["buffers"], settings["outputs"]
    while word := peer.recv(MESSAGE_BYTES):
        try:
            _answer(interpreter, buffers[word[0]], outputs)
        except Exception as error:
            peer.send(FAILED + str(error).encode()[:4000])
        else:
            peer.send(ANSWERED)


if __name__ == "__main__":
    main(sys.argv[1:])
