"""Which TFLite runtimes work on this machine, proved by running a model on each.

An import proves nothing: tflite-runtime 2.14 imports under numpy 2 and fails at its first
interpreter. So a runtime counts only after it has built a one-operator model and added 3 to 3.
"""

import binascii
import contextlib
import importlib
import io
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol

import numpy as np

from edge.errors import UnavailableError, UsageError
from edge.infer.backend import Array
from edge.quiet import native_messages_hidden
from edge.records import dataclass

log = logging.getLogger(__name__)

Resolver = Literal["default", "reference", "no-delegate"]
Importer = Callable[[str], Any]


class Interpreter(Protocol):
    """The part of a TFLite interpreter that this room uses; one thread at a time."""

    def allocate_tensors(self) -> None: ...  # noqa: D102
    def invoke(self) -> None: ...  # noqa: D102
    def get_input_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def get_output_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def get_signature_list(self) -> dict[str, dict[str, list[str]]]: ...  # noqa: D102
    def get_signature_runner(self, signature_key: str | None = None) -> Any: ...  # noqa: D102
    def reset_all_variables(self) -> Any: ...  # noqa: D102
    def resize_tensor_input(self, input_index: int, tensor_size: Any) -> None: ...  # noqa: D102
    def set_tensor(self, tensor_index: int, value: Array) -> None: ...  # noqa: D102
    def get_tensor(self, tensor_index: int) -> Array: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that has run a model here; `resolvers` maps our names to its enumeration."""

    name: str
    version: str
    interpreter: Callable[..., Interpreter]
    resolvers: Mapping[Resolver, Any]

    @property
    def description(self) -> str:
        """Return name and version, such as `litert 2.3.0`."""
        return f"{self.name} {self.version}"

    @property
    def verifies_models(self) -> bool:
        """Return whether it refuses a damaged file; else that may end the process."""
        return PACKAGES[self.name].verifies_models


@dataclass(frozen=True, slots=True)
class _Package:
    """How a runtime is imported, installed, and whether it refuses damaged files."""

    module: str
    distribution: str
    cure: str
    verifies_models: bool


# In order of preference: litert carries the newer XNNPACK, up to ten times faster on int8.
PACKAGES = {
    "litert": _Package(
        "ai_edge_litert.interpreter",
        "ai-edge-litert",
        "pip install 'embedded-edge[device]'",
        verifies_models=True,
    ),
    "tflite-runtime": _Package(
        "tflite_runtime.interpreter",
        "tflite-runtime",
        "pip install 'embedded-edge[legacy]' on Python 3.11 or older with numpy below 2",
        verifies_models=False,
    ),
}

RESOLVERS: dict[Resolver, str] = {
    "default": "AUTO",
    "reference": "BUILTIN_REF",
    "no-delegate": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
}

# One float32 ADD of its only input, shape (1,), to itself: 248 bytes.
_DOUBLE = binascii.a2b_base64(
    "GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAAAYAAAAxAAAAAMAAAABAAAABAAAAET///8BAAAAEAAAAAwA"
    "FAAQAAwACAAEAAwAAAAQAAAAUAAAAFQAAABYAAAAAQAAABQAAAAAAA4AFAAAABAADAALAAQADgAAABAAAAAAAAAL"
    "DAAAABAAAACc////AQAAAAEAAAACAAAAAAAAAAAAAAABAAAAAQAAAAEAAAAAAAAAAgAAACAAAAAEAAAA7v///wQA"
    "AAABAAAAAQAAAAAABgAIAAQABgAAAAQAAAABAAAAAQAAAAEAAAAIAAAABAAEAAQAAAA="
)


class _BrokenError(Exception):
    """Why a runtime does not work here, in one line with its cure."""


def available(load: Importer = importlib.import_module) -> tuple[Runtime, ...]:
    """Return every runtime that works here, the preferred one first."""
    working = []
    for name in PACKAGES:
        with contextlib.suppress(_BrokenError):
            working.append(_probe(name, load))
    return tuple(working)


def pick(name: str = "auto", load: Importer = importlib.import_module) -> Runtime:
    """Return the named runtime, or for `auto` the first that works.

    Raises UsageError for an unknown name, UnavailableError with every runtime that was tried
    and the reason why it does not work.
    """
    if name != "auto" and name not in PACKAGES:
        raise UsageError(f"no runtime {name!r}; known runtimes: auto, {', '.join(PACKAGES)}")
    faults = []
    for candidate in PACKAGES if name == "auto" else (name,):
        try:
            return _probe(candidate, load)
        except _BrokenError as error:
            faults.append(f"runtime {candidate}: {error}")
    raise UnavailableError(*faults)


def build(
    runtime: Runtime, model: bytes, threads: int = 1, resolver: Resolver = "default"
) -> Interpreter:
    """Return an interpreter of the model with its tensors allocated.

    XNNPACK refuses a few models that the built-in kernels run: those are built again without it,
    which is slower and is logged. Raises ValueError or RuntimeError with the runtime's own text.
    """
    interpreter = _construct(runtime, model, threads, resolver)
    try:
        interpreter.allocate_tensors()
    except RuntimeError as error:
        if resolver != "default":
            raise
        interpreter = _construct(runtime, model, threads, "no-delegate")
        interpreter.allocate_tensors()
        log.info("XNNPACK refuses this model (%s): it runs slower, without", one_line(error))
    return interpreter


def one_line(error: BaseException) -> str:
    """Return the text of an error on one line of at most 300 characters, its type if empty."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


