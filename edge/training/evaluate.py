"""How good a model is, with what certainty: the same code for float and int8, picture by picture.

A predictor answers a batch of pictures. Both kinds go through the very preparation and decoding
of the device, so that they differ in the arithmetic of the network alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle, Interval, Thresholds
from edge.errors import BadDataError
from edge.recognizer import Recognizer, decoder_of, open_recognizer, picture_input
from edge.scene import FULL_BOX, Box, Detection
from edge.training.dataset import Sample
from edge.training.drop import drop_interval
from edge.training.intervals import Weights, bootstrap, wilson
from edge.training.metrics import (
    Floats,
    Ints,
    Matches,
    average_precision,
    confusion,
    match,
    mean_average_precision,
    outcomes,
    precision_recall_f1,
)
from edge.vision.prepare import prepare

Task = Literal["classify", "detect"]
Metric = Literal["top1", "map50", "f1_iou50"]
Real = NDArray[np.float32]
Predictor = Callable[[Sequence[NDArray[np.uint8]]], Sequence[Sequence[Detection]]]
# Real pictures (n, h, w, c), as the network sees them -> its outputs in bundle order, n first.
Infer = Callable[[Real], Sequence[Real]]

BATCH = 32
LEAST_IOU = 0.5
LEAST_SCORE = 0.01  # of a box: below it the average precision does not change any more
OTHER = "(another class)"


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One label: how many objects there were, and how they were found (0..1)."""

    label: str
    objects: int
    precision: float
    recall: float
    f1: float
    average_precision: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The scores of one model on `n` pictures.

    `metrics` holds top1, or map50 and f1_iou50, each with a 95 % interval; `precision`, `recall`
    and `f1` are those at `thresholds`. `classes` and `confusion`, int64 (C + 1, C + 1) with the
    background last, are at `thresholds` for boxes and of the best answer for classes.
    `unannotated` counts the detections at `thresholds` of labels that the data do not annotate,
    by label, the most frequent first: nobody can say whether they are right, so no score holds
    them. `matches` holds every answer; `counts`, int64 (n, 3), right, wrong and missed per picture
    at `thresholds`; both keep the order of the pictures, so that two models can be paired.
    """

    task: Task
    labels: tuple[str, ...]
    thresholds: Thresholds
    n: int
    metrics: dict[Metric, Interval]
    precision: Interval
    recall: Interval
    f1: Interval
    classes: tuple[ClassScore, ...]
    confusion: Ints
    matches: Matches
    counts: Ints
    unannotated: Mapping[str, int] = field(default_factory=dict)

    @property
    def main(self) -> tuple[Metric, Interval]:
        """Return the name and value of the first metric: top1 or map50."""
        return next(iter(self.metrics.items()))


def lenient(bundle: Bundle) -> Bundle:
    """Return the bundle with thresholds that let every answer through that can matter."""
    least = 0.0 if bundle.task == "classify" else LEAST_SCORE
    return replace(bundle, thresholds=Thresholds(least))


def recognizer_predictor(recognizer: Recognizer) -> Predictor:
    """Return the predictor of an int8 model; open the recognizer on a `lenient` bundle."""
    return lambda pictures: [recognizer(picture).detections for picture in pictures]


def float_predictor(infer: Infer, bundle: Bundle) -> Predictor:
    """Return the predictor of a float network that takes what `bundle` will take."""
    bundle = lenient(bundle)
    decode, spec = decoder_of(bundle), picture_input(bundle)
    mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)

    def predict(pictures: Sequence[NDArray[np.uint8]]) -> list[tuple[Detection, ...]]:
        prepared = [prepare(picture, spec) for picture in pictures]
        real = (np.stack([p.pixels for p in prepared]).astype(np.float32) - mean) / std
        outputs = [np.asarray(output, np.float32) for output in infer(real)]
        return [
            decode(tuple(output[i : i + 1] for output in outputs), bundle, p.geometry)
            for i, p in enumerate(prepared)
        ]

    return predict


def keras_infer(model: Any) -> Infer:
    """Return how a Keras model answers: its outputs in the order that the model gives them."""

    def infer(real: Real) -> list[Real]:
        answer = model.predict_on_batch(real)
        if isinstance(answer, dict):
            return list(answer.values())
        return list(answer) if isinstance(answer, list | tuple) else [answer]

    return infer


def evaluate(
    predict: Predictor,
    samples: Sequence[Sample],
    labels: Sequence[str],
    task: Task,
    thresholds: Thresholds,
    tick: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Score a predictor on samples; `tick` is told how many more pictures are done.

    Raises BadDataError where there is nothing to score.
    """
    if not samples:
        raise BadDataError("no picture to score: the test split is empty")
    found: list[Sequence[Detection]] = []
    for start in range(0, len(samples), BATCH):
        batch = [sample.picture() for sample in samples[start : start + BATCH]]
        found += predict(batch)
        tick(len(batch))
    return score(found, samples, labels, task, thresholds)


