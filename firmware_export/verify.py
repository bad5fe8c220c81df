"""Compile an export for the host and compare every output byte with the named runtime."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import UnavailableError
from firmware_export import harness, oracle, toolchain, vectors
from firmware_export.model import Model


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many of `total` output bytes differ on `count` inputs, and the largest difference."""

    count: int
    total: int
    different: int
    largest: int

    @property
    def text(self) -> str:
        """Return the verdict in one line."""
        if not self.different:
            return f"equal in all {self.total:,} output bytes of {self.count} inputs"
        part = self.different / self.total
        return (
            f"{self.different:,} of {self.total:,} output bytes differ ({part:.1%}), by at most "
            f"{self.largest}, on {self.count} inputs"
        )


def compare(got: Sequence[NDArray[Any]], want: Sequence[NDArray[Any]]) -> Verdict:
    """Return how two lists of outputs (n, ...) differ."""
    gaps = [
        np.abs(a.reshape(len(a), -1).astype(np.int64) - b.reshape(len(b), -1).astype(np.int64))
        for a, b in zip(got, want, strict=True)
    ]
    return Verdict(
        count=len(got[0]),
        total=sum(gap.size for gap in gaps),
        different=sum(int(np.count_nonzero(gap)) for gap in gaps),
        largest=max((int(gap.max()) for gap in gaps if gap.size), default=0),
    )


# How the oracles are called in front of people.
NAMES = {
    "tflm": "TensorFlow Lite Micro",
    "litert": "LiteRT's reference kernels",
    "xnnpack": "XNNPACK, which a Linux board runs",
}


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Verdicts by oracle, why others are missing, and the outputs that the profile asks for."""

    inputs: list[NDArray[Any]]
    wanted: list[NDArray[Any]]
    verdicts: dict[str, Verdict]
    reasons: list[str]


def against(model: Model, files: dict[str, str], count: int) -> Found:
    """Return the verdicts against the profile's oracle and XNNPACK on `count` synthetic inputs.

    What is not there (a compiler, a runtime, or a runtime that refuses the model) is a reason.
    """
    inputs = vectors.synthetic(model.inputs, count)
    found = Found(inputs, [], {}, [])
    answers: dict[str, list[NDArray[Any]]] = {}
    for name in (model.rounding, "xnnpack"):
        try:
            answers[name] = oracle.answers(model.content, inputs, name)
        except UnavailableError as error:
            found.reasons.extend(error.faults)
    found.wanted.extend(answers.get(model.rounding, []))
    try:
        got = compiled_answers(model, files, inputs)
    except UnavailableError as error:
        found.reasons.extend(error.faults)
        return found
    found.verdicts.update({name: compare(got, want) for name, want in answers.items()})
    return found


def compiled_answers(
    model: Model,
    files: dict[str, str],
    inputs: Sequence[NDArray[Any]],
    flags: Sequence[str] = ("-O2",),
) -> list[NDArray[Any]]:
    """Return the outputs (n, ...) of the C, compiled for this machine; raises UnavailableError."""
    with tempfile.TemporaryDirectory() as folder:
        texts = {**files, harness.NAME: harness.text(model)}
        program = toolchain.build(texts, Path(folder), flags)
        return harness.answers(program, model, inputs)
