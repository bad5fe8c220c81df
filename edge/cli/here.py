"""`edge devices here`: what this machine is, each check with its result and its cure.

Exit code 1 where a check failed: something that is here cannot work as it is (a stick without
permission, no runtime). A warning works worse than it could; what is merely absent is a remark.
"""

import dataclasses
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from devices import cameras, health, libraries, probe
from devices.catalogue import Device
from devices.machine import Machine, accelerator, read_machine
from devices.sysfs import read_int
from edge.cli import show
from edge.cli.checks import Check, check_lines, check_records, from_problem
from edge.config import EDGETPU_LIBRARY
from edge.errors import NotFoundError
from edge.infer.preflight import PCI_PAGE_BYTES

REAL = Path("/")
# Systems that a TFLite runtime is built for.
SYSTEMS = ("x86_64", "aarch64", "armv7l")
# The Raspberry Pi slows down at 80 C (raspberrypi/documentation, config_txt/overclocking.adoc).
HOT_C = 80.0
USB_2_MBIT_S = 480
_OWN = Path("/proc/self/exe")  # sys.executable may be a script that starts this program


@click.command("here")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=REAL,
    help="Look at the /sys, /proc, /dev and libraries below this folder instead.",
)
@click.pass_context
def here(ctx: click.Context, root: Path) -> None:
    """Say what this machine is and what keeps it from recognising; exit code 1 if a check fails."""
    if not any((root / name).is_dir() for name in ("sys", "proc")):
        raise NotFoundError(f"no sys and no proc in '{root}': --root takes the root of a machine")
    machine = read_machine(root)
    tpus = probe.edge_tpus(root)
    found = cameras.cameras(root)
    checks = [
        *machine_checks(machine, root),
        *_python_checks(root),
        *edgetpu_checks(tpus, root, machine.board),
        *camera_checks(found, root),
        *health_checks(root),
    ]
    text = "\n".join(check_lines(checks))
    show(ctx, {**_record(machine, tpus, found, root), "checks": check_records(checks)}, text)
    if any(check.state == "fail" for check in checks):
        ctx.exit(1)


def machine_checks(machine: Machine, root: Path) -> Iterator[Check]:
    """Yield what the machine is: board, system, architecture, memory."""
    if machine.board:
        yield Check("board", "ok", f"{machine.board.name} ({machine.board.id}): {machine.model}")
    else:
        yield Check("board", "info", f"none of the catalogue; it says {_said(machine)}")
    words = [machine.system, machine.kernel and f"kernel {machine.kernel}"]
    yield Check("system", "info", ", ".join(word for word in words if word) or "it does not say")
    yield _architecture(machine, root)
    if machine.memory_bytes is not None:
        mib = machine.memory_bytes / (1 << 20)
        yield Check("memory", "ok", f"{mib:,.0f} MiB ({machine.memory_bytes:,} bytes)")


def edgetpu_checks(
    tpus: Sequence[probe.EdgeTpu], root: Path, host: Device | None = None
) -> Iterator[Check]:
    """Yield each Edge TPU, the library that drives it, and the page size that PCIe needs."""
    for tpu in tpus:
        board = accelerator(tpu.bus, host)
        name = f"{board.name}, " if board else ""
        shown = f"{tpu.bus}:{tpu.index} ({name}{tpu.sysfs.name}{_speed(tpu)})"
        yield from_problem("Edge TPU", shown, tpu.problem)
    if not tpus:
        yield Check("Edge TPU", "info", "none: models run on the processor")
    found = libraries.find_libraries(EDGETPU_LIBRARY, root)
    system = _system(root)
    for library in found:
        yield _library(library, system, root)
    if not found:
        cure = "sudo apt install libedgetpu1-std (https://coral.ai/docs/accelerator/get-started/)"
        absent = Check(EDGETPU_LIBRARY, "fail", "not in the loader's folders", cure)
        yield absent if tpus else dataclasses.replace(absent, state="info", cure="")
    if root == REAL:
        yield _page_size(any(tpu.bus == "pci" for tpu in tpus), probe.page_size_bytes())


def camera_checks(found: Sequence[cameras.Camera], root: Path) -> Iterator[Check]:
    """Yield each camera and what can read the CSI connector."""
    for camera in found:
        node = f" ({_inside(root, camera.node)})" if camera.node else " (CSI, --source picamera)"
        yield from_problem("camera", camera.name + node, camera.problem)
    if not found:
        yield Check("camera", "info", "none; files and network cameras work without")
    if readers := cameras.libcamera(root):
        yield Check("libcamera", "ok", ", ".join(readers))


