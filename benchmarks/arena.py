"""The arena of every shared model that can be exported, against the live-tensor bound.

    python benchmarks/arena.py [FOLDER]

Two figures a model. `apart`: nothing may overlap, so the bound is the largest sum of live bytes in
the chosen order; this judges the placement alone. `planned`: outputs overlap inputs that die, as
exported. Listed are the models whose `apart` misses its bound, with the gap.
"""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import EdgeError
from firmware_export import export
from firmware_export.placement import plan
from firmware_export.plan import live_bound_bytes

LEAST_PART = 0.95


@dataclass(frozen=True, slots=True)
class Row:
    """One model: bytes, and the seconds of its export."""

    name: str
    bound: int
    apart: int
    planned: int
    seconds: float


def main() -> int:
    """Print the models that miss the bound and the part that reaches it; 1 below 95 %."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    default = Path(os.environ.get("EDGE_SHARED", beside)) / "data"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    rows = list(measured(folder))
    for row in rows:
        if row.apart > row.bound:
            gap = row.apart / row.bound - 1
            print(f"{row.name}: {row.apart:,} for a bound of {row.bound:,} ({gap:.1%} above)")
    reached = sum(row.apart <= row.bound for row in rows)
    below = sum(row.planned < row.bound for row in rows)
    slowest = max(rows, key=lambda row: row.seconds)
    print(f"{reached} of {len(rows)} models reach the bound ({reached / len(rows):.1%})")
    print(f"{below} need less, because outputs overlap the inputs that die")
    print(f"slowest export: {slowest.name}, {slowest.seconds:.1f} s")
    return 0 if reached >= LEAST_PART * len(rows) else 1


def measured(folder: Path) -> Iterator[Row]:
    """Yield a row for each distinct model below a folder that can be exported."""
    seen: set[str] = set()
    for path in sorted(folder.rglob("*.tflite")):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest in seen:
            continue
        seen.add(digest)
        start = time.perf_counter()
        try:
            made = export(content).model
        except EdgeError:
            continue
        except (IndexError, KeyError, ValueError) as error:
            print(f"{path.relative_to(folder)}: no clean refusal: {error!r}")
            continue
        seconds = time.perf_counter() - start
        lives = [place.life for place in made.plan.places]
        # tensors begin at whole words: the bound counts that in
        bound = live_bound_bytes(lives)
        apart = plan(lives).arena_bytes
        name = str(path.relative_to(folder))
        yield Row(name, bound, apart, made.plan.arena_bytes, seconds)


if __name__ == "__main__":
    sys.exit(main())
