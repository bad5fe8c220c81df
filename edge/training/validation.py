"""A float network's answers to the validation pictures: they stop training and set thresholds."""

from collections.abc import Sequence

import numpy as np

from edge.bundle import Bundle, Thresholds
from edge.scene import FULL_BOX, Detection
from edge.training.dataset import Boxes, Sample
from edge.training.evaluate import Infer, lenient
from edge.training.metrics import Truth, match
from edge.training.thresholds import best_f1, choose
from edge.vision import DECODERS
from edge.vision.prepare import prepare

BATCH = 64


class Validation:
    """Validation pictures, prepared once as the device prepares them."""

    def __init__(self, bundle: Bundle, samples: Sequence[Sample]) -> None:
        """Prepare `samples` for `bundle`, which needs no model yet."""
        self._bundle = lenient(bundle)
        pictures = [prepare(sample.picture(), bundle.inputs[0]) for sample in samples]
        self._pixels = np.stack([picture.pixels for picture in pictures])
        self._geometry = [picture.geometry for picture in pictures]
        self._truth: Truth = [sample.boxes or _whole(sample) for sample in samples]

    def score(self, infer: Infer) -> float:
        """Return the best F1 of boxes over all thresholds, or the share of right classes."""
        found = self._found(infer)
        if self._bundle.task == "detect":
            return best_f1(match(found, self._truth, self._bundle.labels))
        pairs = zip(found, self._truth, strict=True)
        return sum(answers[0].label == truth[0][0] for answers, truth in pairs) / len(found)

    def thresholds(self, infer: Infer) -> Thresholds:
        """Return the threshold with the best F1."""
        return choose(self._found(infer), self._truth, self._bundle.labels)

    def _found(self, infer: Infer) -> list[Sequence[Detection]]:
        decode = DECODERS[self._bundle.decode.decoder]
        spec = self._bundle.inputs[0]
        mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
        found: list[Sequence[Detection]] = []
        for start in range(0, len(self._pixels), BATCH):
            outputs = infer((self._pixels[start : start + BATCH] - mean) / std)
            found += [
                decode(tuple(o[i : i + 1] for o in outputs), self._bundle, geometry)
                for i, geometry in enumerate(self._geometry[start : start + BATCH])
            ]
        return found


def _whole(sample: Sample) -> Boxes:
    return ((sample.label, FULL_BOX),) if sample.label is not None else ()
