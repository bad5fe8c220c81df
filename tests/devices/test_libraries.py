"""Shared libraries in made trees: where the loader looks, and for what each was built."""

import sys
from pathlib import Path

import pytest
from machine_trees import elf, write

from devices.libraries import Binary, Library, find_libraries, read_binary, system_binary

NAME = "libedgetpu.so.1"


@pytest.mark.parametrize(
    ("machine", "bits", "name"),
    [(183, 64, "aarch64"), (40, 32, "armv7l"), (62, 64, "x86_64"), (3, 32, "i686"),
     (9999, 64, "machine 9999")],
)  # fmt: skip
def test_a_head_says_what_it_was_built_for(
    tmp_path: Path, machine: int, bits: int, name: str
) -> None:
    assert read_binary(write(tmp_path, "x", elf(machine, bits))) == Binary(bits, name)


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"#!/bin/sh\n" * 9, b"\x7fELF\x03\x01" + bytes(58)]
)
def test_anything_else_is_no_binary(tmp_path: Path, content: bytes) -> None:
    assert read_binary(write(tmp_path, "x", content)) is None
    assert read_binary(tmp_path) is None


def test_this_python_is_a_binary_of_this_machine() -> None:
    binary = read_binary(Path(sys.executable).resolve())
    assert binary is not None
    assert binary.bits == (64 if sys.maxsize > 2**32 else 32)


@pytest.mark.parametrize(
    "folder",
    ["usr/lib/aarch64-linux-gnu", "usr/lib", "lib64", "usr/local/lib", "lib/arm-linux-gnueabihf"],
)
def test_the_loaders_folders_are_searched(tmp_path: Path, folder: str) -> None:
    path = write(tmp_path, f"{folder}/{NAME}", elf())
    assert find_libraries(NAME, tmp_path) == (Library(path, Binary(64, "aarch64")),)


def test_configured_folders_come_first_through_includes(tmp_path: Path) -> None:
    write(tmp_path, "etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n# include /nowhere\n")
    write(tmp_path, "etc/ld.so.conf.d/coral.conf", "/opt/coral/lib # comment\n")
    write(tmp_path, "etc/ld.so.conf.d/loop.conf", "include /etc/ld.so.conf\n")
    first = write(tmp_path, f"opt/coral/lib/{NAME}", elf(40, 32))
    second = write(tmp_path, f"usr/lib/{NAME}", elf())
    assert [found.path for found in find_libraries(NAME, tmp_path)] == [first, second]


def test_a_file_under_two_names_counts_once(tmp_path: Path) -> None:
    path = write(tmp_path, f"usr/lib/{NAME}", elf())
    (tmp_path / "lib").symlink_to("usr/lib")
    assert len(find_libraries(NAME, tmp_path)) == 1
    path.unlink()
    assert find_libraries(NAME, tmp_path) == ()


def test_the_users_own_folder_counts_on_the_real_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "libtoy.so.9", elf())
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path}")
    assert [found.path for found in find_libraries("libtoy.so.9")] == [path]
    assert find_libraries("libtoy.so.9", tmp_path / "root") == ()


def test_the_shell_tells_the_system(tmp_path: Path) -> None:
    assert system_binary(tmp_path) is None
    write(tmp_path, "usr/bin/env", elf(40, 32))
    assert system_binary(tmp_path) == Binary(32, "armv7l")
