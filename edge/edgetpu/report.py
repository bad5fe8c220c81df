"""What edgetpu_compiler prints (with -s), read into plain values."""

import re
from dataclasses import dataclass

MAPPED = "Mapped to Edge TPU"
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE = r":\s*([0-9.]+)\s*(B|KiB|MiB|GiB)\b"
_ON_CHIP = "On-chip memory used for caching model parameters"
_LEFT = "On-chip memory remaining for caching model parameters"
_OFF_CHIP = "Off-chip memory used for streaming uncached model parameters"
_HEAD = re.compile(r"^Operator +Count +Status", re.MULTILINE)
_ROW = re.compile(r"(?P<op>[A-Za-z_][\w.-]*)\s+(?P<count>[0-9]+)\s+(?P<status>\S.*?)\s*")
# Lines in which the compiler says why it gave up.
_COMPLAINT = re.compile(
    r"ERROR:|Compilation failed|Internal compiler error|Invalid model|could not"
)
MOST_COMPLAINTS = 5
MOST_CHARS = 300


@dataclass(frozen=True, slots=True)
class Row:
    """Operators of one kind with the same fate, in the compiler's own words."""

    op: str
    count: int
    status: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the compiler says; figures that it leaves out are None, `compiler` is then "".

    Weights beyond `on_chip_bytes` are streamed: `off_chip_bytes` at each inference.
    """

    compiler: str
    on_chip_bytes: int | None
    on_chip_left_bytes: int | None
    off_chip_bytes: int | None
    operators: int | None
    rows: tuple[Row, ...]

    @property
    def mapped(self) -> int:
        """Return how many operators the table gives to the Edge TPU."""
        return sum(row.count for row in self.rows if row.status.startswith(MAPPED))

    @property
    def on_processor(self) -> tuple[Row, ...]:
        """Return the rows of operators that stay on the processor."""
        return tuple(row for row in self.rows if not row.status.startswith(MAPPED))


def read_report(text: str) -> Report:
    """Return what the compiler's output says."""
    version = re.search(r"Edge TPU Compiler version (\S+)", text)
    operators = re.search(r"Total number of operations:\s*([0-9]+)", text)
    head = _HEAD.search(text)
    rows = (_ROW.fullmatch(line) for line in (text[head.end() :] if head else "").splitlines())
    return Report(
        compiler=version[1] if version else "",
        on_chip_bytes=_bytes(text, _ON_CHIP),
        on_chip_left_bytes=_bytes(text, _LEFT),
        off_chip_bytes=_bytes(text, _OFF_CHIP),
        operators=int(operators[1]) if operators else None,
        rows=tuple(Row(row["op"], int(row["count"]), row["status"]) for row in rows if row),
    )


def complaints(text: str) -> list[str]:
    """Return the lines that say why nothing was compiled, each once, a few at most."""
    lines = (line.strip()[:MOST_CHARS] for line in text.splitlines() if _COMPLAINT.search(line))
    return list(dict.fromkeys(lines))[:MOST_COMPLAINTS]


def _bytes(text: str, name: str) -> int | None:
    """Return a size of the report, `7.75KiB` and the like, in bytes."""
    found = re.search(re.escape(name) + _SIZE, text)
    if found is None or found[1].count(".") > 1 or found[1] == ".":
        return None
    return round(float(found[1]) * _UNITS[found[2]])
