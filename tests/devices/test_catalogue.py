"""The board files: all load, all figures have a source, and a broken one says all of its faults."""

import dataclasses
import itertools
from pathlib import Path

import pytest

import devices
from devices.catalogue import ACCELERATORS, EXTRAS, KEYS, KINDS, TARGETS, read_board

BOARDS = devices.boards()
MUST_EXIST = {
    "rpi-zero-2w", "rpi-3b-plus", "rpi-4", "rpi-5", "coral-usb", "coral-m2", "coral-dev-board",
    "coral-dev-board-mini", "nucleo-f411re", "nucleo-l4r5zi", "nucleo-h743zi", "nrf52840-dk",
    "nano-33-ble", "pico", "pico-2", "esp32-s3", "microbit-v2",
}  # fmt: skip
GOOD = """
id = "toy"
name = "Toy"
kind = "mcu"
cpu = "T1"
core = "Cortex-M4"
cores = 1
clock_hz = 1_000
architecture = "armv7e-m"
ram_bytes = 2_000
ram_usable_bytes = 1_000
flash_bytes = 4_000
flash_usable_bytes = 3_000
toolchain = "cortex-m4"
flasher = "hand"

[sources]
cpu = "made up"
core = "made up"
cores = "made up"
clock_hz = "made up"
architecture = "made up"
ram_bytes = "made up"
ram_usable_bytes = "made up"
flash_bytes = "made up"
flash_usable_bytes = "made up"
flasher = "made up"
"""
REGION = "[[region]]\nname = 1\nbytes = 2\nat = 3\n[sources]"


def faults_of(text: str, name: str = "toy.toml") -> tuple[str, ...]:
    with pytest.raises(devices.DevicesError) as caught:
        read_board(name, text.encode())
    return caught.value.faults


def test_every_promised_board_is_there() -> None:
    assert {board.id for board in BOARDS} >= MUST_EXIST


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_every_figure_has_a_source(board: devices.Device) -> None:
    for name, rule in KEYS.items():
        field = "regions" if name == "region" else name
        if rule.sourced and getattr(board, field):
            assert len(board.sources[name]) > 8, f"{board.id}: {name}"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_figures_agree_with_each_other(board: devices.Device) -> None:
    assert 0 < board.ram_usable_bytes <= board.ram_bytes
    assert (board.flash_usable_bytes or 0) <= (board.flash_bytes or 0)
    assert board.kind in KINDS
    assert board.accelerator in {"", *ACCELERATORS}
    assert (board.toolchain in TARGETS) == (board.kind == "mcu")
    assert (board.extra in EXTRAS) == (board.kind == "linux")
    assert bool(board.host) == (board.kind == "accelerator")


@pytest.mark.parametrize(
    "board", [board for board in BOARDS if len(board.regions) > 1], ids=lambda board: board.id
)
def test_regions_add_up_to_the_ram_and_do_not_overlap(board: devices.Device) -> None:
    assert sum(region.bytes for region in board.regions) == board.ram_bytes
    ordered = sorted(board.regions, key=lambda region: region.origin)
    for low, high in itertools.pairwise(ordered):
        assert low.origin + low.bytes <= high.origin


@pytest.mark.parametrize(
    "board", [board for board in BOARDS if board.regions], ids=lambda board: board.id
)
def test_usable_ram_lies_in_one_contiguous_stretch(board: devices.Device) -> None:
    longest = stretch = 0
    end = -1
    for region in sorted(board.regions, key=lambda region: region.origin):
        stretch = region.bytes + (stretch if region.origin == end else 0)
        end = region.origin + region.bytes
        longest = max(longest, stretch)
    assert board.ram_usable_bytes <= longest


@pytest.mark.parametrize(
    ("board_id", "ram_bytes", "flash_bytes"),
    [
        ("nano-33-ble", 256 << 10, 1 << 20),
        ("nrf52840-dk", 256 << 10, 1 << 20),
        ("microbit-v2", 128 << 10, 512 << 10),
        ("pico", 264 << 10, 2 << 20),
        ("pico-2", 520 << 10, 4 << 20),
        ("nucleo-f411re", 128 << 10, 512 << 10),
        ("nucleo-l4r5zi", 640 << 10, 2 << 20),
        ("esp32-s3", 512 << 10, 8 << 20),
        ("rpi-zero-2w", 512 << 20, None),
        ("coral-usb", 8 << 20, None),
    ],
)
def test_memory_is_what_the_makers_state(
    board_id: str, ram_bytes: int, flash_bytes: int | None
) -> None:
    board = devices.find(board_id)
    assert (board.ram_bytes, board.flash_bytes) == (ram_bytes, flash_bytes)


def test_one_bank_of_the_h743_is_usable_not_the_sum() -> None:
    assert devices.find("nucleo-h743zi").ram_usable_bytes == 512 << 10


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_a_board_is_found_by_id_and_alias(board: devices.Device) -> None:
    for name in (board.id, *board.aliases):
        assert devices.find(name) == board


def test_an_unknown_board_names_the_close_and_the_known_ones() -> None:
    with pytest.raises(devices.UnknownBoardError) as caught:
        devices.find("picco")
    (line,) = caught.value.faults
    assert line.startswith("no board 'picco'; did you mean pico")
    assert all(board.id in line.partition("known boards:")[2] for board in BOARDS)
    assert caught.value.exit_code == 66


def test_a_name_close_to_none_gets_no_guess() -> None:
    with pytest.raises(devices.UnknownBoardError, match="no board 'zzzz'; known boards: "):
        devices.find("zzzz")


