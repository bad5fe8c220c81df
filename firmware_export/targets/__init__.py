"""The cores that C is written for: one folder with one TOML file each."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from edge.errors import UsageError

HOST = "c99"  # any C99 compiler, no machine of its own


@dataclass(frozen=True, slots=True)
class Machine:
    """An emulator that runs programs for a core and counts their instructions, and its memory."""

    emulator: str
    package: str
    arguments: tuple[str, ...]
    ticks_per_instruction: float
    defines: tuple[str, ...]
    memory: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """A core: its compiler with the flags of every figure, its machines, the smallest first."""

    core: str
    family: str
    compiler: str
    size: str
    package: str
    flags: tuple[str, ...]
    link_flags: tuple[str, ...]
    has_lanes: bool  # multiplies pairs of int16
    machines: tuple[Machine, ...]


def names() -> tuple[str, ...]:
    """Return every target that can be named, the host's first."""
    folder = files("firmware_export") / "targets"
    cores = (entry.name for entry in folder.iterdir() if (entry / "target.toml").is_file())
    return (HOST, *sorted(cores))


def find(core: str) -> Target:
    """Return a core's target; raises UsageError with the known ones."""
    path = files("firmware_export") / "targets" / core / "target.toml"
    if core not in names() or core == HOST:
        raise UsageError(f"no target {core!r}; known targets: {', '.join(names())}")
    record = _tuples(tomllib.loads(path.read_text()))
    machines = tuple(Machine(**_tuples(machine)) for machine in record["machines"])
    return Target(**{**record, "machines": machines})


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}


def support_files(target: Target, machine: Machine) -> dict[str, str]:
    """Return startup, header and linker script of a core's machine by file name."""
    folder = files("firmware_export") / "targets" / target.family
    texts = {
        entry.name: entry.read_text()
        for entry in folder.iterdir()
        if entry.name.endswith((".c", ".h", ".ld"))
    }
    for key, value in machine.memory.items():
        texts["link.ld"] = texts["link.ld"].replace(f"@{key}@", f"{value:#010x}")
    return texts
