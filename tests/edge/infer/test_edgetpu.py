"""The Edge TPU's backend and its child: every step, every way to fail, by a stand-in library."""

import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgetpu_standin import Stick, standin_outputs
from engine_bench import PATIENCE_S, until
from numpy.typing import NDArray

from edge import bundle, tflite
from edge.bundle import Bundle
from edge.errors import BadDataError, UnavailableError
from edge.infer import border
from edge.infer.backend import FinalFault
from edge.infer.edgetpu import EdgeTpuBackend, Settings, open_edgetpu
from edge.infer.preflight import Machine
from edge.infer.runtime import Runtime
from edge.infer.slot import Deadline

Opener = Callable[..., EdgeTpuBackend]


@pytest.fixture
def opened(
    visitors: Bundle, runtime: Runtime, library: Path, stick: Stick, machine_root: Path
) -> Iterator[Opener]:
    """Open backends, which are closed at the end."""
    backends = []
    patient = Deadline(usual_ms=PATIENCE_S * 1e3, first_ms=PATIENCE_S * 1e3)

    def open_one(model: Bundle = visitors, device: str = "usb:0", **changes: Any) -> EdgeTpuBackend:
        usual = Settings(str(library), deadline=patient, machine=Machine(machine_root))
        backends.append(open_edgetpu(model, runtime, device, replace(usual, **changes)))
        return backends[-1]

    yield open_one
    for backend in backends:
        backend.close()


