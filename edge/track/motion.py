"""Where things will be: a Kalman filter for each axis of each box, centre at constant velocity.

Boxes are centre x, centre y, width, height, in fractions of the frame. Noise is in units of the
box's own width and height, as in ByteTrack (Zhang et al., 2022, arXiv:2110.06864: a twentieth of
the box for places, 1/160 a frame for speeds), but per second, so that it suits every frame rate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = list[int] | NDArray[np.intp]

LEAST_SIDE = 1e-3  # of the frame: a box without area would have no noise, and no distance
MEASURED = 0.05  # standard deviation of a measured place or side
START_SPEED = 2.0  # standard deviation of the speed of something new, sides a second
# variances that a second adds: place and sides wander, and only centres have a speed
WANDER = np.array([0.075, 0.075, 0.15, 0.15])
ACCELERATION = np.array([1.0, 1.0, 0.0, 0.0])
HAS_SPEED = np.array([1.0, 1.0, 0.0, 0.0])


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Estimates for n boxes, each (n, 4): place, speed a second, and their covariance.

    `seen` are the boxes as they were measured last.
    """

    place: Array
    speed: Array
    place_var: Array
    shared_var: Array
    speed_var: Array
    seen: Array

    def __len__(self) -> int:
        return len(self.place)


def at_rest(measured: Array) -> Motion:
    """Return estimates for boxes (n, 4) that were seen once."""
    var = _scale(measured) ** 2
    none = np.zeros_like(measured)
    speed_var = START_SPEED**2 * HAS_SPEED * var
    return Motion(measured, none, MEASURED**2 * var, none, speed_var, measured)


def predict(motion: Motion, seconds: float) -> Motion:
    """Return the estimates some seconds later, 0 or more."""
    var, t = _scale(motion.place) ** 2, seconds
    push = ACCELERATION * var
    return Motion(
        motion.place + motion.speed * t,
        motion.speed,
        motion.place_var
        + 2 * t * motion.shared_var
        + t**2 * motion.speed_var
        + WANDER * var * t
        + push * t**3 / 3,
        motion.shared_var + t * motion.speed_var + push * t**2 / 2,
        motion.speed_var + push * t,
        motion.seen,
    )


def correct(motion: Motion, rows: Rows, measured: Array) -> Motion:
    """Return the estimates after some rows were measured: boxes (len(rows), 4)."""
    old = take(motion, rows)
    spread = old.place_var + measured_var(old)
    gain, speed_gain = old.place_var / spread, old.shared_var / spread
    error = measured - old.place
    new = Motion(
        old.place + gain * error,
        old.speed + speed_gain * error,
        (1 - gain) * old.place_var,
        (1 - gain) * old.shared_var,
        np.maximum(old.speed_var - speed_gain * old.shared_var, 0.0),
        measured,
    )
    return Motion(*(_with(a, rows, b) for a, b in zip(_parts(motion), _parts(new), strict=True)))


def measured_var(motion: Motion) -> Array:
    """Return the variance (n, 4) of a measurement of each box."""
    var: Array = (MEASURED * _scale(motion.place)) ** 2
    return var


def take(motion: Motion, rows: Rows) -> Motion:
    """Return the estimates of some boxes only."""
    return Motion(*(part[rows] for part in _parts(motion)))


def join(first: Motion, second: Motion) -> Motion:
    """Return the estimates of both."""
    pairs = zip(_parts(first), _parts(second), strict=True)
    return Motion(*(np.concatenate(pair) for pair in pairs))


def corners(boxes: Array) -> Array:
    """Return x0 y0 x1 y1 of boxes (n, 4) given by centre and sides."""
    half = np.maximum(boxes[:, 2:], LEAST_SIDE) / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _scale(boxes: Array) -> Array:
    return np.tile(np.maximum(boxes[:, 2:], LEAST_SIDE), 2)


def _parts(motion: Motion) -> tuple[Array, ...]:
    return (
        motion.place, motion.speed, motion.place_var, motion.shared_var, motion.speed_var,
        motion.seen,
    )  # fmt: skip


def _with(array: Array, rows: Rows, values: Array) -> Array:
    changed = array.copy()
    changed[rows] = values
    return changed
