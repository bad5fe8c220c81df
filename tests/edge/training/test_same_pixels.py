"""The pixels that a model is calibrated and scored on are those that the device makes, bytewise."""

from pathlib import Path

import numpy as np
import pytest

from edge.bundle import Input
from edge.camera import open_source
from edge.infer.border import enter
from edge.training.calibration import gather, prepared_rows, realise
from edge.training.load import Port
from edge.vision.prepare import CHANNELS, INTERPOLATIONS, prepare

pytestmark = pytest.mark.train

PHOTO = "coral/images/cat_720p.jpg"
# mean and std of pixels 0..255, and the scale and zero point that converters choose for them
SCALINGS = [(0.0, 255.0, 1 / 255, -128), (127.5, 127.5, 1 / 127.5, 0), (0.0, 1.0, 1.0, -128)]


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    (tmp_path / "photo.jpg").symlink_to(shared / "data" / PHOTO)
    return tmp_path


@pytest.mark.parametrize("color", CHANNELS)
@pytest.mark.parametrize("how", INTERPOLATIONS)
@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
def test_calibration_sees_what_the_device_sees(
    resize: str, how: str, color: str, folder: Path
) -> None:
    frame = open_source(str(folder)).read().bgr
    for mean, std, scale, zero_point in SCALINGS:
        spec = Input(
            "image", "image", (1, 61, 96, CHANNELS[color]), "int8", scale, zero_point,
            color=color, resize=resize, interpolation=how, mean=(mean,), std=(std,),
        )  # fmt: skip
        material = gather(folder, [Port("image", "image:0", spec.shape, "float32")])
        device = prepare(frame, spec).pixels
        ((calibrated,),) = list(prepared_rows(material, [spec]))
        assert calibrated.tobytes() == device.tobytes()
        (real,) = realise(material, [spec])
        held = (enter(spec)(device).astype(np.float64) - zero_point) * scale
        # -1..1 lies half way between two steps at every pixel value: either is right
        np.testing.assert_allclose(held, real, rtol=0, atol=0.501 * scale)
