"""Calling the Edge TPU compiler: what it says is read, and what it gives is not taken on trust."""

import threading
import time
from pathlib import Path

import pytest
from coral_compiler import NAME, install, set_mode

from edge import tflite
from edge.edgetpu.compiler import compile_model, find_compiler
from edge.edgetpu.report import Report, Row, read_report
from edge.errors import BadDataError, EdgeError, UnavailableError


@pytest.fixture
def compiler(shared: Path, tmp_path: Path) -> Path:
    """Return a program that stands in for the compiler."""
    return install(tmp_path / "bin", shared)


@pytest.fixture
def model(shared: Path) -> bytes:
    return (shared / "data" / "coral" / f"{NAME}.tflite").read_bytes()


def test_the_result_is_the_compilers_and_says_what_it_needs(
    compiler: Path, model: bytes, shared: Path
) -> None:
    result = compile_model(model, 13, str(compiler))
    twin = shared / "data" / "coral" / f"{NAME}_edgetpu.tflite"
    assert result.model == twin.read_bytes()
    assert (result.needs.operators, result.needs.runtime_min) == (1, 12)
    assert (compiler.parent / "runtime").read_text() == "13"
    report = result.report
    assert (report.compiler, report.operators, report.mapped) == ("16.0.384591198", 31, 31)
    assert report.on_chip_bytes == 480 << 10
    assert report.on_chip_left_bytes == round(7.47 * (1 << 20))
    assert report.off_chip_bytes == 0
    assert report.on_processor == ()


@pytest.mark.parametrize("mode", ["log only", ""])
def test_the_table_is_read_wherever_it_stands(compiler: Path, model: bytes, mode: str) -> None:
    set_mode(compiler, mode)
    report = compile_model(model, 14, str(compiler)).report
    assert Row("DEPTHWISE_CONV_2D", 13, "Mapped to Edge TPU") in report.rows
    assert len(report.rows) == 5


def test_what_stays_on_the_processor_is_said(compiler: Path, model: bytes) -> None:
    set_mode(compiler, "partly")
    report = compile_model(model, 13, str(compiler)).report
    assert report.mapped == 30
    assert report.on_processor == (Row("SOFTMAX", 1, "More than one subgraph is not supported"),)
    assert report.off_chip_bytes == round(1.22 * (1 << 20))
    assert report.on_chip_left_bytes == round(7.75 * 1024)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("internal", "edgetpu_compiler: Internal compiler error. Aborting!"),
        ("version", "edgetpu_compiler: ERROR: Didn't find op for builtin opcode 'CONV_2D'"),
        ("version", "edgetpu_compiler: Model could not be parsed"),
        ("large", "edgetpu_compiler: Compilation failed: Compilation failed due to large"),
        ("silent", "gave no compiled model (exit code 3): it said nothing"),
        ("odd", "gave no compiled model (exit code 0): "),
        ("other", "inputs ['uint8 [1, 8, 8, 3]', "),
    ],
)
def test_a_failure_is_told_in_the_compilers_words(
    compiler: Path, model: bytes, mode: str, said: str
) -> None:
    set_mode(compiler, mode)
    with pytest.raises(BadDataError) as caught:
        compile_model(model, 13, str(compiler))
    assert any(said in line for line in caught.value.faults)
    assert 1 <= len(caught.value.faults) <= 5
    assert all(len(line.splitlines()) == 1 for line in caught.value.faults)


def test_a_result_that_maps_nothing_is_refused(compiler: Path, model: bytes) -> None:
    set_mode(compiler, "none")
    with pytest.raises(EdgeError) as caught:
        compile_model(model, 13, str(compiler))
    assert caught.value.exit_code == 1
    assert caught.value.faults == (
        "edgetpu_compiler mapped none of 31 operators",
        "31 x CONV_2D: Operation is working on an unsupported data type",
    )


def test_a_result_for_a_newer_runtime_is_refused(compiler: Path, model: bytes) -> None:
    with pytest.raises(BadDataError, match="needs runtime version 12; 10 was asked for"):
        compile_model(model, 10, str(compiler))


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; nobody may have collected it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_compiler_that_hangs_is_stopped_with_its_children(tmp_path: Path, model: bytes) -> None:
    program, child = tmp_path / "edgetpu_compiler", tmp_path / "child"
    program.write_text(f"#!/bin/sh\nsleep 3600 &\necho $! > '{child}'\nwait\n")
    program.chmod(0o755)
    caught: list[UnavailableError] = []

    def work() -> None:
        try:
            compile_model(model, 13, str(program), timeout_s=3.0)
        except UnavailableError as error:
            caught.append(error)

    # In a thread, so that a stop that does not come fails the test instead of hanging it.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(120)
    assert [error.faults for error in caught] == [("edgetpu_compiler took more than 3 s: stopped",)]
    pid = int(child.read_text())
    deadline = time.monotonic() + 60
    while not is_gone(pid) and time.monotonic() < deadline:
        pass
    assert is_gone(pid)


@pytest.mark.parametrize("content", ["\x7fELFnonsense", "#!/nowhere/at/all\n"])
def test_a_program_that_does_not_run_is_said(tmp_path: Path, model: bytes, content: str) -> None:
    program = tmp_path / "edgetpu_compiler"
    program.write_text(content)
    program.chmod(0o755)
    with pytest.raises(UnavailableError, match="does not run: "):
        compile_model(model, 13, str(program))


def test_the_compiler_is_found_on_the_path(compiler: Path) -> None:
    assert find_compiler(f"/nowhere:{compiler.parent}") == str(compiler)


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        ("x86_64", "then sudo apt install edgetpu-compiler"),
        ("aarch64", "exists for x86_64 only and this is aarch64: compile on another machine"),
    ],
)
def test_without_the_compiler_it_is_said_how_to_get_it(
    tmp_path: Path, machine: str, said: str
) -> None:
    with pytest.raises(UnavailableError) as caught:
        find_compiler(str(tmp_path), machine)
    (line,) = caught.value.faults
    assert said in line
    assert "https://coral.ai/docs/edgetpu/compiler/" in line
    assert caught.value.exit_code == 69


@pytest.mark.parametrize("text", ["", "Operator", "Operator Count Status\n\nfoo bar baz\n", "\0\n"])
def test_another_text_is_an_empty_report(text: str) -> None:
    assert read_report(text) == Report("", None, None, None, None, ())


@pytest.mark.parametrize(
    ("size", "count"), [("0.00B", 0), ("7.75KiB", 7936), ("1.21MiB", 1268777), ("2GiB", 2 << 30),
                        ("1.2.3MiB", None), (".KiB", None), ("many", None)],
)  # fmt: skip
def test_sizes_are_bytes(size: str, count: int | None) -> None:
    text = f"On-chip memory used for caching model parameters: {size}\n"
    assert read_report(text).on_chip_bytes == count


def test_the_stand_in_gives_a_model_that_the_runtime_would_refuse_alone(
    compiler: Path, model: bytes
) -> None:
    graph = tflite.read(compile_model(model, 13, str(compiler)).model)
    assert [op.op for op in graph.operators] == [tflite.EDGETPU_OP]
