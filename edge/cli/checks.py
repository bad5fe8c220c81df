"""One check of a machine, and how checks are shown."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ok", "info", "warn", "fail"]
MARKS: dict[State, str] = {"ok": "ok", "info": "-", "warn": "warn", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at and what was found; `cure` is "" where there is nothing to do."""

    name: str
    state: State
    text: str
    cure: str = ""


def from_problem(name: str, shown: str, problem: str | None) -> Check:
    """Return the check of something that works, or has a problem `what: cure`."""
    if problem is None:
        return Check(name, "ok", shown)
    what, _, cure = problem.partition(": ")
    return Check(name, "fail", f"{shown}: {what}", cure)


def check_lines(checks: Sequence[Check]) -> list[str]:
    """Return one line a check, one more for a cure, and the sum."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{MARKS[check.state]:>4}  {check.name:<{width}}  {check.text}")
        if check.cure:
            lines.append(f"{'':>4}  {'':<{width}}  -> {check.cure}")
    states = Counter(check.state for check in checks)
    failed = f"{states['fail']} failed" if states["fail"] else "no check failed"
    warned = f", {states['warn']} with a warning" if states["warn"] else ""
    return [*lines, f"{len(checks)} checks: {failed}{warned}"]


def check_records(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Return the same as plain values."""
    return [dataclasses.asdict(check) for check in checks]
