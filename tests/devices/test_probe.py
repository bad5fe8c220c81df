"""The Edge TPUs in made trees of /sys and /dev: which there are, and what is wrong with each."""

from pathlib import Path

import pytest
from machine_trees import add_apex, add_pci_card, add_usb_tpu

from devices.probe import EdgeTpu, edge_tpus, page_size_bytes

pytestmark = pytest.mark.usefixtures("permission_by_the_last_digit")


def only(root: Path) -> EdgeTpu:
    (tpu,) = edge_tpus(root)
    return tpu


def test_a_machine_without_one_has_none(tmp_path: Path) -> None:
    assert edge_tpus(tmp_path) == ()
    assert edge_tpus(tmp_path / "nowhere") == ()


@pytest.mark.parametrize("ids", ["1a6e:089a", "18d1:9302"], ids=["before use", "after use"])
def test_both_names_of_a_stick_are_normal(tmp_path: Path, ids: str) -> None:
    device = add_usb_tpu(tmp_path, "2-1", ids, bus=2, device=7)
    node = tmp_path / "dev/bus/usb/002/007"
    assert only(tmp_path) == EdgeTpu("usb", 0, device, node, None)


@pytest.mark.parametrize("ids", ["18d1:4ee7", "1a6e:0001", "1d6b:0002", ":"])
def test_another_usb_device_is_none(tmp_path: Path, ids: str) -> None:
    add_usb_tpu(tmp_path, "1-1", ids, bus=1, device=2)
    assert edge_tpus(tmp_path) == ()


def test_several_are_counted_by_bus_and_port(tmp_path: Path) -> None:
    for name, device in (("2-10", 4), ("2-9", 5), ("1-1.2", 6)):
        add_usb_tpu(tmp_path, name, "18d1:9302", bus=int(name[0]), device=device)
    for number in (10, 2):
        add_apex(tmp_path, number, f"0000:0{number:x}:00.0")
    found = [(tpu.bus, tpu.index, tpu.sysfs.name) for tpu in edge_tpus(tmp_path)]
    assert found == [
        ("usb", 0, "1-1.2"), ("usb", 1, "2-9"), ("usb", 2, "2-10"),
        ("pci", 2, "apex_2"), ("pci", 10, "apex_10"),
    ]  # fmt: skip
    assert all(tpu.problem is None for tpu in edge_tpus(tmp_path))


def test_a_stick_that_may_not_be_opened_names_group_and_rule(tmp_path: Path) -> None:
    add_usb_tpu(tmp_path, "2-1", "1a6e:089a", bus=2, device=3, mode=0o664)
    tpu = only(tmp_path)
    assert tpu.node == tmp_path / "dev/bus/usb/002/003"
    assert tpu.problem is not None
    assert tpu.problem.startswith("no permission to read and write /dev/bus/usb/002/003: ")
    assert "usermod -aG plugdev" in tpu.problem
    assert 'GROUP="plugdev"' in tpu.problem


def test_a_card_that_may_not_be_opened_names_group_and_rule(tmp_path: Path) -> None:
    add_apex(tmp_path, 0, "0000:01:00.0", mode=0o660)
    problem = only(tmp_path).problem
    assert problem is not None
    assert problem.startswith("no permission to read and write /dev/apex_0: ")
    assert "usermod -aG apex" in problem
    assert 'SUBSYSTEM=="apex"' in problem


def test_a_stick_without_node_is_in_a_container(tmp_path: Path) -> None:
    add_usb_tpu(tmp_path, "2-1", "1a6e:089a", bus=2, device=3)
    (tmp_path / "dev/bus/usb/002/003").unlink()
    tpu = only(tmp_path)
    assert tpu.node is None
    assert "/dev/bus/usb/002/003 does not exist: " in str(tpu.problem)
    assert "--device=/dev/bus/usb" in str(tpu.problem)