def _construct(runtime: Runtime, model: bytes, threads: int, resolver: Resolver) -> Interpreter:
    return runtime.interpreter(
        model_content=model,
        num_threads=threads,
        experimental_op_resolver_type=runtime.resolvers[resolver],
    )


def _probe(name: str, load: Importer) -> Runtime:
    """Run the tiny model on a runtime; what the runtime prints meanwhile is dropped."""
    package = PACKAGES[name]
    with _silence():
        try:
            module = load(package.module)
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and package.module.startswith(
                str(error.name)
            ):
                raise _BrokenError(f"not installed; {package.cure}") from None
            raise _BrokenError(f"cannot be imported: {_reason(error, package)}") from None
        try:
            runtime = _describe(name, module)
            doubled = _double(runtime)
        except Exception as error:
            raise _BrokenError(f"installed, but fails: {_reason(error, package)}") from None
    if doubled != 6.0:
        raise _BrokenError(f"installed, but 3 + 3 gave {doubled}; {package.cure}")
    return runtime


def _reason(error: BaseException, package: _Package) -> str:
    """Return the first cause: a runtime built for another numpy hides it in a SystemError."""
    while error.__cause__:
        error = error.__cause__
    return f"{one_line(error)} (with numpy {np.__version__}); {package.cure}"


def _describe(name: str, module: Any) -> Runtime:
    kinds = module.OpResolverType
    resolvers = {ours: getattr(kinds, theirs) for ours, theirs in RESOLVERS.items()}
    return Runtime(name, _version(PACKAGES[name]), module.Interpreter, resolvers)


def _version(package: _Package) -> str:
    """Return what the package says of itself; asking its installer takes ten times as long."""
    stated = getattr(sys.modules.get(package.module.split(".")[0]), "__version__", None)
    if isinstance(stated, str):
        return stated
    from importlib import metadata

    try:
        return metadata.version(package.distribution)
    except metadata.PackageNotFoundError:
        return "of unknown version"


def _double(runtime: Runtime) -> float:
    interpreter = _construct(runtime, _DOUBLE, 1, "default")
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, np.array([3.0], np.float32))
    interpreter.invoke()
    return float(interpreter.get_tensor(1)[0])


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drop what Python and C++ write to stderr.

    The runtimes announce XNNPACK once a process: here, so that nobody sees it.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    with native_messages_hidden(), contextlib.redirect_stderr(io.StringIO()):
        yield
