"""Text, weights, arena and stack of the public networks, for each compiler that is here.

    python benchmarks/budgets.py [--write]

Prints the figures as TOML; --write puts them into tests/firmware_export/budgets.toml in place of
those of the same compilers. Figures of other versions stay.
"""

import os
import sys
import tomllib
from pathlib import Path

from edge.errors import UnavailableError
from firmware_export import export, measure, targets
from firmware_export.model import Model

FILE = Path(__file__).resolve().parents[1] / "tests" / "firmware_export" / "budgets.toml"
MODELS = {
    "kws": "kws_ref_model.tflite",
    "resnet": "pretrainedResnet_quant.tflite",
    "vww": "vww_96_int8.tflite",
    "ad": "ad01_int8.tflite",
}
Figures = dict[str, dict[str, dict[str, dict[str, int]]]]  # compiler, core, model


def main() -> int:
    """Print or write the figures."""
    found = measured()
    if "--write" in sys.argv[1:]:
        found = {**tomllib.loads(FILE.read_text()), **found} if FILE.is_file() else found
        FILE.write_text(as_toml(found))
        return 0
    print(as_toml(found))
    return 0


def measured() -> Figures:
    """Return the figures of every core whose compiler is here."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("EDGE_SHARED", beside)) / "data" / "mlperf-tiny"
    found: Figures = {}
    for core in targets.names():
        if core == targets.HOST:
            continue
        for name, file in MODELS.items():
            try:
                compiler, row = figures(folder / file, core, name)
            except UnavailableError as error:
                print(f"# {core}: {error}", file=sys.stderr)
                break
            found.setdefault(compiler, {}).setdefault(core, {})[name] = row
    return found


def figures(path: Path, core: str, name: str) -> tuple[str, dict[str, int]]:
    """Return the compiler's name with its version, and the bytes of one model on one core."""
    made = export(path, core, name=name)
    size = measure.measure(made.model, made.files, targets.find(core))
    return size.compiler, bytes_of(made.model, size, made.report["weight_bytes"])


def bytes_of(model: Model, size: measure.Size, weight_bytes: int) -> dict[str, int]:
    """Return the row of one model."""
    return {
        "text": size.text_bytes,
        "weights": weight_bytes,
        "arena": model.plan.arena_bytes,
        "stack": size.stack_bytes,
    }


def as_toml(found: Figures) -> str:
    """Return the figures as TOML, sorted."""
    lines = ["# Bytes, by compiler, core and model; written by benchmarks/budgets.py --write"]
    for compiler in sorted(found):
        for core in sorted(found[compiler]):
            lines.append(f'["{compiler}".{core}]')
            for name, row in sorted(found[compiler][core].items()):
                cells = ", ".join(f"{key} = {value:_}" for key, value in row.items())
                lines.append(f"{name} = {{ {cells} }}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
