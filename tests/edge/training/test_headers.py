"""What a header says of a picture: turned, grey, CMYK, transparent."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.images import read_picture
from edge.training.dataset import SPLITS, read_dataset
from edge.training.headers import traits

BGR = np.random.default_rng(1).integers(0, 256, (20, 24, 3), np.uint8)
ALPHA = np.dstack([BGR, BGR[..., :1]])


def encoded(ending: str, pixels: np.ndarray, *parameters: int) -> bytes:
    return cv2.imencode(ending, pixels, parameters)[1].tobytes()


def with_exif(jpeg: bytes, orientation: int, order: str) -> bytes:
    """Return the JPEG with an EXIF directory of two entries, the orientation being the second."""
    big = order == "MM"
    number = lambda value, size: value.to_bytes(size, "big" if big else "little")  # noqa: E731
    entry = lambda tag, value: (  # noqa: E731
        number(tag, 2) + number(3, 2) + number(1, 4) + number(value, 2) + b"\0\0"
    )
    directory = number(2, 2) + entry(0x0100, 24) + entry(0x0112, orientation)
    body = b"Exif\0\0" + order.encode() + number(42, 2) + number(8, 4) + directory + b"\0" * 4
    segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    return jpeg[:2] + segment + jpeg[2:]


JPEG = encoded(".jpg", BGR)
CASES = {
    "jpeg": (JPEG, ()),
    "progressive": (encoded(".jpg", BGR, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), ()),
    "grey jpeg": (encoded(".jpg", BGR[..., 0]), ("grey",)),
    "upright": (with_exif(JPEG, 1, "MM"), ()),
    "turned": (with_exif(JPEG, 6, "MM"), ("turned",)),
    "turned, Intel": (with_exif(JPEG, 8, "II"), ("turned",)),
    "orientation 9": (with_exif(JPEG, 9, "MM"), ()),
    "turned grey": (with_exif(encoded(".jpg", BGR[..., 0]), 3, "II"), ("turned", "grey")),
    "png": (encoded(".png", BGR), ()),
    "grey png": (encoded(".png", BGR[..., 0]), ("grey",)),
    "alpha png": (encoded(".png", ALPHA), ("alpha",)),
    "webp": (encoded(".webp", BGR), ()),
    "alpha webp": (encoded(".webp", ALPHA), ("alpha",)),
    "pgm": (encoded(".pgm", BGR[..., 0]), ("grey",)),
    "ppm": (encoded(".ppm", BGR), ()),
    "bmp": (encoded(".bmp", BGR), ()),
    "nothing": (b"", ()),
}


@pytest.mark.parametrize("name", CASES)
def test_header_says_what_has_to_be_undone(name: str) -> None:
    data, expected = CASES[name]
    assert traits(data) == expected


@pytest.mark.parametrize("name", CASES)
def test_header_that_breaks_off_anywhere_is_no_crash(name: str) -> None:
    data, _ = CASES[name]
    for end in range(min(len(data), 200)):
        traits(data[:end])


@pytest.mark.train  # Pillow, which writes CMYK, comes with what training needs
def test_cmyk_is_seen_and_read_in_its_colours(tmp_path: Path) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (200, 30, 40)).convert("CMYK").save(buffer, "JPEG", quality=95)
    assert traits(buffer.getvalue()) == ("cmyk",)
    (tmp_path / "ink.jpg").write_bytes(buffer.getvalue())
    middle = read_picture(tmp_path / "ink.jpg")[12, 16].astype(int)
    assert np.abs(middle - (40, 30, 200)).max() < 12


def test_pictures_that_had_to_be_undone_are_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for i in range(12):
            pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
            data = encoded(".png", pixels[..., 0] if label == "a" and i < 5 else pixels)
            if label == "b" and i == 7:
                data = with_exif(encoded(".jpg", pixels), 6, "MM")
            (tmp_path / label / f"{i}.{'jpg' if data[0] == 0xFF else 'png'}").write_bytes(data)
    dataset = read_dataset(tmp_path)
    assert dataset.notes == (
        "1 pictures are turned as their EXIF says: '7.jpg'",
        "5 pictures are grey, used as colour with equal channels: '0.png', '1.png', '2.png', ...",
    )
    assert sum(len(dataset.split(name)) for name in SPLITS) == 24
