"""Small files of the kernel: whatever they hold, reading them fails in one way only."""

from pathlib import Path

import pytest

from devices import sysfs


def test_a_text_ends_before_its_nul(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert sysfs.read_text(file) == "Raspberry Pi 5 Model B Rev 1.0"


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / "a\0b"):
        assert sysfs.read_bytes(path) is None
        assert sysfs.read_text(path) is None
        assert sysfs.read_int(path) is None
        if path != tmp_path:
            assert sysfs.entries(path) == []


@pytest.mark.parametrize(
    ("content", "base", "number"),
    [
        ("45300\n", 10, 45300),
        ("-89700", 10, -89700),
        ("0x50005\n", 16, 0x50005),
        ("50005", 16, 0x50005),
        ("", 10, None),
        ("warm", 10, None),
        ("9" * 5000, 10, None),
    ],
)
def test_a_number_is_a_number_or_none(
    tmp_path: Path, content: str, base: int, number: int | None
) -> None:
    file = tmp_path / "temp"
    file.write_text(content)
    assert sysfs.read_int(file, base) == number


def test_reading_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(sysfs.MOST_BYTES + 1))
    assert len(sysfs.read_bytes(file) or b"") == sysfs.MOST_BYTES


def test_numbers_in_names_sort_as_numbers(tmp_path: Path) -> None:
    for name in ("2-10", "2-9", "1-1.2", "1-1", "usb2"):
        (tmp_path / name).touch()
    names = [path.name for path in sysfs.entries(tmp_path)]
    assert names == ["1-1", "1-1.2", "2-9", "2-10", "usb2"]
