import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.camera import open_source
from edge.camera.images import PictureSource, is_cut_short, natural, read_picture
from edge.errors import BadDataError


def picture(value: int, height: int = 12, width: int = 16) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def read_all(source) -> list:
    return list(iter(source.read, None))


def test_folder_gives_every_picture_in_natural_order(tmp_path: Path):
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), picture(number))
    (tmp_path / "notes.txt").write_text("no picture")
    frames = read_all(open_source(str(tmp_path)))
    assert [f.bgr[0, 0, 0] for f in frames] == [1, 2, 10]
    assert [f.index for f in frames] == [0, 1, 2]


def test_unreadable_picture_is_named_skipped_and_counted(tmp_path: Path, caplog):
    cv2.imwrite(str(tmp_path / "a.png"), picture(1))
    (tmp_path / "b.png").write_bytes(b"junk")
    (tmp_path / "c.png").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "d.png"), picture(4))
    source = open_source(str(tmp_path))
    frames = read_all(source)
    assert [f.index for f in frames] == [0, 3]
    assert source.skipped == 2
    assert "b.png" in caplog.text
    assert "c.png" in caplog.text


def test_folder_where_nothing_is_readable_is_an_error(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(b"junk")
    with pytest.raises(BadDataError, match="no picture of folder"):
        open_source(str(tmp_path)).read()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_cut_picture_is_refused_at_any_length(suffix: str, tmp_path: Path):
    noise = np.random.default_rng(1).integers(0, 256, (24, 24, 3), np.uint8)
    data = bytes(cv2.imencode(suffix, noise)[1])
    path = tmp_path / f"cut{suffix}"
    for length in range(0, len(data) - 13, 7):
        path.write_bytes(data[:length])
        with pytest.raises(BadDataError):
            read_picture(path)
    path.write_bytes(data)
    assert read_picture(path).shape == (24, 24, 3)


def exif_thumbnail(jpeg: bytes, orientation: int) -> bytes:
    """Insert an APP1 segment with an orientation and, as thumbnails do, an end marker."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01" + entry + b"\x00\x00\x00\x00"
    body = b"Exif\x00\x00" + tiff + b"\xff\xd8\xff\xd9"
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def test_exif_turns_the_picture_upright(tmp_path: Path):
    jpeg = bytes(cv2.imencode(".jpg", picture(50, height=8, width=16))[1])
    path = tmp_path / "phone.jpg"
    path.write_bytes(exif_thumbnail(jpeg, orientation=6))
    assert read_picture(path).shape == (16, 8, 3)


def test_end_marker_of_a_thumbnail_does_not_hide_a_cut_picture():
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = exif_thumbnail(bytes(cv2.imencode(".jpg", noise)[1]), orientation=1)
    assert is_cut_short(data[:-40])
    assert not is_cut_short(data)


@pytest.mark.parametrize("name", ["cat.bmp", "cat_720p.jpg", "parrot.jpg", "hot_dog.jpg"])
def test_real_pictures_are_whole(name: str, shared: Path):
    assert read_picture(shared / "data/coral/images" / name).ndim == 3


def test_grey_and_transparent_pictures_become_three_channels(tmp_path: Path):
    for name, shape in (("grey.png", (9, 9)), ("alpha.png", (9, 9, 4))):
        cv2.imwrite(str(tmp_path / name), np.full(shape, 200, np.uint8))
        assert read_picture(tmp_path / name).shape == (9, 9, 3)


def test_missing_picture_of_a_list_is_skipped(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(1))
    source = PictureSource([tmp_path / "gone.png", tmp_path / "a.png"], "list")
    assert [f.index for f in read_all(source)] == [1]


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_is_the_order_of_the_numbers(numbers: list[int]):
    paths = [Path(f"f{n}.jpg") for n in numbers]
    assert sorted(paths, key=natural) == [Path(f"f{n}.jpg") for n in sorted(numbers)]


@settings(deadline=None)
@given(st.lists(st.text(min_size=1).filter(lambda t: "\0" not in t)))
def test_natural_order_takes_any_names(names: list[str]):
    sorted((Path(n) for n in names), key=natural)


PHOTO = "coral/images/cat_720p.jpg"


def damaged(data: bytes, kind: str, size: int, at: float) -> bytes:
    """Return a JPEG in whose scan `size` bytes are zero, random or gone."""
    start = data.find(b"\xff\xda") + 20
    place = start + int(at * (len(data) - start - size - 2))
    noise = np.random.default_rng(place).integers(0, 256, size, np.uint8).tobytes()
    instead = {"zero": bytes(size), "random": noise, "gone": b""}[kind]
    return data[:place] + instead + data[place + size :]


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["zero", "random", "gone"])
def test_jpeg_damaged_in_the_middle_is_named(kind: str, at: float, shared: Path, tmp_path: Path):
    path = tmp_path / "damaged.jpg"
    path.write_bytes(damaged((shared / "data" / PHOTO).read_bytes(), kind, 4096, at))
    with pytest.raises(BadDataError, match=r"damaged\.jpg' is damaged: Corrupt JPEG data"):
        read_picture(path)


def test_damage_is_said_and_not_printed(shared: Path, tmp_path: Path, capfd):
    path = tmp_path / "damaged.jpg"
    path.write_bytes(damaged((shared / "data" / PHOTO).read_bytes(), "random", 4096, 0.5))
    with pytest.raises(BadDataError):
        read_picture(path)
    assert capfd.readouterr().err == ""


def test_sound_pictures_of_many_cameras_are_all_read(shared: Path):
    paths = sorted((shared / "data").rglob("*.jpg"))[::25]
    assert len(paths) > 50
    assert all(read_picture(path).size for path in paths)


def test_padding_before_the_end_is_no_damage(shared: Path, tmp_path: Path):
    data = (shared / "data" / PHOTO).read_bytes()
    assert data.endswith(b"\xff\xd9")
    padded, plain = tmp_path / "padded.jpg", tmp_path / "plain.jpg"
    padded.write_bytes(data[:-2] + bytes(40) + data[-2:])
    plain.write_bytes(data)
    assert np.array_equal(read_picture(padded), read_picture(plain))


def test_png_with_a_wrong_checksum_is_named(tmp_path: Path):
    path = tmp_path / "wrong.png"
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    data = bytearray(cv2.imencode(".png", noise)[1].tobytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadDataError, match=r"wrong\.png' is damaged: libpng error"):
        read_picture(path)


def test_damaged_pictures_are_told_apart_in_several_threads(shared: Path, tmp_path: Path):
    data = (shared / "data" / PHOTO).read_bytes()
    for number in range(8):
        bad = damaged(data, "random", 4096, number / 8) if number % 2 else data
        (tmp_path / f"{number}.jpg").write_bytes(bad)

    def sound(number: int) -> bool:
        try:
            return read_picture(tmp_path / f"{number}.jpg").size > 0
        except BadDataError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(sound, range(8))) == [True, False] * 4