def score(
    found: Sequence[Sequence[Detection]],
    samples: Sequence[Sample],
    labels: Sequence[str],
    task: Task,
    thresholds: Thresholds,
) -> Evaluation:
    """Return the scores of answers that were given, one sequence per sample."""
    labels = tuple(labels)
    truth = [_objects(sample, task) for sample in samples]
    if task == "classify":
        found = [_top(answers, labels) for answers in found]
        if any(d.label == OTHER for answers in found for d in answers):
            labels = (*labels, OTHER)
    matches = match(found, truth, labels, LEAST_IOU)
    shown = Thresholds(0.0) if task == "classify" else thresholds
    counts = outcomes(matches, thresholds, labels).sum(axis=1)
    return Evaluation(
        task=task,
        labels=labels,
        thresholds=thresholds,
        n=len(samples),
        metrics=_metrics(matches, counts, task),
        precision=bootstrap(_ratio_of(counts, 0), len(samples)),
        recall=bootstrap(_ratio_of(counts, 1), len(samples)),
        f1=bootstrap(_ratio_of(counts, 2), len(samples)),
        classes=_classes(matches, shown, labels),
        confusion=confusion(found, truth, labels, shown, LEAST_IOU),
        matches=matches,
        counts=counts,
        unannotated=_unannotated(found, labels, thresholds),
    )


def statistic(evaluation: Evaluation, metric: Metric) -> Callable[[Weights], Floats]:
    """Return the metric as a function of picture weights (rounds, n), for paired resampling."""
    return _statistic(evaluation.matches, evaluation.counts, metric)


def drop(before: Evaluation, after: Evaluation, metric: Metric, seed: int = 1) -> Interval:
    """Return how much of a metric is lost, before - after, with its interval paired by picture.

    Both were evaluated on the same pictures in the same order. top1 has Newcombe's interval;
    for the others each resample draws the same pictures for both, so that what makes a picture
    hard does not widen it. Raises BadDataError where the pictures differ.
    """
    if before.n != after.n:
        raise BadDataError(f"not the same pictures: {before.n} before, {after.n} after")
    if metric == "top1":
        return drop_interval(_right(before.matches).tolist(), _right(after.matches).tolist())
    first, second = statistic(before, metric), statistic(after, metric)
    return bootstrap(lambda weights: first(weights) - second(weights), before.n, seed)


def evaluate_bundle(
    bundle: Bundle,
    samples: Sequence[Sample],
    labels: Sequence[str],
    task: Task,
    runtime: str = "auto",
    tick: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Score a bundle on this machine's CPU at the thresholds it carries.

    Raises BadDataError where the model cannot give what the data ask for.
    """
    require_match(bundle, labels, task)
    with open_recognizer(lenient(bundle), runtime=runtime) as recognizer:
        predict = recognizer_predictor(recognizer)
        return evaluate(predict, samples, labels, task, bundle.thresholds, tick)


def require_match(bundle: Bundle, labels: Iterable[str], task: Task) -> None:
    """Raise BadDataError with every reason why the bundle cannot be scored on such data."""
    faults = []
    if bundle.task != task:
        faults.append(f"model '{bundle.name}' is for {bundle.task}, the data are for {task}")
    known = bundle.labels[1:] if bundle.decode.background else bundle.labels
    strange = [repr(label) for label in labels if label not in known]
    if strange:
        few = ", ".join(known[:10]) + (f", and {len(known) - 10} more" if len(known) > 10 else "")
        faults.append(f"the model knows no label {', '.join(strange)}; its labels: {few or 'none'}")
    if faults:
        raise BadDataError(*faults)


def _objects(sample: Sample, task: Task) -> tuple[tuple[str, Box], ...]:
    if task == "detect":
        return sample.boxes
    return ((sample.label or "", FULL_BOX),)


def _top(answers: Sequence[Detection], labels: Sequence[str]) -> list[Detection]:
    return [d if d.label in labels else replace(d, label=OTHER) for d in answers[:1]]


def _unannotated(
    found: Sequence[Sequence[Detection]], labels: Sequence[str], thresholds: Thresholds
) -> dict[str, int]:
    strange = Counter(
        d.label
        for answers in found
        for d in answers
        if d.label not in labels and d.score >= thresholds.of(d.label)
    )
    return dict(strange.most_common())


def _metrics(matches: Matches, counts: Ints, task: Task) -> dict[Metric, Interval]:
    n = matches.picture_count
    if task == "classify":
        return {"top1": wilson(int(matches.hit.sum()), n)}
    names: tuple[Metric, ...] = ("map50", "f1_iou50")
    return {name: bootstrap(_statistic(matches, counts, name), n) for name in names}


def _statistic(matches: Matches, counts: Ints, metric: Metric) -> Callable[[Weights], Floats]:
    if metric == "map50":
        return lambda weights: mean_average_precision(matches, weights)
    if metric == "f1_iou50":
        return _ratio_of(counts, 2)
    right = _right(matches)
    return lambda weights: weights @ right / weights.sum(axis=1)


def _right(matches: Matches) -> Ints:
    return np.bincount(matches.picture[matches.hit], minlength=matches.picture_count)


def _ratio_of(counts: Ints, which: int) -> Callable[[Weights], Floats]:
    return lambda weights: precision_recall_f1(weights @ counts)[which]


def _classes(
    matches: Matches, thresholds: Thresholds, labels: Sequence[str]
) -> tuple[ClassScore, ...]:
    counts = outcomes(matches, thresholds, labels).sum(axis=0)
    precision, recall, f1 = precision_recall_f1(counts)
    return tuple(
        ClassScore(
            label,
            int(matches.truth[:, i].sum()),
            float(precision[i]),
            float(recall[i]),
            float(f1[i]),
            float(average_precision(matches, i)[0]),
        )
        for i, label in enumerate(labels)
    )
