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
VECTORS = 4  # of them that the self-test holds


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
    files = dict(made.files)
    lines = [] if no_verify else _verified(made, files)
    for file, text in files.items():
        with written_aside(out / file) as aside:
            aside.write_text(text)
    record = {"out": str(out), "files": list(files), "checks": lines, **made.report}
    head = (
        f"{out}: {', '.join(files)}\n  arena {made.report['arena_bytes']:,} bytes, "
        f"weights {made.report['weight_bytes']:,} bytes, {made.report['layers']} layers"
    )
    show(ctx, record, "\n".join([head, *(f"  {line}" for line in lines)]))


def _source(path: Path) -> Bundle | Path:
    if path.is_dir():
        return bundles.read(path)
    if not path.is_file():
        raise NotFoundError(f"no model {str(path)!r}; give a bundle or a .tflite file")
    return path


def _verified(made: Any, files: dict[str, str]) -> list[str]:
    """Return what the comparison says, and add the self-test; raises MismatchError."""
    from firmware_export import selftest, verify

    found = verify.against(made.model, files, INPUTS)
    own = found.verdicts.get(made.model.rounding)
    if own is not None and own.different:
        raise MismatchError(f"not written: against {verify.NAMES[made.model.rounding]}, {own.text}")
    if found.wanted:
        files[f"{made.model.name}_selftest.c"] = selftest.text(
            made.model, [a[:VECTORS] for a in found.inputs], [a[:VECTORS] for a in found.wanted]
        )
    lines = [f"against {verify.NAMES[name]}: {v.text}" for name, v in found.verdicts.items()]
    return lines + [f"not compared: {reason}" for reason in found.reasons]
