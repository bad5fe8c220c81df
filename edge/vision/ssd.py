"""Single-shot detectors: a list of boxes that the model has made, or raw heads with anchors.

A list is what TFLite_Detection_PostProcess gives: boxes (1, N, 4) as y0, x0, y1, x1 in fractions
of the input, classes (1, N), scores (1, N), and a count of how many of the N are valid. Classes
leave the background out: class c is line c of the labels, c + 1 where line 0 is the background.
Converters put these outputs in any order, so each is told by its role, else by its shape, else by
its values.

Raw heads are encodings (1, N, 4) and scores or logits (1, N, C) of N anchors, which lie in the
model's file (`edge.bundle.anchors`). With anchor (ya, xa, ha, wa) and encoding (y, x, h, w), each
divided by its scale: centre = (ya + y * ha, xa + x * wa), size = (ha * exp(h), wa * exp(w)), as in
Liu et al., SSD, 2016 (arXiv:1512.02325).
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import BadDataError
from edge.records import dataclass
from edge.scene import Detection
from edge.vision.candidates import MOST_CANDIDATES, Candidates, detections, settle
from edge.vision.decoder import (
    ROUNDING,
    Real,
    Reals,
    by_role,
    label_of,
    least_threshold,
    probabilities,
)
from edge.vision.geometry import Geometry

if TYPE_CHECKING:
    from edge.bundle.anchors import Anchors

WHOLE = 1e-3  # how far a class number may be from a whole one
FAR = 8.0  # a side this far outside the input is in pixels, not in fractions
MOST_EXPONENT = 20.0  # e^20 anchors wide covers any input; beyond it float32 overflows


def decode_ssd(outputs: Reals, bundle: Bundle, geometry: Geometry) -> tuple[Detection, ...]:
    """Return the boxes at or above their label's threshold, best first.

    Boxes of raw heads go through per-class NMS; a list has had its own. Raises BadDataError where
    the outputs are neither, or cannot be told from each other.
    """
    if _are_heads(outputs, bundle):
        return settle(_from_heads(outputs, bundle), bundle, geometry)
    found = _from_list(sort_out(outputs, bundle), bundle)
    return detections(found, bundle, geometry)


@dataclass(frozen=True, slots=True, eq=False)
class BoxList:
    """The valid entries: `boxes` (n, 4) as y0, x0, y1, x1; `classes` (n,), `scores` (n,)."""

    boxes: Real
    classes: Real
    scores: Real


def sort_out(outputs: Reals, bundle: Bundle) -> BoxList:
    """Return the list in outputs of any order; raises BadDataError where they hold none."""
    named = {
        spec.role: array
        for spec, array in zip(bundle.outputs, outputs, strict=True)
        if spec.role != "raw"
    }
    rest = [a for spec, a in zip(bundle.outputs, outputs, strict=True) if spec.role == "raw"]
    boxes = named["boxes"] if "boxes" in named else _take_boxes(rest)
    if boxes is None or boxes.shape[-1:] != (4,):
        raise BadDataError(_no_list(outputs, bundle, "none is boxes (1, N, 4)"))
    entries = boxes.size // 4
    count = named["count"] if "count" in named else _take_count(rest, boxes)
    valid = entries if count is None else _valid(count, entries)
    lists = [a for a in rest if a.size == entries and a.ndim == boxes.ndim - 1]
    classes, scores = named.get("classes"), named.get("scores")
    if classes is None and scores is None and len(lists) == 2:
        classes, scores = _tell_apart(lists[0], lists[1], valid)
    elif len(lists) == 1:
        classes = lists[0] if classes is None else classes
        scores = lists[0] if scores is None else scores
    if classes is None or scores is None or {classes.size, scores.size} != {entries}:
        raise BadDataError(_no_list(outputs, bundle, f"no classes and scores of {entries} boxes"))
    return BoxList(
        boxes.reshape(-1, 4)[:valid], classes.reshape(-1)[:valid], scores.reshape(-1)[:valid]
    )


def _take_boxes(rest: list[Real]) -> Real | None:
    """Return the only array that can be boxes: four numbers each, one dimension above the lists."""
    deepest = max((a.ndim for a in rest), default=0)
    found = [a for a in rest if a.ndim == deepest >= 2 and a.shape[-1] == 4]
    return found[0] if len(found) == 1 else None


def _take_count(rest: list[Real], boxes: Real) -> Real | None:
    """Return the only array of one number that is no list, None where there is none."""
    found = [a for a in rest if a.size == 1 and (a.ndim < boxes.ndim - 1 or boxes.size > 4)]
    return found[0] if len(found) == 1 else None


def _valid(count: Real, entries: int) -> int:
    number = float(count.reshape(-1)[0]) if count.size == 1 else np.nan
    if not (np.isfinite(number) and abs(number - round(number)) <= WHOLE and number >= 0):
        raise BadDataError(f"the count of boxes is {number:g}; it must be 0..{entries}")
    return min(round(number), entries)


def _tell_apart(a: Real, b: Real, valid: int) -> tuple[Real, Real]:
    """Return (classes, scores): classes are whole; scores lie in 0..1, and fall."""
    flat = (a.reshape(-1)[:valid], b.reshape(-1)[:valid])
    whole = [bool((np.abs(x - np.rint(x)) <= WHOLE).all()) for x in flat]
    shares = [bool(((x >= 0) & (x <= 1 + ROUNDING)).all()) for x in flat]
    ways = [(c, s) for c, s in ((0, 1), (1, 0)) if whole[c] and shares[s]]
    if len(ways) > 1:
        ways = [(c, s) for c, s in ways if (np.diff(flat[s]) <= 0).all()] or ways
    same = np.array_equal(flat[0], flat[1]) or not (flat[0].any() or flat[1].any())
    if len(ways) == 1 or (ways and same):
        classes, scores = ways[0]
        return (a, b)[classes], (a, b)[scores]
    raise BadDataError(
        "cannot tell classes from scores by their values; name the roles of the outputs in a bundle"
    )


def _no_list(outputs: Reals, bundle: Bundle, why: str) -> str:
    got = ", ".join(
        f"{spec.name} ({spec.role}) {list(array.shape)}"
        for spec, array in zip(bundle.outputs, outputs, strict=True)
    )
    return f"decoder 'ssd' finds no list of boxes: {why}; the model gave {got}"


def _from_list(found: BoxList, bundle: Bundle) -> Candidates:
    """Return the entries at or above their label's threshold, best first."""
    _refuse_no_scores(found.scores)
    classes = np.rint(found.classes).astype(np.intp) + bundle.decode.background
    limits = [bundle.thresholds.of(label_of(bundle, int(c))) if c >= 0 else 2.0 for c in classes]
    sound = np.isfinite(found.boxes).all(axis=1)
    enough = np.flatnonzero(sound & (found.scores >= np.asarray(limits, np.float64)))
    best = enough[np.argsort(-found.scores[enough], kind="stable")]
    corners = found.boxes[best][:, [1, 0, 3, 2]]
    if np.abs(corners).max(initial=0.0) > FAR:
        raise BadDataError(
            f"boxes reach to {np.abs(corners).max():g}; decoder 'ssd' takes fractions of the input"
        )
    return Candidates(corners, np.minimum(found.scores[best], 1.0), classes[best])


