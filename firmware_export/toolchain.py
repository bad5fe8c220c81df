"""The compilers: the only module that starts them."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.errors import UnavailableError
from firmware_export.targets import Machine, Target

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
TIMEOUT_S = 300.0


def host_compiler() -> list[str] | None:
    """Return the host's C compiler, $CC where it is set, or None."""
    wanted = shlex.split(os.environ.get("CC", ""))
    for command in [wanted] if wanted else [["cc"], ["gcc"], ["clang"]]:
        if shutil.which(command[0]):
            return command
    return None


def build(files: Mapping[str, str], folder: Path, flags: Sequence[str] = ("-O2",)) -> Path:
    """Compile the `.c` texts with the host's compiler into one program and return its path.

    Raises UnavailableError without a compiler, or with what the compiler said.
    """
    compiler = host_compiler()
    if compiler is None:
        raise UnavailableError("no C compiler on PATH; on Debian: apt-get install gcc")
    for name, text in files.items():
        (folder / name).write_text(text)
    sources = [name for name in files if name.endswith(".c")]
    _said([*compiler, *WARNINGS, *flags, "-o", "program", *sources], folder)
    return folder / "program"


def run(program: Path, data: bytes) -> bytes:
    """Feed bytes to a program and return what it printed; raises UnavailableError when it fails."""
    done = subprocess.run(
        [str(program)], input=data, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines()[:20]
        raise UnavailableError(f"the compiled model ended with {done.returncode}", *lines)
    return done.stdout


def cross_build(files: Mapping[str, str], folder: Path, target: Target, *defines: str) -> Path:
    """Compile for a core, an object beside each `.c`, and link one program; returns its path.

    Raises UnavailableError without the compiler, or with what it said.
    """
    if shutil.which(target.compiler) is None:
        raise UnavailableError(
            f"no {target.compiler} on PATH; on Debian: apt-get install {target.package}"
        )
    for name, text in files.items():
        (folder / name).write_text(text)
    flags = [*WARNINGS, *target.flags, *(f"-D{define}" for define in defines)]
    sources = [name for name in files if name.endswith(".c")]
    _said([target.compiler, *flags, "-c", *sources], folder)
    objects = [f"{name.removesuffix('.c')}.o" for name in sources]
    link = [*target.flags, *target.link_flags, "-T", "link.ld", "-o", "program.elf"]
    _said([target.compiler, *objects, *link], folder)
    return folder / "program.elf"


def call_graph(files: Mapping[str, str], folder: Path, target: Target, source: str) -> str:
    """Compile one `.c` and return gcc's call graph with the frame of each function.

    Raises UnavailableError without the compiler, or with what it said.
    """
    if shutil.which(target.compiler) is None:
        raise UnavailableError(
            f"no {target.compiler} on PATH; on Debian: apt-get install {target.package}"
        )
    for name, text in files.items():
        (folder / name).write_text(text)
    flags = [*WARNINGS, *target.flags, "-fcallgraph-info=su"]
    _said([target.compiler, *flags, "-c", source], folder)
    return (folder / source).with_suffix(".ci").read_text()


def version(target: Target) -> str:
    """Return the name and version of a core's compiler, such as `arm-none-eabi-gcc 12.2.1`."""
    return f"{target.compiler} {_said([target.compiler, '-dumpfullversion'], Path()).strip()}"


def emulate(program: Path, machine: Machine) -> str:
    """Run a program on a machine and return what it printed; raises UnavailableError."""
    if shutil.which(machine.emulator) is None:
        raise UnavailableError(
            f"no {machine.emulator} on PATH; on Debian: apt-get install {machine.package}"
        )
    return _said([machine.emulator, *machine.arguments, "-kernel", str(program)], program.parent)


def text_bytes(path: Path, target: Target) -> int:
    """Return the bytes of code and read-only data in an object file."""
    return int(_said([target.size, str(path)], path.parent).splitlines()[1].split()[0])


def _said(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr + done.stdout).splitlines()[:20]
        raise UnavailableError(f"{shlex.join(command)} ended with {done.returncode}", *said)
    # semihosting prints to standard error
    return done.stdout + done.stderr
