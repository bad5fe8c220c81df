"""A virtual environment of a foreign Python, filled by its own pip under emulation.

Its `bin/python3` is a shell script that starts the emulator with itself as the program's name, so
`sys.executable` is a file that this machine can start: children of the project run emulated too.
"""

import hashlib
import importlib.metadata
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import bootstrap
import check_wheel
from arm_root import Packages

STAMP = "stamp"
PIP_WHEELS = "usr/share/python-wheels"
PIP = ("-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check")
HANGS_S = "900"  # a busy machine takes a minute for what a quiet one does in ten seconds
PROJECT = ("edge", "devices", "firmware_export", "embedded_edge-*.dist-info")


@dataclass(frozen=True, slots=True)
class Board:
    """A kind of board: its system, processor, Python, and how the project is installed on it.

    `apart` are the requirements without a wheel for it, which its owner's pip builds: here that is
    done on this machine, without a compiler. `same` are the ones whose version must be the same
    in `host`, the environment of this checkout whose answers it is compared with.
    """

    name: str
    packages: Packages
    emulator: str
    processors: tuple[str, ...]
    python: str
    extra: str
    host: str
    system_packages: bool = False
    apart: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Venv:
    """A made environment: its folder, the unpacked root below it, and the emulator's program."""

    board: Board
    folder: Path
    root: Path
    emulator: Path

    @property
    def python(self) -> Path:
        """Return what this machine starts to run the foreign Python."""
        return self.folder / "bin" / "python3"

    @property
    def real(self) -> Path:
        """Return the foreign program, under a name within the environment."""
        return self.folder / "bin" / f"python{self.board.python}"

    @property
    def site(self) -> Path:
        """Return the folder of its packages."""
        return self.folder / "lib" / f"python{self.board.python}" / "site-packages"


def make(venv: Venv, wheel: Path) -> bool:
    """Install the project's wheel with the board's extra; return whether pip was needed.

    What the project depends on is installed again only where that may have changed, so a second
    run needs no network. Raises WheelError with pip's own words.
    """
    stamp = venv.folder / STAMP
    text = stamp_text(venv.board)
    if stamp.is_file() and stamp.read_text() == text:
        replace(venv, wheel)
        return False
    shutil.rmtree(venv.folder, ignore_errors=True)
    create(venv)
    install(venv, wheel)
    stamp.write_text(text)
    return True


def stamp_text(board: Board) -> str:
    """Return all that decides what an environment holds, the project's own code left out."""
    project = tomllib.loads((bootstrap.ROOT / "pyproject.toml").read_text())["project"]
    decisive = {
        "board": repr(board),
        "same": constraints(board),
        "root": str(bootstrap.ROOT),
        "project": {key: project.get(key) for key in bootstrap.INSTALLED_KEYS},
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest() + "\n"


def create(venv: Venv) -> None:
    """Write an environment's skeleton: the script, the program, and what a venv says of itself."""
    venv.site.mkdir(parents=True)
    venv.real.parent.mkdir(parents=True)
    program = venv.root / "usr" / "bin" / venv.real.name
    venv.real.symlink_to(program)
    venv.python.write_text(script(venv, program))
    venv.python.chmod(0o755)
    system = "true" if venv.board.system_packages else "false"
    (venv.folder / "pyvenv.cfg").write_text(
        f"home = {program.parent}\ninclude-system-site-packages = {system}\n"
    )


def script(venv: Venv, program: Path) -> str:
    """Return the script; QEMU_CPU chooses another processor, for its children as well."""
    words = [str(venv.emulator), "-L", str(venv.root), "-0"]
    return (
        "#!/bin/sh\n"
        f'export QEMU_CPU="${{QEMU_CPU:-{venv.board.processors[0]}}}"\n'
        f'exec {shlex.join(words)} "$0" {shlex.quote(str(program))} "$@"\n'
    )


def install(venv: Venv, wheel: Path) -> None:
    """Let the board's own pip choose and install what the extra asks for, as on the board."""
    wheels = venv.folder / "wheels"
    build_apart(venv.board, wheels)
    pip = unpack_pip(venv)
    # pip reads the processor's variant out of the program's own file, which the script is not
    emulated = [str(venv.emulator), "-L", str(venv.root), "-0", str(venv.real), str(venv.real)]
    asked = [f"{wheel}[{venv.board.extra}]", *constraints(venv.board)]
    options = ["--no-compile", "--no-cache-dir", "--only-binary=:all:", f"--find-links={wheels}"]
    command = ["env", f"PYTHONPATH={pip}", *emulated, *PIP, *options, *asked]
    check_wheel.run(command, venv.folder)


def unpack_pip(venv: Venv) -> Path:
    """Return a folder with the pip of the board's own system."""
    folder = venv.folder / "pip"
    wheel = bootstrap.newest_pip(venv.root / PIP_WHEELS)
    if wheel is None:
        raise check_wheel.WheelError(f"no pip in {venv.root}")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def build_apart(board: Board, wheels: Path) -> None:
    """Build what has no wheel for the board into pure wheels, as a board without compiler does."""
    wheels.mkdir()
    if not board.apart:
        return
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-input", "--no-cache-dir", "--no-deps"]
    sources = [f"--no-binary={','.join(board.apart)}", *requirements(board)]
    command = ["env", "TORNADO_EXTENSION=0", *pip, *sources, "-w", str(wheels)]
    check_wheel.run(command, wheels)


def requirements(board: Board) -> list[str]:
    """Return the project's own requirements for what is built apart."""
    project = tomllib.loads((bootstrap.ROOT / "pyproject.toml").read_text())["project"]
    every = project["optional-dependencies"][board.extra]
    return [one for one in every if one.startswith(board.apart)]


def constraints(board: Board) -> list[str]:
    """Return the versions that must be the same on both machines, as requirements."""
    site = bootstrap.ROOT / board.host / "lib"
    folders = [str(folder) for folder in site.glob("python*/site-packages")]
    found = importlib.metadata.distributions(path=folders)
    versions = {each.metadata["Name"].lower(): each.version for each in found}
    return [f"{name}=={versions[name]}" for name in board.same]


def replace(venv: Venv, wheel: Path) -> None:
    """Lay the wheel's files in place of the project's older ones, which needs no emulation."""
    for pattern in PROJECT:
        for old in venv.site.glob(pattern):
            shutil.rmtree(old)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(venv.site)


def answers(python: Path, processor: str, words: list[str], folder: Path) -> str:
    """Run words by a Python of the checkout or an emulated one; return what it printed."""
    chosen = ["env", f"QEMU_CPU={processor}"] if processor else []
    return check_wheel.run(["timeout", HANGS_S, *chosen, str(python), *words], folder)


def runs(python: Path) -> bool:
    """Return whether a Python of this checkout starts."""
    command = [str(python), "-c", ""]
    return python.exists() and subprocess.run(command, env=os.environ, check=False).returncode == 0
