"""Call edgetpu_compiler: Coral's program for x86-64 Linux, where it is on PATH."""

import os
import platform
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edge import tflite
from edge.edgetpu.report import Report, complaints, read_report
from edge.errors import BadDataError, EdgeError, UnavailableError

PROGRAM = "edgetpu_compiler"
PAGE = "https://coral.ai/docs/edgetpu/compiler/#download"
MACHINE = "x86_64"
# The program gives up by itself after 180 s; it may be run by an emulator.
TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class Result:
    """A compiled model, what it needs, and what the compiler said of it."""

    model: bytes
    needs: tflite.Compiled
    report: Report


def find_compiler(path: str | None = None, machine: str | None = None) -> str:
    """Return where the compiler is on a search path, $PATH by default.

    Raises UnavailableError that says how to get it.
    """
    found = shutil.which(PROGRAM, path=path)
    if found is not None:
        return found
    machine = machine or platform.machine()
    if machine != MACHINE:
        raise UnavailableError(
            f"{PROGRAM} is not on PATH; it exists for {MACHINE} only and this is {machine}: "
            f"compile on another machine ({PAGE}) and copy the bundle back"
        )
    raise UnavailableError(
        f"{PROGRAM} is not on PATH: add Coral's package source as {PAGE} says, "
        "then sudo apt install edgetpu-compiler"
    )


def compile_model(
    model: bytes, runtime_min: int, compiler: str, timeout_s: float = TIMEOUT_S
) -> Result:
    """Return the model compiled for a runtime of this version and later ones.

    Raises UnavailableError where the program does not run, BadDataError with the compiler's own
    words where it refuses the model or its result is not that model, EdgeError where it maps
    nothing.
    """
    with tempfile.TemporaryDirectory(prefix="edge-compile-") as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(model)
        command = [compiler, "-s", "-m", str(runtime_min), "-o", name, str(folder / "model.tflite")]
        code, text = _run(command, timeout_s)
        compiled = folder / "model_edgetpu.tflite"
        if code or not compiled.is_file():
            raise BadDataError(*_failure(code, text))
        log = folder / "model_edgetpu.log"
        report = read_report(text)
        if not report.rows and log.is_file():
            report = read_report(f"{text}\n{log.read_text(errors='replace')}")
        result = compiled.read_bytes()
    return Result(result, _checked(model, result, runtime_min, report), report)


def _run(command: list[str], timeout_s: float) -> tuple[int, str]:
    """Return exit code and output; the whole group of processes ends with the deadline."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise UnavailableError(f"{command[0]} does not run: {error.strerror}") from error
    with process:
        try:
            text, _ = process.communicate(timeout=timeout_s)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise UnavailableError(f"{PROGRAM} took more than {timeout_s:g} s: stopped") from None
    return process.returncode, text


def _failure(code: int, text: str) -> list[str]:
    ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    said = [f"{PROGRAM}: {line}" for line in complaints(text)]
    if said:
        return said
    last = (text.strip().splitlines() or ["it said nothing"])[-1].strip()[:300]
    return [f"{PROGRAM} gave no compiled model ({ended}): {last}"]


def _checked(model: bytes, result: bytes, runtime_min: int, report: Report) -> tflite.Compiled:
    """Return what a result needs, once it is sure to be the model and of use."""
    graph, compiled = tflite.read(model), tflite.read(result)
    needs = tflite.read_compiled(compiled)
    if needs is None:
        rows = [f"{row.count} x {row.op}: {row.status}" for row in report.on_processor]
        raise EdgeError(f"{PROGRAM} mapped none of {len(graph.operators)} operators", *rows)
    for side in ("inputs", "outputs"):
        ours, theirs = _border(graph, side), _border(compiled, side)
        if ours != theirs:
            raise BadDataError(f"{PROGRAM} gave a model with {side} {theirs}; the model has {ours}")
    if needs.runtime_min > runtime_min:
        raise BadDataError(
            f"the compiled model needs runtime version {needs.runtime_min}; "
            f"{runtime_min} was asked for"
        )
    return needs


def _border(graph: tflite.Graph, side: str) -> list[str]:
    tensors = (graph.tensors[index] for index in getattr(graph, side))
    return [f"{tensor.dtype} {list(tensor.shape)}" for tensor in tensors]
