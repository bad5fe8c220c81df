"""A trained Keras model to a bundle: full int8, audited, compared, with golden vectors."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import edge
from edge import bundle as bundles
from edge import tflite
from edge.bundle import Bundle, Decode, Input, Role, Task, Thresholds
from edge.errors import BadDataError
from edge.infer.runtime import available
from edge.metadata import add_signature
from edge.training import calibration as data
from edge.training.audit import audit_samples, dead_outputs
from edge.training.audit_model import audit_model
from edge.training.calibration import Calibration, Material, Samples
from edge.training.convert import Io, Progress, convert
from edge.training.describe import (
    Numbers,
    Pictures,
    Purpose,
    bundle_name,
    chosen_roles,
    describe_inputs,
    describe_purpose,
    described_outputs,
    filled_inputs,
    filled_outputs,
    raw_roles,
    truth_numbers,
)
from edge.training.drop import Comparison, Evaluate, Row, compare_top1, require_small_drop
from edge.training.load import FloatModel, load
from edge.training.parity import Parity
from edge.training.pixels import mismatch
from edge.training.prove import GoldenPlan, prove

log = logging.getLogger(__name__)

REQUIRED = {"litert_min": "2.1", "tflite_runtime_min": "2.14"}
GOLDEN_COUNT = 8
MAX_DROP = 0.03


@dataclass(frozen=True, slots=True)
class Report:
    """What a quantisation found out: decisions said aloud, parity by output, the loss."""

    notes: tuple[str, ...]
    parity: tuple[Parity, ...]
    comparison: Comparison | None


def quantize(
    keras_model: Any,
    calibration: Calibration,
    out: Path | str,
    *,
    name: str | None = None,
    labels: Sequence[str] = (),
    task: Task | None = None,
    inputs: Sequence[Input] | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    color: str | None = None,
    resize: str = "stretch",
    roles: Mapping[str, Role] | None = None,
    decode: Decode | None = None,
    thresholds: Thresholds | None = None,
    version: int = 1,
    license: str = "proprietary",
    counts: Mapping[str, Any] | None = None,
    io: Io = "int8",
    evaluate: Evaluate | None = None,
    max_drop: float = MAX_DROP,
    golden_count: int = GOLDEN_COUNT,
    golden_pictures: int = 0,
    max_samples: int = data.MOST_SAMPLES,
    seed: int = 1,
    progress: Progress | None = None,
    report: Callable[[Report], None] | None = None,
) -> Bundle:
    """Quantise a Keras model to full int8, write it as a bundle at `out` and return that.

    `keras_model` is a keras.Model or the path of a .keras or .h5 file or a SavedModel.
    `calibration` is representative data: a folder of pictures (perhaps one folder a class), an
    .npz with x (and y), an array (n, ...) of the model's own numbers or of uint8 pixels, or a
    callable or iterable of lists of inputs.

    Told, or else found out and logged: `inputs` (name and preparation of each; shape, type and
    scale are filled in here) or `mean`, `std` of pixels 0..255, `color`, `resize`; `task`, `roles`
    by output name, `decode`, `labels`. `counts` becomes [data]. `io` is the border's type.

    `evaluate` scores the finished bundle beside the float model; without it, class folders or y
    give top-1. A loss above `max_drop` beyond doubt raises EdgeError and nothing is written.
    `golden_pictures` lets that many of the user's samples be golden vectors. `progress` is told
    (step, done, of how many), `report` the findings.

    Raises BadDataError with every fault of model or data, NotFoundError, CannotWriteError.
    """
    notes: list[str] = []
    try:
        model = load(keras_model)
        notes += model.notes
        material = data.gather(calibration, model.inputs, max_samples)
        specs = describe_inputs(model, material, inputs, Pictures(mean, std, color, resize), notes)
        told = inputs is not None or mean is not None or std is not None
        samples = _audited(model, material.thinned(max_samples), specs, told, notes)
        purpose = _purpose(model, samples, material, task, labels, roles, decode, notes)
        draft = replace(
            _draft(model, specs, purpose),
            name=name or bundle_name(Path(out)),
            version=version,
            created=datetime.now(UTC).replace(microsecond=0).isoformat(),
            created_by=f"embedded-edge {edge.__version__}",
            license=license,
            thresholds=thresholds or Thresholds(),
            data=dict(counts or {}),
        )
        work = _Work(model, samples, material, GoldenPlan(golden_count, golden_pictures, seed),
                     evaluate, max_drop, progress or _no_progress, report)  # fmt: skip
        return _finished(draft, work, io, Path(out), notes)
    finally:
        for note in notes:
            log.info("%s", note)


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What the steps after the description share; see `quantize`."""

    model: FloatModel
    samples: Samples
    material: Material
    golden: GoldenPlan
    evaluate: Evaluate | None
    max_drop: float
    tell: Progress
    report: Callable[[Report], None] | None


