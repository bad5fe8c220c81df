"""`edge compile`: a bundle's model for the Edge TPU, beside the one for the processor."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from edge import bundle
from edge.bundle import Bundle
from edge.cli import show
from edge.edgetpu.compiler import Result, compile_model, find_compiler
from edge.errors import UsageError


@click.command("compile")
@click.argument("folder", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--min-runtime", default=13, show_default=True, type=click.IntRange(min=10),
    help="The oldest runtime of the Edge TPU that must run it.",
)  # fmt: skip
@click.pass_context
def compile_bundle(ctx: click.Context, folder: Path, min_runtime: int) -> None:
    """Compile the model of BUNDLE for the Edge TPU and put it into the bundle.

    Needs edgetpu_compiler on PATH. Exit code 1 where it maps no operator; nothing is written
    then. The model for the processor stays: it answers where there is no Edge TPU.
    """
    content = bundle.read(folder)
    if content.folder is None:
        raise UsageError(f"{folder} is no bundle; edge compile takes a bundle's folder")
    result = compile_model(content.model, min_runtime, find_compiler())
    signed = (folder / bundle.SIGNATURE).exists()
    add_compiled(content, result)
    record = {
        "path": str(folder),
        "bytes": len(result.model),
        **asdict(result.needs),
        "report": {**asdict(result.report), "mapped": result.report.mapped},
        "signature_removed": signed,
    }
    show(ctx, record, "\n".join(_lines(folder, result, signed)))


def add_compiled(content: Bundle, result: Result) -> Bundle:
    """Write the bundle again with the compiled model, whole or not at all; return it as read."""
    assert content.folder is not None  # noqa: S101 - a bundle that was read from a folder
    golden = bundle.load_golden(content) if content.golden else None
    arrays: dict[str, Any] = {}
    if golden:
        arrays |= {f"input{index}": array for index, array in enumerate(golden.inputs)}
        arrays |= {f"output{index}": array for index, array in enumerate(golden.outputs)}
    changed = replace(
        content,
        edgetpu_model=result.model,
        requires={**content.requires, "edgetpu_runtime_min": result.needs.runtime_min},
    )
    return bundle.write(changed, content.folder, arrays)


def _lines(folder: Path, result: Result, signed: bool) -> list[str]:
    report = result.report
    total = report.operators or sum(row.count for row in report.rows)
    lines = [
        f"{folder}: model_edgetpu.tflite, {len(result.model):,} bytes, for runtime version "
        f"{result.needs.runtime_min} and later"
    ]
    if report.rows:
        lines.append(f"  {report.mapped} of {total} operators on the Edge TPU")
    lines += [f"  on the processor: {r.count} x {r.op}: {r.status}" for r in report.on_processor]
    if report.on_chip_bytes is not None:
        lines.append(f"  weights on the chip {report.on_chip_bytes:,} bytes{_left(result)}")
    if report.off_chip_bytes:
        lines.append(f"  {report.off_chip_bytes:,} bytes of weights are streamed: slower")
    if signed:
        lines.append("  the signature was of the bundle as it was, and is removed: sign it again")
    return lines


def _left(result: Result) -> str:
    left = result.report.on_chip_left_bytes
    return "" if left is None else f", {left:,} bytes left"
