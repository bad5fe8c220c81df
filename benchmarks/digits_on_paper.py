"""How many of eleven real handwritten digits a digits bundle reads as ink on paper; gate 8.

The digits are MNIST samples (ten of TensorFlow Lite Micro's, one of Coral's), which the training
never saw. Each is composed as dark ink on a sheet of paper before a camera: four backgrounds
(light wall, dark wall, desk, the photograph that is held out from training) times four sizes
(0.25 to 0.8 of the frame's height), with a webcam's blur, noise and uneven light, 640 x 480. A
frame counts where the best scored detection, at the bundle's own thresholds, has the right label
and overlaps the digit by an IoU of 0.5 or more. A digit is read where more than half of its 16
frames count. It is a proxy: nobody held a sheet to a camera.

    python benchmarks/digits_on_paper.py [BUNDLE]     without BUNDLE: trains the demo's first
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.overlap import iou
from edge.recognizer import open_recognizer
from edge.scene import Box, Detection
from edge.training.backgrounds import Real, Rng
from edge.training.digits import Ink, Pixels, photograph, trimmed

GATE = 8
LEAST_IOU = 0.5
SIZE_PX = (640, 480)
HEIGHTS = (0.25, 0.4, 0.6, 0.8)
BACKGROUNDS = ("light wall", "dark wall", "desk", "photograph")
INKS = ((25, 25, 25), (120, 40, 20), (30, 30, 140), (40, 80, 20))  # BGR: black, blue, red, green


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame of one digit: BGR uint8, the digit's name, label and box."""

    bgr: Pixels
    digit: str
    label: str
    box: Box
    background: str
    height: float


def real_digits(shared: Path) -> dict[str, tuple[str, Ink]]:
    """Return name -> (label, ink) of the eleven digits."""
    files = {f"sample{n}": (str(n), f"tflite-micro/mnist/sample{n}.png") for n in range(10)}
    files["mnist_nine"] = ("9", "coral/images/mnist_nine.bmp")
    digits = {}
    for name, (label, file) in files.items():
        grey = cv2.imread(str(shared / "data" / file), cv2.IMREAD_GRAYSCALE)
        assert grey is not None, f"no digit {file} in {shared}"
        fine = cv2.resize(grey.astype(np.float32) / 255, (280, 280), interpolation=cv2.INTER_CUBIC)
        marker = np.clip((fine - 0.45) * 4 + 0.5, 0, 1)  # a marker's edge is sharper than 28 px
        digits[name] = (label, trimmed(np.asarray(marker, np.float32)))
    return digits


def shots(shared: Path) -> Iterator[Shot]:
    """Yield every frame, the same ones every time."""
    for number, (name, (label, ink)) in enumerate(real_digits(shared).items()):
        for b, background in enumerate(BACKGROUNDS):
            for h, height in enumerate(HEIGHTS):
                rng = np.random.default_rng((number, b, h))
                bgr, box = _shot(ink, background, height, rng)
                yield Shot(bgr, name, label, box, background, height)


def _shot(ink: Ink, background: str, height: float, rng: Rng) -> tuple[Pixels, Box]:
    width_px, height_px = SIZE_PX
    canvas = _background(background, rng)
    h = round(height * height_px)
    w = max(round(ink.shape[1] * h / ink.shape[0]), 2)
    x, y = int(rng.integers(10, width_px - w - 10)), int(rng.integers(5, height_px - h - 4))
    margin = round(0.25 * h)
    sheet = canvas[max(y - margin, 0) : y + h + margin, max(x - margin, 0) : x + w + margin]
    sheet[:] = rng.uniform(205, 250) + rng.uniform(-6, 6, 3)
    alpha = cv2.resize(ink, (w, h), interpolation=cv2.INTER_LINEAR)[..., np.newaxis]
    part = canvas[y : y + h, x : x + w]
    part += alpha * (np.array(INKS[rng.integers(len(INKS))], np.float32) - part)
    light = cv2.resize(rng.uniform(0.8, 1.1, (2, 2)).astype(np.float32), SIZE_PX)
    lit = cv2.GaussianBlur(canvas * light[..., np.newaxis], (0, 0), 1.5)
    grain = 5 * rng.standard_normal((height_px, width_px, 1), np.float32)
    box = Box(x / width_px, y / height_px, (x + w) / width_px, (y + h) / height_px)
    return np.clip(lit + grain, 0, 255).astype(np.uint8), box


def _background(name: str, rng: Rng) -> Real:
    if name == "photograph":
        photo = photograph("test")
        x, y = int(rng.integers(100)), int(rng.integers(80))
        return cv2.resize(photo[y : y + 340, x : x + 453], SIZE_PX).astype(np.float32)
    level = {"light wall": (200, 205, 210), "dark wall": (70, 60, 55), "desk": (70, 110, 150)}[name]
    canvas = np.full((SIZE_PX[1], SIZE_PX[0], 3), level, np.float32)
    if name == "desk":  # grain of wood: brightness changes along one axis
        canvas += cv2.resize(rng.uniform(-14, 14, (60, 1)).astype(np.float32), SIZE_PX)[..., None]
    return canvas


def counts(shot: Shot, found: tuple[Detection, ...]) -> bool:
    """Return whether the best detection is this digit, in this place."""
    if not found or found[0].label != shot.label:
        return False
    return float(iou(_corners(found[0].box), _corners(shot.box))[0, 0]) >= LEAST_IOU


def _corners(box: Box) -> NDArray[np.float64]:
    return np.array([[box.x0, box.y0, box.x1, box.y1]])


def main() -> int:
    """Print a row a digit and the number read; 1 where it is below the gate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("bundle", nargs="?", type=Path)
    options = parser.parse_args()
    beside = Path(__file__).resolve().parents[2] / "shared"
    shared = Path(os.environ.get("EDGE_SHARED", beside))
    with tempfile.TemporaryDirectory() as scratch:
        right = _results(options.bundle or _trained(Path(scratch) / "digits"), shared)
    read = [name for name, hits in right.items() if sum(hits) * 2 > len(hits)]
    for name, hits in right.items():
        print(f"{name:<11} {sum(hits):>2} of {len(hits)}  {'read' if name in read else 'not read'}")
    print(f"read {len(read)} of {len(right)} digits; gate {GATE}")
    return 0 if len(read) >= GATE else 1


def _results(bundle: Path, shared: Path) -> dict[str, list[bool]]:
    right: dict[str, list[bool]] = {}
    with open_recognizer(bundle) as recognizer:
        for shot in shots(shared):
            right.setdefault(shot.digit, []).append(counts(shot, recognizer(shot.bgr).detections))
    return right


def _trained(out: Path) -> Path:
    from edge.training.fit import DEMO_PRESETS, train
    from edge.training.scenes import digits_dataset

    print("training the demo's model first: some minutes", file=sys.stderr)
    train(
        digits_dataset("robust", 1), out, model="tiny-boxes", epochs=DEMO_PRESETS["robust"].epochs
    )
    return out


if __name__ == "__main__":
    sys.exit(main())
