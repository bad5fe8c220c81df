"""Boxes of what moves in two public clips, by plain image processing: real, and never perfect."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.scene import Box, Detection

Picture = NDArray[np.uint8]
# (frame of the clip, what was found on it)
Found = list[tuple[int, tuple[Detection, ...]]]


def pictures(clip: Path, step: int, shrink: int) -> Iterator[tuple[int, Picture]]:
    """Yield the number and a BGR picture, `shrink` times smaller, of each `step`-th frame."""
    capture = cv2.VideoCapture(str(clip))
    index = 0
    while capture.grab():
        if index % step == 0:
            bgr = np.asarray(capture.retrieve()[1], np.uint8)
            size = (bgr.shape[1] // shrink, bgr.shape[0] // shrink)
            yield index, np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
        index += 1
    capture.release()


def blobs(
    mask: NDArray[np.bool_], join: tuple[int, int], least_px: int, label: str
) -> tuple[Detection, ...]:
    """Return a detection for each connected part of a mask, once gaps up to `join` are closed."""
    solid = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones(join, np.uint8))
    _, _, parts, _ = cv2.connectedComponentsWithStats(solid)
    height, width = mask.shape
    return tuple(
        Detection(label, 0.9, Box(x / width, y / height, (x + w) / width, (y + h) / height))
        for x, y, w, h, area in parts[1:].tolist()
        if area >= least_px
    )


def people(clip: Path, step: int) -> Found:
    """Return what differs from the empty room, which the first five seconds show."""
    shown = [(index, cv2.GaussianBlur(bgr, (3, 3), 0)) for index, bgr in pictures(clip, step, 4)]
    room = np.median([bgr for index, bgr in shown if index < 50], axis=0).astype(np.uint8)
    return [
        (index, blobs(cv2.absdiff(bgr, room).max(axis=2) > 30, (15, 5), 250, "person"))
        for index, bgr in shown
    ]


def bottles(clip: Path, step: int) -> Found:
    """Return what is bluer than the grey wall: a hand that covers a bottle hides it."""
    lab = (
        (index, cv2.cvtColor(cv2.GaussianBlur(bgr, (5, 5), 0), cv2.COLOR_BGR2LAB))
        for index, bgr in pictures(clip, step, 2)
    )
    return [(index, blobs(each[..., 2] < 120, (9, 5), 120, "bottle")) for index, each in lab]
