"""What a compiler makes of an export: bytes of text, and the worst case of the stack."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UnavailableError
from firmware_export import toolchain
from firmware_export.model import Model
from firmware_export.targets import Target

# memcpy, memset and the compiler's own helpers for 64-bit numbers: leaves, far below this.
LIBRARY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Size:
    """NAME.c compiled: code and constants without weights, and what invoke takes of the stack."""

    compiler: str
    text_bytes: int
    stack_bytes: int


def measure(model: Model, files: Mapping[str, str], target: Target) -> Size:
    """Return the sizes for a core; raises UnavailableError without its compiler."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sources = {name: text for name, text in files.items() if "_selftest" not in name}
        graph = toolchain.call_graph(sources, place, target, f"{model.name}.c")
        text = toolchain.text_bytes(place / f"{model.name}.o", target)
    stack = worst_stack_bytes(graph, f"{model.name}_invoke")
    return Size(toolchain.version(target), text, stack)


def worst_stack_bytes(graph: str, start: str) -> int:
    """Return the deepest path from a function, after gcc's -fcallgraph-info=su.

    Raises UnavailableError where a frame is of unknown size or a call may recur.
    """
    frames: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    for title, label in re.findall(r'^node: { title: "([^"]+)" label: "([^"]*)"', graph, re.M):
        found = re.search(r"(\d+) bytes \((\w+)", label)
        if found and found[2] != "static":
            raise UnavailableError(f"the stack of {title} has no bound: {found[2]}")
        frames[title] = int(found[1]) if found else LIBRARY_BYTES
    for caller, callee in re.findall(r'sourcename: "([^"]+)" targetname: "([^"]+)"', graph):
        calls.setdefault(caller, set()).add(callee)

    def deepest(name: str, path: tuple[str, ...]) -> int:
        if name in path:
            raise UnavailableError(f"{name} calls itself: its stack has no bound")
        below = (deepest(callee, (*path, name)) for callee in calls.get(name, ()))
        return frames.get(name, LIBRARY_BYTES) + max(below, default=0)

    return deepest(start, ())
