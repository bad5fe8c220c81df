"""`edge fit`: what a model would take of each board, side by side, and what is missing where."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

import devices
from edge import bundle, cost, tflite
from edge.cli import show
from edge.cli.devices import all_boards, columns, find_boards
from edge.errors import BadDataError, NotFoundError

HEADER = ("board", "fits", "RAM", "usable", "part", "flash", "usable", "part", "missing, bytes")
NUMBERS = (2, 3, 4, 5, 6, 7)
ESTIMATED = (
    "Estimated, nothing was compiled: RAM on a microcontroller is {arena}, its flash\nis weights "
    "and {code_bytes:,} bytes of code; on Linux the RAM is the file, packed weights and live\n"
    "tensors, on an accelerator the weights in its own memory."
)
PLANNED = "the arena that `edge export` plans"
NOT_PLANNED = "the least that live tensors take (`edge export` says why it cannot plan)"
WHAT = {"ram": "RAM", "flash": "flash", "type": "not int8", "operator": "operator"}
# They carry real numbers over the border; everything between borders must be 8 bits.
BORDER_OPS = frozenset({"QUANTIZE", "DEQUANTIZE", "TFLite_Detection_PostProcess"})
WIDE = ("float16", "bfloat16", "float32", "float64", "int16")

Verdict = tuple[devices.Device, devices.Estimate, list[devices.Fault]]


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--board", "board_ids", multiple=True, metavar="ID", help="A board; may be repeated.")
@click.pass_context
def fit(ctx: click.Context, model: Path, board_ids: tuple[str, ...]) -> None:
    """Say whether MODEL, a bundle or a .tflite file, fits on boards (all of them by default).

    Exit code 1 where a named board is too small, or no board is large enough.
    """
    boards = find_boards(board_ids) if board_ids else all_boards()
    content = _read_model(model)
    with_plan = any(board.kind == "mcu" for board in boards)
    needs = needs_of(content, tflite.read(content), with_plan)
    verdicts = [
        (board, devices.estimate(needs, board), devices.fit(needs, board)) for board in boards
    ]
    show(ctx, _record(model, needs, verdicts), _text(model, needs, verdicts))
    fitting = [not faults for _, _, faults in verdicts]
    if not (all(fitting) if board_ids else any(fitting)):
        ctx.exit(1)


def needs_of(content: bytes, graph: tflite.Graph, with_plan: bool = False) -> devices.Needs:
    """Return a model's needs as the plain numbers that the catalogue compares.

    `with_plan` plans the arena of a microcontroller too, which takes a second or so.
    """
    return devices.Needs(
        model_bytes=len(content),
        weight_bytes=cost.weight_bytes(graph),
        ram_bytes=cost.live_tensor_bound_bytes(graph),
        macs=cost.macs(graph),
        int8=is_full_int8(graph),
        custom_ops=tuple(dict.fromkeys(op.op for op in graph.operators if op.custom)),
        planned=_planned(content) if with_plan else None,
    )


def _planned(content: bytes) -> devices.Planned | None:
    """Return what the exporter's planner gives, None where it cannot export the model."""
    from firmware_export import export

    try:
        report = export(content).report
    except BadDataError:
        return None
    return devices.Planned(report["arena_bytes"], report["weight_bytes"])


def is_full_int8(graph: tflite.Graph) -> bool:
    """Return whether every operator but those at the borders works on 8 bits.

    States (SVDF, LSTM) may be int16, and constants other than floats may be wider.
    """
    for op in graph.operators:
        if op.op in BORDER_OPS:
            continue
        for index in (*op.inputs, *op.outputs):
            tensor = graph.tensors[index] if index >= 0 else None
            if tensor is None or tensor.dtype not in WIDE:
                continue
            constant = tensor.data is not None or tensor.is_variable
            if tensor.dtype != "int16" or not constant:
                return False
    return True


def _read_model(path: Path) -> bytes:
    if path.is_dir():
        return bundle.read(path).model
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"no model {str(path)!r}; give a bundle or a .tflite file") from error
    except OSError as error:
        raise BadDataError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _record(model: Path, needs: devices.Needs, verdicts: Iterable[Verdict]) -> dict[str, Any]:
    boards = [
        {
            "id": board.id,
            "fits": not faults,
            "faults": [dataclasses.asdict(fault) for fault in faults],
            **dataclasses.asdict(taken),
            "ram_part": taken.ram_part,
            "flash_part": taken.flash_part,
        }
        for board, taken, faults in verdicts
    ]
    return {"model": str(model), "needs": dataclasses.asdict(needs), "boards": boards}


def _text(model: Path, needs: devices.Needs, verdicts: list[Verdict]) -> str:
    kind = "full int8 or uint8" if needs.int8 else "not full int8"
    head = (
        f"{model.name}: {needs.model_bytes:,} bytes, {kind}; weights {needs.weight_bytes:,}, "
        f"live tensors at least {needs.ram_bytes:,}, {needs.macs:,} MACs"
    )
    table = columns([HEADER, *(_row(*verdict) for verdict in verdicts)], NUMBERS)
    said = ESTIMATED.format(
        code_bytes=needs.code_bytes, arena=PLANNED if needs.planned else NOT_PLANNED
    )
    parts = [head, said, "", table, *_remarks(verdicts)]
    return "\n".join(parts)


def _row(
    board: devices.Device, taken: devices.Estimate, faults: list[devices.Fault]
) -> tuple[str, ...]:
    missing = (
        f"{WHAT[fault.what]} {fault.missing_bytes:,}" if fault.missing_bytes else WHAT[fault.what]
        for fault in faults
    )
    ram = _memory(taken.ram_bytes, taken.ram_usable_bytes, taken.ram_part)
    flash = _memory(taken.flash_bytes, taken.flash_usable_bytes, taken.flash_part)
    return (board.id, "no" if faults else "yes", *ram, *flash, ", ".join(missing))


def _memory(taken: int | None, usable: int | None, part: float | None) -> tuple[str, str, str]:
    if taken is None or usable is None or part is None:
        return "", "", ""
    return f"{taken:,}", f"{usable:,}", f"{part:.1%}"


def _remarks(verdicts: Iterable[Verdict]) -> list[str]:
    """Return what the table has no room for, each line once with all of its boards."""
    boards: dict[str, list[str]] = {}
    for board, taken, faults in verdicts:
        host = [f"needs a host: {board.host}"] if board.host else []
        reasons = [fault.text for fault in faults if not fault.missing_bytes]
        for line in (*reasons, *taken.notes, *host):
            boards.setdefault(line, []).append(board.id)
    return [f"{', '.join(ids)}: {line}" for line, ids in boards.items()]
