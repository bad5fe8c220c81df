"""The proof a bundle carries: golden vectors, and what the runtimes here made of the model."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import BadDataError
from edge.infer.border import enter
from edge.infer.runtime import Resolver
from edge.training.calibration import Samples
from edge.training.golden import Batch, farthest, search, spread
from edge.training.parity import Parity, compare, difference, parity_faults, run, runtime_names

LEAST_TOLERANCE, MOST_TOLERANCE = 2, 8  # steps that a golden output may differ elsewhere
LEAST_SPARE, MOST_SPARE = 2, 12  # times the golden vectors that are looked at for steady ones
ENOUGH_SPREAD = 16  # steps of int8 that an output should move over the golden inputs
# The second is what a runtime falls back to; it rounds otherwise, as other versions may.
KERNELS: tuple[Resolver, ...] = ("default", "no-delegate")
# MACs that searching, and comparing on the slow reference kernels, may cost; and how many inputs.
SEARCH_MACS, LEAST_POOL, MOST_POOL = 2e9, 32, 192
COMPARE_MACS, LEAST_COMPARED, MOST_COMPARED = 1e9, 16, 64


@dataclass(frozen=True, slots=True)
class GoldenPlan:
    """How many golden vectors, how many of them from the user's own samples, and the seed."""

    count: int = 8
    pictures: int = 0
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """`arrays` are golden input0.., output0.. (count, *shape); `tolerance` in steps, 2 to 8."""

    arrays: dict[str, NDArray[Any]]
    tolerance: int
    parity: tuple[Parity, ...]
    notes: tuple[str, ...]


def prove(
    bundle: Bundle, samples: Samples, plan: GoldenPlan, tell: Callable[[str, int, int], None]
) -> Proof:
    """Return golden vectors of a bundle in memory and its parity on every runtime here.

    Outputs are those of the preferred runtime's reference kernels. Raises BadDataError with
    every runtime that cannot run the model or computes it wrongly, or an output that never moves.
    """
    names = runtime_names()
    macs = max(int(bundle.requires["macs"]), 1)
    real = _quantised(bundle, samples, _bounded(COMPARE_MACS / macs, LEAST_COMPARED, MOST_COMPARED))
    tell("golden", 0, 1)
    inputs, outputs, most = _golden(bundle, samples, real, plan, macs, names)
    tell("golden", 1, 1)
    tell("parity", 0, 1)
    parity = compare(bundle.model, real, bundle.outputs, names)
    tell("parity", 1, 1)
    notes, faults = spread_faults(bundle, outputs, run(bundle.model, real, names[0]))
    faults += parity_faults(parity)
    if most > MOST_TOLERANCE:
        faults.append(
            f"golden outputs differ by {most} steps between the runtimes here and the reference; "
            f"at most {MOST_TOLERANCE} are allowed"
        )
    if faults:
        raise BadDataError(*faults)
    arrays = {f"input{i}": a[:, None] for i, a in enumerate(inputs)}
    arrays |= {f"output{i}": a[:, None] for i, a in enumerate(outputs)}
    return Proof(arrays, max(most, LEAST_TOLERANCE), parity, tuple(notes))


def _bounded(value: float, least: int, most: int) -> int:
    return int(np.clip(value, least, most))


def _quantised(bundle: Bundle, samples: Samples, most: int) -> Batch:
    """Return at most `most` calibration samples as the model's tensors hold them."""
    keep = np.linspace(0, len(samples[0]) - 1, min(most, len(samples[0]))).astype(int)
    into = [enter(replace(spec, kind="tensor")) for spec in bundle.inputs]
    return tuple(
        np.concatenate([quantised(values[i]) for i in keep])
        for quantised, values in zip(into, samples, strict=True)
    )


def _golden(
    bundle: Bundle,
    samples: Samples,
    real: Batch,
    plan: GoldenPlan,
    macs: int,
    names: Sequence[str],
) -> tuple[Batch, Batch, int]:
    """Return golden inputs, their reference outputs, and the largest difference on a runtime."""
    own = tuple(values[: plan.pictures] for values in real)
    count = max(plan.count - len(own[0]), 0)
    pool = _bounded(SEARCH_MACS / macs, LEAST_POOL, MOST_POOL)
    spare = _bounded(COMPARE_MACS / macs / max(count, 1), LEAST_SPARE, MOST_SPARE)
    found = search(
        lambda inputs: run(bundle.model, inputs, names[0]),
        bundle.inputs, samples, spare * count, max(pool, spare * count), plan.seed,
    )  # fmt: skip
    inputs = tuple(np.concatenate(pair) for pair in zip(found, own, strict=True))
    outputs = run(bundle.model, inputs, names[0], "reference")
    differs = np.zeros(len(inputs[0]), np.int64)
    for name, kernels in itertools.product(names, KERNELS):
        for want, have in zip(outputs, run(bundle.model, inputs, name, kernels), strict=True):
            steps = difference(want, have).reshape(len(want), -1).max(axis=1)
            differs = np.maximum(differs, steps)
    made = len(found[0])
    keep = steady(tuple(a[:made] for a in outputs), differs[:made], count)
    keep += range(made, len(inputs[0]))
    chosen = (tuple(a[keep] for a in arrays) for arrays in (inputs, outputs))
    return next(chosen), next(chosen), int(differs[keep].max())


def steady(outputs: Batch, differs: NDArray[np.int64], count: int) -> list[int]:
    """Return `count` indices of outputs far apart, of those on which the runtimes agree best.

    Near a border between two classes rounding is amplified: a vector there proves nothing.
    """
    agreeing = np.flatnonzero(differs <= LEAST_TOLERANCE)
    if len(agreeing) < count:
        agreeing = np.argsort(differs, kind="stable")[:count]
    chosen = farthest(tuple(a[agreeing] for a in outputs), count)
    return [int(agreeing[i]) for i in chosen]


def spread_faults(bundle: Bundle, golden: Batch, real: Batch) -> tuple[list[str], list[str]]:
    """Return notes on outputs that hardly move, and faults for those that never do."""
    notes, faults = [], []
    for output, first, second in zip(bundle.outputs, golden, real, strict=True):
        moved = spread((np.concatenate([first, second]),))[0]
        steps = spread((first,))[0]
        if not moved:
            faults.append(
                f"int8 output {output.name!r} is the same for every input that was tried: "
                "calibration data of another kind than the training data, or an outlier in them"
            )
        elif steps < ENOUGH_SPREAD:
            notes.append(
                f"output {output.name!r} moves by only {steps} steps over the golden inputs: "
                "they prove little"
            )
    return notes, faults
