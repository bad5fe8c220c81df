"""What converts without complaint and ruins a model: found before and after the conversion.

The converter takes NaN, noise, outliers or pixels of another range as they are, and leaves float
operators in a model that was asked to be int8. Every fault is one line; all are said at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Input
from edge.training.calibration import Samples
from edge.training.load import Float, FloatModel
from edge.training.pixels import SCALINGS

LEAST_SAMPLES = 10
GOOD_SAMPLES = 100
OUTLIER_RATIO = 100.0  # a sample's peak over the median peak; real data stay below 20
RANGE_TOLERANCE = 0.02  # of the range that mean and std give
LEAST_COVERAGE = 0.55  # 0..1 covers half of -1..1
NOISE_CORRELATION = 0.2  # of neighbouring pixels: noise 0.0, photographs 0.8 and more
WRAP_GAIN = 0.7  # a wrapped picture gets this much smoother by unwrapping; a right one rougher
# Periods of uint8 pixels that were viewed as int8: as they are, over 255, over 127.5.
WRAP_PERIODS = (256.0, 256.0 / 255.0, 256.0 / 127.5)
MOST_PICTURES = 50  # looked at for noise and wrapping

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found: `faults` stop the conversion, `notes` are said aloud."""

    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()


def audit_samples(samples: Samples, specs: Sequence[Input], prepared: bool = False) -> Audit:
    """Return every fault of the representative data, one line each.

    `samples` has one float array (n, ...) per input. `prepared` says that pixels came through
    mean and std here, so that dark or pale pictures are no sign of a wrong range.
    """
    count = len(samples[0]) if samples else 0
    if count == 0:
        return Audit(("no calibration sample: without one the model would stay float",))
    faults: list[str] = []
    if count < LEAST_SAMPLES:
        faults.append(
            f"{count} calibration samples are too few; at least {LEAST_SAMPLES}, better "
            f"{GOOD_SAMPLES} or more"
        )
    for values, spec in zip(samples, specs, strict=True):
        faults += [f"input {spec.name!r}: {f}" for f in _input_faults(values, spec, prepared)]
    note = f"{count} calibration samples; {GOOD_SAMPLES} or more give steadier ranges"
    return Audit(tuple(faults), (note,) if LEAST_SAMPLES <= count < GOOD_SAMPLES else ())


def _input_faults(values: Float, spec: Input, prepared: bool) -> Iterator[str]:
    flat = values.reshape(len(values), -1)
    finite = np.isfinite(flat).all(axis=1)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        yield (
            f"NaN or infinity in {len(bad)} of {len(flat)} samples (first: sample {bad[0]}); "
            "leave them out or repair them"
        )
    values, indices = values[finite], np.flatnonzero(finite)
    if not len(values):
        return
    dead = _dead(values)
    if dead:
        yield dead
        return
    usual = _usual(values)
    for index in indices[~usual][:3]:
        peak = float(np.abs(flat[index]).max())
        yield (
            f"sample {index} reaches {peak:.3g}, over {OUTLIER_RATIO:g} times the usual peak: "
            "one outlier takes the whole int8 range; leave it out"
        )
    if spec.kind == "image":
        yield from _picture_faults(values[usual], spec, prepared)


def _dead(values: Float) -> str:
    """Return a fault where the samples say nothing: all the same, or mostly constant."""
    if np.ptp(values) == 0:
        return f"every value of every sample is {values.flat[0]:g}; give real data"
    constant = np.ptp(values.reshape(len(values), -1), axis=1) == 0
    if values[0].size > 1 and constant.mean() > 0.5:
        return f"{constant.sum()} of {len(values)} samples hold one constant; give real data"
    if len(values) > 1 and not np.ptp(values, axis=0).any():
        return f"all {len(values)} samples are the same; give different ones"
    return ""


def _usual(values: Float) -> NDArray[np.bool_]:
    """Return which samples have no outlier: their peak is near the median of all peaks."""
    peaks = np.abs(values.reshape(len(values), -1)).max(axis=1)
    median = float(np.median(peaks))
    usual: NDArray[np.bool_] = peaks <= OUTLIER_RATIO * median if median else peaks == peaks
    return usual