@pytest.mark.parametrize("content", ["", "three", "9" * 5000, "-1\0x"])
def test_a_stick_without_numbers_is_named(tmp_path: Path, content: str) -> None:
    device = add_usb_tpu(tmp_path, "2-1", "1a6e:089a", bus=2, device=3)
    (device / "devnum").write_text(content)
    tpu = only(tmp_path)
    assert tpu.node is None
    assert "no busnum and devnum" in str(tpu.problem)


def test_a_card_with_driver_and_node_works(tmp_path: Path) -> None:
    apex = add_apex(tmp_path, 0, "0000:01:00.0")
    assert only(tmp_path) == EdgeTpu("pci", 0, apex, tmp_path / "dev/apex_0", None)


def test_a_card_with_driver_and_without_node_is_in_a_container(tmp_path: Path) -> None:
    add_apex(tmp_path, 1, "0000:01:00.0")
    (tmp_path / "dev/apex_1").unlink()
    tpu = only(tmp_path)
    assert (tpu.index, tpu.node) == (1, None)
    assert "--device=/dev/apex_1" in str(tpu.problem)


@pytest.mark.parametrize(
    ("loaded", "cure"), [(False, "install gasket-dkms"), (True, "dmesg | grep -i apex")]
)
def test_a_card_without_driver_is_named(tmp_path: Path, loaded: bool, cure: str) -> None:
    card = add_pci_card(tmp_path, "0000:03:00.0")
    if loaded:
        (tmp_path / "sys/module/apex").mkdir(parents=True)
    tpu = only(tmp_path)
    assert (tpu.bus, tpu.index, tpu.sysfs, tpu.node) == ("pci", 0, card, None)
    assert "0000:03:00.0 (1ac1:089a)" in str(tpu.problem)
    assert cure in str(tpu.problem)


@pytest.mark.parametrize("stated", [True, False], ids=["pci_address", "link only"])
def test_one_card_of_two_without_driver_is_told_from_the_other(
    tmp_path: Path, stated: bool
) -> None:
    apex = add_apex(tmp_path, 0, "0000:04:00.0")
    if not stated:
        (apex / "pci_address").unlink()
    add_pci_card(tmp_path, "0000:03:00.0")
    found = [(tpu.index, tpu.sysfs.name, tpu.problem is None) for tpu in edge_tpus(tmp_path)]
    assert found == [(0, "apex_0", True), (1, "0000:03:00.0", False)]


def test_another_pci_card_is_none(tmp_path: Path) -> None:
    add_pci_card(tmp_path, "0000:00:1f.0", vendor="0x8086", device="0x089a")
    assert edge_tpus(tmp_path) == ()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("temp", "-89700\n", "reports -89.7 C"),
        ("temp", "-40001\n", "reports -40.001 C"),
        ("status", "DEAD\n", "reports DEAD"),
        ("status", "LAMED\n", "reports LAMED"),
    ],
)
def test_a_lost_card_is_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    apex = add_apex(tmp_path, 0, "0000:01:00.0")
    (apex / name).write_text(content)
    problem = str(only(tmp_path).problem)
    assert problem.startswith("apex_0 no longer answers: ")
    assert said in problem


@pytest.mark.parametrize("content", ["-40000\n", "-10000\n", "98000\n", "", "warm\n"])
def test_a_cold_or_hot_card_is_not_lost(tmp_path: Path, content: str) -> None:
    apex = add_apex(tmp_path, 0, "0000:01:00.0")
    (apex / "temp").write_text(content)
    assert only(tmp_path).problem is None


def test_every_problem_is_one_line(tmp_path: Path) -> None:
    add_pci_card(tmp_path, "0000:03:00.0")
    add_apex(tmp_path, 0, "0000:04:00.0", mode=0o600)
    add_usb_tpu(tmp_path, "2-1", "1a6e:089a", bus=2, device=3, mode=0)
    problems = [str(tpu.problem) for tpu in edge_tpus(tmp_path)]
    assert len(problems) == 3
    for problem in problems:
        assert len(problem.splitlines()) == 1
        assert str(tmp_path) not in problem


def test_the_page_size_is_a_power_of_two() -> None:
    size = page_size_bytes()
    assert size >= 4096
    assert size & (size - 1) == 0
