"""Batches: the same for the same seed, boxes that follow their pictures, a thread that ends."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle import Decode
from edge.scene import Box
from edge.training.augment import Variation, moved_boxes, random_matrix, random_table, view
from edge.training.batches import Arrays, Plan, epoch_batches, in_thread, steps_per_epoch, store
from edge.training.dataset import Sample

STILL = Variation(0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
INPUT_PX = (96, 64)


def sample(x0: int, y0: int, x1: int, y1: int, width: int = 160, height: int = 120) -> Sample:
    """Return a black picture with one white rectangle and its box."""
    bgr = np.zeros((height, width, 3), np.uint8)
    bgr[y0:y1, x0:x1] = 255
    box = Box(x0 / width, y0 / height, x1 / width, y1 / height)
    return Sample(bgr=bgr, boxes=(("white", box),))


def plan(variation: Variation = STILL, decoder: str = "boxes", batch: int = 4) -> Plan:
    return Plan(INPUT_PX, batch, 7, variation, Decode(decoder))


def seen_box(pixels: np.ndarray) -> list[float]:
    """Return the rectangle of the bright pixels, in fractions."""
    rows, columns = np.nonzero(pixels.max(axis=2) > 127)
    height, width = pixels.shape[:2]
    return [
        columns.min() / width, rows.min() / height,
        (columns.max() + 1) / width, (rows.max() + 1) / height,
    ]  # fmt: skip


@given(st.integers(0, 10_000))
def test_box_goes_where_its_object_goes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    item = sample(60, 40, 110, 90)
    how = Variation(degrees=0.0, shift=0.08, gain=0.0, offset=0.0, gamma=0.0, tint=0.0)
    matrix = random_matrix((160, 120), INPUT_PX, how, rng)
    assert item.bgr is not None
    pixels = view(item.bgr, matrix, random_table(STILL, rng), INPUT_PX)
    corners = np.array([[b.x0, b.y0, b.x1, b.y1] for _, b in item.boxes], np.float32)
    moved, kept = moved_boxes(corners, matrix, (160, 120), INPUT_PX)
    assert kept.all()
    # within a pixel of the view, which is what its grid can show
    assert moved[0] == pytest.approx(seen_box(pixels), abs=1.01 / min(INPUT_PX))


def test_object_that_leaves_the_view_is_no_object() -> None:
    shift = np.array([[1.0, 0.0, 60.0], [0.0, 1.0, 0.0]])
    boxes = np.array([[0.1, 0.1, 0.3, 0.9], [0.7, 0.1, 0.9, 0.9]], np.float32)
    _, kept = moved_boxes(boxes, shift, (96, 64), (96, 64))
    assert kept.tolist() == [True, False]


def test_still_view_is_the_picture_as_the_device_prepares_it() -> None:
    rng = np.random.default_rng(0)
    bgr = rng.integers(0, 256, (64, 96, 3), np.uint8)
    matrix = random_matrix((96, 64), INPUT_PX, STILL, rng)
    assert np.array_equal(view(bgr, matrix, random_table(STILL, rng), INPUT_PX), bgr)


def test_pictures_are_rgb_and_classes_are_line_numbers() -> None:
    blue = np.full((64, 96, 3), (255, 0, 0), np.uint8)
    stored = store([Sample(bgr=blue, label="b")], ("a", "b"), INPUT_PX)
    ((pixels, classes),) = epoch_batches(stored, plan(decoder="classify"), 0)
    assert pixels[0, 0, 0].tolist() == [0, 0, 255]
    assert classes.tolist() == [1]


def test_large_picture_is_stored_small() -> None:
    (item,) = store([sample(0, 0, 500, 500, 2000, 1000)], ("white",), INPUT_PX)
    assert item.rgb.shape == (96, 144, 3)


def same(first: list[Arrays], second: list[Arrays]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(np.array_equal(a, b) for x, y in pairs for a, b in zip(x, y, strict=True))


def test_epoch_depends_on_seed_and_number_alone() -> None:
    stored = store([sample(i, 10, i + 40, 60) for i in range(20)], ("white",), INPUT_PX)
    varied = plan(Variation())
    first, again = list(epoch_batches(stored, varied, 3)), list(epoch_batches(stored, varied, 3))
    assert len(first) == steps_per_epoch(20, varied) == 5
    assert same(first, again)
    assert not same(first, list(epoch_batches(stored, varied, 4)))


def test_thread_gives_the_same_batches() -> None:
    stored = store([sample(i, 10, i + 40, 60) for i in range(20)], ("white",), INPUT_PX)
    varied = plan(Variation())
    threaded = list(in_thread(epoch_batches(stored, varied, 1)))
    assert same(threaded, list(epoch_batches(stored, varied, 1)))


def test_error_in_the_thread_is_raised_where_batches_are_taken() -> None:
    def failing() -> Iterator[Arrays]:
        yield (np.zeros(1),)
        raise ValueError("torn")

    taken = in_thread(failing())
    next(taken)
    with pytest.raises(ValueError, match="torn"):
        next(taken)


def test_thread_ends_when_the_consumer_stops() -> None:
    def endless() -> Iterator[Arrays]:
        while True:
            yield (np.zeros(1),)

    taken = in_thread(endless())
    next(taken)
    taken.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name == "batches"]
