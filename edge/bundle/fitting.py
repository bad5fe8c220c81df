"""Labels fitted to a bare model's classes, and outputs to the inputs that they feed."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.bundle.labels import is_background
from edge.bundle.outputs import Reading
from edge.bundle.parts import Input, Output
from edge.errors import BadDataError


@dataclass(frozen=True, slots=True)
class Fitted:
    """Labels by index; `background` tells whether the first of them is the background."""

    labels: tuple[str, ...]
    background: bool
    guesses: tuple[str, ...] = ()


def fit_labels(reading: Reading, labels: tuple[str, ...], indexed: bool) -> Fitted:
    """Return the labels that suit the classes a reading tells apart.

    `indexed`: their file said the index of each, so that the last ones may be missing. Raises
    BadDataError where a label could stand for another class than the one meant.
    """
    if reading.task == "raw":
        return Fitted(labels, background=False)
    fit = _listed if reading.offset else _sliced
    fitted = fit(reading, labels, indexed) if labels else _numbered(reading)
    if not fitted.background:
        return fitted
    shown = fitted.labels[0] or "without a name"
    said = f"label 0 is {shown!r}: it is never reported"
    return Fitted(fitted.labels, True, (*fitted.guesses, said))


def _numbered(reading: Reading) -> Fitted:
    """Name the classes by their number, which does not count a background."""
    if reading.slices is None:
        return Fitted((), False, ("no labels: the classes are named by their number",))
    # detectors as published have one, and it would be found in every box
    background = reading.task == "detect" and not reading.offset and reading.background is not False
    count = reading.slices - background
    first = ("background",) if background else ()
    said = f"no labels: the {count} classes are named by their number"
    assumed = f"the first of {reading.slices} scores is taken for the background's"
    unsaid = background and reading.background is None
    return Fitted(
        (*first, *map(str, range(count))), background, (said, assumed) if unsaid else (said,)
    )


def _listed(reading: Reading, labels: tuple[str, ...], indexed: bool) -> Fitted:
    """Fit labels to class numbers that leave the background out."""
    count, first = reading.slices, labels[0]
    if len(labels) == count:
        return Fitted(labels, background=False)
    if is_background(first) and (count is None or len(labels) == count + 1):
        return Fitted(labels, background=True)
    if count is None or (indexed and len(labels) < count):
        return Fitted(labels, background=False)
    if len(labels) == count + 1:
        cure = f"; the first, {first!r}, is no background: name it so, or remove a line"
    else:
        cure = "; a class without a name takes a line '???'"
    raise BadDataError(f"{len(labels)} labels for {count} classes{cure}")


def _sliced(reading: Reading, labels: tuple[str, ...], indexed: bool) -> Fitted:
    """Fit labels to scores that may begin with one of the background."""
    count = reading.slices or len(labels)
    detects = reading.task == "detect"
    if len(labels) == count:
        said_so = labels[0] != "" and is_background(labels[0])
        return Fitted(labels, said_so or (detects and bool(reading.background)))
    missing = len(labels) == count - 1
    if missing and detects and reading.background is not False:
        said = f"{count} scores for {len(labels)} labels: the first score is the background's"
        return Fitted(("background", *labels), True, (said,))
    if indexed and len(labels) < count:
        padded = labels + ("",) * (count - len(labels))
        return Fitted(padded, detects and bool(reading.background))
    cure = "; add 'background' as its first line" if missing else ""
    raise BadDataError(f"{len(labels)} labels for {count} scores{cure}")


def find_states(inputs: Sequence[Input], outputs: Sequence[Output]) -> tuple[tuple[str, str], ...]:
    """Return (input, output) names of a recurrent model's states, () where it is none.

    Beside its one picture each input must have an output of its own, without another role, whose
    shape, dtype and quantization are the same; among equals the names' longest common end, then
    the order decides.
    """
    pictures = [spec for spec in inputs if spec.kind == "image"]
    if any(len({spec.name for spec in side}) < len(side) for side in (inputs, outputs)):
        return ()
    free = [spec for spec in outputs if spec.role == "raw"]
    pairs = []
    for spec in inputs:
        if spec.kind == "image":
            continue
        alike = [out for out in free if _tensor(out) == _tensor(spec)]
        if not alike:
            return ()
        best = max(alike, key=lambda out: _common_end(out.name, spec.name))
        free.remove(best)
        pairs.append((spec.name, best.name))
    return tuple(pairs) if len(pictures) == 1 else ()


def _tensor(spec: Input | Output) -> tuple[object, ...]:
    return spec.shape, spec.dtype, spec.scale, spec.zero_point


def _common_end(a: str, b: str) -> int:
    pairs = zip(reversed(a), reversed(b), strict=False)
    return next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(a), len(b)))
