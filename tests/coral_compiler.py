"""Install the stand-in for edgetpu_compiler, and choose how it behaves."""

import shlex
import sys
from pathlib import Path

FAKE = Path(__file__).with_name("fake_edgetpu_compiler.py")
# A public model whose compiled twin is public too.
NAME = "mobilenet_v1_0.25_128_quant"


def install(folder: Path, shared: Path) -> Path:
    """Write the program into a new folder; its path."""
    folder.mkdir()
    program = folder / "edgetpu_compiler"
    python, script = shlex.quote(sys.executable), shlex.quote(str(folder / "fake.py"))
    (folder / "fake.py").write_text(FAKE.read_text())
    (folder / "coral").write_text(str(shared / "data" / "coral"))
    program.write_text(f'#!/bin/sh\nexec {python} {script} "$@"\n')
    program.chmod(0o755)
    return program


def set_mode(program: Path, mode: str) -> None:
    """Choose one of the modes of the stand-in, "" for success."""
    (program.parent / "mode").write_text(mode)
