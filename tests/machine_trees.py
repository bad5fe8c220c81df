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


# Board -> the names under which it is seen in the field: device tree model, compatible.
MODELS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "rpi-zero-2w": (
        ("Raspberry Pi Zero 2 W Rev 1.0", ("raspberrypi,model-zero-2-w", "brcm,bcm2837")),
        ("Raspberry Pi Zero 2 Rev 1.0", ("raspberrypi,model-zero-2-w", "brcm,bcm2837")),
    ),
    "rpi-3b-plus": (
        ("Raspberry Pi 3 Model B Plus Rev 1.3", ("raspberrypi,3-model-b-plus", "brcm,bcm2837")),
        ("Raspberry Pi 3 Model B+", ("raspberrypi,3-model-b-plus", "brcm,bcm2837")),
    ),
    "rpi-4": (
        ("Raspberry Pi 4 Model B Rev 1.4", ("raspberrypi,4-model-b", "brcm,bcm2711")),
        ("Raspberry Pi 4 Model B Rev 1.1", ("raspberrypi,4-model-b", "brcm,bcm2711")),
    ),
    "rpi-5": (
        ("Raspberry Pi 5 Model B Rev 1.0", ("raspberrypi,5-model-b", "brcm,bcm2712")),
        ("Raspberry Pi 5", ("raspberrypi,5-model-b", "brcm,bcm2712")),
    ),
    "coral-dev-board": (
        ("Freescale i.MX8MQ Phanbell", ("fsl,imx8mq-phanbell", "fsl,imx8mq")),
        ("Google i.MX8MQ Phanbell", ("google,imx8mq-phanbell", "fsl,imx8mq")),
    ),
    "coral-dev-board-mini": (("Google Coral MT8167", ("mediatek,mt8167",)),),
}
# Boards that look alike and are not in the catalogue.
STRANGERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Raspberry Pi 3 Model B Rev 1.2", ("raspberrypi,3-model-b", "brcm,bcm2837")),
    ("Raspberry Pi 3 Model A Plus Rev 1.0", ("raspberrypi,3-model-a-plus", "brcm,bcm2837")),
    ("Raspberry Pi Zero W Rev 1.1", ("raspberrypi,model-zero-w", "brcm,bcm2835")),
    ("Raspberry Pi 400 Rev 1.0", ("raspberrypi,400", "brcm,bcm2711")),
    ("Raspberry Pi 500 Rev 1.0", ("raspberrypi,500", "brcm,bcm2712")),
    ("Raspberry Pi Compute Module 5 Rev 1.0", ("raspberrypi,5-compute-module", "brcm,bcm2712")),
    ("NXP i.MX8MQ EVK", ("fsl,imx8mq-evk", "fsl,imx8mq")),
    ("", ()),
)
CPUINFO = "processor\t: 0\nBogoMIPS\t: 108.00\nCPU part\t: 0xd08\n\n"


def add_machine(
    root: Path, model: str, compatible: tuple[str, ...], *, memory_kb: int = 3_884_360
) -> Path:
    """Add what every machine has: device tree, cpuinfo, meminfo, os-release; the root."""
    tree = "proc/device-tree"
    if model:
        write(root, f"{tree}/model", model.encode() + b"\0")
    if compatible:
        write(root, f"{tree}/compatible", b"".join(name.encode() + b"\0" for name in compatible))
    raspberry = f"Revision\t: c03114\nModel\t\t: {model}" if "Raspberry" in model else ""
    write(root, "proc/cpuinfo", CPUINFO + raspberry)
    write(root, "proc/meminfo", f"MemTotal:       {memory_kb} kB\nMemFree:         100 kB")
    write(root, "proc/sys/kernel/osrelease", "6.12.25+rpt-rpi-v8")
    write(root, "etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian')
    write(root, "bin/sh", elf())
    write(root, "sys/class/thermal/thermal_zone0/temp", "48200")
    write(root, "sys/class/thermal/thermal_zone0/type", "cpu-thermal")
    return root


def elf(machine: int = 183, bits: int = 64) -> bytes:
    """Return the head of an ELF file, aarch64 by default."""
    ident = b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9)
    return ident + (3).to_bytes(2, "little") + machine.to_bytes(2, "little") + bytes(44)


def add_video(root: Path, number: int, name: str, index: int = 0, mode: int = 0o666) -> None:
    """Add a V4L2 node."""
    folder = root / f"sys/class/video4linux/video{number}"
    write(folder, "name", name)
    write(folder, "index", str(index))
    write(root, f"dev/video{number}", b"").chmod(mode)


def add_sensor(root: Path, number: int, name: str) -> None:
    """Add a V4L2 sub-device, such as the sensor of a CSI camera."""
    write(root, f"sys/class/video4linux/v4l-subdev{number}/name", name)