def _refuse_no_scores(scores: Real) -> None:
    if scores.size and not (scores.min() >= -ROUNDING and scores.max() <= 1 + ROUNDING):
        raise BadDataError(
            f"the scores of boxes hold {scores.min():.3g} to {scores.max():.3g}; scores are 0..1"
        )


def _are_heads(outputs: Reals, bundle: Bundle) -> bool:
    roles = {spec.role: array for spec, array in zip(bundle.outputs, outputs, strict=True)}
    told = roles.get("scores", roles.get("logits"))
    return "boxes" in roles and "classes" not in roles and told is not None and told.ndim == 3


def _from_heads(outputs: Reals, bundle: Bundle) -> Candidates:
    _, encodings = by_role(outputs, bundle, "boxes")
    output, raw = by_role(outputs, bundle, "scores", "logits")
    if encodings.shape[-1] != 4 or encodings.shape[:-1] != raw.shape[:-1]:
        raise BadDataError(
            f"the heads do not fit: boxes {list(encodings.shape)}, {output.role} "
            f"{list(raw.shape)}; needs (1, N, 4) and (1, N, C)"
        )
    count, slices = raw.shape[1:]
    anchors = _anchors(bundle.model, count, slices)
    first = 1 if bundle.decode.background else 0
    scores = raw.reshape(count, slices)
    if output.role == "logits":
        exclusive = bundle.decode.background and not anchors.sigmoid
        scores = probabilities(scores, exclusive)
    else:
        _refuse_no_scores(scores)
    classes = first + scores[:, first:].argmax(axis=1)
    best = scores[np.arange(count), classes]
    hot = np.flatnonzero(best >= least_threshold(bundle))
    hot = hot[np.argsort(-best[hot], kind="stable")][:MOST_CANDIDATES]
    corners = _corners(encodings.reshape(count, 4)[hot], anchors, hot)
    return Candidates(corners, np.minimum(best[hot], 1.0), classes[hot])


@lru_cache(maxsize=4)
def _anchors(model: bytes, count: int, slices: int) -> "Anchors":
    from edge.bundle.anchors import find_anchors  # reads model files: most detectors need not

    # once a model: bytes keep their hash, and the same bytes compare at once
    found = find_anchors(model, count, slices)
    if found is None:
        raise BadDataError(
            f"the model's file holds no anchors of {count} boxes; decoder 'ssd' takes raw heads "
            "with a constant of [N, 4], or the four outputs of TFLite_Detection_PostProcess"
        )
    return found


def _corners(encodings: Real, anchors: "Anchors", hot: NDArray[np.intp]) -> Real:
    scaled = encodings / np.array(anchors.scales, np.float32)
    boxes = anchors.boxes[hot]
    centres = boxes[:, :2] + scaled[:, :2] * boxes[:, 2:]
    grown = (
        np.exp(np.minimum(scaled[:, 2:], MOST_EXPONENT)) if anchors.exponential else scaled[:, 2:]
    )
    halves = boxes[:, 2:] * grown / 2
    yx: Real = np.concatenate([centres - halves, centres + halves], axis=1)
    return yx[:, [1, 0, 3, 2]].astype(np.float32)
