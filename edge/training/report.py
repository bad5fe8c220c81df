"""An evaluation for people and for programs: a table, a record, and the two files of a folder."""

import json
import math
from pathlib import Path
from typing import Any

from edge.aside import written_aside
from edge.bundle import Interval
from edge.training.evaluate import Evaluation
from edge.training.picture import NAMES, interval_text, score_picture

MOST_STRANGE = 10  # labels that the table names


def evaluation_record(evaluation: Evaluation) -> dict[str, Any]:
    """Return the JSON object of an evaluation; a score that nothing defines is null."""
    return {
        "task": evaluation.task,
        "pictures": evaluation.n,
        "metrics": {name: _interval(value) for name, value in evaluation.metrics.items()},
        "threshold": evaluation.thresholds.default,
        "label_thresholds": dict(evaluation.thresholds.label),
        "precision": _interval(evaluation.precision),
        "recall": _interval(evaluation.recall),
        "f1": _interval(evaluation.f1),
        "labels": [
            {
                "label": c.label,
                "objects": c.objects,
                "precision": round(c.precision, 4),
                "recall": round(c.recall, 4),
                "f1": round(c.f1, 4),
                "average_precision": _number(c.average_precision),
            }
            for c in evaluation.classes
        ],
        "unannotated": dict(evaluation.unannotated),
        "confusion": {
            "rows_true_columns_said": [*evaluation.labels, None],
            "counts": evaluation.confusion.tolist(),
        },
    }


def evaluation_text(evaluation: Evaluation) -> str:
    """Return the scores as lines for a terminal: the whole, then each label."""
    threshold = f"at threshold {evaluation.thresholds.default:.2f}"
    wide = max(len(c.label) for c in evaluation.classes)
    wide = max(wide, len("label"))
    heads = [(NAMES[name], value) for name, value in evaluation.metrics.items()]
    heads += [(f"precision {threshold}", evaluation.precision)]
    heads += [(f"recall {threshold}", evaluation.recall)]
    broad = max(len(name) for name, _ in heads)
    lines = [f"{evaluation.n} pictures; 95 % intervals in brackets"]
    lines += [f"{name:<{broad}}  {interval_text(value)}" for name, value in heads]
    kind = "best answer" if evaluation.task == "classify" else threshold
    lines += ["", f"per label, {kind}:"]
    lines += [f"{'label':<{wide}}  objects  precision  recall     F1     AP"]
    lines += [
        f"{c.label:<{wide}}  {c.objects:7d}  {c.precision:9.3f}  {c.recall:6.3f}  {c.f1:5.3f}  "
        + ("    -" if math.isnan(c.average_precision) else f"{c.average_precision:5.3f}")
        for c in evaluation.classes
    ]
    return "\n".join([*lines, *_unannotated_lines(evaluation)])


def _unannotated_lines(evaluation: Evaluation) -> list[str]:
    """Return what was found that nobody can score, as one line; none where there is nothing."""
    strange = evaluation.unannotated
    if not strange:
        return []
    shown = [f"{label} {count}" for label, count in list(strange.items())[:MOST_STRANGE]]
    if len(strange) > len(shown):
        shown.append(f"{len(strange) - len(shown)} other labels")
    total = sum(strange.values())
    return [
        "",
        f"not scored: {total} detection{'s' if total > 1 else ''} of labels that the data do not "
        f"annotate: {', '.join(shown)}",
    ]


def write_report(evaluation: Evaluation, folder: Path, name: str) -> tuple[Path, Path]:
    """Write evaluation.json and score.png into a folder; `name` says which model, in the picture.

    Returns the two paths; raises CannotWriteError.
    """
    record, picture = folder / "evaluation.json", folder / "score.png"
    with written_aside(record) as aside:
        text = json.dumps(evaluation_record(evaluation), indent=1, ensure_ascii=False)
        aside.write_text(text + "\n", encoding="utf-8")
    score_picture(None, evaluation, picture, names=("", name))
    return record, picture


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": round(interval.value, 4), "low": round(interval.low, 4),
            "high": round(interval.high, 4), "n": interval.n}  # fmt: skip


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
