"""What this very Python has: its version, runtimes that work, OpenCV, and the user's groups."""

import grp
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata

from devices.libraries import find_libraries
from edge.cli.checks import Check
from edge.errors import UnavailableError
from edge.infer import runtime

OLDEST, NEWEST = (3, 11), (3, 13)
OPENCV = (
    "opencv-python", "opencv-python-headless", "opencv-contrib-python",
    "opencv-contrib-python-headless",
)  # fmt: skip
GROUPS = {"plugdev": "Edge TPU on USB", "apex": "Edge TPU on PCIe", "video": "cameras"}


def python_checks() -> Iterator[Check]:
    """Yield the checks of this Python and of the user that runs it."""
    yield _python(sys.version_info[:3])
    yield from runtime_checks(runtime.pick)
    yield opencv_check(_installed(OPENCV), importlib.util.find_spec("cv2") is not None)
    yield _groups()


def runtime_checks(pick: Callable[[str], runtime.Runtime]) -> Iterator[Check]:
    """Yield each runtime: one that works is enough, one that is absent is a remark."""
    broken: list[tuple[str, str]] = []
    working = 0
    for name in runtime.PACKAGES:
        try:
            yield Check("runtime", "ok", f"{pick(name).description} runs a model")
            working += 1
        except UnavailableError as error:
            what, _, cure = str(error).removeprefix("runtime ").rpartition("; ")
            broken.append((what, cure))
    for what, cure in broken:
        if working and what.endswith(": not installed"):
            yield Check("runtime", "info", what)
        else:
            yield Check("runtime", "warn" if working else "fail", what, cure)


def opencv_check(installed: Mapping[str, str], importable: bool) -> Check:
    """Return what is there of OpenCV; `installed` maps its wheels to their versions."""
    words = ", ".join(f"{name} {version}" for name, version in installed.items())
    if len(installed) > 1:
        cure = f"pip uninstall {' '.join(installed)}, then install one of them again"
        return Check("OpenCV", "fail", f"{words}: they overwrite each other's files", cure)
    if not importable:
        cure = "pip install 'embedded-edge[device]', or [device-headless] on a board"
        return Check("OpenCV", "fail", words or "not installed: no camera and no picture", cure)
    if "opencv-python" in installed and not find_libraries("libGL.so.1"):
        cure = "pip uninstall opencv-python; pip install opencv-python-headless"
        return Check("OpenCV", "warn", f"{words} without libGL.so.1: it may not import", cure)
    return Check("OpenCV", "ok", words or "of the system")


def _python(version: Iterable[int]) -> Check:
    version = tuple(version)
    text = ".".join(map(str, version))
    if OLDEST <= version[:2] <= NEWEST:
        return Check("Python", "ok", text)
    low, high = (".".join(map(str, each)) for each in (OLDEST, NEWEST))
    return Check("Python", "fail", f"{text} is none of {low} to {high}", f"install Python {high}")


def _installed(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _groups() -> Check:
    if os.geteuid() == 0:
        return Check("groups", "info", "root: may open every device")
    own = {_group_name(number) for number in os.getgroups()}
    words = [
        f"{'in' if name in own else 'not in'} {name} ({what})" for name, what in GROUPS.items()
    ]
    return Check("groups", "info", ", ".join(words))


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
