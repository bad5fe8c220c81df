"""What keeps an Edge TPU from working is known before anything is loaded."""

from pathlib import Path

import pytest
from machine_trees import add_apex, add_pci_card, add_usb_tpu

from edge.errors import UnavailableError
from edge.infer.preflight import Machine, check


def test_a_stick_that_can_be_used_passes(tmp_path: Path) -> None:
    add_usb_tpu(tmp_path, "1-1", "1a6e:089a", bus=1, device=2)
    check("usb:0", Machine(tmp_path, lambda: 16384))


def test_a_machine_without_any(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no Edge TPU found"):
        check("usb:0", Machine(tmp_path))


def test_another_device_than_the_one_that_is_here(tmp_path: Path) -> None:
    add_usb_tpu(tmp_path, "1-1", "1a6e:089a", bus=1, device=2)
    with pytest.raises(UnavailableError, match="no Edge TPU pci:0; found: usb:0"):
        check("pci:0", Machine(tmp_path))


def test_the_probes_own_words_are_passed_on(tmp_path: Path) -> None:
    add_pci_card(tmp_path, "0000:01:00.0")
    with pytest.raises(UnavailableError, match=r"has no driver .*gasket-dkms"):
        check("pci:0", Machine(tmp_path))


@pytest.mark.parametrize("size", [16384, 65536])
def test_pcie_needs_pages_of_4096_bytes(size: int, tmp_path: Path) -> None:
    add_apex(tmp_path, 0, "0000:01:00.0")
    check("pci:0", Machine(tmp_path, lambda: 4096))
    with pytest.raises(UnavailableError, match=rf"{size} bytes.*4096; .*kernel=kernel8.img"):
        check("pci:0", Machine(tmp_path, lambda: size))
