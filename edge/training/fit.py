"""From pictures to a bundle: train, choose thresholds, quantise, score float beside int8."""

import hashlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import bundle as bundles
from edge.bundle import Bundle, Input, Output, Score, Thresholds
from edge.errors import EdgeError
from edge.training import evaluate as scoring
from edge.training import losses
from edge.training.augment import Variation
from edge.training.batches import Plan, Stored, steps_per_epoch, store
from edge.training.dataset import Dataset, fingerprint, read_dataset
from edge.training.describe import bundle_name
from edge.training.drop import Comparison
from edge.training.evaluate import Evaluation, Metric
from edge.training.quantize import MAX_DROP, quantize
from edge.training.quiet import import_tensorflow
from edge.training.request import Request, require_sense, require_task, require_writable
from edge.training.trainer import Job, Progress, Report, Schedule, run
from edge.training.validation import Validation
from edge.vision.prepare import prepare

log = logging.getLogger(__name__)

Scored = Callable[[Evaluation, Evaluation], None]

LEAST_EPOCHS, MOST_EPOCHS = 15, 200
BATCH, LEAST_BATCH = 32, 8
CALIBRATION = 200  # pictures; more change the ranges by nothing that can be measured
METRICS: dict[str, Metric] = {"classify": "top1", "detect": "f1_iou50"}


@dataclass(frozen=True, slots=True)
class Preset:
    """How long the demo trains on its composed scenes."""

    epochs: int