def health_checks(root: Path) -> Iterator[Check]:
    """Yield temperature and what the firmware says of throttling and the supply."""
    if (hottest := health.temperature_c(root)) is not None:
        degrees, zone = hottest
        cool = "" if degrees < HOT_C else "cool it: a heat sink or a fan"
        yield Check("temperature", "warn" if cool else "ok", f"{degrees:.1f} C ({zone})", cool)
    said = health.throttling(root)
    if said is None:
        return
    text = "; ".join(
        f"{when}: {', '.join(words)}"
        for when, words in (("now", said.now), ("since the start", said.since_start))
        if words
    )
    low = "under-voltage" in said.now + said.since_start
    cure = "use the board's own power supply and a short, thick cable" if low else "cool it"
    yield Check("throttling", "warn" if text else "ok", text or "none", cure if text else "")


def _said(machine: Machine) -> str:
    parts = [
        machine.model and f"{machine.model!r} in {machine.model_source}",
        machine.compatible and f"compatible {', '.join(machine.compatible)}",
        machine.processor and f"processor {machine.processor}",
    ]
    return "; ".join(part for part in parts if part) or "nothing"


def _architecture(machine: Machine, root: Path) -> Check:
    binary = _system(root)
    if binary is None:
        return Check("architecture", "info", "no shell under the root that would tell")
    bits, system = binary.bits, binary.machine
    if root == REAL and platform.machine() == "armv6l":  # an ELF file for Arm does not tell
        system = "armv6l"
    text = f"{system}, {bits} bits"
    if system not in SYSTEMS:
        cure = f"runtimes exist for {', '.join(SYSTEMS)}"
        return Check("architecture", "fail", f"{text}: no TFLite runtime is built for it", cure)
    if bits == 32 and _has_64_bits(machine, root):
        cure = "install a 64-bit system, or stay and use the extra legacy"
        return Check("architecture", "warn", f"{text} on a 64-bit processor", cure)
    return Check("architecture", "ok", text)


def _system(root: Path) -> libraries.Binary | None:
    """Return what this Python, or the programs below another root, are built for."""
    return libraries.read_binary(_OWN) if root == REAL else libraries.system_binary(root)


def _has_64_bits(machine: Machine, root: Path) -> bool:
    kernel = root == REAL and platform.machine() in ("aarch64", "x86_64")
    return kernel or (machine.board is not None and machine.board.architecture == "aarch64")


def _speed(tpu: probe.EdgeTpu) -> str:
    megabits = read_int(tpu.sysfs / "speed") if tpu.bus == "usb" else None
    return "" if megabits is None else f", {megabits} Mbit/s{_slow(megabits)}"


def _slow(megabits: int) -> str:
    return ": USB 2, slower; a blue port is faster" if megabits <= USB_2_MBIT_S else ""


def _library(library: libraries.Library, system: libraries.Binary | None, root: Path) -> Check:
    shown = str(_inside(root, library.path))
    cure = "sudo apt install --reinstall libedgetpu1-std"
    if library.binary is None:
        return Check(EDGETPU_LIBRARY, "fail", f"{shown} is no ELF library: damaged or empty", cure)
    built = f"{library.binary.machine}, {library.binary.bits} bits"
    if system and library.binary != system:
        text = f"{shown} is built for {built}; this system is {system.machine}, {system.bits} bits"
        return Check(EDGETPU_LIBRARY, "fail", text, cure)
    return Check(EDGETPU_LIBRARY, "ok", f"{shown} ({built})")


def _page_size(has_card: bool, size_bytes: int) -> Check:
    text = f"{size_bytes:,} bytes"
    if size_bytes == PCI_PAGE_BYTES:
        return Check("page size", "ok", text)
    needed = f"an Edge TPU on PCIe needs {PCI_PAGE_BYTES:,}"
    cure = f"{needed}: kernel=kernel8.img in /boot/firmware/config.txt"
    return Check("page size", "fail" if has_card else "info", text, cure if has_card else "")


def _inside(root: Path, path: Path) -> Path:
    """Return a path as it is called on the machine itself, without the root."""
    return REAL / path.relative_to(root) if path.is_relative_to(root) else path


def _python_checks(root: Path) -> Iterator[Check]:
    if root == REAL:
        from edge.cli.python_here import python_checks

        yield from python_checks()


def _record(
    machine: Machine,
    tpus: Sequence[probe.EdgeTpu],
    found: Sequence[cameras.Camera],
    root: Path,
) -> dict[str, Any]:
    board = machine.board
    fields = (field.name for field in dataclasses.fields(machine) if field.name != "board")
    return {
        "root": str(root),
        "machine": {name: getattr(machine, name) for name in fields},
        "board": board.id if board else None,
        "edge_tpus": [_tpu_record(tpu, board) for tpu in tpus],
        "cameras": [dataclasses.asdict(camera) for camera in found],
    }


def _tpu_record(tpu: probe.EdgeTpu, host: Device | None) -> dict[str, Any]:
    board = accelerator(tpu.bus, host)
    return {**dataclasses.asdict(tpu), "board": board.id if board else None}
