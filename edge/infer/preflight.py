"""What can be known of an Edge TPU before anything is loaded, without touching the device."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devices.probe import EdgeTpu, edge_tpus, page_size_bytes
from edge.errors import UnavailableError

# The driver maps pages of the device's own table, which knows this size only.
PCI_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the hardware is looked for: `root` of /sys and /dev, and the kernel's page size."""

    root: Path = Path("/")
    page_size: Callable[[], int] = page_size_bytes

    def tpus(self) -> tuple[EdgeTpu, ...]:
        """Return every Edge TPU that is plugged in now, working or not."""
        return edge_tpus(self.root)


def name_of(tpu: EdgeTpu) -> str:
    """Return what libedgetpu calls it: usb:0, pci:0."""
    return f"{tpu.bus}:{tpu.index}"


def none_here() -> str:
    """Return the line for a machine without any."""
    return (
        "no Edge TPU found: neither USB 1a6e:089a nor 18d1:9302, no PCIe 1ac1:089a; "
        "plug one in, and check the cable and the port"
    )


def check(device: str, machine: Machine) -> None:
    """Return when nothing speaks against using a device now; raises UnavailableError."""
    found = {name_of(tpu): tpu for tpu in machine.tpus()}
    if not found:
        raise UnavailableError(none_here())
    if device not in found:
        raise UnavailableError(f"no Edge TPU {device}; found: {', '.join(found)}")
    problem = problem_of(found[device], machine)
    if problem:
        raise UnavailableError(problem)


def problem_of(tpu: EdgeTpu, machine: Machine) -> str | None:
    """Return what is wrong with one and its cure; None where nothing speaks against it."""
    if tpu.problem:
        return tpu.problem
    size = machine.page_size()
    if tpu.bus == "pci" and size != PCI_PAGE_BYTES:
        return (
            f"the kernel's pages have {size} bytes, and an Edge TPU on PCIe needs "
            f"{PCI_PAGE_BYTES}; on a Raspberry Pi 5 put kernel=kernel8.img into "
            "/boot/firmware/config.txt and restart"
        )
    return None
