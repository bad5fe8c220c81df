"""Make the virtual environments of this checkout: `bootstrap.py NAME...`.

Asks nothing and does nothing twice: a stamp in each environment says what was installed, so that a
second run needs no network. Runs on a bare Python, so only the standard library is imported.
"""

import ctypes
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apt

ROOT = Path(__file__).resolve().parent.parent
STAMP = "embedded-edge-stamp"
# What the OpenCV wheel with windows links to and does not carry.
WINDOW_LIBRARIES = ("libGL.so.1", "libgthread-2.0.so.0")
OPENCV = {"device": "opencv-python", "device-headless": "opencv-python-headless"}
# The keys of [project] that pip writes into an environment; a new description needs no network.
INSTALLED_KEYS = (
    "name",
    "version",
    "requires-python",
    "dependencies",
    "optional-dependencies",
    "scripts",
)
SYSTEM_WHEELS = Path("/usr/share/python-wheels")


@dataclass(frozen=True, slots=True)
class Environment:
    """What a virtual environment holds: extras of the project (None: not the project), groups."""

    extras: tuple[str, ...] | None
    groups: tuple[str, ...]


ENVIRONMENTS = {
    ".venv": Environment(("train", "device"), ("dev",)),
    ".venv-legacy": Environment(("legacy",), ("test",)),
    ".venv-readers": Environment(None, ("readers",)),
}


class BootstrapError(Exception):
    """What could not be done, and its cure, in one line."""


def has_windows(load: Callable[[str], object] = ctypes.CDLL) -> bool:
    """Return whether the libraries are there that the OpenCV wheel with windows needs."""
    try:
        for library in WINDOW_LIBRARIES:
            load(library)
    except OSError:
        return False
    return True


def choices(environment: Environment, windows: bool) -> tuple[Environment, ...]:
    """Return the environments that serve on this machine, the best first.

    The OpenCV wheel without windows always does: an environment that holds it stays as it is when
    the libraries for windows come later, since they also come along with other packages.
    """
    extras = environment.extras
    if extras is None or "device" not in extras:
        return (environment,)
    headless = tuple("device-headless" if extra == "device" else extra for extra in extras)
    without = Environment(headless, environment.groups)
    return (environment, without) if windows else (without,)


def group_requirements(groups: Mapping[str, list[Any]], name: str) -> tuple[str, ...]:
    """Return the requirements of a dependency group, those of the groups it includes as well."""
    found: list[str] = []
    for entry in groups[name]:
        included = isinstance(entry, dict)
        found += group_requirements(groups, entry["include-group"]) if included else [entry]
    return tuple(found)


def requirements(environment: Environment, project: Mapping[str, Any]) -> tuple[str, ...]:
    """Return pip's arguments for an environment."""
    names = [
        requirement
        for group in environment.groups
        for requirement in group_requirements(project["dependency-groups"], group)
    ]
    if environment.extras is None:
        return tuple(names)
    return ("-e", f".[{','.join(environment.extras)}]", *names)


