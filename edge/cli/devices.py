"""`edge devices`: the boards of the catalogue, and every figure of one with its source."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import click

import devices as catalogue
from edge.cli import show
from edge.cli.here import here
from edge.errors import BadDataError, EdgeError, NotFoundError

HEADER = ("id", "board", "kind", "processor", "RAM usable", "flash usable", "accelerator")
# The columns of bytes: lined up at their right.
NUMBERS = (4, 5)


@click.group(invoke_without_command=True)
@click.pass_context
def devices(ctx: click.Context) -> None:
    """List the boards that are known, show one, or say what this machine is."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_boards)


devices.add_command(here)


@devices.command("list")
@click.pass_context
def list_boards(ctx: click.Context) -> None:
    """List all boards; the memory is what one application can use, in bytes."""
    boards = all_boards()
    rows = [
        (
            board.id,
            board.name,
            board.kind,
            board.core,
            f"{board.ram_usable_bytes:,}",
            "" if board.flash_usable_bytes is None else f"{board.flash_usable_bytes:,}",
            board.accelerator,
        )
        for board in boards
    ]
    show(ctx, [record(board) for board in boards], columns([HEADER, *rows], NUMBERS))


@devices.command("show")
@click.argument("board_id", metavar="ID")
@click.pass_context
def show_board(ctx: click.Context, board_id: str) -> None:
    """Show every figure of the board ID and where it stands."""
    board = find_boards([board_id])[0]
    show(ctx, record(board), _details(board))


def all_boards() -> tuple[catalogue.Device, ...]:
    """Return every board; raise BadDataError where a board file is wrong."""
    try:
        return catalogue.boards()
    except catalogue.DevicesError as error:
        raise as_edge_error(error) from error


def find_boards(board_ids: Iterable[str]) -> list[catalogue.Device]:
    """Return the boards of these ids or aliases; raise NotFoundError that names all unknown."""
    found: dict[str, catalogue.Device] = {}
    unknown: list[str] = []
    for board_id in board_ids:
        try:
            board = catalogue.find(board_id)
        except catalogue.UnknownBoardError as error:
            unknown.extend(error.faults)
        except catalogue.DevicesError as error:
            raise as_edge_error(error) from error
        else:
            found[board.id] = board
    if unknown:
        raise NotFoundError(*dict.fromkeys(unknown))
    return list(found.values())


def as_edge_error(error: catalogue.DevicesError) -> EdgeError:
    """Return the error of the command line with the same faults and exit code."""
    unknown = isinstance(error, catalogue.UnknownBoardError)
    return (NotFoundError if unknown else BadDataError)(*error.faults)


def record(board: catalogue.Device) -> dict[str, Any]:
    """Return all that is known of a board, for JSON."""
    # asdict cannot copy a read-only mapping; a plain dict it can.
    return dataclasses.asdict(dataclasses.replace(board, sources=dict(board.sources)))


def columns(rows: Sequence[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """Return rows as lined-up text; the columns `numbers` are lined up at their right."""
    right = set(numbers)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def _details(board: catalogue.Device) -> str:
    lines = [f"{board.name} ({', '.join((board.id, *board.aliases))})"]
    shown = [
        (field.name, _value(getattr(board, field.name)), board.sources.get(field.name, ""))
        for field in dataclasses.fields(board)
        if field.name not in {"id", "name", "aliases", "notes", "regions", "sources", "probe"}
    ]
    shown += [
        (f"region {region.name}", f"{region.bytes:,} at 0x{region.origin:08x}", source)
        for region in board.regions
        for source in [board.sources.get("region", "")]
    ]
    shown += [
        (f"probe {key}", ", ".join(names), board.sources.get("probe", ""))
        for key, names in (dataclasses.asdict(board.probe) if board.probe else {}).items()
    ]
    lines.append(columns([row for row in shown if row[1]]))
    lines.extend(f"Note: {note}" for note in board.notes)
    return "\n".join(lines)


def _value(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
