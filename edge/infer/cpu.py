"""The backend that runs a model on the processor, by either TFLite runtime."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from edge import bundle
from edge.bundle import Bundle
from edge.bundle.checks import tensor_faults
from edge.errors import BadDataError
from edge.infer import border
from edge.infer.backend import Array, Backend, Reals
from edge.infer.feedback import Feedback
from edge.infer.runtime import Interpreter, Resolver, Runtime, build, one_line

log = logging.getLogger(__name__)

MOST_STAGED = 8  # more than wait at any time

_KERNELS: dict[Resolver, str] = {
    "default": "",
    "reference": ", reference kernels",
    "no-delegate": ", without XNNPACK",
}


def open_cpu(
    model: Bundle, runtime: Runtime, threads: int = 1, resolver: Resolver = "default"
) -> Backend:
    """Return a backend that is ready to answer; nothing was invoked yet.

    A model of tensors keeps its state (LSTM, SVDF, variables) from one answer to the next, as a
    stream needs; one of pictures starts each answer afresh, because frames stand alone. The
    bundle's `states` are kept as well, and are no inputs of an answer. Raises BadDataError with
    every disagreement between the bundle and the model, or with the runtime's own words where it
    refuses the model.
    """
    return _CpuBackend(model, runtime, threads, resolver)


class _CpuBackend:
    """One interpreter, used by one thread at a time: it has no lock."""

    def __init__(self, model: Bundle, runtime: Runtime, threads: int, resolver: Resolver) -> None:
        wrong = [fault for spec in model.inputs for fault in border.faults(spec)]
        wrong += [fault for spec in model.outputs for fault in border.faults(spec)]
        if wrong:
            raise BadDataError(*wrong)
        self._model = model
        self._runtime = runtime
        self._threads = threads
        self._feedback = Feedback(model)
        self._enter = [border.enter(model.inputs[at]) for at in self._feedback.asked]
        self._leave = [border.leave(spec) for spec in model.outputs]
        # id -> inputs, which are kept so that no others get their id, and what they came to
        self._staged: dict[int, tuple[Sequence[Array], list[Array]]] = {}
        self._afresh = all(spec.kind == "image" for spec in model.inputs)
        self._build(resolver)

    @property
    def description(self) -> str:
        """Return runtime, version, threads and kernels."""
        threads = f"{self._threads} thread{'s' if self._threads > 1 else ''}"
        return f"{self._runtime.description}, {threads}{_KERNELS[self._resolver]}"

    def stage(self, inputs: Sequence[Array]) -> None:
        """Take a frame across the border on the caller's thread, while another is answered.

        numpy lets go of the interpreter lock now and then, and the thread that answers would wait
        for it with the processor at rest. What does not fit is left to `infer`.
        """
        if len(self._staged) >= MOST_STAGED:
            self._staged.clear()  # frames that another backend has answered
        with contextlib.suppress(Exception):
            self._staged[id(inputs)] = (inputs, self._entered(inputs))

    def infer(self, inputs: Sequence[Array]) -> Reals:
        """Answer one frame; see `Backend`. Raises BadDataError where an input does not fit."""
        staged, entered = self._staged.pop(id(inputs), (None, []))
        if staged is not inputs:
            entered = self._entered(inputs)
        try:
            return self._invoke(entered)
        except RuntimeError as error:
            if self._resolver != "default" or "xnnpack" not in str(error).lower():
                raise
            # a few models with dynamic shapes are refused only now
            log.info("XNNPACK fails on this model (%s): it runs slower, without", one_line(error))
            self._build("no-delegate")
            return self._invoke(entered)

    def close(self) -> None:
        """Free the interpreter."""
        del self._interpreter

    def _entered(self, inputs: Sequence[Array]) -> list[Array]:
        if len(inputs) != len(self._enter):
            raise BadDataError(f"{len(inputs)} inputs given; the model takes {len(self._enter)}")
        return [enter(value) for enter, value in zip(self._enter, inputs, strict=True)]

    def _build(self, resolver: Resolver) -> None:
        try:
            interpreter = build(self._runtime, self._model.model, self._threads, resolver)
            self._inputs = _input_indices(interpreter, self._model.inputs)
        except (RuntimeError, ValueError) as error:
            raise BadDataError(
                f"{self._runtime.description} refuses the model: {one_line(error)}"
            ) from error
        self._outputs = _output_indices(interpreter, self._model.outputs)
        self._interpreter = interpreter
        self._resolver: Resolver = resolver

    def _invoke(self, entered: list[Array]) -> Reals:
        interpreter = self._interpreter
        if self._afresh:
            interpreter.reset_all_variables()
        for index, value in zip(self._inputs, self._feedback.fill(entered), strict=True):
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        # get_tensor copies, so an answer outlives the next invoke
        left = [interpreter.get_tensor(index) for index in self._outputs]
        self._feedback.keep(left)
        return tuple(leave(array) for leave, array in zip(self._leave, left, strict=True))


def _input_indices(interpreter: Interpreter, specs: Sequence[bundle.Input]) -> list[int]:
    """Return the tensor of each input; a dynamic shape is made the bundle's."""
    details = interpreter.get_input_details()
    found = _match(details, specs, "input", _by_signature(interpreter, "input"))
    resized = [
        (detail["index"], spec.shape)
        for spec, detail in zip(specs, found, strict=True)
        if tuple(detail["shape"]) != spec.shape
    ]
    for index, shape in resized:
        interpreter.resize_tensor_input(index, shape)
    if resized:
        interpreter.allocate_tensors()
    return [detail["index"] for detail in found]