def dead_outputs(model: FloatModel, samples: Samples) -> list[str]:
    """Return one line for each output that answers every sample alike.

    Whatever is compared with such an output agrees with it.
    """
    count = min(len(samples[0]), MOST_PICTURES)
    answers = [model.call([s[i : i + 1] for s in samples]) for i in range(count)]
    return [
        f"output {port.name!r} is the same for every calibration sample: the model is untrained "
        "or dead"
        for port, values in zip(model.outputs, zip(*answers, strict=True), strict=True)
        if not np.ptp(np.stack(values), axis=0).any()
    ]


def bounds(spec: Input) -> tuple[float, float]:
    """Return what black and white become, the lowest and highest over the channels."""
    mean, std = np.array(spec.mean, np.float64), np.array(spec.std, np.float64)
    ends = np.concatenate([(0.0 - mean) / std, (255.0 - mean) / std])
    return float(ends.min()), float(ends.max())


def _picture_faults(values: Float, spec: Input, prepared: bool) -> Iterator[str]:
    some = values[:: max(1, len(values) // MOST_PICTURES)]
    if is_wrapped(some):
        yield (
            "uint8 pictures viewed as int8: values wrap at mid-grey; convert by subtracting 128, "
            "or give the uint8 pixels themselves"
        )
        return
    if not prepared:
        yield from _range_faults(values, spec)
    correlation = neighbour_correlation(some)
    if correlation < NOISE_CORRELATION:
        yield (
            f"noise, not pictures: neighbouring pixels correlate by {correlation:.2f}, "
            f"photographs by 0.8 and more, at least {NOISE_CORRELATION} is needed; give pictures "
            'as the camera takes them (or kind "tensor" where the input is none)'
        )


def _range_faults(values: Float, spec: Input) -> Iterator[str]:
    low, high = float(values.min()), float(values.max())
    least, most = bounds(spec)
    span = most - least
    got = f"values go from {low:.4g} to {high:.4g}"
    wanted = f"mean {spec.mean[0]:g} and std {spec.std[0]:g} give {least:.4g} to {most:.4g}"
    cure = "give them as in training, or uint8 pixels"
    if low < least - RANGE_TOLERANCE * span or high > most + RANGE_TOLERANCE * span:
        yield f"{got}, but {wanted}{_looks_like(low, high)}; {cure}"
    elif high - low < LEAST_COVERAGE * span:
        yield f"{got}, a small part of the range, for {wanted}{_looks_like(low, high)}; {cure}"


def _looks_like(low: float, high: float) -> str:
    for name, (mean, std) in SCALINGS.items():
        least, most = -mean / std, (255 - mean) / std
        span = most - least
        if least - 0.02 * span <= low and high <= most + 0.02 * span and high - low > span / 2:
            return f" (these look like {name})"
    return ""


def is_wrapped(pictures: Floats) -> bool:
    """Return whether (n, h, w, c) are uint8 pixels viewed as int8: unwrapping smooths them."""
    for period in WRAP_PERIODS:
        half = period / 2
        if pictures.min() >= 0 or pictures.min() < -half - 1e-3 or pictures.max() > half:
            continue
        if period == WRAP_PERIODS[0] and not np.array_equal(pictures, np.round(pictures)):
            continue
        unwrapped = np.where(pictures < 0, pictures + period, pictures)
        if _roughness(unwrapped) < WRAP_GAIN * _roughness(pictures):
            return True
    return False


def _roughness(pictures: Floats) -> float:
    return float(
        np.abs(np.diff(pictures, axis=2)).mean() + np.abs(np.diff(pictures, axis=1)).mean()
    )


def neighbour_correlation(pictures: Floats) -> float:
    """Return the median correlation of neighbouring pixels over pictures (n, h, w, c), -1..1.

    Pearson's, of each pixel with its right and its lower neighbour, by picture and channel.
    Constant pictures are left out; 1.0 where nothing is left.
    """
    planes = np.moveaxis(pictures.astype(np.float64), 3, 1).reshape(-1, *pictures.shape[1:3])
    planes = planes[np.ptp(planes, axis=(1, 2)) > 0]
    if not len(planes):
        return 1.0
    across = _correlation(planes[:, :, :-1], planes[:, :, 1:])
    down = _correlation(planes[:, :-1], planes[:, 1:])
    return float(np.median((across + down) / 2))


def _correlation(first: Floats, second: Floats) -> Floats:
    a, b = (part - part.mean(axis=(1, 2), keepdims=True) for part in (first, second))
    scale = np.sqrt(np.square(a).sum(axis=(1, 2)) * np.square(b).sum(axis=(1, 2)))
    result: Floats = (a * b).sum(axis=(1, 2)) / np.maximum(scale, 1e-12)
    return result
