"""Install the wheel on emulated Arm boards, let it answer, and compare its bits with x86-64's.

`check_arm.py SHARED [NAME...]`: SHARED is the folder of shared test data, NAMEs are of BOARDS, and
without any those of USUAL are tried. What is made stays in build/arm: a second run fetches nothing.
"""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apt
import arm_bits
import arm_python
import arm_root
import bootstrap
import check_wheel
import numpy as np
from arm_python import Board, Venv
from arm_root import Packages
from check_wheel import CAT, Job

BUILD = bootstrap.ROOT / "build" / "arm"
BITS = bootstrap.ROOT / ".ci" / "arm_bits.py"
PYTHON = ("python3", "python3-pip-whl", "libstdc++6")
LITERT = ("ai-edge-litert",)

# Processors of boards in the catalogue: Zero 2 W, Raspberry Pi 3 and Coral; Raspberry Pi 5; 2.
# The slowest comes first: it has most to fetch.
BOARDS = (
    Board(
        "armhf",
        Packages("bookworm", "armhf", (*PYTHON, "python3-numpy", "python3-opencv")),
        "qemu-arm",
        ("cortex-a7",),
        "3.11",
        "legacy",
        ".venv-legacy",
        system_packages=True,
        apart=("tornado",),
    ),
    Board(
        "arm64",
        Packages("trixie", "arm64", PYTHON),
        "qemu-aarch64",
        ("cortex-a53", "cortex-a76"),
        "3.13",
        "device-headless",
        ".venv",
        same=LITERT,
    ),
    Board(
        "arm64-bookworm",
        Packages("bookworm", "arm64", PYTHON),
        "qemu-aarch64",
        ("cortex-a72",),
        "3.11",
        "device-headless",
        ".venv",
        same=LITERT,
    ),
)
# The third takes half the time of both again, and differs in its Python only.
USUAL = ("armhf", "arm64")
VERSION = Job(("--version",), "edge, version")
LABELS = {
    "cifar10": "airplane automobile bird cat deer dog frog horse ship truck",
    "person": "nobody somebody",
}


def classify(model: str, labels: str, picture: str, says: str) -> Job:
    """Return the job of naming a picture by a model of the shared data."""
    run = ("run", f"{{data}}/mlperf-tiny/{model}", "--labels", f"{{work}}/{labels}.txt")
    words = (*run, "--source", f"{{data}}/coral/images/{picture}", "--no-window", "--jsonl", "-")
    return Job(words, f'"label":"{says}"')


TRAFFIC = Job(
    (
        *("run", "{data}/coral/traffic_model.tflite", "--threshold", "0.3"),
        *("--source", "{data}/coral/traffic_frames/0002.bmp", "--no-window", "--jsonl", "-"),
    ),
    '"label":"1","score":0.4',
)
# uint8, int8, float and a detector; each run tries the model in a child first, emulated as well.
JOBS = (
    VERSION,
    CAT,
    TRAFFIC,
    classify("pretrainedResnet_quant.tflite", "cifar10", "parrot.jpg", "bird"),
    classify("vww_96_float.tflite", "person", "hot_dog.jpg", "nobody"),
)
FEWER = {"arm64-bookworm": (VERSION, CAT)}
# What a machine of Debian's architecture says of itself.
HERE = {
    "armhf": Job(("devices", "here"), "armv7l, 32 bits"),
    "arm64": Job(("devices", "here"), "aarch64, 64 bits"),
}


def reason_to_skip(board: Board) -> str:
    """Return why a board cannot be tried, or nothing."""
    if not arm_python.runs(bootstrap.ROOT / board.host / "bin" / "python"):
        return f"{board.host} is not here, which it is compared with"
    return ""


def check(board: Board, emulators: Path, wheel: Path, shared: Path) -> list[str]:
    """Make a board, do its jobs, compare its bits; return what is to be told."""
    started = time.monotonic()
    root = arm_root.make(board.packages, BUILD / board.name / "root")
    venv = Venv(board, BUILD / board.name / "venv", root, emulators / board.emulator)
    fresh = arm_python.make(venv, wheel)
    made = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edge-arm-") as work:
        folder = Path(work)
        jobs = do_jobs(venv, folder, shared)
        told = compare(venv, folder, shared)
    ended = time.monotonic()
    how = "fetched" if fresh else "found"
    times = f"{how} in {made - started:.0f} s, {jobs} jobs and bits in {ended - made:.0f} s"
    return [f"{board.name}, Python {board.python}, [{board.extra}]: {times}", *told]


