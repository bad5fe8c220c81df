"""What must agree inside a bundle: its record, its labels, and a tensor as somebody else sees it.

Nothing here reads the model file: `edge.bundle.model` does, and on a board the interpreter.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from edge.bundle.parts import Bundle, Input, Output
from edge.bundle.rules import DECODERS, NAME

# Roles whose last axis has one slice per label.
LABELLED_ROLES = ("scores", "logits", "heatmap")
# Decoder -> the roles it needs.
_NEEDS = {
    "classify": ({"scores"}, {"logits"}),
    "ssd": ({"boxes", "classes", "scores"}, {"boxes", "scores"}, {"boxes", "logits"}),
    "boxes": ({"objectness", "logits", "distances"},),
    "centroid": ({"heatmap"}, {"scores"}, {"logits"}),
}


def own_faults(bundle: Bundle) -> Iterator[str]:
    """Yield every contradiction of a bundle with itself, one line each."""
    if not NAME.fullmatch(bundle.name):
        yield f"name is {bundle.name!r}; it must be [{NAME.pattern}]"
    for side, specs in (("input", bundle.inputs), ("output", bundle.outputs)):
        names = [spec.name for spec in specs]
        if len(set(names)) < len(names):
            yield f"{side} names repeat: {', '.join(names)}"
    if bundle.states:
        fed = ", ".join(name for name, _ in bundle.states)
        yield f"inputs {fed} are fed by outputs, and format 1 has no word for states"
    for spec in bundle.inputs:
        if spec.kind == "image":
            yield from _image_faults(f"input {spec.name!r}", spec)
    yield from _decode_faults(bundle)
    yield from _label_faults(bundle)


def _decode_faults(bundle: Bundle) -> Iterator[str]:
    decoder = bundle.decode.decoder
    if decoder not in DECODERS:
        yield f"decode.decoder is {decoder!r}; it must be {' | '.join(DECODERS)}"
    roles = {spec.role for spec in bundle.outputs}
    needs = _NEEDS.get(decoder, (set(),))
    if not any(need <= roles for need in needs):
        allowed = " or ".join(", ".join(sorted(need)) for need in needs)
        yield f"decoder {decoder} needs outputs of role {allowed}; got {', '.join(sorted(roles))}"


def _label_faults(bundle: Bundle) -> Iterator[str]:
    labels = bundle.labels
    for label in labels:
        if label and (label != label.strip() or label.splitlines() != [label]):
            yield f"label {label!r} has spaces around it or a line break; remove them"
    known = set(labels)
    for label in sorted(set(bundle.thresholds.label) - known):
        yield f"thresholds.label.{label}: no such label; known: {_some(labels)}"
    for key, value in [("default", bundle.thresholds.default), *bundle.thresholds.label.items()]:
        if not 0 <= value <= 1:
            yield f"threshold {key} is {value}; it must be 0..1"
    if bundle.task == "raw":
        return
    if not labels:
        yield f"a bundle for {bundle.task} needs labels.txt"
    for spec in bundle.outputs:
        if spec.role not in LABELLED_ROLES or bundle.decode.decoder == "ssd":
            continue
        count = spec.shape[-1] if spec.shape else 0
        if len(labels) != count:
            yield f"{len(labels)} labels; output {spec.name!r} ({spec.role}) has {count} slices"


def _some(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")


def tensor_faults(
    where: str,
    spec: Input | Output,
    shape: Sequence[int],
    dtype: str,
    scale: float,
    zero_point: int,
) -> Iterator[str]:
    """Yield where the record of a tensor differs from what the model holds, one line each."""
    if spec.shape != tuple(shape):
        yield f"{where}: shape is {list(spec.shape)}; the model's is {list(shape)}"
    if spec.dtype != dtype:
        yield f"{where}: dtype is {spec.dtype}; the model's is {dtype}"
    if np.float32(spec.scale) != np.float32(scale):
        yield f"{where}: scale is {spec.scale!r}; the model's is {scale!r}"
    if spec.zero_point != zero_point:
        yield f"{where}: zero_point is {spec.zero_point}; the model's is {zero_point}"


def _image_faults(where: str, spec: Input) -> Iterator[str]:
    channels = 1 if spec.color == "gray" else 3
    if len(spec.shape) != 4 or spec.shape[0] != 1 or spec.shape[3] != channels:
        yield (
            f"{where}: shape {list(spec.shape)} with color {spec.color}; "
            f"an image is [1, height, width, {channels}]"
        )
    for key, values in (("mean", spec.mean), ("std", spec.std)):
        if len(values) not in (1, channels):
            yield f"{where}: {len(values)} values of {key}; 1 or {channels}"
