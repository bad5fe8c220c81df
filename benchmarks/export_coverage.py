"""Which public models become C, and why the others do not: a table by class of model.

Run: python benchmarks/export_coverage.py SHARED_DATA [--all]; nothing is compiled or compared here,
tests/firmware_export/test_coverage.py does that.
"""

import argparse
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from edge.errors import BadDataError
from firmware_export import export


@dataclass(frozen=True, slots=True)
class Row:
    """A model of the shared data with its class, and the faults that refuse it, () if none do."""

    path: Path
    kind: str
    faults: tuple[str, ...]


def classes(data: Path) -> dict[Path, str]:
    """Return each model's path with its class in the manifest of peers' models, "" elsewhere."""
    suites = data / "suites"
    records = json.loads((suites / "manifest.json").read_text())["models"]
    kinds = {suites / record["file"]: str(record["cls"]) for record in records}
    return {path: kinds.get(path, "") for path in sorted(data.rglob("*.tflite"))}


def row(path: Path, kind: str) -> Row:
    """Return what the exporter says to a model."""
    try:
        export(path)
    except BadDataError as error:
        return Row(path, kind, error.faults)
    return Row(path, kind, ())


def table(rows: list[Row]) -> list[str]:
    """Return the lines of the table: per class how many are exported, and the first reasons."""
    found = defaultdict(list)
    for each in rows:
        found[each.kind or "(no class)"].append(each)
    lines = [f"{'class':30} models exported refused"]
    for kind, group in sorted(found.items()):
        done = sum(not each.faults for each in group)
        lines.append(f"{kind:30} {len(group):6} {done:8} {len(group) - done:7}")
        reasons = Counter(_short(each.faults[0]) for each in group if each.faults)
        lines += [f"    {count:4} {reason}" for reason, count in reasons.most_common()]
    return lines


def _short(fault: str) -> str:
    """Return a reason without the names of one model."""
    operator, _, reason = fault.partition(": ")
    name = operator.split(" ")[-1]
    if reason.startswith("tensor '"):
        reason = f"a tensor {reason.rpartition(chr(39))[2].strip()}"
    return f"{name}: {reason.partition(';')[0][:110]}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--all", action="store_true", help="each refused model on a line, too")
    arguments = parser.parse_args()
    rows = [row(path, kind) for path, kind in classes(arguments.data).items()]
    print("\n".join(table(rows)))
    if arguments.all:
        for each in rows:
            if each.faults:
                print(f"{each.path.relative_to(arguments.data)}: {each.faults[0]}")


if __name__ == "__main__":
    main()
