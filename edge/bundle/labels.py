"""Label files: one name a line, or an index before each name."""

import itertools
import re
from collections.abc import Sequence

MAX_LABELS = 100_000
# "0 cat" (Teachable Machine), "0  person" (Coral), "0: cat"
_INDEXED = re.compile(r"(\d{1,6})(?:\s*[:,]\s*|\s+)(\S.*)")


def parse_labels(text: str) -> tuple[tuple[str, ...], bool]:
    """Return the labels by their index, and whether the lines carried indices.

    Indices count when every line has one and they rise from 0 or 1; a missing index becomes "".
    """
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    pairs = _indexed(lines)
    if pairs is None:
        return tuple(lines), False
    labels = [""] * (pairs[-1][0] + 1)
    for index, label in pairs:
        labels[index] = label
    return tuple(labels), True


def _indexed(lines: Sequence[str]) -> list[tuple[int, str]] | None:
    matches = [_INDEXED.fullmatch(line) for line in lines if line]
    pairs = [(int(m[1]), m[2]) for m in matches if m]
    indices = [index for index, _ in pairs]
    rising = all(a < b for a, b in itertools.pairwise(indices))
    if not pairs or len(pairs) < len(matches) or not rising:
        return None
    return pairs if indices[0] in (0, 1) and indices[-1] < MAX_LABELS else None


def labels_text(labels: Sequence[str]) -> str:
    """Return the text of labels.txt: a name a line, in index order."""
    return "".join(f"{label}\n" for label in labels)
