"""Why files and rows are left out: every line, or counts and the first of each kind."""

from collections.abc import Iterable
from dataclasses import dataclass

FEW = 3  # lines of a kind that the digest shows

UNREADABLE = "unreadable"
CUT_SHORT = "cut short"
NO_PICTURE = "no such picture"
NOT_A_PICTURE = "not a picture"
OUTSIDE = "box outside the picture"
NO_AREA = "box without area"
UNKNOWN_CLASS = "unknown class"
NO_CLASS = "in no class folder"
UNKNOWN_SPLIT = "unknown split"
EMPTY_CLASS = "empty class"
DUPLICATE = "duplicate"
CONTRADICTION = "contradiction"
FAULTY_ROW = "faulty row"
OTHER_SIZE = "other size than annotated"
NOT_BOXES = "annotation that is no box"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is left out: its kind, and a line that says what, where and why."""

    kind: str
    line: str

    def __str__(self) -> str:
        """Return the line."""
        return f"left out: {self.line}"


def digest(faults: Iterable[Fault], few: int = FEW) -> tuple[str, ...]:
    """Return a line with the counts where there are several, then at most `few` of each kind."""
    kinds: dict[str, list[Fault]] = {}
    for fault in faults:
        kinds.setdefault(fault.kind, []).append(fault)
    total = sum(len(group) for group in kinds.values())
    lines = []
    if total > 1:
        counts = ", ".join(f"{len(group)} {kind}" for kind, group in kinds.items())
        lines.append(f"left out, {total} in all: {counts}")
    for kind, group in kinds.items():
        lines += [str(fault) for fault in group[:few]]
        if len(group) > few:
            lines.append(f"left out: {kind}: {len(group) - few} more; -v names all")
    return tuple(lines)
