"""The compilers: the only module that starts them."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.errors import UnavailableError

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
    program = folder / "program"
    sources = [name for name in files if name.endswith(".c")]
    command = [*compiler, *WARNINGS, *flags, "-o", str(program), *sources]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        raise UnavailableError(f"{shlex.join(command)} failed", *done.stderr.splitlines()[:20])
    return program


def run(program: Path, data: bytes) -> bytes:
    """Feed bytes to a program and return what it printed; raises UnavailableError when it fails."""
    done = subprocess.run(
        [str(program)], input=data, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines()[:20]
        raise UnavailableError(f"the compiled model ended with {done.returncode}", *lines)
    return done.stdout
