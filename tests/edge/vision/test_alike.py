"""Nearly equal pictures have nearly equal hashes, others have not."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.images import read_picture
from edge.vision.alike import NEAR_BITS, difference_hash, distance

PHOTOS = ("cat_720p.jpg", "parrot.jpg", "hot_dog.jpg", "grace_hopper.bmp")


@pytest.fixture(params=PHOTOS)
def photo(request: pytest.FixtureRequest, shared: Path) -> np.ndarray:
    return read_picture(shared / "data/coral/images" / request.param)


def test_hash_is_that_of_the_definition() -> None:
    bgr = np.zeros((8, 9, 3), np.uint8)
    bgr[:, ::2] = 200  # light, dark, light, ..: every other cell is lighter than the next
    assert difference_hash(bgr) == int("10101010" * 8, 2)
    assert difference_hash(np.full((50, 70, 3), 90, np.uint8)) == 0
    ramp = np.linspace(255, 0, 90).astype(np.uint8)
    assert difference_hash(np.repeat(np.tile(ramp, (80, 1))[..., None], 3, 2)) == 2**64 - 1


def test_distance_counts_bits() -> None:
    assert distance(0b1011, 0b0010) == 2
    assert distance(2**64 - 1, 0) == 64


@pytest.mark.parametrize(
    "change",
    [
        lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [1, 60])[1], cv2.IMREAD_COLOR),
        lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        lambda p: (p * 0.8).astype(np.uint8),
        lambda p: np.clip(p + np.random.default_rng(1).normal(0, 4, p.shape), 0, 255).astype("u1"),
    ],
    ids=["compressed", "smaller", "darker", "noisy"],
)
def test_nearly_the_same_is_near(photo: np.ndarray, change) -> None:
    assert distance(difference_hash(photo), difference_hash(change(photo))) <= NEAR_BITS


def test_other_pictures_are_far(shared: Path) -> None:
    folder = shared / "data/coral/images"
    hashes = [difference_hash(read_picture(folder / name)) for name in PHOTOS]
    far = [distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(far) > 4 * NEAR_BITS


def test_mirrored_picture_is_far(photo: np.ndarray) -> None:
    turned = np.ascontiguousarray(photo[:, ::-1])
    assert distance(difference_hash(photo), difference_hash(turned)) > NEAR_BITS
