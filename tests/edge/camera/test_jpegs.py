import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.camera.jpegs import JpegSplitter

RNG = np.random.default_rng(1)


def jpeg(side: int = 24, progressive: bool = False) -> bytes:
    noise = RNG.integers(0, 256, (side, side, 3), np.uint8)
    return bytes(cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)])[1])


PICTURES = [jpeg(8), jpeg(24), jpeg(40, progressive=True)]
# as phones and some cameras do: a whole small picture within the first segment
THUMBNAIL = b"\xff\xe1" + (2 + len(PICTURES[0])).to_bytes(2, "big") + PICTURES[0]
PICTURES.append(PICTURES[1][:2] + THUMBNAIL + PICTURES[1][2:])


def stream(parts: list[bytes], boundary: bytes = b"--frame", lengths: bool = True) -> bytes:
    data = b""
    for part in parts:
        length = b"Content-Length: %d\r\n" % len(part) if lengths else b""
        data += boundary + b"\r\nContent-Type: image/jpeg\r\n" + length + b"\r\n" + part + b"\r\n"
    return data


def split(data: bytes, sizes: list[int], boundary: bytes = b"frame") -> list[bytes | None]:
    splitter, found, at = JpegSplitter(boundary), [], 0
    for size in [*sizes, len(data)]:
        found += splitter.feed(data[at : at + size])
        at += size
    return found


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(range(len(PICTURES))), min_size=1, max_size=6),
    st.lists(st.integers(1, 700), max_size=40),
    st.booleans(),
    st.sampled_from([b"frame", b"--frame"]),
)
def test_every_picture_comes_whole_however_the_bytes_arrive(numbers, sizes, lengths, boundary):
    parts = [PICTURES[number] for number in numbers]
    assert split(stream(parts, b"--" + boundary, lengths), sizes, boundary) == parts


def test_picture_is_there_with_its_last_byte():
    data = stream([PICTURES[1]])[:-2]
    splitter = JpegSplitter(b"frame")
    assert list(splitter.feed(data[:-1])) == []
    assert list(splitter.feed(data[-1:])) == [PICTURES[1]]


@pytest.mark.parametrize("picture", PICTURES, ids=["small", "plain", "progressive", "thumbnail"])
@settings(deadline=None, max_examples=30)
@given(st.data())
def test_cut_picture_is_told_and_the_next_is_whole(picture, data):
    length = data.draw(st.integers(4, len(picture) - 3))
    sizes = data.draw(st.lists(st.integers(1, 700), max_size=20))
    parts = [picture[:length], PICTURES[1], picture[:length], PICTURES[0]]
    assert split(stream(parts), sizes) == [None, PICTURES[1], None, PICTURES[0]]


@settings(deadline=None)
@given(st.binary(max_size=3000), st.lists(st.integers(1, 300), max_size=20))
def test_noise_is_no_picture(noise, sizes):
    found = split(noise.replace(b"\xff", b"\xfe"), sizes)
    assert found == []


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_between_are_stepped_over(noise):
    between = noise.replace(b"\xff", b"\xfe")
    data = between + stream([PICTURES[1]]) + between + stream([PICTURES[0]])
    assert split(data, []) == [PICTURES[1], PICTURES[0]]


def test_stream_without_an_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("edge.camera.jpegs.MOST_BYTES", 10_000)
    splitter = JpegSplitter(b"frame")
    endless = PICTURES[1][:-2]
    found = [*splitter.feed(endless)]
    for _ in range(50):
        found += splitter.feed(b"\x00" * 1000)
        assert len(splitter._data) <= 11_000
    assert found == [None]
