"""Which board of the catalogue a machine is, and what it says of itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devices.catalogue import Device, boards
from devices.sysfs import read_bytes, read_text

# The same tree under two names; containers often hide the first.
DEVICE_TREES = ("proc/device-tree", "sys/firmware/devicetree/base")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine says; "" and None where it is silent.

    `model` is its own name for itself and `model_source` where that stands, `compatible` the
    device tree's identifiers from the most special to the most general, `board` its row of the
    catalogue. `system` is the distribution's name, `kernel` the kernel's release.
    """

    model: str
    model_source: str
    compatible: tuple[str, ...]
    board: Device | None
    processor: str
    memory_bytes: int | None
    system: str
    kernel: str


def read_machine(root: Path = Path("/"), known: Iterable[Device] | None = None) -> Machine:
    """Return what lies under a root; `known` are the boards to choose from, all by default."""
    cpu = _pairs(read_text(root / "proc/cpuinfo"), ":")
    model, source = _model(root, cpu)
    compatible = _compatible(root)
    release = _pairs(read_text(root / "etc/os-release"), "=")
    return Machine(
        model=model,
        model_source=source,
        compatible=compatible,
        board=recognise(model, compatible, boards() if known is None else known),
        processor=cpu.get("model name") or cpu.get("Hardware", ""),
        memory_bytes=_memory_bytes(root),
        system=release.get("PRETTY_NAME", "").strip("\"'"),
        kernel=read_text(root / "proc/sys/kernel/osrelease") or "",
    )


def recognise(model: str, compatible: Iterable[str], known: Iterable[Device]) -> Device | None:
    """Return the board with this model, else with one of these identifiers, else None.

    A revision may follow the model: `Raspberry Pi 4 Model B Rev 1.4` is that board, and
    `Raspberry Pi 3 Model B Plus` is not a `Raspberry Pi 3 Model B`.
    """
    candidates = [board for board in known if board.probe]
    for board in candidates:
        for name in board.probe.device_tree if board.probe else ():
            if model == name or model.startswith(f"{name} Rev "):
                return board
    for identifier in compatible:
        for board in candidates:
            if board.probe and identifier in board.probe.compatible:
                return board
    return None


def accelerator(
    bus: str, host: Device | None, known: Iterable[Device] | None = None
) -> Device | None:
    """Return which board an Edge TPU on the bus `usb` or `pci` is.

    On PCIe it is the host's own where the host has one; cards of other forms share the ids of
    the one in the catalogue.
    """
    if bus == "pci" and host is not None and host.accelerator == "edgetpu":
        return host
    for board in boards() if known is None else known:
        if board.kind == "accelerator" and board.probe and getattr(board.probe, bus):
            return board
    return None


def _model(root: Path, cpu: dict[str, str]) -> tuple[str, str]:
    for tree in DEVICE_TREES:
        if text := read_text(root / tree / "model"):
            return _printable(text), f"/{tree}/model"
    if text := cpu.get("Model"):
        return _printable(text), "/proc/cpuinfo"
    firmware = root / "sys/class/dmi/id"
    words = [read_text(firmware / name) for name in ("sys_vendor", "product_name")]
    text = " ".join(word for word in words if word)
    return _printable(text), "/sys/class/dmi/id" if text else ""


def _compatible(root: Path) -> tuple[str, ...]:
    for tree in DEVICE_TREES:
        if content := read_bytes(root / tree / "compatible"):
            words = content.decode("utf-8", "replace").split("\0")
            return tuple(_printable(word) for word in words if word.strip())
    return ()


def _memory_bytes(root: Path) -> int | None:
    words = _pairs(read_text(root / "proc/meminfo"), ":").get("MemTotal", "").split()
    return int(words[0]) * 1024 if len(words) == 2 and words[0].isdecimal() else None


def _pairs(text: str | None, mark: str) -> dict[str, str]:
    """Return key -> value of lines `key<mark>value`; the first of a key counts."""
    pairs: dict[str, str] = {}
    for line in (text or "").splitlines():
        key, found, value = line.partition(mark)
        if found:
            pairs.setdefault(key.strip(), value.strip())
    return pairs


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text.strip())[:200]