DEMO_PRESETS = {"plain": Preset(40), "robust": Preset(58)}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a network is trained: `steps` in all where the user gives no epochs."""

    rate: float
    steps: int
    loss: Callable[..., Any]
    variation: Variation


SETTINGS: dict[str, Settings] = {
    "tiny-cnn": Settings(4e-3, 3000, losses.class_loss, Variation(degrees=12.0, least_scale=0.9)),
    "tiny-boxes": Settings(1e-2, 3000, losses.boxes_loss, Variation()),
}


def train(
    data: Dataset | Path | str,
    out: Path | str,
    model: str = "tiny-cnn",
    *,
    size_px: int | None = None,
    epochs: int | None = None,
    seed: int = 1,
    max_drop: float = MAX_DROP,
    resume: bool = False,
    golden_pictures: int = 0,
    format: str = "auto",
    name: str | None = None,
    progress: Report | None = None,
    scored: Scored | None = None,
) -> Bundle:
    """Train a network on `data`, quantise it, write the bundle `out` and return it.

    `data` is a Dataset, class folders, or a CSV of boxes; `model` a row of NETWORKS. Stops early
    where validation pictures gain nothing more. `resume` goes on where a killed training of the
    same data and settings stopped. `progress` hears how far it is, `scored` both evaluations on
    the test pictures. Raises EdgeError: bad data, or int8 worse than float by over `max_drop`.
    """
    tell = progress or _silent
    request = Request(Path(out), model, size_px, epochs, seed, resume, max_drop, golden_pictures)
    require_sense(request)
    dataset = data if isinstance(data, Dataset) else _read(data, format, seed, tell)
    require_task(request.network, dataset)
    require_writable(request.out)
    tell(Progress("start"))
    import_tensorflow()
    draft = draft_bundle(request, dataset, name)
    keras_model, thresholds = _trained(request, dataset, draft, tell)
    finished = _quantized(
        request, dataset, replace(draft, thresholds=thresholds), keras_model, scored, tell
    )
    request.checkpoint.unlink(missing_ok=True)
    return finished


def _quantized(
    request: Request,
    dataset: Dataset,
    draft: Bundle,
    model: Any,
    scored: Scored | None,
    tell: Report,
) -> Bundle:
    """Quantise, score both models on the test pictures, and write the bundle."""
    tell(Progress("quantize"))
    return quantize(
        model,
        _calibration(dataset, draft.inputs[0]),
        request.out,
        name=draft.name,
        labels=draft.labels,
        task=draft.task,
        inputs=draft.inputs,
        roles=dict(request.network.roles),
        decode=draft.decode,
        thresholds=draft.thresholds,
        version=draft.version,
        counts=_counts(dataset, request.seed),
        evaluate=partial(_compared, model, dataset, scored or _no_scores, tell),
        max_drop=request.max_drop,
        golden_pictures=request.golden_pictures,
        seed=request.seed,
        progress=lambda step, done, total: tell(Progress(step, done, total)),
    )


def draft_bundle(request: Request, dataset: Dataset, name: str | None) -> Bundle:
    """Return the bundle as it will be, without a model: enough to prepare and decode."""
    network, side = request.network, request.side_px
    mid = (127.5, 127.5, 127.5)
    picture = Input("image", "image", (1, side, side, 3), "int8", 0.0, 0, mean=mid, std=mid)
    outputs = tuple(Output(n, role, (), "float32", 0.0, 0) for n, role in network.roles)
    return Bundle(
        name=name or bundle_name(request.out),
        task=network.task,
        inputs=(picture,),
        outputs=outputs,
        decode=network.decode,
        labels=dataset.labels,
        model=b"",
        version=next_version(request.out),
    )


def _read(data: Path | str, format: str, seed: int, tell: Report) -> Dataset:
    tell(Progress("read"))
    dataset = read_dataset(data, format, seed=seed)
    for note in dataset.notes:
        log.info("%s", note)
    return dataset


def _trained(
    request: Request, dataset: Dataset, draft: Bundle, tell: Report
) -> tuple[Any, Thresholds]:
    import keras

    keras.utils.set_random_seed(request.seed)
    side = request.side_px
    model = request.network.build((side, side, 3), len(dataset.labels))
    infer = scoring.keras_infer(model)
    tell(Progress("load"))
    pictures = store(dataset.train, dataset.labels, (side, side))
    validation = Validation(draft, dataset.val)
    settings = SETTINGS[request.model]
    plan = Plan(
        (side, side), _batch(len(pictures)), request.seed, settings.variation,
        request.network.decode,
    )  # fmt: skip
    job = Job(
        model=model,
        loss=partial(settings.loss, class_weights=class_weights(dataset)),
        pictures=pictures,
        plan=plan,
        schedule=_schedule(request, settings, pictures, plan),
        score=lambda: validation.score(infer),
        key=_key(request, dataset),
        checkpoint=request.checkpoint,
    )
    run(job, request.resume, tell)
    return model, validation.thresholds(infer)


def class_weights(dataset: Dataset) -> tuple[float, ...]:
    """Return how much each label counts: rare ones more, by the square root of their rarity.

    The root, since the full ratio would make a few pictures shout down the rest.
    """
    counts = np.zeros(len(dataset.labels))
    index = {label: i for i, label in enumerate(dataset.labels)}
    for sample in dataset.train:
        for label in [sample.label] if sample.label is not None else [x for x, _ in sample.boxes]:
            counts[index[label]] += 1
    weights = np.sqrt(counts.mean() / np.maximum(counts, 1))
    share = counts / max(counts.sum(), 1)
    return tuple(float(w) for w in weights / max(float(weights @ share), 1e-6))


def _batch(pictures: int) -> int:
    """Return a batch that gives small datasets some eight steps an epoch."""
    return int(np.clip(2 ** round(math.log2(max(pictures / 8, 1))), LEAST_BATCH, BATCH))


def _schedule(
    request: Request, settings: Settings, pictures: Sequence[Stored], plan: Plan
) -> Schedule:
    wanted = math.ceil(settings.steps / steps_per_epoch(len(pictures), plan))
    epochs = request.epochs or int(np.clip(wanted, LEAST_EPOCHS, MOST_EPOCHS))
    # scores cost time and say little while the rate is high: about twenty, in the second half
    return Schedule(
        epochs,
        settings.rate,
        patience=max(epochs // 3, 5),
        first_score=max(epochs // 2, 1),
        score_every=max(epochs // 40, 1),
    )


def _key(request: Request, dataset: Dataset) -> str:
    settings = (request.model, request.side_px, request.epochs, request.seed)
    return hashlib.sha256(f"{fingerprint(dataset)} {settings!r}".encode()).hexdigest()


def _counts(dataset: Dataset, seed: int) -> dict[str, Any]:
    return {
        "train": len(dataset.train),
        "val": len(dataset.val),
        "test": len(dataset.test),
        "seed": seed,
        "sha256": fingerprint(dataset),
    }


def _calibration(dataset: Dataset, spec: Input) -> NDArray[np.uint8]:
    """Return training pictures as the device prepares them, evenly spread over all of them."""
    every = dataset.train
    keep = np.unique(np.linspace(0, len(every) - 1, min(CALIBRATION, len(every))).astype(int))
    return np.stack([prepare(every[i].picture(), spec).pixels for i in keep])


def _compared(
    model: Any, dataset: Dataset, scored: Scored, tell: Report, bundle: Bundle
) -> Comparison:
    """Score the float model and the finished bundle on the same test pictures."""
    total = 2 * len(dataset.test)
    done = 0

    def tick(more: int) -> None:
        nonlocal done
        done += more
        tell(Progress("score", done, total))

    test, labels, task = dataset.test, dataset.labels, dataset.task
    predict = scoring.float_predictor(scoring.keras_infer(model), bundle)
    before = scoring.evaluate(predict, test, labels, task, bundle.thresholds, tick)
    after = scoring.evaluate_bundle(bundle, test, labels, task, tick=tick)
    scored(before, after)
    metric = METRICS[task]
    score = Score(metric, before.metrics[metric], after.metrics[metric])
    return Comparison(score, scoring.drop(before, after, metric))


def next_version(out: Path) -> int:
    """Return one more than the version of the bundle that will be replaced, else 1."""
    try:
        return bundles.read(out).version + 1 if out.exists() else 1
    except EdgeError:
        return 1


def _silent(progress: Progress) -> None:
    """Take what nobody wants to hear."""


def _no_scores(before: Evaluation, after: Evaluation) -> None:
    """Take scores that nobody wants to see."""