def picture(seed: int, side: int = 96) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def by_the_stick(model: Bundle, *pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return what the stand-in must answer, as real numbers."""
    entered = [border.enter(s)(p) for s, p in zip(model.inputs, pictures, strict=True)]
    assert model.edgetpu_model is not None
    outputs = standin_outputs(tflite.read(model.edgetpu_model), entered)
    return [border.leave(s)(o) for s, o in zip(model.outputs, outputs, strict=True)]


def same(answer: Any, wanted: Any) -> bool:
    return len(answer) == len(wanted) and all(map(np.array_equal, answer, wanted))


def test_answers_are_those_of_the_device(opened: Opener, visitors: Bundle, stick: Stick) -> None:
    backend = opened()
    for seed in range(20):
        shown = picture(seed)
        assert same(backend.infer([shown]), by_the_stick(visitors, shown))
    assert (stick.devices, stick.starts) == (["usb:0"], 1)
    assert backend.description.startswith("Edge TPU usb:0 by ")


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("coral/mobilenet_v1_0.25_128_quant", [(128, 128, 3)]),
        ("coral/split_concat", [(8, 8, 3), (8, 8, 1), (8, 8, 2)]),
    ],
)
def test_models_of_the_real_compiler_run(
    opened: Opener, shared: Path, name: str, shapes: list[tuple[int, ...]]
) -> None:
    """Their weights are opaque, but names, order, types and scales are real."""
    model = bundle.with_twin(shared / "data" / f"{name}.tflite", bundle.read_bare)
    assert model.edgetpu_model == (shared / "data" / f"{name}_edgetpu.tflite").read_bytes()
    rng = np.random.default_rng(3)
    inputs = [
        rng.integers(0, 256, shape, np.uint8)
        if spec.kind == "image"
        else rng.uniform(-0.9, 0.9, shape).astype(np.float32)
        for spec, shape in zip(model.inputs, shapes, strict=True)
    ]
    backend = opened(model)
    answers = backend.infer(inputs)
    assert [a.shape for a in answers] == [spec.shape for spec in model.outputs]
    assert same(answers, by_the_stick(model, *inputs))


def test_an_answer_outlives_the_next_one(opened: Opener, visitors: Bundle) -> None:
    backend = opened()
    first = backend.infer([picture(1)])
    backend.infer([picture(2)])
    assert same(first, by_the_stick(visitors, picture(1)))


def test_a_frame_that_does_not_fit_is_the_frames_fault(opened: Opener, visitors: Bundle) -> None:
    backend = opened()
    with pytest.raises(BadDataError, match="has shape"):
        backend.infer([picture(1, 95)])
    assert same(backend.infer([picture(2)]), by_the_stick(visitors, picture(2)))


def test_the_child_imports_neither_opencv_nor_the_schema() -> None:
    code = "import sys, edge.infer.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    heavy = {"cv2", "tflite", "flatbuffers", "tensorflow", "click", "edge.bundle", "edge.tflite"}
    assert heavy & set(done.stdout.split()) == set()


# plan of the start -> what the fault says, and whether it is final
STARTS: dict[str, tuple[str, str, bool]] = {
    "abort while it is created": (
        "create=abort",
        "ended while the library looked for the device: killed by SIGABRT .*the stand-in aborts; "
        "libedgetpu does this when it loses the device: check cable",
        False,
    ),
    "segfault while it is created": (
        "create=segfault",
        "killed by SIGSEGV .*; a libedgetpu older than the runtime does this",
        False,
    ),
    "exit while it is created": ("create=exit", "ended with status 3", False),
    "no device": (
        "create=fail",
        "finds no Edge TPU it can use at usb:0; end other programs that use it",
        False,
    ),
    "no operator taken": ("delegate=none", "took no operator of this model; compile", True),
    "a newer runtime is needed": (
        "prepare=Failed_precondition:_Package_requires_runtime_version_(14),_which_is_newer_than_"
        "this_runtime_version_(13).",
        "needs Edge TPU runtime 14, .* is runtime 13; .*--min_runtime_version 13",
        True,
    ),
    "library and runtime disagree": (
        "prepare=Internal:_Unsupported_data_type_in_custom_op_handler:_0",
        "and (litert|tflite-runtime) .* disagree .*custom op handler: 0",
        True,
    ),
    "refused for another reason": (
        "prepare=Something_else",
        "fails while tensors were allocated: Something else",
        False,
    ),
    "abort in the first invoke": (
        "then=abort", "ended in its first invoke: killed by SIGABRT", False,
    ),
    "error in the first invoke": (
        "then=error", "fails in its first invoke: .*the stand-in fails as told", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STARTS)
def test_a_failed_step_is_named_with_its_cure(case: str, opened: Opener, stick: Stick) -> None:
    plan, says, final = STARTS[case]
    stick.plan(plan)
    with pytest.raises(UnavailableError, match=says) as raised:
        opened()
    assert isinstance(raised.value, FinalFault) is final
    assert len(raised.value.faults) == 1
    assert "\n" not in raised.value.faults[0]


@pytest.mark.parametrize("plan", ["create=hang", "then=hang"])
def test_a_start_that_hangs_is_ended(plan: str, opened: Opener, stick: Stick) -> None:
    stick.plan(plan)
    with pytest.raises(UnavailableError, match=r"no answer within 2000 ms .*its process was ended"):
        opened(deadline=Deadline(first_ms=2000.0))


def a_text_file(path: Path, library: Path) -> None:
    path.write_text("not a library")


def a_short_file(path: Path, library: Path) -> None:
    path.write_bytes(library.read_bytes()[:40])


def half_a_file(path: Path, library: Path) -> None:
    path.write_bytes(library.read_bytes()[:3000])


def for_another_processor(path: Path, library: Path) -> None:
    raw = bytearray(library.read_bytes())
    raw[18:20] = (0xF3).to_bytes(2, "little")  # e_machine: RISC-V
    path.write_bytes(raw)


def another_library(path: Path, library: Path) -> None:
    compile_c(path, "int nothing;\n")


def one_that_needs_another(path: Path, library: Path) -> None:
    needed = path.with_name("libneeded.so.1")
    compile_c(needed, "int needed(void) { return 1; }\n", "-Wl,-soname,libneeded.so.1")
    compile_c(path, "int needed(void); int nothing(void) { return needed(); }\n", str(needed))
    needed.unlink()


def compile_c(path: Path, text: str, *more: str) -> None:
    source = path.with_suffix(".c")
    source.write_text(text)
    command = ["gcc", "-shared", "-fPIC", "-o", str(path), str(source), *more]
    subprocess.run(command, check=True, timeout=60)


LIBRARIES: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "absent": (lambda path, library: None, "is not installed; install libedgetpu1-std"),
    "a text": (a_text_file, "is damaged or built for another processor .*(too short|ELF)"),
    "short": (a_short_file, "is damaged or built for another processor .*too short"),
    "truncated": (half_a_file, "damaged"),
    "foreign": (for_another_processor, "another processor"),
    "another": (another_library, "is another library: it has no tflite_plugin_create_delegate"),
    "in need": (one_that_needs_another, "needs libneeded.so.1, which is not installed; install it"),
}  # fmt: skip


@pytest.mark.parametrize("case", LIBRARIES)
def test_a_library_that_cannot_be_used_is_final(
    case: str, opened: Opener, library: Path, tmp_path: Path
) -> None:
    make, says = LIBRARIES[case]
    path = tmp_path / "given.so"
    make(path, library)
    with pytest.raises(FinalFault, match=says):
        opened(library=str(path))


def test_a_library_found_by_name_is_used(
    opened: Opener, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    assert "by libedgetpu.so.1, " in opened(library="libedgetpu.so.1").description


def test_nothing_is_started_where_no_device_is(
    opened: Opener, stick: Stick, machine_root: Path
) -> None:
    shutil.rmtree(machine_root / "sys")
    with pytest.raises(UnavailableError, match=r"no Edge TPU found: .*1a6e:089a .*plug one in"):
        opened()
    assert stick.starts == 0


def test_a_device_that_is_not_there_names_those_that_are(opened: Opener) -> None:
    with pytest.raises(UnavailableError, match="no Edge TPU usb:1; found: usb:0"):
        opened(device="usb:1")


def test_a_model_that_is_not_compiled_is_refused(opened: Opener, visitors: Bundle) -> None:
    with pytest.raises(BadDataError, match="is not compiled"):
        opened(replace(visitors, edgetpu_model=None))
    with pytest.raises(BadDataError, match="holds no edgetpu-custom-op"):
        opened(replace(visitors, edgetpu_model=visitors.model))


def test_the_twin_of_another_model_is_refused(
    opened: Opener, visitors: Bundle, shared: Path
) -> None:
    other = (shared / "data/coral/mobilenet_v1_0.25_128_quant_edgetpu.tflite").read_bytes()
    with pytest.raises(BadDataError, match=r"is int8 .* in the bundle, uint8 .* compiled model"):
        opened(replace(visitors, edgetpu_model=other))


DEATHS = {
    "abort": "killed by SIGABRT",
    "segfault": "killed by SIGSEGV",
    "exit": "ended with status 3",
    "error": "fails at work: .*the stand-in fails as told",
    "hang": "no answer within 300 ms at work; its process was ended",
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_death_at_work_is_named(death: str, opened: Opener, stick: Stick) -> None:
    stick.plan(f"after=3 then={death}")  # the first one is the backend's own
    limit_ms = 300.0 if death == "hang" else PATIENCE_S * 1e3
    backend = opened(deadline=Deadline(usual_ms=limit_ms, first_ms=PATIENCE_S * 1e3))
    for seed in (1, 2):
        backend.infer([picture(seed)])
    with pytest.raises(UnavailableError, match=DEATHS[death]):
        backend.infer([picture(3)])


def test_a_death_while_idle_is_reported(opened: Opener, stick: Stick) -> None:
    backend = opened()
    backend.infer([picture(1)])
    reports: list[BaseException] = []
    backend.on_death(reports.append)
    stick.unplug()
    until(lambda: bool(reports))
    assert "killed by SIGABRT (Aborted): F driver/usb" in str(reports[0])
    with pytest.raises(UnavailableError, match="SIGABRT"):
        backend.infer([picture(2)])


def test_a_death_before_anybody_asked_is_reported_too(opened: Opener, stick: Stick) -> None:
    backend = opened()
    os.kill(backend.pid, 9)
    until(lambda: not Path(f"/proc/{backend.pid}").exists())
    reports: list[BaseException] = []
    backend.on_death(reports.append)
    until(lambda: bool(reports))
    assert "killed by SIGKILL" in str(reports[0])


def test_closing_is_no_death_and_leaves_nothing(opened: Opener) -> None:
    backend = opened()
    reports: list[BaseException] = []
    backend.on_death(reports.append)
    backend.close()
    assert not Path(f"/proc/{backend.pid}").exists()
    until(lambda: "child" not in [thread.name for thread in threading.enumerate()])
    assert reports == []


def test_the_child_lives_longer_than_the_thread_that_opened_it(
    opened: Opener, visitors: Bundle
) -> None:
    """The kernel's parent-death signal comes when the thread ends that made the child."""
    backends: list[EdgeTpuBackend] = []
    opening = threading.Thread(target=lambda: backends.append(opened()))
    opening.start()
    opening.join(PATIENCE_S)
    assert same(backends[0].infer([picture(1)]), by_the_stick(visitors, picture(1)))
    assert Path(f"/proc/{backends[0].pid}").exists()


OWNER = """
import sys, time
from pathlib import Path
from edge import bundle
from edge.infer.edgetpu import Settings, open_edgetpu
from edge.infer.preflight import Machine
from edge.infer.runtime import pick
model, library, root = sys.argv[1:]
pair = bundle.with_twin(Path(model), bundle.read_bare)
backend = open_edgetpu(pair, pick(), "usb:0", Settings(library, machine=Machine(Path(root))))
print(backend.pid, flush=True)
time.sleep(600)
"""


def test_a_parent_that_is_killed_leaves_no_child(
    library: Path, stick: Stick, machine_root: Path, shared: Path
) -> None:
    model = shared / "data/coral/split_concat_edgetpu.tflite"
    command = [sys.executable, "-c", OWNER, str(model), str(library), str(machine_root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        child = int(owner.stdout.readline())
        owner.kill()
    until(lambda: not Path(f"/proc/{child}").exists() or is_zombie(child))


def is_zombie(pid: int) -> bool:
    """Tell whether it has ended, where no init collects the orphans of a container."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_deadline_follows_the_median(opened: Opener, stick: Stick) -> None:
    """An invoke of 100 ms has 20 times as long, not the 250 ms of a quick one."""
    stick.plan("invoke_us=100000 after=12 then=hang")
    backend = opened(deadline=Deadline(usual_ms=250.0, first_ms=PATIENCE_S * 1e3))
    for seed in range(11):
        backend.infer([picture(seed)])
    start = time.monotonic()
    with pytest.raises(UnavailableError, match=r"no answer within [2-9]\d{3} ms"):
        backend.infer([picture(1)])
    assert time.monotonic() - start >= 2.0


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("death", ["none", "abort", "error", "start"])
def test_what_it_held_is_free_at_once(
    death: str,
    visitors: Bundle,
    runtime: Runtime,
    library: Path,
    stick: Stick,
    machine_root: Path,
) -> None:
    """A frame buffer is an open file: it must not wait for the collector of cycles."""
    patient = Deadline(usual_ms=PATIENCE_S * 1e3, first_ms=PATIENCE_S * 1e3)
    settings = Settings(str(library), deadline=patient, machine=Machine(machine_root))
    stick.plan("create=abort" if death == "start" else f"after=1 then={death}")

    def live_and_die() -> None:
        if death == "start":
            with pytest.raises(UnavailableError):
                open_edgetpu(visitors, runtime, "usb:0", settings)
            return
        backend = open_edgetpu(visitors, runtime, "usb:0", settings)
        backend.on_death(lambda error: None)
        if death == "none":
            backend.infer([picture(1)])
        else:
            with pytest.raises(UnavailableError):
                backend.infer([picture(1)])
        backend.close()

    def held() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    live_and_die()  # what is opened once and kept
    before = held()
    live_and_die()
    until(lambda: held() <= before)
