"""The boards as a Markdown table; `python -m devices.table README.md` writes it into a file."""

import sys
from collections.abc import Iterable
from pathlib import Path

from devices.catalogue import Device, DevicesError, boards

BEGIN = "<!-- boards -->"
END = "<!-- /boards -->"
HEADER = ("Board", "`--board`", "Processor", "RAM, usable", "Flash, usable", "Install or target")
# GB is there for storage, which is sold in powers of ten.
UNITS = (("GiB", 1 << 30), ("GB", 10**9), ("MiB", 1 << 20))


def render(devices: Iterable[Device]) -> str:
    """Return the table, without a newline at its end."""
    rows = [HEADER, ("---",) * len(HEADER), *(_row(device) for device in devices)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def replace(text: str, table: str) -> str:
    """Return `text` with `table` between the marks; raise DevicesError unless each stands once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise DevicesError(f"the marks {BEGIN} and {END} must stand there once, in that order")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def size(count_bytes: int) -> str:
    """Return bytes in the largest unit that states them exactly, else in KiB with one decimal."""
    for unit, unit_bytes in UNITS:
        if count_bytes % unit_bytes == 0:
            return f"{count_bytes // unit_bytes} {unit}"
    return f"{round(count_bytes / 1024, 1):.12g} KiB"


def _row(device: Device) -> tuple[str, ...]:
    cores = f"{device.cores} x " if device.cores > 1 else ""
    accelerator = " + Edge TPU" if device.accelerator and device.kind == "linux" else ""
    clock = f", {device.clock_hz / 1e6:g} MHz" if device.clock_hz else ""
    return (
        device.name,
        f"`{device.id}`",
        f"{device.cpu}: {cores}{device.core}{clock}{accelerator}",
        _memory(device.ram_bytes, device.ram_usable_bytes),
        _memory(device.flash_bytes, device.flash_usable_bytes),
        _use(device),
    )


def _memory(whole: int | None, usable: int | None) -> str:
    if whole is None:
        return ""
    return size(whole) if usable is None else f"{size(whole)}, {size(usable)}"


def _use(device: Device) -> str:
    if device.kind == "accelerator":
        return "beside a Linux host"
    return f"`{device.extra}`" if device.kind == "linux" else f"`--target {device.toolchain}`"


def main(arguments: list[str]) -> int:
    """Write the table into the Markdown file that `arguments` names; return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m devices.table FILE.md\n")
        return 2
    path = Path(arguments[0])
    try:
        text = replace(path.read_text(encoding="utf-8"), render(boards()))
    except DevicesError as error:
        sys.stderr.write(f"{path}: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"cannot read {path}: {error.strerror}\n")
        return 66
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
