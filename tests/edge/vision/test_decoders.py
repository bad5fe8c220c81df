"""Classification and raw decoders, and the table they stand in."""

from dataclasses import replace

import numpy as np
import pytest

from edge.bundle import Bundle, Decode, Input, Output, Thresholds
from edge.errors import BadDataError
from edge.scene import FULL_BOX
from edge.vision import DECODERS
from edge.vision.geometry import SAME

IMAGE = Input("image", "image", (1, 8, 8, 3), "int8", 1 / 127.5, 0)


def classifier(role: str = "scores", **changes: object) -> Bundle:
    output = Output("out", role, (1, 4), "int8", 1 / 256, -128)  # type: ignore[arg-type]
    labels = ("apple", "pear", "kiwi", "lemon")
    bundle = Bundle("fruit", "classify", (IMAGE,), (output,), Decode("classify"), labels, b"")
    return replace(bundle, **changes)  # type: ignore[arg-type]


def decode(values: object, bundle: Bundle):
    array = np.asarray(values, np.float32)
    return DECODERS[bundle.decode.decoder]((array,), bundle, SAME)


def told(detections) -> list[tuple[str, float]]:
    return [(d.label, round(d.score, 4)) for d in detections]


@pytest.mark.parametrize("shape", [(1, 4), (4,), (1, 1, 1, 4)])
def test_scores_at_or_above_the_threshold_come_best_first(shape) -> None:
    found = decode(np.reshape([0.25, 0.125, 0.5, 0.125], shape),
                   classifier(thresholds=Thresholds(0.25)))  # fmt: skip
    assert told(found) == [("kiwi", 0.5), ("apple", 0.25)]
    assert all(d.box == FULL_BOX and d.track is None for d in found)


def test_nothing_passes_when_all_scores_are_low_or_not_numbers() -> None:
    assert decode([[0.49, 0.2, 0.2, 0.11]], classifier()) == ()
    assert decode([[np.nan] * 4], classifier()) == ()


def test_logits_go_through_softmax_without_overflow() -> None:
    found = decode([[1000.0, 1000.0, 0.0, -1000.0]], classifier("logits"))
    assert told(found) == [("apple", 0.5), ("pear", 0.5)]


def test_a_label_may_have_its_own_threshold_above_or_below_the_default() -> None:
    bundle = classifier(thresholds=Thresholds(0.3, {"apple": 0.6, "pear": 0.1}))
    assert told(decode([[0.5, 0.15, 0.25, 0.1]], bundle)) == [("pear", 0.15)]


def test_the_background_is_never_a_detection() -> None:
    labels = ("background", "cat", "dog", "bird")
    bundle = classifier(labels=labels, decode=Decode("classify", background=True))
    assert decode([[0.9, 0.05, 0.03, 0.02]], bundle) == ()
    assert told(decode([[0.2, 0.7, 0.1, 0.0]], bundle)) == [("cat", 0.7)]


@pytest.mark.parametrize("labels", [(), ("apple", "pear"), ("apple", "pear", "", "lemon")])
def test_a_class_without_a_label_is_named_by_its_number(labels) -> None:
    assert told(decode([[0, 0, 1, 0]], classifier(labels=labels))) == [("class 2", 1.0)]


def test_rounding_at_the_border_is_cut_but_logits_called_scores_are_refused() -> None:
    assert told(decode([[1.0039, 0, 0, 0]], classifier())) == [("apple", 1.0)]
    with pytest.raises(BadDataError, match=r"'out' has role scores but holds -3 to 8.5"):
        decode([[8.5, -3.0, 0, 0]], classifier())


def test_the_scores_are_found_by_role_not_by_place() -> None:
    raw = Output("features", "raw", (1, 2), "int8", 1.0, 0)
    bundle = classifier()
    bundle = replace(bundle, outputs=(raw, *bundle.outputs))
    arrays = (np.array([[9, 9]], np.float32), np.array([[0, 1, 0, 0]], np.float32))
    assert told(DECODERS["classify"](arrays, bundle, SAME)) == [("pear", 1.0)]


def test_a_missing_role_is_named_with_those_that_are_there() -> None:
    with pytest.raises(BadDataError, match=r"needs an output with role scores or logits; .*raw"):
        decode([[1, 0, 0, 0]], classifier("raw"))


def test_raw_models_show_nothing() -> None:
    assert decode([[1, 0, 0, 0]], classifier(decode=Decode("none"))) == ()
