"""Fixtures that every test may use; a skip that no row of allowed_skips.txt names fails the run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import open_browser
from hypothesis import settings
from skips import CONDITIONS, LIST, NEEDS, read_allowed, unlisted

settings.register_profile("patient", deadline=None)  # a busy machine is no fault of an example
settings.load_profile("patient")
SKIPPED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of shared public data: $EDGE_SHARED, else ../shared beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("EDGE_SHARED", beside))
    assert (folder / "data" / "MANIFEST.md").is_file(), f"no shared test data in {folder}"
    return folder


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[object]:
    """Yield a Selenium driver of a headless Chromium with a profile of its own."""
    driver = open_browser(tmp_path / "chromium")
    yield driver
    driver.quit()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED] = []
    config.pluginmanager.register(SkipWatch(config), "skip-watch")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a program that is not here."""
    for item in items:
        for mark in item.iter_markers("needs"):
            absent = [name for name in mark.args if not NEEDS[name]()]
            if absent:
                item.add_marker(pytest.mark.skip(reason=f"needs {', '.join(absent)}"))


class SkipWatch:
    """Note each skip and expected failure, and fail the run for those that no row allows."""

    def __init__(self, config: pytest.Config) -> None:
        self.skipped = config.stash[SKIPPED]
        self.faults: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped or hasattr(report, "wasxfail"):
            self.skipped.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.skipped.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        rows = read_allowed(LIST.read_text())
        self.faults = unlisted(self.skipped, rows, lambda name: CONDITIONS[name]())
        if self.faults and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for test in self.faults:
            terminalreporter.write_line(f"NOT ALLOWED TO SKIP: {test} (see {LIST.name})", red=True)
