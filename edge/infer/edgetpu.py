"""The backend that runs a compiled model on an Edge TPU, in a child process (`edge.infer.worker`).

Losing the device aborts the process that uses libedgetpu, also while it is idle; other faults hang
in a call that holds the interpreter lock. So the library is loaded, used and lost in a child;
pixels and outputs pass through shared memory, and every wait has a deadline.
"""

import json
import math
import mmap
import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from edge import bundle, tflite
from edge.bundle import Bundle
from edge.config import EDGETPU_LIBRARY
from edge.errors import BadDataError, UnavailableError
from edge.infer import border, preflight, worker
from edge.infer.backend import Array, Reals
from edge.infer.child import Child, ChildEndedError
from edge.infer.edgetpu_faults import explain, explain_end, explain_hang
from edge.infer.preflight import Machine
from edge.infer.runtime import PACKAGES, Runtime
from edge.infer.slot import MEDIAN_OVER, Deadline
from edge.infer.staging import BUFFERS, Staging

_ALIGN_BYTES = 64

Spec = TypeVar("Spec", bundle.Input, bundle.Output)


@dataclass(frozen=True, slots=True)
class Settings:
    """How an Edge TPU is used; `library` is a name that the loader finds, or a path."""

    library: str = EDGETPU_LIBRARY
    threads: int = 1
    deadline: Deadline = field(default_factory=Deadline)
    machine: Machine = field(default_factory=Machine)


def open_edgetpu(
    model: Bundle, runtime: Runtime, device: str, settings: Settings | None = None
) -> "EdgeTpuBackend":
    """Return a backend on one device, `usb:0` or `pci:0`, that has answered a frame of zeros.

    Raises UnavailableError with what is wrong and its cure, FinalFault where no retry can mend it,
    BadDataError where the compiled model is none, or not that of the bundle.
    """
    settings = settings or Settings()
    if model.edgetpu_model is None:
        raise BadDataError(f"model '{model.name}' is not compiled for the Edge TPU")
    if not tflite.is_compiled(tflite.read(model.edgetpu_model)):
        raise BadDataError(
            f"the compiled model of '{model.name}' holds no {tflite.EDGETPU_OP}: no operator would "
            "run on the Edge TPU; compile it with edgetpu_compiler"
        )
    preflight.check(device, settings.machine)
    return EdgeTpuBackend(model, model.edgetpu_model, runtime, device, settings)


class EdgeTpuBackend:
    """One child, one device, one model; used by one thread at a time."""

    def __init__(
        self, model: Bundle, compiled: bytes, runtime: Runtime, device: str, settings: Settings
    ) -> None:
        """Start the child and take it through every step; see `open_edgetpu`."""
        self._runtime, self._device, self._settings = runtime, device, settings
        self._recent_ms: deque[float] = deque(maxlen=MEDIAN_OVER)
        self._answers = 0
        self._usual_s = settings.deadline.usual_ms / 1e3
        self._step = "start"
        self._memory = os.memfd_create("edge-frames", os.MFD_CLOEXEC)
        try:
            self._child = self._start(compiled)
            try:
                self._prepare(model)
            except BaseException:
                self._child.kill()
                self._child.close()
                raise
        finally:
            os.close(self._memory)

    @property
    def description(self) -> str:
        """Return device, library and runtime."""
        return f"Edge TPU {self._device} by {self._settings.library}, {self._runtime.description}"

    @property
    def pid(self) -> int:
        """Return the number of the child process."""
        return self._child.pid

    def infer(self, inputs: Sequence[Array]) -> Reals:
        """Answer one frame; see `Backend`.

        Raises BadDataError where an input does not fit; UnavailableError where the child died, or
        had no answer within the larger of the usual deadline and `times` the median: it is ended.
        """
        if len(inputs) != self._input_count:
            raise BadDataError(f"{len(inputs)} inputs given; the model takes {self._input_count}")
        number = self._staging.take(inputs)
        start = time.monotonic()
        answer = self._ask(number)
        self._staging.free(number)
        self._note((time.monotonic() - start) * 1e3)
        if answer != worker.ANSWERED:
            text = answer[1:].decode(errors="replace")
            raise UnavailableError(f"the Edge TPU fails at work: {text}")
        # copied, because float outputs cross the border as they are
        return tuple(
            leave(view.copy()) for leave, view in zip(self._leave, self._outputs, strict=True)
        )

    def stage(self, inputs: Sequence[Array]) -> None:
        """Copy a frame to where the child will find it; see `Stager`."""
        self._staging.stage(inputs)

    def on_death(self, report: Callable[[BaseException], None]) -> None:
        """Have `report` called when the child dies by itself, also while nobody asks it."""
        self._child.on_end(lambda end: report(explain_end(self._step, end)))

    def close(self) -> None:
        """Let the child free the device, and end it where it does not."""
        self._child.close()

    def _ask(self, number: int) -> bytes:
        try:
            self._child.send(bytes((number,)))
            return self._child.receive(self._usual_s)
        except TimeoutError:
            self._child.kill()
            raise explain_hang(self._step, self._usual_s) from None
        except ChildEndedError as end:
            raise explain_end(self._step, end) from None

    def _note(self, duration_ms: float) -> None:
        self._recent_ms.append(duration_ms)
        self._answers += 1
        if self._answers % 10 == 1:  # a median takes as long as a small copy
            deadline = self._settings.deadline
            median_ms = statistics.median(self._recent_ms)
            self._usual_s = max(deadline.usual_ms, deadline.times * median_ms) / 1e3

    def _start(self, compiled: bytes) -> Child:
        file = os.memfd_create("edge-model", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(file), "wb") as stream:
                stream.write(compiled)
            os.lseek(file, 0, os.SEEK_SET)
            words = {
                "module": PACKAGES[self._runtime.name].module,
                "library": self._settings.library,
                "device": self._device,
                "threads": self._settings.threads,
            }
            return Child("edge.infer.worker", words, {"model": file, "memory": self._memory})
        finally:
            os.close(file)

    def _prepare(self, model: Bundle) -> None:
        """Follow the child's steps until it has answered a frame of zeros."""
        limit = time.monotonic() + self._settings.deadline.first_ms / 1e3
        while self._step != "ready":
            words = self._hear(limit)
            if "error" in words:
                raise self._explained(words["text"])
            if "inputs" in words:
                self._lay_out(model, words["inputs"], words["outputs"])
            else:
                self._step = words["step"]

    def _hear(self, limit: float) -> dict[str, Any]:
        try:
            message = self._child.receive(max(0.0, limit - time.monotonic()))
        except TimeoutError:
            raise explain_hang(self._step, self._settings.deadline.first_ms / 1e3) from None
        except ChildEndedError as end:
            raise explain_end(self._step, end) from None
        words: dict[str, Any] = json.loads(message)
        return words

    def _explained(self, text: str) -> UnavailableError:
        words = {
            "library": self._settings.library,
            "device": self._device,
            "runtime": self._runtime.description,
        }
        return explain(self._step, text, words)

    def _lay_out(
        self, model: Bundle, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]
    ) -> None:
        """Give every tensor its place in shared memory, in the order of the bundle."""
        graph = tflite.read(model.model)
        ins = _matched(graph, model.inputs, inputs)
        outs = _matched(graph, model.outputs, outputs)
        self._leave = [border.leave(spec) for spec, _ in outs]
        self._input_count = len(ins)
        details = [detail for _, detail in ins * BUFFERS] + [detail for _, detail in outs]
        places = _places(details)
        size_bytes = places[-1].offset + places[-1].size_bytes
        os.ftruncate(self._memory, size_bytes)
        shared = memoryview(mmap.mmap(self._memory, size_bytes))
        cut = len(ins) * BUFFERS
        self._outputs = [place.view(shared) for place in places[cut:]]
        buffers = [places[at : at + len(ins)] for at in range(0, cut, len(ins))]
        self._staging = Staging(
            [border.enter(spec) for spec, _ in ins],
            [[place.view(shared).data.cast("B") for place in buffer] for buffer in buffers],
        )
        layout = {
            "bytes": size_bytes,
            "inputs": [[place.words for place in buffer] for buffer in buffers],
            "outputs": [place.words for place in places[cut:]],
        }
        try:
            self._child.send(json.dumps(layout).encode())
        except ChildEndedError as end:
            raise explain_end(self._step, end) from None