def do_jobs(venv: Venv, folder: Path, shared: Path) -> int:
    """Let the board do its jobs; return how many. Raises WheelError where one fails."""
    for name, labels in LABELS.items():
        (folder / f"{name}.txt").write_text("\n".join(labels.split()) + "\n")
    jobs = (HERE[venv.board.packages.architecture], *FEWER.get(venv.board.name, JOBS))
    for job in jobs:
        words = [word.format(data=shared / "data", work=folder) for word in job.words]
        said = arm_python.answers(venv.python, "", ["-m", "edge", *words], folder)
        if job.says not in said or "Traceback" in said:
            line = f"edge {' '.join(words)}"
            raise check_wheel.WheelError(f"{line} did not say {job.says!r} but:\n{said}")
    return len(jobs)


def compare(venv: Venv, folder: Path, shared: Path) -> list[str]:
    """Ask both machines the same, on each processor; return what differs where it may.

    Raises WheelError with all that differs where it may not.
    """
    data, questions = str(shared / "data"), str(folder / "questions.npz")
    host = bootstrap.ROOT / venv.board.host / "bin" / "python"
    asking = bootstrap.ROOT / ".venv" / "bin" / "python"
    arm_python.answers(asking, "", [str(BITS), "ask", data, questions], folder)
    here, told = answer(host, "", data, questions, folder), []
    for processor in venv.board.processors:
        there = answer(venv.python, processor, data, questions, folder)
        runtimes = [" ".join(answers["runtime"]) for answers in (here, there)]
        if runtimes[0].split()[:2] != runtimes[1].split()[:2]:
            raise check_wheel.WheelError(f"runtimes differ: {runtimes}")
        try:
            found = arm_bits.compare(here, there)
        except ValueError as error:
            raise check_wheel.WheelError(f"{processor}: {error}") from error
        told += judge(found, processor, str(there["runtime"][1]))
    return told


def answer(
    python: Path, processor: str, data: str, questions: str, folder: Path
) -> arm_bits.Arrays:
    """Return a machine's answers."""
    file = str(folder / f"answers-{processor}.npz")
    arm_python.answers(python, processor, [str(BITS), "answer", data, questions, file], folder)
    with np.load(file) as answers:
        return dict(answers)


def judge(found: list[arm_bits.Difference], processor: str, machine: str) -> list[str]:
    """Return lines about what was compared; raise WheelError with each difference too large."""
    limits = [arm_bits.limit(each, machine) for each in found]
    wrong = [
        f"{processor}: {each}, where {limit:g} is allowed"
        for each, limit in zip(found, limits, strict=True)
        if limit is not None and each.most > limit
    ]
    if wrong:
        raise check_wheel.WheelError("\n".join(wrong))
    bound = [each for each, limit in zip(found, limits, strict=True) if limit is not None]
    equal = sum(not each.differing for each in bound)
    told = f"  {processor}: {len(bound)} answers as x86-64's, {equal} of them in every bit"
    free = [each for each, limit in zip(found, limits, strict=True) if limit is None]
    apart = [each for each in free if each.differing]
    most = max(apart, key=lambda each: each.most, default=None)
    return [f"{told}; {len(apart)} of {len(free)} that may differ do, most {most}"]


def check_all(boards: list[Board], shared: Path) -> list[str]:
    """Check boards, two at a time; return the faults of each that failed."""
    faults = []
    with tempfile.TemporaryDirectory(prefix="edge-build-") as work:
        wheel = check_wheel.build(Path(work))
        emulators = arm_root.emulators(BUILD / "emulators")
        with ThreadPoolExecutor(2) as pool:
            tried = [pool.submit(check, board, emulators, wheel, shared) for board in boards]
            for board, result in zip(boards, tried, strict=True):
                try:
                    print("\n".join(f"arm: {line}" for line in result.result()), flush=True)
                except (check_wheel.WheelError, arm_root.FetchError) as error:
                    faults.append(f"{board.name}: {error}")
    return faults


def main(words: list[str]) -> int:
    """Check the named boards, or the usual; 1 and the reason where one fails.

    What cannot be fetched fails only where packages can be installed too: anybody else may be on a
    machine without network, and is told.
    """
    shared, names = Path(words[0]).resolve(), words[1:] or list(USUAL)
    known = [board.name for board in BOARDS]
    if unknown := [name for name in names if name not in known]:
        print(f"check_arm: no board {unknown}; known are {known}", file=sys.stderr)
        return 2
    boards = [board for board in BOARDS if board.name in names]
    if reason := arm_root.reason_to_skip():
        print(f"skipped: arm: {reason}")
        return 0
    for board in boards:
        if reason := reason_to_skip(board):
            print(f"skipped: arm[{board.name}]: {reason}")
    try:
        faults = check_all([board for board in boards if not reason_to_skip(board)], shared)
    except (check_wheel.WheelError, bootstrap.BootstrapError) as error:
        faults = [str(error)]
    except arm_root.FetchError as error:
        if not apt.can_install():
            print(f"skipped: arm: {error}")
            return 0
        faults = [str(error)]
    for fault in faults:
        print(f"check_arm: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