def _output_indices(interpreter: Interpreter, specs: Sequence[bundle.Output]) -> list[int]:
    details = interpreter.get_output_details()
    found = _match(details, specs, "output", _by_signature(interpreter, "output"))
    return [detail["index"] for detail in found]


def _match(
    details: list[dict[str, Any]],
    specs: Sequence[bundle.Input | bundle.Output],
    side: str,
    by_signature: dict[str, int],
) -> list[dict[str, Any]]:
    """Return the detail of each spec: by signature, else by tensor name, else by order."""
    if len(details) != len(specs):
        raise BadDataError(f"the bundle names {len(specs)} {side}s, the model has {len(details)}")
    names = [spec.name for spec in specs]
    by_name = {detail["name"]: detail["index"] for detail in details}
    order = [detail["index"] for detail in details]
    for indices in (by_signature, by_name):
        if len(set(names)) == len(names) and sorted(names) == sorted(indices):
            order = [indices[name] for name in names]
            break
    by_index = {detail["index"]: detail for detail in details}
    found = [by_index[index] for index in order]
    wrong = [
        fault
        for spec, detail in zip(specs, found, strict=True)
        for fault in _faults(f"{side} {spec.name!r}", spec, detail)
    ]
    if wrong:
        raise BadDataError(*wrong)
    return found


def _faults(
    where: str, spec: bundle.Input | bundle.Output, detail: dict[str, Any]
) -> Iterator[str]:
    """Yield where the record of a tensor differs from the interpreter's, one line each."""
    shape = tuple(int(side) for side in detail["shape"])
    unknown = isinstance(spec, bundle.Output) and spec.shape == ()
    if unknown or _is_a(spec.shape, detail["shape_signature"]):
        shape = spec.shape
    quantization = detail["quantization_parameters"]
    pairs = zip(quantization["scales"].tolist(), quantization["zero_points"].tolist(), strict=False)
    dtype = detail["dtype"].__name__.rstrip("_")
    # a float tensor may carry the scale of what it once was
    scale, zero_point = (0.0, 0) if dtype.startswith("float") else next(pairs, (0.0, 0))
    yield from tensor_faults(where, spec, shape, dtype, scale, zero_point)


def _by_signature(interpreter: Interpreter, side: str) -> dict[str, int]:
    """Return signature name -> tensor of the only signature; empty where there is no single one."""
    keys = list(interpreter.get_signature_list())
    if len(keys) != 1:
        return {}
    runner = interpreter.get_signature_runner(keys[0])
    named = runner.get_input_details() if side == "input" else runner.get_output_details()
    primary = (
        interpreter.get_input_details() if side == "input" else interpreter.get_output_details()
    )
    tensors = {(detail["index"], detail["name"]) for detail in primary}
    # a signature may describe another subgraph than the one that invoke() runs
    if any((detail["index"], detail["name"]) not in tensors for detail in named.values()):
        return {}
    return {name: detail["index"] for name, detail in named.items()}


def _is_a(shape: Sequence[int], signature: Sequence[int]) -> bool:
    return len(shape) == len(signature) and all(
        known in (-1, size) for size, known in zip(shape, signature, strict=True)
    )
