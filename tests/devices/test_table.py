"""The table of boards in the README is the one that the catalogue gives."""

from pathlib import Path

import pytest

import devices
from devices.table import BEGIN, END, main, render, replace, size

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_holds_the_table_of_the_catalogue() -> None:
    text = README.read_text(encoding="utf-8")
    table = render(devices.boards())
    assert f"{BEGIN}\n{table}\n{END}" in text, "run: python -m devices.table README.md"


def test_the_table_has_a_row_for_every_board() -> None:
    boards = devices.boards()
    lines = render(boards).splitlines()
    assert len(lines) == 2 + len(boards)
    for board, line in zip(boards, lines[2:], strict=True):
        assert f"`{board.id}`" in line
    assert len({line.count("|") for line in lines}) == 1


def test_the_command_changes_only_what_stands_between_the_marks(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter é\n", encoding="utf-8")
    assert main([str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert text == f"before\n{BEGIN}\n{render(devices.boards())}\n{END}\nafter é\n"
    assert main([str(path)]) == 0
    assert path.read_text(encoding="utf-8") == text
    assert [file.name for file in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_file_without_its_marks_is_left_alone(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "README.md"
    path.write_text(text)
    assert main([str(path)]) == 65
    assert "must stand there once" in capsys.readouterr().err
    assert path.read_text() == text
    with pytest.raises(devices.DevicesError):
        replace(text, "table")


def test_a_missing_file_and_missing_words_have_their_exit_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.md")]) == 66
    assert main([]) == 2
    assert "usage: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count_bytes", "text"),
    [
        (1 << 30, "1 GiB"),
        (8_000_000_000, "8 GB"),
        (692 << 20, "692 MiB"),
        (1060 << 10, "1060 KiB"),
        (129_536, "126.5 KiB"),
        (1000, "1 KiB"),
    ],
)
def test_sizes_are_exact_or_in_kib(count_bytes: int, text: str) -> None:
    assert size(count_bytes) == text
