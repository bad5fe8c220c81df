"""Build the wheel and do one real job with each extra, in empty environments without the checkout.

`check_wheel.py SHARED [EXTRA...]`: SHARED is the folder of shared test data; no EXTRA means all.
"""

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bootstrap

PACKAGES = ("edge", "devices", "firmware_export")
# What an environment of the caller would leak into the jobs.
KEPT = ("PATH", "LANG", "DEBIAN_FRONTEND")
KEPT_PREFIXES = ("PIP_", "OPENBLAS_", "SSL_", "REQUESTS_", "CURL_")


@dataclass(frozen=True, slots=True)
class Job:
    """The words after `edge`, with {data} and {work} to fill in, what it must say and end with."""

    words: tuple[str, ...]
    says: str
    exit_code: int = 0


CAT = Job(
    (
        "run",
        "{data}/coral/mobilenet_v2_1.0_224_quant.tflite",
        "--labels",
        "{data}/coral/labels/imagenet_labels.txt",
        "--source",
        "{data}/coral/images/cat.bmp",
        "--no-window",
        "--jsonl",
        "-",
    ),
    "Egyptian cat",
)
MODEL = "{data}/mlperf-tiny/pretrainedResnet_quant.tflite"
# Its own labels are not the folders': only the conversion is of interest, so any drop will do.
QUANTIZE = (
    "quantize",
    "{data}/mlperf-tiny/pretrainedResnet.h5",
    "--data",
    "{data}/grocery10/val",
    "--mean",
    "0",
    "--std",
    "1",
    "--max-drop",
    "1",
    "--out",
    "{work}/bundle",
)
BASE = (
    Job(("--version",), "edge, version"),
    Job(("devices",), "nucleo"),
    Job(("inspect", MODEL), "CONV_2D"),
    Job(("fit", MODEL), "Estimated"),
    # What an extra would bring is named, in one line.
    Job(CAT.words, "embedded-edge[device]", 69),
    Job(QUANTIZE, "embedded-edge[", 69),
)
JOBS: dict[str, tuple[Job, ...]] = {
    "": BASE,
    "device": (CAT,),
    "device-headless": (CAT,),
    "legacy": (CAT,),
    # Pictures and parity need OpenCV and a runtime; which OpenCV, only its user knows.
    "train,device-headless": (
        Job(QUANTIZE, "full int8"),
        Job(("inspect", "{work}/bundle"), "CONV_2D"),
        Job(
            ("export", "{work}/bundle", "--target", "c99", "--out", "{work}/c"),
            "against TensorFlow Lite Micro: equal in all",
        ),
    ),
}


class WheelError(Exception):
    """What the wheel lacks, or which job failed and how."""


def build(folder: Path) -> Path:
    """Build the wheel into `folder` and compare its files with the checkout's."""
    # A bare machine's own Python has no pip.
    python = str(bootstrap.ROOT / ".venv" / "bin" / "python")
    command = [python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), "."]
    if subprocess.run(command, cwd=bootstrap.ROOT, check=False).returncode:
        raise WheelError("the wheel could not be built; pip's reason stands above")
    wheel = next(folder.glob("*.whl"))
    carried = set(zipfile.ZipFile(wheel).namelist())
    absent = sorted(set(package_files(bootstrap.ROOT)) - carried)
    foreign = sorted({name.split("/")[0] for name in carried} - set(PACKAGES))
    if absent or [name for name in foreign if not name.endswith(".dist-info")]:
        raise WheelError(f"{wheel.name} lacks {absent}; foreign: {foreign}")
    if not any(name.endswith("licenses/LICENSE") for name in carried):
        raise WheelError(f"{wheel.name} carries no LICENSE")
    print(f"{wheel.name}: {len(carried)} files, {wheel.stat().st_size} bytes", flush=True)
    return wheel


def package_files(root: Path) -> Iterator[str]:
    """Yield every file of the packages, code and data, as the wheel names it."""
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
                yield file.relative_to(root).as_posix()


def reason_to_skip(extra: str, windows: Callable[[], bool] = bootstrap.has_windows) -> str:
    """Return why an extra cannot be tried on this machine, or nothing."""
    if extra == "device" and not windows():
        return "no libGL here, which opencv-python needs"
    if extra == "legacy" and sys.version_info[:2] != (3, 11):
        return "tflite-runtime has no wheel for this Python"
    return ""


def check(wheel: Path, extra: str, shared: Path) -> None:
    """Install the wheel with one extra in a new folder and do its jobs there."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edge-wheel-") as work:
        folder = Path(work) / "venv"
        bootstrap.create(folder)
        what = f"{wheel}[{extra}]" if extra else str(wheel)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--no-input"]
        run([*pip, "--disable-pip-version-check", what], Path(work))
        for job in JOBS[extra]:
            words = [word.format(data=shared / "data", work=work) for word in job.words]
            said = run([str(folder / "bin" / "edge"), *words], Path(work), job.exit_code)
            if job.says not in said or "Traceback" in said:
                line = f"edge {' '.join(words)}"
                raise WheelError(f"[{extra}] {line} did not say {job.says!r} but:\n{said}")
    took_s = time.monotonic() - started
    jobs = f"{len(JOBS[extra])} jobs done in {took_s:.0f} s"
    print(f"wheel[{extra or 'no extra'}]: {jobs}", flush=True)


def run(command: list[str], folder: Path, exit_code: int = 0) -> str:
    """Run a command in `folder` with little of the caller's environment; return its output."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if key in KEPT or key.startswith(KEPT_PREFIXES)
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment | {"HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != exit_code:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise WheelError(f"{' '.join(command)} ended with {done.returncode}:\n{tail}")
    return done.stdout + done.stderr


def main(words: list[str]) -> int:
    """Check the named extras, or all; 1 and the reason where one fails."""
    shared, extras = Path(words[0]).resolve(), words[1:] or list(JOBS)
    try:
        with tempfile.TemporaryDirectory(prefix="edge-build-") as folder:
            wheel = build(Path(folder))
            for extra in extras:
                if reason := reason_to_skip(extra):
                    print(f"skipped: wheel[{extra}]: {reason}")
                else:
                    check(wheel, extra, shared)
    except (WheelError, bootstrap.BootstrapError) as error:
        print(f"check_wheel: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
