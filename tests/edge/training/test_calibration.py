"""Calibration data come from anywhere; what does not fit is named with its place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import KINDS, toy_pictures, write_folders

from edge.bundle import Input
from edge.errors import BadDataError, EdgeError, NotFoundError
from edge.training.calibration import Material, gather, realise
from edge.training.load import Port

PIXELS, NUMBERS = toy_pictures(12, seed=4)
PORT = Port("image", "input0:0", (1, 24, 24, 3), "float32")
SIZE = Port("size", "input1:0", (1, 2), "float32")
SPEC = Input("image", "image", (1, 24, 24, 3), "int8", 0.0, 0, mean=(127.5,), std=(127.5,))
SIZE_SPEC = Input("size", "tensor", (1, 2), "int8", 0.0, 0)
REAL = ((PIXELS - 127.5) / 127.5).astype(np.float32)


def in_npz(folder: Path) -> Path:
    np.savez(folder / "some.npz", x=PIXELS, y=NUMBERS)
    return folder / "some.npz"


def write_flat(folder: Path) -> Path:
    import cv2

    for index, picture in enumerate(PIXELS):
        assert cv2.imwrite(str(folder / f"p{index}.png"), picture[..., ::-1])
    return folder


def text_file(folder: Path) -> Path:
    (folder / "x.npz").write_text("no archive")
    return folder / "x.npz"


def damaged(folder: Path) -> Path:
    (folder / "a.png").write_bytes(b"no picture")
    return folder


SOURCES: dict[str, Callable[[Path], Any]] = {
    "a folder of pictures": write_flat,
    "class folders": lambda folder: write_folders(folder, PIXELS, NUMBERS),
    "an npz": in_npz,
    "a float array": lambda _: REAL,
    "a uint8 array": lambda _: PIXELS,
    "a dictionary": lambda _: {"image": REAL},
    "a callable of lists": lambda _: lambda: ([row[None]] for row in REAL),
    "a generator of arrays": lambda _: (row for row in PIXELS),
    "a list of samples": lambda _: [[row] for row in REAL],
    "a callable that returns an array": lambda _: lambda: REAL,
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_kind_of_source_gives_what_the_model_sees(name: str, tmp_path: Path) -> None:
    material = gather(SOURCES[name](tmp_path), [PORT])
    (samples,) = realise(material, [SPEC])
    order = np.argsort(NUMBERS, kind="stable") if name == "class folders" else np.arange(12)
    assert samples.dtype == np.float32
    assert np.allclose(samples, REAL[order], atol=1e-6)


def test_class_folders_and_y_tell_the_truth(tmp_path: Path) -> None:
    folders = gather(write_folders(tmp_path / "pictures", PIXELS, NUMBERS), [PORT])
    assert folders.truth == tuple(KINDS[n] for n in sorted(NUMBERS))
    assert gather(in_npz(tmp_path), [PORT]).truth == tuple(int(n) for n in NUMBERS)


def test_thinning_takes_from_every_class() -> None:
    material = Material(rows=tuple((r,) for r in REAL), truth=tuple(sorted(map(int, NUMBERS))))
    some = material.thinned(6)
    assert some.count == 6
    assert set(some.truth) == set(material.truth)


def test_an_endless_generator_ends() -> None:
    def forever() -> Any:
        while True:
            yield [REAL[0]]

    assert gather(forever, [PORT], most=7).count == 7


def test_two_inputs_by_name_and_by_order() -> None:
    sizes = np.ones((12, 2), np.float32)
    for source in ({"size": sizes, "image": REAL}, [REAL, sizes]):
        samples = realise(gather(source, [PORT, SIZE]), [SPEC, SIZE_SPEC])
        assert [s.shape for s in samples] == [(12, 24, 24, 3), (12, 2)]


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "nothing there": (lambda folder: folder / "absent", "no calibration data"),
    "an empty folder": (lambda folder: folder, "no picture in it"),
    "a text file": (text_file, "no .npz file"),
    "a number": (lambda _: 3, "calibration is int"),
    "another size": (lambda _: REAL[:, :20], "shape [20, 24, 3]; the model takes [24, 24, 3]"),
    "no channels": (lambda _: REAL[..., 0], "shape [24, 24]; the model takes"),
    "int8": (lambda _: PIXELS.view(np.int8), "int8; give real numbers"),
    "words": (lambda _: np.full(REAL.shape, "a"), "type <U1"),
    "complex numbers": (lambda _: REAL.astype(np.complex64), "type complex64"),
    "the wrong name": (lambda _: {"picture": REAL}, "calibration lacks input image"),
    "strings in a row": (lambda _: ["a", "b"], "sample 0 is str"),
    "a damaged picture": (damaged, "no picture that OpenCV reads"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_named(name: str, tmp_path: Path) -> None:
    make, expected = REFUSED[name]
    with pytest.raises(EdgeError) as caught:
        realise(gather(make(tmp_path), [PORT]), [SPEC])
    assert expected in "\n".join(caught.value.faults)
    assert isinstance(caught.value, BadDataError | NotFoundError)
    assert all("\n" not in fault for fault in caught.value.faults)


def test_many_faults_are_shortened() -> None:
    with pytest.raises(BadDataError) as caught:
        realise(gather(REAL[:, :20], [PORT]), [SPEC])
    assert len(caught.value.faults) == 9
    assert caught.value.faults[-1] == "and 4 more like these"


def test_pictures_for_a_model_of_two_inputs_are_refused(tmp_path: Path) -> None:
    material = gather(write_flat(tmp_path), [PORT, SIZE])
    with pytest.raises(BadDataError, match="one image input"):
        realise(material, [SPEC, SIZE_SPEC])


def test_y_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", x=PIXELS, y=NUMBERS[:5])
    with pytest.raises(BadDataError, match="one class number for each of 12"):
        gather(tmp_path / "bad.npz", [PORT])
