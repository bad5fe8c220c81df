"""Made trees of /sys, /proc and /dev: what the kernel would show of a machine."""

from pathlib import Path


def write(root: Path, name: str, content: str | bytes) -> Path:
    """Write a file below a root, its folders too; text ends in a line break, as in sysfs."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode())
    return path


def add_usb_tpu(
    root: Path, name: str, ids: str, *, bus: int, device: int, mode: int = 0o666
) -> Path:
    """Add a USB device `name` (bus-port) with ids `vendor:product` and its node; its folder."""
    folder = root / f"sys/bus/usb/devices/{name}"
    vendor, product = ids.split(":")
    for key, value in (("idVendor", vendor), ("idProduct", product)):
        write(folder, key, value)
    write(folder, "busnum", str(bus))
    write(folder, "devnum", str(device))
    write(root, f"dev/bus/usb/{bus:03}/{device:03}", b"").chmod(mode)
    return folder


def add_pci_card(root: Path, address: str, vendor: str = "0x1ac1", device: str = "0x089a") -> Path:
    """Add a PCI card, an Edge TPU by default, without a driver; its folder."""
    folder = root / f"sys/bus/pci/devices/{address}"
    write(folder, "vendor", vendor)
    write(folder, "device", device)
    return folder


def add_apex(root: Path, number: int, address: str, mode: int = 0o666) -> Path:
    """Add an Edge TPU on PCIe with its driver and its node; its folder in /sys/class."""
    card = add_pci_card(root, address)
    folder = root / f"sys/class/apex/apex_{number}"
    write(folder, "temp", "45300")
    write(folder, "status", "ALIVE")
    write(folder, "pci_address", address)
    (folder / "device").symlink_to(card)
    write(root, f"dev/apex_{number}", b"").chmod(mode)
    return folder