def _finished(draft: Bundle, work: _Work, io: Io, out: Path, notes: list[str]) -> Bundle:
    """Convert, prove, compare and write a bundle that is described."""
    # whether the classes fit is said before the conversion, not after
    truth = truth_numbers(work.material, draft.labels) if draft.task == "classify" else ()
    bundle = _converted(draft, work.model, work.samples, io, work.tell)
    proof = prove(bundle, work.samples, work.golden, work.tell)
    notes += proof.notes
    comparison = _compared(bundle, work, truth, notes)
    if work.report:
        work.report(Report(tuple(notes), proof.parity, comparison))
    if comparison:
        require_small_drop(comparison, work.max_drop)
        bundle = replace(bundle, score=comparison.score)
    bundle = replace(bundle, golden={"max_abs_diff": proof.tolerance})
    return bundles.write(bundles.with_metadata(bundle), out, proof.arrays)


def _purpose(
    model: FloatModel,
    samples: Samples,
    material: Material,
    task: Task | None,
    labels: Sequence[str],
    roles: Mapping[str, Role] | None,
    decode: Decode | None,
    notes: list[str],
) -> Purpose:
    """Return what the model is for, as told, the rest found out."""
    if task is None:
        found = describe_purpose(model, samples, material, labels, notes)
    else:
        found = Purpose(task, Decode(), raw_roles(model), tuple(labels))
    return replace(
        found, decode=decode or found.decode, roles=chosen_roles(model, roles, found.roles)
    )


def _draft(model: FloatModel, specs: Sequence[Input], purpose: Purpose) -> Bundle:
    return Bundle(
        name="model",
        task=purpose.task,
        inputs=tuple(specs),
        outputs=described_outputs(model, purpose.roles),
        decode=purpose.decode,
        labels=purpose.labels,
        model=b"",
    )


def _no_progress(step: str, done: int, total: int) -> None:
    """Take what nobody wants to hear."""


def _audited(
    model: FloatModel,
    material: Material,
    specs: Sequence[Input],
    told: bool,
    notes: list[str],
) -> Samples:
    """Return the calibration samples; raises BadDataError with every fault they have."""
    samples = data.realise(material, specs)
    is_prepared = bool(material.paths) or all(
        value.dtype == np.uint8 for row in material.rows for value in row
    )
    audit = audit_samples(samples, specs, is_prepared)
    notes += audit.notes
    faults = [*audit.faults]
    faults += [] if faults else dead_outputs(model, samples)
    wrong = "" if faults else mismatch(model, specs, samples)
    if wrong and told:
        notes.append(f"told otherwise, but {wrong}")
    elif wrong:
        faults.append(wrong)
    if faults:
        raise BadDataError(*faults)
    return _with_extremes(samples, specs)


def _with_extremes(samples: Samples, specs: Sequence[Input]) -> Samples:
    """Return the samples and one more, in which one pixel is black and one white.

    So the input's scale covers every pixel value, however pale the pictures; a black and a white
    picture would stretch the ranges inside the network too.
    """
    more = []
    for values, spec in zip(samples, specs, strict=True):
        extra = values[:1].copy()
        if spec.kind == "image":
            mean, std = np.array(spec.mean), np.array(spec.std)
            extra[0, 0, 0], extra[0, 0, 1] = (0.0 - mean) / std, (255.0 - mean) / std
        more.append(np.concatenate([values, extra]))
    return tuple(more)


def _converted(
    bundle: Bundle, model: FloatModel, samples: Samples, io: Io, tell: Progress
) -> Bundle:
    """Return the bundle around the int8 model; raises BadDataError where it is not int8."""
    content = convert(model, samples, io, tell)
    faults = audit_model(tflite.read(content), io)
    if faults:
        raise BadDataError(*faults)
    names = [spec.name for spec in bundle.inputs], [spec.name for spec in bundle.outputs]
    content = add_signature(content, *names)
    graph = tflite.read(content)
    return replace(
        bundle,
        inputs=filled_inputs(bundle.inputs, graph, io),
        outputs=filled_outputs(bundle.outputs, graph, io),
        model=content,
        requires={**REQUIRED, **bundles.requirements(content)},
    )


def _compared(
    bundle: Bundle, work: _Work, truth: Sequence[int], notes: list[str]
) -> Comparison | None:
    """Return float beside int8 by `evaluate`, or top-1 where the data say their classes."""
    if work.evaluate is not None:
        work.tell("score", 0, 1)
        return work.evaluate(bundle)
    runtimes = available()
    if not truth or not runtimes:
        why = "no device runtime is installed" if truth else "no labelled data"
        notes.append(f"{why}: float and int8 were not compared by score")
        return None
    notes.append("scored on the data given for calibration: a score on other pictures is lower")
    rows = data.prepared_rows(work.material, bundle.inputs)
    return compare_top1(work.model, bundle, runtimes[0], _counted(rows, truth, work.tell), truth)


def _counted(rows: Iterable[Row], truth: Sequence[int], tell: Progress) -> Iterator[Row]:
    for done, row in enumerate(rows):
        tell("score", done, len(truth))
        yield row
    tell("score", len(truth), len(truth))
