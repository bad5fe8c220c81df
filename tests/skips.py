"""What tests need beyond pip, and which skips are allowed: any other skip fails the run."""

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_name("allowed_skips.txt")
READERS_PYTHON = os.environ.get("EDGE_READERS_PYTHON", ROOT / ".venv-readers" / "bin" / "python")
RTSP_SERVER = """
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ("appsrc", "videoconvert", "x264enc", "rtph264pay")))
"""
LEGACY_PYTHON = ROOT / ".venv-legacy" / "bin" / "python"


def has_chromium() -> bool:
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


def has_ffmpeg() -> bool:
    return shutil.which("ffmpeg") is not None


def has_clang() -> bool:
    return bool(shutil.which("clang") and shutil.which("g++"))


def has_cmake() -> bool:
    return bool(shutil.which("cmake") and shutil.which("make"))


def has_arm() -> bool:
    return bool(shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm"))


def has_riscv() -> bool:
    return bool(shutil.which("riscv64-unknown-elf-gcc") and shutil.which("qemu-system-riscv32"))


@functools.cache
def has_readers() -> bool:
    return _succeeds(str(READERS_PYTHON), "-c", "import tflite_support")


@functools.cache
def has_gstreamer() -> bool:
    return _succeeds("/usr/bin/python3", "-c", RTSP_SERVER)


def has_legacy() -> bool:
    return LEGACY_PYTHON.exists()


@functools.cache
def has_python311() -> bool:
    return _succeeds("sh", str(ROOT / ".ci" / "find-python"), "3.11", "3.11")


# For the mark `needs`: each row is a thing that a test may be skipped without.
NEEDS: dict[str, Callable[[], bool]] = {
    "chromium": has_chromium,
    "ffmpeg": has_ffmpeg,
    "gstreamer": has_gstreamer,
    "readers": has_readers,
    "arm": has_arm,
    "clang": has_clang,
    "cmake": has_cmake,
    "riscv": has_riscv,
    "legacy": has_legacy,
}


def can_install() -> bool:
    """Where CI is root, everything that apt has must be there: no skip for the lack of it."""
    return os.environ.get("CI") == "true" and os.geteuid() == 0


# For tests/allowed_skips.txt: when a row of it holds.
CONDITIONS: dict[str, Callable[[], bool]] = {
    "without-chromium": lambda: not has_chromium() and not can_install(),
    "without-cmake": lambda: not has_cmake() and not can_install(),
    "without-clang": lambda: not has_clang() and not can_install(),
    "without-arm": lambda: not has_arm() and not can_install(),
    "without-riscv": lambda: not has_riscv() and not can_install(),
    "without-ffmpeg": lambda: not has_ffmpeg() and not can_install(),
    "without-gstreamer": lambda: not has_gstreamer() and not can_install(),
    "without-readers": lambda: not has_readers() and not (has_python311() and can_install()),
    "without-python3.11": lambda: not has_python311(),
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """One row of the list: which tests may be skipped, when, and why."""

    tests: str
    condition: str
    reason: str


def read_allowed(text: str) -> tuple[Allowed, ...]:
    """Return the rows of `glob of test ids | condition | reason`; blank and # lines are none."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = tuple(Allowed(*(part.strip() for part in line.split("|", 2))) for line in lines)
    unknown = sorted({row.condition for row in rows} - set(CONDITIONS))
    assert not unknown, f"unknown conditions {unknown}; known: {sorted(CONDITIONS)}"
    assert all(row.reason for row in rows), "each allowed skip says its reason"
    return rows


def unlisted(
    skipped: list[str], rows: tuple[Allowed, ...], holds: Callable[[str], bool]
) -> list[str]:
    """Return the ids of skipped tests that no row allows here."""
    valid = [row.tests for row in rows if holds(row.condition)]
    return [test for test in skipped if not any(fnmatchcase(test, glob) for glob in valid)]


def _succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    except OSError:
        return False
    return done.returncode == 0
