"""`edge bench`: the instructions of one inference on an emulated microcontroller."""

from pathlib import Path
from typing import Any

import click

from edge.cli import show
from edge.cli.export import MismatchError, source


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--target", required=True, metavar="CORE", help="The core to count on.")
@click.option(
    "--rounding", type=click.Choice(["tflm", "litert"]), default="tflm", show_default=True,
    help="The runtime whose output is met in every byte.",
)  # fmt: skip
@click.pass_context
def bench(ctx: click.Context, model: Path, target: str, rounding: Any) -> None:
    """Export MODEL for a core, run it under emulation and count its instructions.

    The counts are exact: each instruction that the core executes, whatever it costs in cycles.
    """
    from firmware_export import export, targets
    from firmware_export.bench import bench as count

    core = targets.find(target)
    made = export(source(model), target, rounding=rounding)
    found = count(made.model, made.files, core)
    if found.checked is False:
        raise MismatchError(f"on {found.machine} the answers differ from the named runtime's")
    record = {
        "core": target,
        "machine": found.machine,
        "compiler": found.compiler,
        "flags": list(found.flags),
        "instructions": found.instructions,
        "macs": found.macs,
        "text_bytes": found.text_bytes,
        "weight_bytes": made.report["weight_bytes"],
        "arena_bytes": found.arena_bytes,
        "checked": found.checked,
        "layers": [
            {"function": s.function, "macs": s.macs, "instructions": s.instructions}
            for s in found.steps
        ],
    }
    show(ctx, record, _text(record))


def _text(record: dict[str, Any]) -> str:
    rows = [("layer", "instructions", "MACs", "per MAC")]
    rows += [
        _row(f"{i} {layer['function']}", layer["instructions"], layer["macs"])
        for i, layer in enumerate(record["layers"])
    ]
    rows.append(_row("one inference", record["instructions"], record["macs"]))
    width = max(len(row[0]) for row in rows)
    lines = [f"{a:<{width}} {b:>13} {c:>12} {d:>8}".rstrip() for a, b, c, d in rows]
    checked = "answers checked" if record["checked"] else "answers not checked: no runtime here"
    return "\n".join(
        [
            f"{record['core']} on {record['machine']}, {record['compiler']}, {checked}",
            *lines,
            f"text {record['text_bytes']:,} bytes, weights {record['weight_bytes']:,} bytes, "
            f"arena {record['arena_bytes']:,} bytes",
        ]
    )


def _row(name: str, instructions: int, macs: int) -> tuple[str, str, str, str]:
    per = f"{instructions / macs:.2f}" if macs else ""
    return name, f"{instructions:,}", f"{macs:,}", per
