"""The memory that an export may take: named limits, and those of a board."""

from dataclasses import dataclass
from typing import Any

from edge.cli.devices import all_boards, find_boards
from edge.errors import EdgeError, UsageError


class LimitError(EdgeError):
    """An export takes more memory than it may."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The most bytes of `ram` or `flash`, and who says so."""

    what: str
    most_bytes: int
    said_by: str


def limited(
    target: str | None, board_id: str | None, ram_bytes: int | None, flash_bytes: int | None
) -> tuple[str, list[Limit]]:
    """Return the core to write for and the limits; raises UsageError, NotFoundError."""
    named = [("RAM", ram_bytes, "--ram-limit"), ("flash", flash_bytes, "--flash-limit")]
    limits = [Limit(what, most, by) for what, most, by in named if most is not None]
    if (target is None) == (board_id is None):
        raise UsageError("give either --target CORE or --board ID")
    if board_id is None:
        return str(target), limits
    (board,) = find_boards([board_id])
    if board.kind != "mcu":
        ids = ", ".join(b.id for b in all_boards() if b.kind == "mcu")
        raise UsageError(f"{board.id} is no microcontroller; boards to export for: {ids}")
    limits.append(Limit("RAM", board.ram_usable_bytes, board.id))
    if board.flash_usable_bytes is not None:
        limits.append(Limit("flash", board.flash_usable_bytes, board.id))
    return board.toolchain, limits


def hold(report: dict[str, Any], limits: list[Limit]) -> None:
    """Raise LimitError with every limit that a report exceeds, and what would hold it."""
    taken = {"RAM": report["arena_bytes"], "flash": report["flash_bytes"]}
    parts = {
        "RAM": "arena",
        "flash": f"weights {report['weight_bytes']:,}, text {report['text_bytes']:,}"
        + (" estimated" if report["text_is_estimated"] else ""),
    }
    faults = [
        f"not written: {limit.what} {taken[limit.what]:,} bytes ({parts[limit.what]}) is "
        f"{taken[limit.what] - limit.most_bytes:,} above the {limit.most_bytes:,} of "
        f"{limit.said_by}"
        for limit in limits
        if taken[limit.what] > limit.most_bytes
    ]
    if faults:
        boards = ", ".join(b["id"] for b in report["boards"] if b["fits"]) or "none"
        fits = f"it fits RAM {taken['RAM']:,} and flash {taken['flash']:,} bytes; boards: {boards}"
        raise LimitError(*faults, fits)
