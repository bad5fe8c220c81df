"""`edge devices`: the list, one board with its sources, and unknown boards."""

import json
import sys

import pytest
from click.testing import CliRunner

import devices
from edge.cli import cli, main

BOARDS = devices.boards()


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_devices_alone_lists_every_board_on_a_line() -> None:
    output = run("devices")
    assert output == run("devices", "list")
    ids = [line.split()[0] for line in output.splitlines()]
    assert ids == ["id", *(board.id for board in BOARDS)]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_show_prints_every_figure_with_its_source(board: devices.Device) -> None:
    lines = run("devices", "show", board.id).splitlines()
    for name, source in board.sources.items():
        assert any(line.startswith(name) and line.endswith(source) for line in lines), name
    assert any(f"{board.ram_usable_bytes:,}" in line for line in lines)
    for note in board.notes:
        assert f"Note: {note}" in lines


def test_an_alias_shows_its_board() -> None:
    assert run("devices", "show", "nano33ble") == run("devices", "show", "nano-33-ble")


def test_json_holds_the_same_figures() -> None:
    listed = json.loads(run("--json", "devices"))
    assert [board["id"] for board in listed] == [board.id for board in BOARDS]
    shown = json.loads(run("--json", "devices", "show", "pico"))
    assert shown == listed[[board.id for board in BOARDS].index("pico")]
    assert shown["ram_bytes"] == 264 * 1024
    assert set(shown["sources"]) >= {"ram_bytes", "flash_bytes", "clock_hz"}


def test_an_unknown_board_is_one_line_and_exit_code_66(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["edge", "devices", "show", "nope"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 66
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("edge: no board 'nope'; known boards: ")