def stamp_text(arguments: tuple[str, ...], project: Mapping[str, Any], root: Path = ROOT) -> str:
    """Return all that decides what an installed environment holds; a venv cannot be moved."""
    decisive = {
        "root": str(root),
        "python": list(sys.version_info[:2]),
        "arguments": arguments,
        "project": {key: project["project"].get(key) for key in INSTALLED_KEYS},
        "build": project["build-system"],
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest() + "\n"


def make(name: str, project: Mapping[str, Any]) -> None:
    """Bring one environment up to date; a current one costs one start of its Python."""
    serving = choices(ENVIRONMENTS[name], has_windows())
    stamps = [stamp_text(requirements(choice, project), project) for choice in serving]
    folder = ROOT / name
    stamp = folder / STAMP
    alive = runs(folder / "bin" / "python")
    if alive and stamp.is_file() and stamp.read_text() in stamps:
        return
    version = sys.version.split()[0]
    print(f"{name}: installing with Python {version}; takes minutes the first time", flush=True)
    stamp.unlink(missing_ok=True)
    if not alive:
        shutil.rmtree(folder, ignore_errors=True)
        create(folder)
    for choice, text in zip(serving, stamps, strict=True):
        remove_other_opencv(folder, choice.extras or ())
        pip_install(folder, requirements(choice, project))
        if not opencv_of(choice.extras or ()) or works(folder, "import cv2"):
            stamp.write_text(text)
            return
    raise BootstrapError(f"OpenCV does not import; try: {folder.name}/bin/python -c 'import cv2'")


def opencv_of(extras: tuple[str, ...]) -> set[str]:
    """Return the OpenCV wheel that the extras bring, as a set of one, or none."""
    return {OPENCV[extra] for extra in extras if extra in OPENCV}


def runs(python: Path) -> bool:
    """Return whether an environment's Python is of this very version, starts, and has pip."""
    code = f"import pip, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return python.exists() and _call([str(python), "-I", "-c", code], quiet=True)


def works(folder: Path, code: str) -> bool:
    """Return whether an environment's Python runs `code`."""
    return _call([str(folder / "bin" / "python"), "-I", "-c", code], quiet=True)


def create(folder: Path) -> None:
    """Create an environment that holds pip, with or without ensurepip and with or without root."""
    package = f"python3.{sys.version_info.minor}-venv"
    usual = [sys.executable, "-m", "venv", str(folder)]
    if not has_module("ensurepip") and apt.can_install():
        apt.install((package,))
        importlib.invalidate_caches()
    if has_module("ensurepip") and _call(usual):
        return
    cure = f"as root: apt-get install {package}; then run the same command again"
    if not _call([*usual, "--clear", "--without-pip"]):
        raise BootstrapError(f"{sys.executable} cannot make virtual environments; {cure}")
    with tempfile.TemporaryDirectory() as scratch:
        if not install_pip(folder / "bin" / "python", Path(scratch)):
            raise BootstrapError(f"found no pip for {folder.name}; {cure}")


def install_pip(python: Path, scratch: Path) -> bool:
    """Install pip into a bare environment: from the system's wheel, its pip, or apt's package."""
    if wheel := newest_pip(SYSTEM_WHEELS):
        return install_wheel(python, wheel)
    if has_module("pip"):
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "pip"]
        if _call(command, quiet=True):
            return True
    unpacked = apt.download(("python3-pip-whl",), scratch)
    wheel = newest_pip(unpacked / SYSTEM_WHEELS.relative_to("/")) if unpacked else None
    return wheel is not None and install_wheel(python, wheel)


def newest_pip(folder: Path) -> Path | None:
    """Return pip's wheel in a folder of wheels, None where there is none."""
    return max(folder.glob("pip-*.whl"), default=None, key=lambda wheel: wheel.stat().st_mtime)


def install_wheel(python: Path, wheel: Path) -> bool:
    """Let pip, run from its own wheel, install itself: no network, no pip needed before."""
    pip = [str(python), str(wheel / "pip"), "install", "-q", "--no-index", "--no-deps"]
    return _call([*pip, str(wheel)])


def remove_other_opencv(folder: Path, extras: tuple[str, ...]) -> None:
    """Remove the OpenCV wheel that does not belong: two in one environment overwrite each other."""
    kept = opencv_of(extras)
    pip = [str(folder / "bin" / "python"), "-m", "pip"]
    for other in sorted(set(OPENCV.values()) - kept) if kept else ():
        if _call([*pip, "show", "-q", other], quiet=True):
            # Both share one folder, so the one that stays is laid anew.
            _call([*pip, "uninstall", "-q", "-y", *sorted(OPENCV.values())], quiet=True)


def pip_install(folder: Path, arguments: tuple[str, ...]) -> None:
    """Install with the environment's own pip, in the checkout, without a question."""
    bar = [] if sys.stdout.isatty() else ["--progress-bar", "off", "-q"]
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-input", *bar]
    if not _call([*pip, "--disable-pip-version-check", *arguments]):
        raise BootstrapError(
            f"pip could not fill {folder.name} (its reason stands above); "
            "is the package registry reachable? Run the same command again to go on"
        )


def has_module(name: str) -> bool:
    """Return whether this Python has a module of the standard library or of the system."""
    return importlib.util.find_spec(name) is not None


def _call(command: list[str], quiet: bool = False) -> bool:
    sink = subprocess.DEVNULL if quiet else None
    # A PYTHONPATH or an active environment of the caller must not leak into this one.
    leaks = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    environment = {key: value for key, value in os.environ.items() if key not in leaks}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=sink,
        check=False,
    )
    return done.returncode == 0


def main(names: list[str]) -> int:
    """Make the named environments; 1 and one line where that fails."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    try:
        for name in names:
            make(name, project)
    except BootstrapError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
