import enum
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.errors import UnavailableError, UsageError
from edge.infer import runtime
from edge.infer.runtime import PACKAGES, available, build, pick

MODULES = {package.module: name for name, package in PACKAGES.items()}
ROOT = Path(__file__).resolve().parents[3]


class Resolvers(enum.Enum):
    AUTO = 0
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3


class Doubler:
    """An interpreter of the probing model, right unless `factor` says otherwise."""

    factor = 2.0

    def __init__(self, **options: Any) -> None:
        self.value = np.zeros(1, np.float32)

    def allocate_tensors(self) -> None:
        pass

    def set_tensor(self, index: int, value: Any) -> None:
        self.value = value

    def invoke(self) -> None:
        self.value = self.value * self.factor

    def get_tensor(self, index: int) -> Any:
        return self.value


class Wrong(Doubler):
    factor = 3.0


class Broken(Doubler):
    """What tflite-runtime does under numpy 2: noise, then an error that hides its cause."""

    def __init__(self, **options: Any) -> None:
        sys.stderr.write("A module that was compiled using NumPy 1.x cannot be run\n")
        os.write(2, b"noise of C++\n")
        try:
            raise ImportError("numpy.core.multiarray failed to import")
        except ImportError as error:
            raise SystemError("<built-in method> returned a result") from error


def importer(**interpreters: type[Doubler] | Exception) -> Any:
    """Return an import function under which exactly these runtimes are installed."""

    def load(module: str) -> Any:
        found = interpreters.get(MODULES[module].replace("-", "_"))
        if found is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module.split(".")[0])
        if isinstance(found, Exception):
            raise found
        return SimpleNamespace(Interpreter=found, OpResolverType=Resolvers)

    return load


def test_a_runtime_of_this_environment_has_run_a_model() -> None:
    found = available()
    assert found
    assert pick() == found[0]
    assert pick(found[0].name) == found[0]
    assert found[0].version[0].isdigit()


@pytest.mark.parametrize("name", PACKAGES)
def test_each_runtime_works_or_says_why_not(name: str) -> None:
    if importlib.util.find_spec(PACKAGES[name].module.split(".")[0]):
        assert pick(name).name == name
        return
    with pytest.raises(UnavailableError) as raised:
        pick(name)
    assert raised.value.faults == (f"runtime {name}: not installed; {PACKAGES[name].cure}",)


def test_the_preferred_runtime_comes_first() -> None:
    load = importer(litert=Doubler, tflite_runtime=Doubler)
    assert [found.name for found in available(load)] == list(PACKAGES)
    assert pick("auto", load).name == "litert"
    assert pick("tflite-runtime", load).name == "tflite-runtime"


@pytest.mark.parametrize("broken", [Broken, Wrong, OSError("libstdc++ is too old")])
def test_one_that_imports_but_cannot_run_a_model_is_passed_over(broken: Any) -> None:
    load = importer(litert=broken, tflite_runtime=Doubler)
    assert pick("auto", load).name == "tflite-runtime"
    assert [found.name for found in available(load)] == ["tflite-runtime"]


def test_every_runtime_that_was_tried_is_named_with_its_reason() -> None:
    load = importer(tflite_runtime=Broken)
    assert available(load) == ()
    with pytest.raises(UnavailableError) as raised:
        pick("auto", load)
    first, second = raised.value.faults
    assert first == "runtime litert: not installed; pip install 'embedded-edge[device]'"
    assert second.startswith(
        "runtime tflite-runtime: installed, but fails: numpy.core.multiarray failed to import "
        f"(with numpy {np.__version__}); pip install 'embedded-edge[legacy]'"
    )


def test_a_forced_runtime_that_fails_is_not_replaced() -> None:
    load = importer(litert=Doubler, tflite_runtime=Wrong)
    with pytest.raises(UnavailableError, match=r"tflite-runtime: installed, but 3 \+ 3 gave 9"):
        pick("tflite-runtime", load)


def test_a_dependency_that_is_missing_is_not_called_the_runtime() -> None:
    load = importer(litert=ModuleNotFoundError("No module named 'numpy'", name="numpy"))
    with pytest.raises(UnavailableError, match="cannot be imported: No module named 'numpy'"):
        pick("litert", load)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no runtime 'nope'; known runtimes: auto, litert, tfl"):
        pick("nope")


def test_probing_a_broken_runtime_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    available(importer(litert=Broken, tflite_runtime=Broken))
    sys.stderr.write("still here\n")
    sys.stderr.flush()
    os.write(2, b"and here\n")
    assert capfd.readouterr() == ("", "still here\nand here\n")


def test_a_process_that_runs_a_model_prints_nothing(shared: Path) -> None:
    """Both runtimes announce XNNPACK once a process; the second path has stderr closed."""
    model = shared / "data/tflite-micro/hello_world_float.tflite"
    code = (
        "import pathlib, sys; from edge.infer.runtime import build, pick\n"
        "build(pick(), pathlib.Path(sys.argv[1]).read_bytes()).invoke(); print('ran')"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(model)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (child.stdout, child.stderr, child.returncode) == ("ran\n", "", 0)
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    child = subprocess.run(closed, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (child.stdout, child.returncode) == ("ran\n", 0)


# Under litert 2.3 XNNPACK refuses to prepare these two; the built-in kernels run them.
REFUSED_BY_XNNPACK = (
    "suites/derived-int8/tflite2onnx__maxpooling_float32.int8.tflite",
    "suites/derived-int8/tflite2onnx__stridedslice-beginmask_float32.int8.tflite",
)


@pytest.mark.parametrize("path", REFUSED_BY_XNNPACK)
def test_a_model_that_xnnpack_refuses_runs_without_it(
    path: str, shared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = pick()
    with caplog.at_level("INFO"):
        interpreter = build(chosen, (shared / "data" / path).read_bytes())
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    interpreter.invoke()
    assert ("XNNPACK refuses this model" in caplog.text) == (chosen.name == "litert")


@pytest.mark.parametrize("resolver", runtime.RESOLVERS)
def test_each_resolver_builds(resolver: runtime.Resolver, shared: Path) -> None:
    model = (shared / "data/tflite-micro/hello_world_int8.tflite").read_bytes()
    interpreter = build(pick(), model, resolver=resolver)
    interpreter.invoke()
    assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).shape == (1, 1)


@pytest.mark.parametrize("model", [b"", b"junk", b"\x00" * 64])
def test_junk_is_an_error_and_not_the_end(model: bytes) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        build(pick(), model)
