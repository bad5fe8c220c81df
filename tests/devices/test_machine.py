"""Which board a made machine is: each of the catalogue as itself, and no other as one of them."""

from pathlib import Path

import pytest
from machine_trees import (
    MODELS,
    STRANGERS,
    add_apex,
    add_machine,
    add_pci_card,
    add_usb_tpu,
    write,
)

import devices
from devices.machine import read_machine, recognise
from devices.probe import PCI_ID, USB_IDS, edge_tpus

PROBEABLE = [board for board in devices.boards() if board.kind != "mcu"]
LINUX = [board.id for board in PROBEABLE if board.kind == "linux"]
SEEN = [(board, *names) for board, known in MODELS.items() for names in known]


def test_every_probeable_board_has_made_machines() -> None:
    assert set(MODELS) == set(LINUX)
    assert {board.id for board in PROBEABLE} - set(LINUX) == {"coral-usb", "coral-m2"}
    assert all(board.probe for board in PROBEABLE)


@pytest.mark.parametrize(("board", "model", "compatible"), SEEN)
def test_a_board_is_recognised_as_itself(
    tmp_path: Path, board: str, model: str, compatible: tuple[str, ...]
) -> None:
    machine = read_machine(add_machine(tmp_path, model, compatible))
    assert machine.board == devices.find(board)
    assert (machine.model, machine.compatible) == (model, compatible)
    assert machine.model_source == "/proc/device-tree/model"


@pytest.mark.parametrize(("board", "model", "compatible"), SEEN)
def test_no_other_board_is_recognised(board: str, model: str, compatible: tuple[str, ...]) -> None:
    others = [other for other in PROBEABLE if other.id != board]
    assert recognise(model, compatible, others) is None
    assert recognise(model, compatible, reversed(PROBEABLE)) == devices.find(board)


@pytest.mark.parametrize(("board", "model", "compatible"), SEEN)
def test_the_other_name_of_the_tree_and_cpuinfo_do_as_well(
    tmp_path: Path, board: str, model: str, compatible: tuple[str, ...]
) -> None:
    add_machine(tmp_path, model, compatible)
    (tmp_path / "sys/firmware/devicetree").mkdir(parents=True)
    (tmp_path / "proc/device-tree").rename(tmp_path / "sys/firmware/devicetree/base")
    machine = read_machine(tmp_path)
    assert (machine.board or PROBEABLE[-1]).id == board
    assert machine.model_source == "/sys/firmware/devicetree/base/model"
    (tmp_path / "sys/firmware/devicetree/base/model").unlink()
    (tmp_path / "sys/firmware/devicetree/base/compatible").unlink()
    machine = read_machine(tmp_path)
    if "Raspberry" in model:
        assert (machine.board, machine.model_source) == (devices.find(board), "/proc/cpuinfo")
    else:
        assert machine.board is None


@pytest.mark.parametrize("board", [board for board in LINUX if board != "coral-dev-board-mini"])
def test_an_unknown_name_with_a_known_identifier_is_that_board(board: str) -> None:
    _, compatible = MODELS[board][0]
    assert recognise("a name to come", compatible, PROBEABLE) == devices.find(board)


@pytest.mark.parametrize(("model", "compatible"), STRANGERS)
def test_a_stranger_is_no_board_and_says_what_it_is(
    tmp_path: Path, model: str, compatible: tuple[str, ...]
) -> None:
    machine = read_machine(add_machine(tmp_path, model, compatible))
    assert machine.board is None
    assert (machine.model, machine.compatible) == (model, compatible)


def test_a_desktop_says_its_maker_and_product(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/dmi/id/sys_vendor", "Toys Ltd")
    write(tmp_path, "sys/class/dmi/id/product_name", "Cube 3")
    write(tmp_path, "proc/cpuinfo", "processor\t: 0\nmodel name\t: Toy CPU\nprocessor\t: 1")
    machine = read_machine(tmp_path)
    assert (machine.model, machine.model_source) == ("Toys Ltd Cube 3", "/sys/class/dmi/id")
    assert (machine.processor, machine.board) == ("Toy CPU", None)


def test_memory_system_and_kernel_are_read(tmp_path: Path) -> None:
    machine = read_machine(add_machine(tmp_path, *STRANGERS[0], memory_kb=1000))
    assert machine.memory_bytes == 1_024_000
    assert machine.system == "Debian GNU/Linux 12 (bookworm)"
    assert machine.kernel == "6.12.25+rpt-rpi-v8"


@pytest.mark.parametrize("content", [b"", b"\0", b"MemTotal: lots kB", b"\xff\xfe: \x1b[2J"])
def test_odd_files_are_silence(tmp_path: Path, content: bytes) -> None:
    for name in ("proc/meminfo", "proc/cpuinfo", "etc/os-release", "proc/device-tree/model",
                 "proc/device-tree/compatible"):  # fmt: skip
        write(tmp_path, name, content)
    machine = read_machine(tmp_path)
    assert (machine.memory_bytes, machine.board, machine.system) == (None, None, "")
    assert (machine.model + "".join(machine.compatible)).isprintable()


def test_the_accelerators_of_the_catalogue_are_those_that_are_found(tmp_path: Path) -> None:
    stick, card = devices.find("coral-usb").probe, devices.find("coral-m2").probe
    assert stick is not None
    assert card is not None
    assert set(stick.usb) == {":".join(ids) for ids in USB_IDS}
    assert card.pci == (":".join(each.removeprefix("0x") for each in PCI_ID),)
    for number, ids in enumerate(stick.usb):
        add_usb_tpu(tmp_path, f"1-{number}", ids, bus=1, device=number + 2)
    add_apex(tmp_path, 0, "0000:01:00.0")
    add_pci_card(tmp_path, "0000:02:00.0")
    assert [tpu.bus for tpu in edge_tpus(tmp_path)] == ["usb", "usb", "pci", "pci"]


def test_this_very_machine_can_be_asked() -> None:
    machine = read_machine()
    assert machine.memory_bytes is None or machine.memory_bytes > 0
    assert machine.kernel
