"""`edge export`: a quantized model as plain C for a microcontroller, compared byte for byte."""

import json
from pathlib import Path
from typing import Any

import click

from edge import bundle as bundles
from edge.aside import written_aside
from edge.bundle import Bundle
from edge.cli import show
from edge.cli.limits import hold, limited
from edge.errors import EdgeError, NotFoundError, UnavailableError

INPUTS = 8  # compared by default; the tests compare more
VECTORS = 4  # of them that the self-test holds


class MismatchError(EdgeError):
    """The compiled C does not answer like the runtime that it claims to equal."""


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write into.")
@click.option("--target", metavar="CORE", help="The core to write for.")
@click.option("--board", metavar="ID", help="A board in place of a core; its memory is the limit.")
@click.option("--name", help="The C prefix, [a-z][a-z0-9_]*; else the model's name.")
@click.option(
    "--rounding", type=click.Choice(["tflm", "litert"]), default="tflm", show_default=True,
    help="The runtime whose output is met in every byte.",
)  # fmt: skip
@click.option(
    "--io", type=click.Choice(["arena", "caller"]), default="arena", show_default=True,
    help="Where inputs and outputs lie: in the arena, or in your own memory.",
)  # fmt: skip
@click.option("--ram-limit", type=click.IntRange(1), metavar="BYTES", help="The most RAM to take.")
@click.option("--flash-limit", type=click.IntRange(1), metavar="BYTES", help="The most flash.")
@click.option(
    "--project", type=click.Choice(["make", "cmake"]),
    help="A main and a build file too: self-test and one inference.",
)  # fmt: skip
@click.option("--no-verify", is_flag=True, help="Do not compile and compare.")
@click.pass_context
def export(
    ctx: click.Context,
    model: Path,
    out: Path,
    target: str | None,
    board: str | None,
    name: str | None,
    rounding: Any,
    io: Any,
    ram_limit: int | None,
    flash_limit: int | None,
    project: Any,
    no_verify: bool,
) -> None:
    """Write MODEL, a bundle or a full-int8 .tflite, as a C library into a folder.

    It is compiled with this machine's compiler and compared with the named runtime first;
    exit code 1, and nothing written, where a byte differs or a limit is exceeded.
    """
    from firmware_export import export as make
    from firmware_export import project as projects

    core, limits = limited(target, board, ram_limit, flash_limit)
    made, report, reasons = _sized(
        make(source(model), core, name=name, rounding=rounding, io=io), core
    )
    hold(report, limits)
    files = dict(made.files)
    lines = ["not verified"] if no_verify else _verified(made, files)
    if project:
        has_selftest = f"{made.model.name}_selftest.c" in files
        files.update(projects.files(made.model, core, project, has_selftest))
    files.update(_reports(made, report))
    for file, text in files.items():
        with written_aside(out / file) as aside:
            aside.write_text(text)
    lines += reasons
    sizes = {key: value for key, value in report.items() if key.endswith(("_bytes", "_estimated"))}
    record = {"out": str(out), "files": list(files), "checks": lines, **sizes, **made.report}
    show(ctx, record, "\n".join([_head(out, files, report), *(f"  {line}" for line in lines)]))


def _sized(made: Any, core: str) -> tuple[Any, dict[str, Any], list[str]]:
    """Return the export with its stack, its report, and why there was nothing to measure with."""
    from firmware_export import measure, measured, report, targets

    size, reasons = None, []
    if core != targets.HOST:
        try:
            size = measure.measure(made.model, made.files, targets.find(core))
            made = measured(made, size.stack_bytes)
        except UnavailableError as error:
            reasons = [f"text and stack not measured: {fault}" for fault in error.faults]
    return made, report.record(made.model, core, size), reasons


def _reports(made: Any, found: dict[str, Any]) -> dict[str, str]:
    from firmware_export import report

    text = json.dumps(found, indent=2, ensure_ascii=False)
    return {"report.json": f"{text}\n", "report.md": report.markdown(made.model, found)}


def _head(out: Path, files: dict[str, str], report: dict[str, Any]) -> str:
    about = " (estimated)" if report["text_is_estimated"] else ""
    return (
        f"{out}: {', '.join(files)}\n  arena {report['arena_bytes']:,} bytes, weights "
        f"{report['weight_bytes']:,} bytes, text {report['text_bytes']:,} bytes{about}, stack at "
        f"most {report['stack_bytes']:,} bytes, {len(report['layers'])} layers"
    )


def source(path: Path) -> Bundle | Path:
    """Return the bundle in a folder, or the file; raises NotFoundError."""
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