def test_a_new_board_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "toy.toml").write_text(GOOD)
    (board,) = devices.boards(tmp_path)
    assert devices.find("toy", tmp_path) == board
    assert (board.ram_usable_bytes, board.aliases, board.camera) == (1000, (), "")


def test_a_device_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        BOARDS[0].name = "other"  # type: ignore[misc]


def test_a_broken_file_lists_all_of_its_faults() -> None:
    broken = (
        GOOD.replace('kind = "mcu"', 'kind = "mcu"\nram_byte = 3\naliases = ["Toy One"]')
        .replace("cores = 1\n", 'cores = "one"\n')
        .replace("clock_hz = 1_000", "clock_hz = 0")
        .replace('toolchain = "cortex-m4"', 'toolchain = "cortex-m9"')
        .replace('flasher = "hand"\n', "")
        .replace('core = "made up"', 'colour = "made up"')
        .replace("ram_usable_bytes = 1_000", "ram_usable_bytes = 3_000")
        .replace("flash_bytes = 4_000", "flash_bytes = true")
    )
    faults = faults_of(broken, "other.toml")
    assert all(fault.startswith("other.toml: ") for fault in faults)
    expected = (
        "unknown key 'ram_byte'; did you mean 'ram_bytes'?",
        "cores must be a whole number, got 'one'",
        "clock_hz must be above 0, got 0",
        "toolchain must be one of c99, ",
        "flasher is missing",
        "core has no source; ",
        "sources: 'colour' is no figure of this board",
        "sources: 'flasher' is no figure of this board",
        "ram_usable_bytes 3000 is above ram_bytes 2000",
        "flash_bytes must be a whole number, got True",
        "id must be the file's name without .toml, got 'toy'",
        "names are lower-case letters, digits and single hyphens, got 'Toy One'",
    )
    for text in expected:
        assert any(text in fault for fault in faults), text
    assert len(faults) == len(expected)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('kind = "mcu"', 'kind = "robot"', "kind must be one of linux, accelerator, mcu"),
        ('kind = "mcu"\n', "", "kind is missing"),
        ('name = "Toy"', 'name = " "', "name is empty"),
        ('name = "Toy"', 'name = "Toy"\nnotes = [1]', "notes must hold texts only"),
        ('name = "Toy"', 'name = "Toy"\naliases = "t"', "aliases must be a list"),
        ('name = "Toy"', 'name = "Toy"\naccelerator = "edgetpu"', "come together or not at all"),
        ("flash_bytes = 4_000\n", "", "flash_usable_bytes needs flash_bytes"),
        ('cpu = "made up"', "cpu = 1", "sources: cpu must be text, got 1"),
        (
            "[sources]",
            "[[region]]\nname = 1\nbytes = 2\nat = 3\n[sources]",
            "region: origin is miss",
        ),
        (
            "[sources]",
            "[[region]]\nname = 1\nbytes = 2\nat = 3\n[sources]",
            "region: at is unknown",
        ),
        (
            "[sources]",
            "[[region]]\nname = 1\norigin = 0\nbytes = 2\n[sources]",
            "region: name must",
        ),
        ("[sources]", "region = [3]\n[sources]", "region must be a table, got 3"),
        ("[sources]", "[[sources]]", "sources must be a table"),
        ("[sources]", "probe = 3\n[sources]", "probe must be a table, got 3"),
        ("[sources]", "[probe]\n[sources]", "probe is empty; it takes one of device_tree, "),
        ("[sources]", "[probe]\nusbs = ['1']\n[sources]", "probe: unknown key 'usbs'; known: "),
        ("[sources]", "[probe]\nusb = '1'\n[sources]", "probe: usb must be a list of texts"),
        ("[sources]", "[probe]\nusb = ['']\n[sources]", "probe: usb must be a list of texts"),
        ("[sources]", "[probe]\nusb = ['1:2']\n[sources]", "probe has no source"),
        ('kind = "mcu"', 'kind = "linux"', "probe is missing"),
        ('id = "toy"', "id = ", "not TOML"),
    ],
)
def test_each_mistake_is_named(old: str, new: str, fault: str) -> None:
    assert GOOD.count(old) == 1, old
    assert any(fault in line for line in faults_of(GOOD.replace(old, new)))


def test_bytes_that_are_no_text_are_named() -> None:
    with pytest.raises(devices.DevicesError, match=r"toy\.toml: not TOML"):
        read_board("toy.toml", b"\xff\xfe")


def test_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "b.toml").write_text("nonsense")
    with pytest.raises(devices.DevicesError) as caught:
        devices.boards(tmp_path)
    names = {fault.partition(":")[0] for fault in caught.value.faults}
    assert names == {"a.toml", "b.toml"}


def test_two_boards_cannot_share_a_name(tmp_path: Path) -> None:
    (tmp_path / "toy.toml").write_text(GOOD)
    twin = GOOD.replace('id = "toy"', 'id = "twin"\naliases = ["toy"]')
    (tmp_path / "twin.toml").write_text(twin)
    with pytest.raises(devices.DevicesError, match="'toy' already names the board"):
        devices.boards(tmp_path)


def test_two_boards_cannot_share_an_identity(tmp_path: Path) -> None:
    toy = GOOD.replace("[sources]", '[probe]\nusb = ["1:2"]\n[sources]\nprobe = "made up"')
    (tmp_path / "toy.toml").write_text(toy)
    (tmp_path / "twin.toml").write_text(toy.replace('id = "toy"', 'id = "twin"'))
    with pytest.raises(devices.DevicesError, match=r"twin\.toml: probe: '1:2' is already that of"):
        devices.boards(tmp_path)
