"""The score picture: precision against recall and the confusion, models side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.aside import written_aside
from edge.bundle import Interval
from edge.training.evaluate import Evaluation
from edge.training.metrics import Ints, curve

COLOURS = ("#1f6fb4", "#d1541b", "#3a8a3a")
MOST_NUMBERED = 20  # labels: with more, the numbers in the cells could not be read
MOST_NAMED = 60
MOST_LETTERS = 24  # a longer label would leave no room for the cells
NAMES = {"top1": "top-1", "map50": "mAP50", "f1_iou50": "F1 at IoU 0.5"}


def score_picture(
    before: Evaluation | None,
    after: Evaluation,
    path: Path,
    names: Sequence[str] = ("float", "int8"),
) -> None:
    """Write a PNG that shows `after`, beside `before` where there is one, under `names`.

    Both have the same labels and pictures. Written aside and renamed; raises CannotWriteError.
    """
    pair = zip(names, (before, after), strict=True)
    models = {name: evaluation for name, evaluation in pair if evaluation is not None}
    figure = _figure(models)
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=110, format="png")


def interval_text(interval: Interval) -> str:
    """Return a value with its 95 % interval, such as `0.931 (0.905 to 0.952)`."""
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _figure(models: Mapping[str, Evaluation]) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    side = 4.6 + 0.12 * min(max(len(e.labels) for e in models.values()), 40)
    figure = Figure(figsize=(side * (1 + len(models)), side + 1.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 1 + len(models), squeeze=False)[0]
    _draw_curves(axes[0], models)
    for ax, (name, evaluation) in zip(axes[1:], models.items(), strict=True):
        _draw_confusion(ax, name, evaluation)
    figure.suptitle(_title(models))
    return figure


def _title(models: Mapping[str, Evaluation]) -> str:
    first = next(iter(models.values()))
    lines = [f"{first.n} test pictures; 95 % intervals in brackets"]
    for metric in first.metrics:
        values = [f"{name} {interval_text(e.metrics[metric])}" for name, e in models.items()]
        lines.append(f"{NAMES[metric]}: " + ", ".join(values))
    return "\n".join(lines)


def _draw_curves(ax: Any, models: Mapping[str, Evaluation]) -> None:
    for colour, style, (name, evaluation) in zip(COLOURS, ("-", "--", ":"), models.items(),
                                                 strict=False):  # fmt: skip
        recall, precision, _ = curve(evaluation.matches)
        ax.plot(recall, precision, style, color=colour, label=f"{name}")
        point = evaluation.recall.value, evaluation.precision.value
        limit = evaluation.thresholds.default
        ax.plot(*point, "o", color=colour, label=f"{name} at threshold {limit:.2f}")
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision", aspect="equal")
    ax.set_title("precision and recall")
    ax.grid(alpha=0.3)
    ax.legend(loc="lower left")


def _draw_confusion(ax: Any, name: str, evaluation: Evaluation) -> None:
    detect = evaluation.task == "detect"
    table, labels = _shown(evaluation)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(labels) <= MOST_NAMED:
        ax.set_xticks(range(len(labels)), labels, rotation=90)
        ax.set_yticks(range(len(labels)), labels)
    if len(labels) <= MOST_NUMBERED:
        _draw_numbers(ax, table, shares)
    limit = f" at threshold {evaluation.thresholds.default:.2f}" if detect else ", best answer"
    ax.set(xlabel="said", ylabel="true", title=f"{name}: confusion{limit}")


def _shown(evaluation: Evaluation) -> tuple[Ints, list[str]]:
    labels = [*map(_shortened, evaluation.labels), "(nothing)"]
    table = evaluation.confusion
    # a classifier always answers: an empty line would only take room
    if not table[-1].any() and not table[:, -1].any():
        return table[:-1, :-1], labels[:-1]
    return table, labels


def _shortened(label: str) -> str:
    return (
        label
        if len(label) <= MOST_LETTERS
        else label[: MOST_LETTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )


def _draw_numbers(ax: Any, table: Ints, shares: Any) -> None:
    size = 9 if len(table) <= 12 else 7
    for (row, column), count in np.ndenumerate(table):
        if count:
            colour = "white" if shares[row, column] > 0.55 else "black"
            ax.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=size)