@dataclass(frozen=True, slots=True)
class _Place:
    """A tensor's place in shared memory."""

    index: int
    offset: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def words(self) -> tuple[int, int, str, tuple[int, ...]]:
        """Return what the child is told."""
        return self.index, self.offset, self.dtype, self.shape

    def view(self, shared: memoryview) -> Array:
        flat: Array = np.frombuffer(shared, self.dtype, math.prod(self.shape), self.offset)
        return flat.reshape(self.shape)


def _places(details: list[dict[str, Any]]) -> list[_Place]:
    """Return a place for each tensor, one after the other, each on a line of the cache."""
    places, offset = [], 0
    for detail in details:
        places.append(_Place(detail["index"], offset, detail["dtype"], tuple(detail["shape"])))
        offset += -(-places[-1].size_bytes // _ALIGN_BYTES) * _ALIGN_BYTES
    return places


def _matched(
    graph: tflite.Graph, specs: Sequence[Spec], details: list[dict[str, Any]]
) -> list[tuple[Spec, dict[str, Any]]]:
    """Return each spec as the compiled model has it, with its tensor there.

    The compiler keeps names and order of the CPU model's tensors; scale and zero point are taken
    from the compiled file. Raises BadDataError with every disagreement.
    """
    side = "input" if isinstance(specs[0], bundle.Input) else "output"
    order = bundle.tensor_order(graph, specs)
    if order is None or len(details) != len(specs):
        raise BadDataError(
            f"the compiled model has {len(details)} {side}s, the bundle {len(specs)}; "
            "compile the bundle's own model"
        )
    names = [graph.tensors[index].name for index in order]
    if sorted(names) == sorted(detail["name"] for detail in details):
        found = [next(d for d in details if d["name"] == name) for name in names]
    else:
        positions = graph.inputs if side == "input" else graph.outputs
        found = [details[positions.index(index)] for index in order]
    wrong = [
        f"{side} {spec.name!r} is {spec.dtype} {list(spec.shape)} in the bundle, {d['dtype']} "
        f"{d['shape']} in the compiled model; compile the bundle's own model"
        for spec, d in zip(specs, found, strict=True)
        if spec.dtype != d["dtype"] or not _is(spec.shape, tuple(d["shape"]))
    ]
    if wrong:
        raise BadDataError(*wrong)
    return [
        (replace(spec, scale=d["scale"], zero_point=d["zero_point"], shape=tuple(d["shape"])), d)
        for spec, d in zip(specs, found, strict=True)
    ]


def _is(known: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Tell whether a shape is the one that is known; a size left open agrees with any."""
    return known == shape or not known or min(known) <= 0
