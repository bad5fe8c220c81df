"""Which of the known things each detection of a frame is.

Overlap with the predicted box as in SORT (Bewley et al., 2016, arXiv:1602.00763), then with the
box seen last as in OC-SORT (Cao et al., 2023, arXiv:2203.14360), then distance, for what moved
too far to overlap; known things before new ones as in ByteTrack (Zhang et al., 2022,
arXiv:2110.06864). ByteTrack's pass over detections of low score is left out: detections below
their threshold do not get here.
"""

import math

import numpy as np

from edge.overlap import iou
from edge.scene import Detection
from edge.track.assignment import Pairs, assign
from edge.track.life import Life
from edge.track.motion import LEAST_SIDE, Array, Motion, corners, measured_var, take

LEAST_IOU = 0.25
REACH = 2.0  # sides: nothing is found again farther from where it should be
SURPRISE = 9.21  # squared deviation that 99 % of right pairs stay below: chi-squared, 2 degrees
GROWTH = 4.0  # nothing is found again so many times larger or smaller in area


def associate(lives: list[Life], motion: Motion, found: list[Detection], measured: Array) -> Pairs:
    """Return pairs (row of a life, column of a detection), each at most once.

    `measured` are the boxes of `found`, by centre and sides. Known things choose before those
    that have not entered yet.
    """
    pairs: Pairs = []
    if not lives or not found:
        return pairs
    names = np.array([life.last.label for life in lives])
    same = names[:, np.newaxis] == np.array([detection.label for detection in found])
    entered = np.array([life.entered for life in lives], bool)
    free_rows, free_columns = np.ones(len(lives), bool), np.ones(len(found), bool)
    for worth in (_overlap, _still_there, _nearness):
        for known in (True, False):
            rows = np.flatnonzero(free_rows & (entered == known))
            columns = np.flatnonzero(free_columns)
            if not rows.size or not columns.size:
                continue
            profits = worth(take(motion, rows), measured[columns])
            chosen = assign(np.where(same[np.ix_(rows, columns)], profits, 0.0))
            pairs += [(int(rows[r]), int(columns[c])) for r, c in chosen]
            free_rows[[r for r, _ in pairs]] = False
            free_columns[[c for _, c in pairs]] = False
    return pairs


def _overlap(motion: Motion, measured: Array) -> Array:
    """Return by how much each pair overlaps (IoU) where it should be, above the least."""
    profit: Array = iou(corners(motion.place), corners(measured)) - LEAST_IOU
    return profit


def _still_there(motion: Motion, measured: Array) -> Array:
    """Return the same for where things were seen last: what stops suddenly is not predicted."""
    profit: Array = iou(corners(motion.seen), corners(measured)) - LEAST_IOU
    return profit


def _nearness(motion: Motion, measured: Array) -> Array:
    """Return 1 for centres where they should be, falling to 0 at the reach; 0 for the unlikely."""
    apart = motion.place[:, np.newaxis, :2] - measured[np.newaxis, :, :2]
    theirs = np.maximum(motion.place[:, 2:], LEAST_SIDE)[:, np.newaxis]
    ours = np.maximum(measured[:, 2:], LEAST_SIDE)[np.newaxis]
    far = np.linalg.norm(apart / ((theirs + ours) / 2), axis=-1)
    spread = (motion.place_var + measured_var(motion))[:, np.newaxis, :2]
    surprise = np.sum(apart**2 / spread, axis=-1)
    growth = np.abs(np.log(np.prod(theirs / ours, axis=-1)))
    likely = (far < REACH) & (surprise < SURPRISE) & (growth < math.log(GROWTH))
    return np.where(likely, 1 - far / REACH, 0.0)
