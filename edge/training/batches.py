"""Batches for training: pictures kept in memory, varied in a thread of their own."""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bundle import Decode
from edge.training.augment import Variation, moved_boxes, random_matrix, random_table, view
from edge.training.dataset import Sample
from edge.training.targets import NO_OBJECT, encode

Pixels = NDArray[np.uint8]
Arrays = tuple[NDArray[Any], ...]

# A stored picture is at most this much larger than the input: enough for every zoom.
STORED_SCALE = 1.5
WAITING_BATCHES = 4
GIVE_UP_S = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One training picture: RGB uint8, its class (or -1), and boxes (k, 4) with their classes."""

    rgb: Pixels
    label: int
    boxes: NDArray[np.float32]
    box_labels: NDArray[np.int32]


def store(
    samples: Sequence[Sample], labels: Sequence[str], input_px: tuple[int, int]
) -> list[Stored]:
    """Return samples as arrays, each shrunk as the device shrinks but a little larger."""
    index = {label: i for i, label in enumerate(labels)}
    return [_stored(sample, index, input_px) for sample in samples]


def _stored(sample: Sample, index: dict[str, int], input_px: tuple[int, int]) -> Stored:
    bgr = sample.picture()
    most = tuple(int(side * STORED_SCALE) for side in input_px)
    size_px = (min(bgr.shape[1], most[0]), min(bgr.shape[0], most[1]))
    if size_px != (bgr.shape[1], bgr.shape[0]):
        bgr = np.asarray(cv2.resize(bgr, size_px, interpolation=cv2.INTER_LINEAR), np.uint8)
    corners = [(b.x0, b.y0, b.x1, b.y1) for _, b in sample.boxes]
    return Stored(
        np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8),
        index[sample.label] if sample.label is not None else -1,
        np.array(corners, np.float32).reshape(-1, 4),
        np.array([index[label] for label, _ in sample.boxes], np.int32),
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What all epochs share: input size (width, height), batch size, seed, variation."""

    input_px: tuple[int, int]
    batch: int
    seed: int
    variation: Variation
    decode: Decode


def steps_per_epoch(pictures: int, plan: Plan) -> int:
    """Return how many batches an epoch has; a rest that fills none is left for the next one."""
    return max(pictures // plan.batch, 1)


def epoch_batches(pictures: Sequence[Stored], plan: Plan, epoch: int) -> Iterator[Arrays]:
    """Yield an epoch's batches; they depend on seed and epoch alone, so a resumed run sees them.

    (pixels, classes) for classification, (pixels, objectness, classes, distances)
    for detection; pixels are RGB uint8.
    """
    order = np.random.default_rng((plan.seed, epoch)).permutation(len(pictures))
    for step in range(steps_per_epoch(len(pictures), plan)):
        rng = np.random.default_rng((plan.seed, epoch, step))
        chosen = [pictures[i] for i in order[step * plan.batch : (step + 1) * plan.batch]]
        yield _batch(chosen, plan, rng)


def _batch(chosen: Sequence[Stored], plan: Plan, rng: np.random.Generator) -> Arrays:
    width, height = plan.input_px
    pixels = np.empty((len(chosen), height, width, 3), np.uint8)
    most = max([len(item.boxes) for item in chosen] + [1])
    boxes = np.zeros((len(chosen), most, 4), np.float32)
    box_labels = np.full((len(chosen), most), NO_OBJECT, np.int32)
    for i, item in enumerate(chosen):
        source_px = (item.rgb.shape[1], item.rgb.shape[0])
        matrix = random_matrix(source_px, plan.input_px, plan.variation, rng)
        pixels[i] = view(item.rgb, matrix, random_table(plan.variation, rng), plan.input_px)
        if len(item.boxes):
            moved, kept = moved_boxes(item.boxes, matrix, source_px, plan.input_px)
            boxes[i, : len(moved)] = moved
            box_labels[i, : len(moved)] = np.where(kept, item.box_labels, NO_OBJECT)
    if plan.decode.decoder == "boxes":
        maps = encode(boxes, box_labels, plan.input_px, plan.decode)
        return pixels, maps.objectness, maps.classes, maps.distances
    classes = np.array([item.label for item in chosen], np.int32)
    return pixels, classes


def in_thread(batches: Iterator[Arrays]) -> Iterator[Arrays]:
    """Yield the same batches, made ahead by a thread; its error is raised here.

    The thread ends with the iterator: at the last batch, at an error, or when it is closed.
    """
    ready: queue.Queue[Arrays | BaseException | None] = queue.Queue(WAITING_BATCHES)
    closed = threading.Event()
    maker = threading.Thread(
        target=_make_ahead, args=(batches, ready, closed), name="batches", daemon=True
    )
    maker.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        closed.set()
        maker.join()


def _make_ahead(
    batches: Iterator[Arrays],
    ready: "queue.Queue[Arrays | BaseException | None]",
    closed: threading.Event,
) -> None:
    last: BaseException | None = None
    try:
        for batch in batches:
            _offer(batch, ready, closed)
            if closed.is_set():
                return
    except Exception as error:
        last = error
    _offer(last, ready, closed)


def _offer(
    item: Arrays | BaseException | None,
    ready: "queue.Queue[Arrays | BaseException | None]",
    closed: threading.Event,
) -> None:
    while not closed.is_set():
        try:
            ready.put(item, timeout=GIVE_UP_S)
        except queue.Full:
            continue
        return
