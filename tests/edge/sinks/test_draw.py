import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import APPLE, CAT, scene

from edge.scene import Box, Detection
from edge.sinks.draw import Canvas, Pen, annotate, caption, colour, drawable


def test_frame_itself_stays_untouched():
    seen = scene(3, APPLE)
    before = seen.frame.bgr.copy()
    drawn = annotate(seen)
    assert np.array_equal(seen.frame.bgr, before)
    assert not np.array_equal(drawn, before)


def test_box_is_drawn_at_its_sides_in_the_colour_of_its_label():
    drawn = annotate(scene(0, APPLE, height=400, width=400))
    for point in ((200, 100), (200, 299), (299, 200)):
        assert tuple(drawn[point]) == colour("apple")
    assert tuple(drawn[200, 200]) == (0, 0, 0)


@settings(deadline=None)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.text(max_size=30),
)
def test_any_box_on_any_frame_with_any_label_can_be_drawn(height, width, sides, label):
    box = Box(
        min(sides[0], sides[2]),
        min(sides[1], sides[3]),
        max(sides[0], sides[2]),
        max(sides[1], sides[3]),
    )
    drawn = annotate(scene(0, Detection(label, 0.5, box), CAT, height=height, width=width), 12.5)
    assert drawn.shape == (height, width, 3)


def test_letters_outside_the_font_are_replaced():
    assert drawable("Ägäis straße") == "Agais strasse"
    assert drawable("日本 cat") == "?? cat"
    assert drawable("two\nlines").isprintable()


def test_caption_names_track_and_score():
    assert caption(APPLE) == "apple 0.88"
    assert caption(Detection("cat", 0.5, track=3)) == "cat #3 0.50"


@pytest.mark.parametrize("height", [48, 480, 1080, 2160])
def test_letters_are_readable_at_every_size(height: int):
    pen = Pen.of(height, height * 16 // 9)
    assert pen.scale >= 0.35
    assert pen.line_px >= 1


def test_canvas_draws_a_scene_once_and_measures_the_rate():
    now = iter(range(0, 10**12, 10**8))
    canvas = Canvas(lambda: next(now))
    for index in range(30):
        canvas.write(scene(index))
    assert canvas.fps == pytest.approx(10.0)
    seen = scene(1, APPLE)
    assert canvas.picture(seen) is canvas.picture(seen)
    assert canvas.picture(scene(1)) is not canvas.picture(seen)
