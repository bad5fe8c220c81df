"""What the tests of made machines share."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def permission_by_the_last_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer os.access as the kernel answers anybody who is neither root nor the owner."""

    def access(path: Path, mode: int) -> bool:
        return os.stat(path).st_mode & mode == mode  # noqa: PTH116 - whatever os.access takes

    monkeypatch.setattr("os.access", access)
