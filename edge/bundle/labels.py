"""Label files: one name a line, an index before each name, or a label map of items."""

import itertools
import re
from collections.abc import Iterable, Sequence

MAX_LABELS = 100_000
# How label files call a class that is none, and one that stands for "nothing there".
UNNAMED = ("???", "n/a")
BACKGROUND = ("background", "__background__", "_background_")
# "0 cat" (Teachable Machine), "0  person" (Coral), "0: cat"
_INDEXED = re.compile(r"(\d{1,6})(?:\s*[:,]\s*|\s+)(\S.*)")
# TensorFlow's object detection: item { id: 1 name: "/m/01g317" display_name: "person" }
_ITEM = re.compile(r"item\s*\{([^{}]*)\}")
_FIELD = re.compile(r"""(\w+)\s*:\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|(\d{1,6}))""")


def parse_labels(text: str) -> tuple[tuple[str, ...], bool]:
    """Return the labels by their index, and whether the file said the indices.

    Indices count when every line has one and they rise from 0 or 1; a missing index becomes "",
    and so does a name that stands for none (`???`). A label map of `item { id: 1 name: "x" }`
    gives its ids.
    """
    text = text.removeprefix("\ufeff")
    items = _ITEM.findall(text)
    if items and not _ITEM.sub("", text).strip():
        pairs = _items(items)
        if pairs:
            return named(by_index(pairs)), True
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    pairs = _indexed(lines)
    return (named(by_index(pairs)), True) if pairs else (named(lines), False)


def named(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the labels with "" for those that stand for no class."""
    return tuple("" if label.lower() in UNNAMED else label for label in labels)


def is_background(label: str) -> bool:
    """Tell whether the first of some labels can stand for the background."""
    return label == "" or label.lower() in BACKGROUND


def by_index(pairs: Sequence[tuple[int, str]]) -> list[str]:
    """Return the labels of (index, label) pairs, "" where an index is missing."""
    labels = [""] * (max(index for index, _ in pairs) + 1)
    for index, label in pairs:
        labels[index] = label
    return labels


def _items(items: Sequence[str]) -> list[tuple[int, str]] | None:
    pairs: list[tuple[int, str]] = []
    for item in items:
        fields = {name: a or b or number for name, a, b, number in _FIELD.findall(item)}
        label = (fields.get("display_name") or fields.get("name") or "").strip()
        index = fields.get("id", "")
        if not label or not index.isascii() or not index.isdigit() or int(index) >= MAX_LABELS:
            return None
        pairs.append((int(index), label))
    return pairs if len({index for index, _ in pairs}) == len(pairs) else None


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
