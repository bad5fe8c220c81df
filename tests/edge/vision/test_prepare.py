"""Pictures reach the model in its size, shape and colours, and boxes find the way back."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge.bundle import Input
from edge.errors import BadDataError
from edge.scene import FULL_BOX, Box
from edge.vision.prepare import CHANNELS, INTERPOLATIONS, prepare

RGB = Input("image", "image", (1, 8, 12, 3), "int8", 1 / 127.5, 0)
RED, BLUE, GREY_OF_RED = (0, 0, 255), (255, 0, 0), 76  # BGR; 0.299 * 255
MODES = ("stretch", "letterbox", "crop")


def plain(colour: tuple[int, int, int], height: int = 30, width: int = 40) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def picture_with(box_px: tuple[int, int, int, int], height: int, width: int) -> np.ndarray:
    picture = np.zeros((height, width, 3), np.uint8)
    x0, y0, x1, y1 = box_px
    picture[y0:y1, x0:x1] = 255
    return picture


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize(
    ("color", "colour", "pixel"),
    [
        ("rgb", RED, [255, 0, 0]),
        ("rgb", BLUE, [0, 0, 255]),
        ("bgr", RED, [0, 0, 255]),
        ("bgr", BLUE, [255, 0, 0]),
        ("gray", RED, [GREY_OF_RED]),
        ("gray", BLUE, [29]),
    ],
)
def test_red_and_blue_frames_arrive_in_the_models_colour_order(
    color, colour, pixel, mode, interpolation
) -> None:
    spec = replace(
        RGB,
        color=color,
        resize=mode,
        interpolation=interpolation,
        shape=(1, 8, 12, CHANNELS[color]),
    )
    pixels = prepare(plain(colour), spec).pixels
    assert pixels.shape == spec.shape[1:]
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels[4, 6].tolist() == pixel


def test_letterbox_fills_the_borders_and_keeps_the_shape() -> None:
    pixels = prepare(plain(RED, 10, 30), replace(RGB, resize="letterbox", fill=7)).pixels
    assert (pixels[:2] == 7).all()
    assert (pixels[2:6, :, 0] == 255).all()
    assert (pixels[6:] == 7).all()


def test_crop_takes_the_middle_of_the_frame() -> None:
    frame = plain(BLUE, 8, 40)
    frame[:, 14:26] = RED
    pixels = prepare(frame, replace(RGB, resize="crop")).pixels
    assert (pixels == [255, 0, 0]).all()


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_stretch_resizes_with_the_interpolation_of_training(interpolation: str) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (31, 45, 3), np.uint8)
    spec = replace(RGB, interpolation=interpolation, color="bgr")
    wanted = cv2.resize(frame, (12, 8), interpolation=INTERPOLATIONS[interpolation])
    np.testing.assert_array_equal(prepare(frame, spec).pixels, wanted)


def test_interpolations_differ() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (31, 45, 3), np.uint8)
    results = {prepare(frame, replace(RGB, interpolation=i)).pixels.tobytes() for i in
               ("linear", "area", "nearest")}  # fmt: skip
    assert len(results) == 3


def test_a_frame_of_the_right_size_is_not_resampled_nor_shared() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (8, 12, 3), np.uint8)
    np.testing.assert_array_equal(prepare(frame, RGB).pixels, frame[..., ::-1])


def test_a_view_with_strides_is_taken_as_it_looks() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (31, 45, 3), np.uint8)
    turned = np.rot90(frame)
    wanted = prepare(np.ascontiguousarray(turned), RGB).pixels
    np.testing.assert_array_equal(prepare(turned, RGB).pixels, wanted)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("height", "width"), [(97, 161), (161, 97), (480, 640), (33, 500)])
def test_a_drawn_box_lands_where_the_geometry_says_within_one_pixel(mode, height, width) -> None:
    x0, x1 = round(width * 0.44), round(width * 0.6)
    y0, y1 = round(height * 0.42), round(height * 0.58)
    spec = Input("image", "image", (1, 96, 128, 3), "int8", 1.0, 0, resize=mode, fill=0)
    picture = prepare(picture_with((x0, y0, x1, y1), height, width), spec)
    rows, columns = np.nonzero(picture.pixels[..., 0] > 127)
    seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    told = picture.geometry.to_input(Box(x0 / width, y0 / height, x1 / width, y1 / height))
    told_px = np.clip((told.x0, told.y0, told.x1, told.y1), 0, 1) * (128, 96, 128, 96)
    np.testing.assert_allclose(seen, told_px, atol=1.0)


fractions = st.floats(0, 1)
sizes = st.integers(1, 700)


@settings(deadline=None)
@given(
    mode=st.sampled_from(MODES), w=sizes, h=sizes, width=sizes, height=sizes,
    corners=st.tuples(fractions, fractions, fractions, fractions),
)  # fmt: skip
def test_boxes_of_the_frame_return_to_their_place(mode, w, h, width, height, corners) -> None:
    spec = Input("i", "image", (1, height, width, 3), "int8", 1.0, 0, resize=mode)
    geometry = prepare(np.zeros((h, w, 3), np.uint8), spec).geometry
    box = Box(*corners)
    back = geometry.to_frame(geometry.to_input(box))
    np.testing.assert_allclose(
        [back.x0, back.y0, back.x1, back.y1], corners, atol=1e-9
    )  # far below 1 px


@settings(deadline=None)
@given(mode=st.sampled_from(MODES), w=sizes, h=sizes, width=sizes, height=sizes)
def test_the_frame_covers_the_input_as_its_mode_promises(mode, w, h, width, height) -> None:
    spec = Input("i", "image", (1, height, width, 3), "int8", 1.0, 0, resize=mode)
    geometry = prepare(np.zeros((h, w, 3), np.uint8), spec).geometry
    whole = geometry.to_input(FULL_BOX)
    if mode == "stretch":
        assert whole == FULL_BOX
    if mode == "letterbox":  # inside, and touches in one direction
        assert whole.x0 >= 0 <= whole.y0
        assert min(whole.x0 * width, whole.y0 * height) < 1
        assert whole.x1 <= 1 + 1e-9 >= whole.y1
    if mode == "crop":  # covers all
        assert whole.x0 <= 0 >= whole.y0
        assert whole.x1 >= 1 - 1e-9 <= whole.y1


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_bgr_picture_is_refused(picture) -> None:
    with pytest.raises(BadDataError, match=r"not a picture: .*needs uint8 \(h, w, 3\) in BGR"):
        prepare(picture, RGB)


@pytest.mark.parametrize(
    "spec",
    [
        replace(RGB, color="gray"),
        replace(RGB, shape=(1, 8, 12, 1)),
        replace(RGB, shape=(1, 40)),
        replace(RGB, kind="tensor"),
    ],
)
def test_an_input_that_is_no_picture_is_refused(spec: Input) -> None:
    with pytest.raises(BadDataError, match=r"input 'image' is no picture: .*needs an image"):
        prepare(plain(RED), spec)


SHORT, ODD, LONG = st.integers(1, 9), st.integers(11, 299), st.integers(600, 2000)
FRAME_PX = st.one_of(
    st.tuples(ODD, ODD),
    st.tuples(SHORT, SHORT),
    st.tuples(LONG, SHORT),
    st.tuples(SHORT, LONG),
    st.tuples(LONG, ODD),
)  # width, height: ordinary, tiny, very wide, very high


@settings(deadline=None, max_examples=300)
@given(
    mode=st.sampled_from(MODES), how=st.sampled_from(sorted(INTERPOLATIONS)), frame_px=FRAME_PX,
    width=st.integers(4, 200), height=st.integers(4, 200),
    corners=st.tuples(fractions, fractions, fractions, fractions),
)  # fmt: skip
def test_a_box_drawn_on_any_frame_comes_back_within_one_pixel(
    mode, how, frame_px, width, height, corners
) -> None:
    w, h = frame_px
    spec = Input(
        "i", "image", (1, height, width, 3), "int8", 1.0, 0,
        resize=mode, interpolation=how, fill=0,
    )  # fmt: skip
    geometry = prepare(np.zeros((h, w, 3), np.uint8), spec).geometry
    per_px = (geometry.scale_x * width / w, geometry.scale_y * height / h)  # input px a frame px
    seen = geometry.to_frame(FULL_BOX)  # what a crop leaves
    x0, x1 = drawn(seen.x0 * w, seen.x1 * w, corners[0], corners[2], per_px[0])
    y0, y1 = drawn(seen.y0 * h, seen.y1 * h, corners[1], corners[3], per_px[1])
    assume(x0 < x1 and y0 < y1)
    pixels = prepare(picture_with((x0, y0, x1, y1), h, w), spec).pixels[..., 0]
    rows, columns = np.nonzero(pixels > 127)
    back = geometry.to_frame(
        Box(
            columns.min() / width, rows.min() / height,
            (columns.max() + 1) / width, (rows.max() + 1) / height,
        )
    )  # fmt: skip
    # one pixel of the frame or of the input, whichever is larger: what a grid can show
    coarse_x, coarse_y = (max(1.0, 1 / scale) + 1e-6 for scale in per_px)
    assert abs(back.x0 * w - x0) <= coarse_x
    assert abs(back.x1 * w - x1) <= coarse_x
    assert abs(back.y0 * h - y0) <= coarse_y
    assert abs(back.y1 * h - y1) <= coarse_y


def drawn(low: float, high: float, one: float, other: float, scale: float) -> tuple[int, int]:
    """Return whole pixels between low and high that cover two input pixels; (0, 0): none do."""
    first, last = int(np.ceil(low - 1e-9)), int(np.floor(high + 1e-9))
    least = max(1, int(np.ceil(2 / scale)))
    if last - first < least:
        return 0, 0
    start = first + round(min(one, other) * (last - first - least))
    return start, start + least + round(abs(one - other) * (last - start - least))
