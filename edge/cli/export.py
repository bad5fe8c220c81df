"""`edge export`: a quantized model as plain C for a microcontroller, compared byte for byte."""

from pathlib import Path
from typing import Any

import click

from edge import bundle as bundles
from edge.aside import written_aside
from edge.bundle import Bundle
from edge.cli import show
from edge.errors import EdgeError, NotFoundError

INPUTS = 8  # compared by default; the tests compare more


class MismatchError(EdgeError):
    """The compiled C does not answer like the runtime that it claims to equal."""


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write into.")
@click.option("--target", required=True, metavar="CORE", help="The core to write for.")
@click.option("--name", help="The C prefix, [a-z][a-z0-9_]*; else the model's name.")
@click.option(
    "--rounding", type=click.Choice(["tflm", "litert"]), default="tflm", show_default=True,
    help="The runtime whose output is met in every byte.",
)  # fmt: skip
@click.option("--no-verify", is_flag=True, help="Do not compile and compare.")
@click.pass_context
def export(
    ctx: click.Context,
    model: Path,
    out: Path,
    target: str,
    name: str | None,
    rounding: Any,
    no_verify: bool,
) -> None:
    """Write MODEL, a bundle or a full-int8 .tflite, as a C library into a folder.

    It is compiled with this machine's compiler and compared with the named runtime first;
    exit code 1, and nothing written, where a byte differs.
    """
    from firmware_export import export as make

    made = make(_source(model), target, name=name, rounding=rounding)
    lines = [] if no_verify else _verified(made)
    for file, text in made.files.items():
        with written_aside(out / file) as aside:
            aside.write_text(text)
    record = {"out": str(out), "files": list(made.files), "checks": lines, **made.report}
    head = (
        f"{out}: {', '.join(made.files)}\n  arena {made.report['arena_bytes']:,} bytes, "
        f"weights {made.report['weight_bytes']:,} bytes, {made.report['layers']} layers"
    )
    show(ctx, record, "\n".join([head, *(f"  {line}" for line in lines)]))


def _source(path: Path) -> Bundle | Path:
    if path.is_dir():
        return bundles.read(path)
    if not path.is_file():
        raise NotFoundError(f"no model {str(path)!r}; give a bundle or a .tflite file")
    return path


def _verified(made: Any) -> list[str]:
    from firmware_export import verify

    verdicts, reasons = verify.against(made.model, dict(made.files), INPUTS)
    for oracle, verdict in verdicts.items():
        if oracle == made.model.rounding and verdict.different:
            raise MismatchError(f"not written: against {oracle}, {verdict.text}")
    lines = [f"against {verify.NAMES[oracle]}: {v.text}" for oracle, v in verdicts.items()]
    return lines + [f"not compared: {reason}" for reason in reasons]
