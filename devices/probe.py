"""The Edge TPUs of a machine, and what keeps each from working.

Every path lies under a root that is a parameter: tests give a made tree.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from devices.sysfs import entries, read_int, read_text

# A stick changes its name once its firmware is loaded, at the first use; both are normal.
USB_IDS = frozenset({("1a6e", "089a"), ("18d1", "9302")})
PCI_ID = ("0x1ac1", "0x089a")
# The driver reports -89.7 C for a card that no longer answers.
LOST_BELOW_MILLIDEGREES = -40_000
# gasket_core.c, gasket_status_name_table; a healthy card is ALIVE.
BROKEN_STATES = ("DEAD", "LAMED")

_USB_RULE = (
    'SUBSYSTEM=="usb", ATTRS{idVendor}=="1a6e" (and "18d1"), MODE="0664", GROUP="plugdev" '
    "(package libedgetpu1-std brings it)"
)
_PCI_RULE = 'SUBSYSTEM=="apex", MODE="0660", GROUP="apex"'


@dataclass(frozen=True, slots=True)
class EdgeTpu:
    """One Edge TPU; `index` counts from 0 on each bus, as in `usb:0` and `pci:0`.

    `sysfs` is its folder below /sys and `node` its file below /dev, both under the root that was
    given; `node` is None where there is none. `problem` says in one line what is wrong and the
    cure, None where nothing speaks against it.
    """

    bus: Literal["usb", "pci"]
    index: int
    sysfs: Path
    node: Path | None
    problem: str | None


def edge_tpus(root: Path = Path("/")) -> tuple[EdgeTpu, ...]:
    """Return every Edge TPU: USB by bus and port, then PCIe by the number of its node."""
    found: list[EdgeTpu] = []
    for index, device in enumerate(_usb_devices(root)):
        found.append(_usb(root, index, device))
    apexes = entries(root / "sys/class/apex")
    claimed = set()
    for apex in apexes:
        number = apex.name.removeprefix("apex_")
        if number.isdecimal():
            claimed.add(_pci_address(apex))
            found.append(_apex(root, int(number), apex))
    index = max((tpu.index + 1 for tpu in found if tpu.bus == "pci"), default=0)
    for card in _pci_cards(root):
        # A tree without the link from the class to the card: count, do not guess.
        if card.name not in claimed and not (card / "apex").is_dir():
            found.append(EdgeTpu("pci", index, card, None, _no_driver(root, card)))
            index += 1
    return tuple(found)


def page_size_bytes() -> int:
    """Return the kernel's page size; the PCIe driver of the Edge TPU needs 4096."""
    return os.sysconf("SC_PAGE_SIZE")


def _usb_devices(root: Path) -> Iterator[Path]:
    for device in entries(root / "sys/bus/usb/devices"):
        ids = (read_text(device / "idVendor"), read_text(device / "idProduct"))
        if ids in USB_IDS:
            yield device


def _pci_cards(root: Path) -> Iterator[Path]:
    for card in entries(root / "sys/bus/pci/devices"):
        if (read_text(card / "vendor"), read_text(card / "device")) == PCI_ID:
            yield card


def _pci_address(apex: Path) -> str:
    """Return the PCI address of a card with a driver, by the driver's word or the link."""
    stated = read_text(apex / "pci_address")
    try:
        return stated or (apex / "device").resolve().name
    except (OSError, RuntimeError):  # a link that leads to itself
        return ""


def _usb(root: Path, index: int, device: Path) -> EdgeTpu:
    bus, number = read_int(device / "busnum"), read_int(device / "devnum")
    if bus is None or number is None:
        problem = f"{device}: no busnum and devnum; unplug the stick and plug it in again"
        return EdgeTpu("usb", index, device, None, problem)
    node = root / f"dev/bus/usb/{bus:03}/{number:03}"
    if not node.exists():
        problem = (
            f"{_shown(root, node)} does not exist: a container needs it passed through "
            "(--device=/dev/bus/usb), a virtual machine both 1a6e:089a and 18d1:9302"
        )
        return EdgeTpu("usb", index, device, None, problem)
    return EdgeTpu("usb", index, device, node, _denied(root, node, "plugdev", _USB_RULE))


def _apex(root: Path, number: int, apex: Path) -> EdgeTpu:
    node = root / f"dev/apex_{number}"
    if not node.exists():
        problem = (
            f"{_shown(root, node)} does not exist although its driver is loaded: a container "
            f"needs it passed through (--device=/dev/apex_{number})"
        )
        return EdgeTpu("pci", number, apex, None, problem)
    found = _lost(apex) or _denied(root, node, "apex", _PCI_RULE)
    return EdgeTpu("pci", number, apex, node, found)


def _lost(apex: Path) -> str | None:
    temperature = read_int(apex / "temp")
    cure = "shut the machine down and switch it off, check the card's seat, supply and cooling"
    if temperature is not None and temperature < LOST_BELOW_MILLIDEGREES:
        return f"{apex.name} no longer answers: it reports {temperature / 1000:g} C; {cure}"
    status = read_text(apex / "status")
    if status in BROKEN_STATES:
        return f"{apex.name} no longer answers: its driver reports {status}; {cure}"
    return None


def _denied(root: Path, node: Path, group: str, rule: str) -> str | None:
    if os.access(node, os.R_OK | os.W_OK):
        return None
    return (
        f"no permission to read and write {_shown(root, node)}: sudo usermod -aG {group} $USER, "
        f"then log in again; it needs the udev rule {rule}"
    )


def _no_driver(root: Path, card: Path) -> str:
    if (root / "sys/module/apex").is_dir():
        return (
            f"PCI card {card.name} (1ac1:089a) has no /dev/apex_0 although the module apex is "
            "loaded: it refused the card; dmesg | grep -i apex says why"
        )
    return (
        f"PCI card {card.name} (1ac1:089a) has no driver and so no /dev/apex_0: install "
        "gasket-dkms and the kernel's headers, then sudo modprobe apex"
    )


def _shown(root: Path, path: Path) -> str:
    """Return a path as it is called on the machine itself, without the root."""
    return f"/{path.relative_to(root)}"
