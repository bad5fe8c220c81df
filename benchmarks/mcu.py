"""Instructions of the public networks on every emulated core, beside what peers need.

    python benchmarks/mcu.py [--write] [--bars FILE.png] [--core CORE]...

Each figure comes from one program, built with the flags of targets/CORE/target.toml, whose answers
are compared first. --write puts the counts into tests/firmware_export/instructions.toml in place
of those of the same compilers. Published cycles are of silicon: an instruction is a cycle or more.
"""

import argparse
import os
import sys
import tomllib
from pathlib import Path

from edge.errors import UnavailableError
from firmware_export import export, targets
from firmware_export.bench import Bench, bench

HERE = Path(__file__).resolve()
FILE = HERE.parents[1] / "tests" / "firmware_export" / "instructions.toml"
PUBLISHED = HERE.with_name("published.toml")
MODELS = {
    "kws": "kws_ref_model.tflite",
    "resnet": "pretrainedResnet_quant.tflite",
    "vww": "vww_96_int8.tflite",
    "ad": "ad01_int8.tflite",
}
Figures = dict[str, dict[str, dict[str, int]]]  # compiler, core, model


def main() -> int:
    """Count, print, and write or draw what is asked for."""
    cores = [name for name in targets.names() if name != targets.HOST]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--bars", type=Path)
    parser.add_argument("--core", action="append", choices=cores)
    args = parser.parse_args()
    found = {core: row for core in args.core or cores if (row := counted(core))}
    print(table(found))
    if args.write:
        FILE.write_text(as_toml(merged(found)))
    if args.bars:
        draw(found, args.bars)
    return 0 if all(b.checked for row in found.values() for b in row.values()) else 1


def counted(core: str) -> dict[str, Bench]:
    """Return the counts of all models on a core, or {} where its tools are not here."""
    beside = HERE.parents[2] / "shared"
    folder = Path(os.environ.get("EDGE_SHARED", beside)) / "data" / "mlperf-tiny"
    row = {}
    for name, file in MODELS.items():
        made = export(folder / file, core, name=name)
        try:
            row[name] = bench(made.model, made.files, targets.find(core), by_layer=False)
        except UnavailableError as error:
            print(f"# {core}: {error}", file=sys.stderr)
            return {}
    return row


def table(found: dict[str, dict[str, Bench]]) -> str:
    """Return ours and the peers' counts, in millions and per multiply-accumulate."""
    peers = tomllib.loads(PUBLISHED.read_text())
    macs = {name: b.macs for row in found.values() for name, b in row.items()}
    lines = [f"{'instructions, M (per MAC)':<32}" + "".join(f"{m:>18}" for m in MODELS)]
    rows = {core: {m: b.instructions for m, b in row.items()} for core, row in found.items()}
    rows |= {f"{p['name']}, {p['core']}": {m: p[m] for m in MODELS} for p in peers["peer"]}
    for name, row in rows.items():
        cells = (f"{row[m] / 1e6:.3f} ({row[m] / macs[m]:.2f})" for m in MODELS)
        lines.append(f"{name:<32}" + "".join(f"{cell:>18}" for cell in cells))
    lines.append("cycles per MAC on silicon, published")
    for p in peers["cycles_per_mac"]:
        label = f"{p['name']}, {p['core']}"
        lines.append(f"{label:<32}" + "".join(f"{p[m]:>18.2f}" for m in MODELS))
    return "\n".join(lines)


def merged(found: dict[str, dict[str, Bench]]) -> Figures:
    """Return the committed figures with those found in place of the same compilers' and cores'."""
    figures: Figures = tomllib.loads(FILE.read_text()) if FILE.is_file() else {}
    for core, row in found.items():
        compiler = next(iter(row.values())).compiler
        counts = {name: b.instructions for name, b in row.items()}
        figures.setdefault(compiler, {})[core] = counts
    return figures


def as_toml(figures: Figures) -> str:
    """Return the figures as TOML, sorted."""
    lines = ["# Instructions of one inference; written by benchmarks/mcu.py --write"]
    for compiler in sorted(figures):
        for core, row in sorted(figures[compiler].items()):
            lines.append(f'["{compiler}".{core}]')
            lines += [f"{name} = {count:_}" for name, count in sorted(row.items())]
    return "\n".join(lines) + "\n"


def draw(found: dict[str, dict[str, Bench]], path: Path) -> None:
    """Draw bars per multiply-accumulate, the same bytes for the same figures."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    peers = tomllib.loads(PUBLISHED.read_text())["peer"]
    macs = {name: b.macs for row in found.values() for name, b in row.items()}
    bars = {core: [row[m].instructions / macs[m] for m in MODELS] for core, row in found.items()}
    bars |= {f"{p['name']}, {p['core']}": [p[m] / macs[m] for m in MODELS] for p in peers}
    figure, axes = plt.subplots(figsize=(8, 4), dpi=80)
    width = 0.8 / len(bars)
    for i, (name, heights) in enumerate(bars.items()):
        axes.bar([x + i * width for x in range(len(MODELS))], heights, width, label=name)
    axes.set_xticks([x + 0.4 - width / 2 for x in range(len(MODELS))], list(MODELS))
    axes.set_ylabel("instructions per MAC")
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})


if __name__ == "__main__":
    sys.exit(main())
