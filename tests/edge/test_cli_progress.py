"""How far a long command is: bars on a terminal, a few lines elsewhere, nothing when quiet."""

import sys

import pytest

from edge.cli.progress import STAGES, note_of, progress_bars
from edge.training.trainer import Progress

EPOCHS = [
    Progress("train", epoch, 100, 0.5, 0.25 if epoch > 50 else None, 100.0 - epoch)
    for epoch in range(1, 101)
]


def test_long_stage_writes_a_line_a_tenth_where_no_terminal_is(capsys) -> None:
    with progress_bars(quiet=False) as report:
        report(Progress("read"))
        for progress in EPOCHS:
            report(progress)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == "reading pictures"
    assert len(lines) == 1 + 11
    assert lines[-1] == "training 100 of 100, best 0.250, 0:00 left"


def test_stage_of_one_step_is_one_line(capsys) -> None:
    with progress_bars(quiet=False) as report:
        report(Progress("golden", 0, 1))
        report(Progress("golden", 1, 1))
    assert capsys.readouterr().err == "golden vectors\n"


def test_quiet_writes_nothing(capsys) -> None:
    with progress_bars(quiet=True) as report:
        for progress in EPOCHS:
            report(progress)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("progress", "note"),
    [
        (Progress("train", 1, 9), ""),
        (Progress("train", 1, 9, 0.1, None, 59.6), "1:00 left"),
        (Progress("train", 1, 9, 0.1, 0.9314, 3725.0), "best 0.931, 62:05 left"),
    ],
)
def test_note_says_what_is_known(progress: Progress, note: str) -> None:
    assert note_of(progress) == note


@pytest.mark.train  # bars need rich, which comes with what trains
def test_terminal_shows_a_bar_for_each_stage(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    with progress_bars(quiet=False) as report:
        report(Progress("read"))
        for progress in EPOCHS:
            report(progress)
        report(Progress("score", 1, 3))
    out, err = capsys.readouterr()
    assert out == ""
    for stage in ("read", "train", "score"):
        assert STAGES[stage] in err
