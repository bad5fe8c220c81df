"""Bundles are written whole or not at all: a host's work, with the extra that trains."""

import hashlib
import resource
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge import bundle
from edge.bundle import Bundle, Decode, Thresholds
from edge.errors import BadDataError, CannotWriteError, EdgeError

pytestmark = pytest.mark.train
Arrays = dict[str, NDArray[Any]]


def edit(visitors: Path, old: str, new: str) -> None:
    record = visitors / "model.toml"
    text = record.read_text()
    assert old in text
    record.write_text(text.replace(old, new))


@pytest.fixture
def made(visitors: Path) -> Bundle:
    return replace(bundle.read(visitors), folder=None)


def test_what_is_written_reads_back_the_same(
    made: Bundle, tmp_path: Path, golden_arrays: Arrays
) -> None:
    target = tmp_path / "out" / "bundle"
    written = bundle.write(made, target, golden_arrays)
    assert written == replace(made, folder=target)
    assert written == bundle.read(target)
    assert np.array_equal(bundle.load_golden(written).inputs[0], golden_arrays["input0"])
    names = {entry.name for entry in target.iterdir()}
    assert names == {"model.toml", "model.tflite", "labels.txt", "golden.npz"}
    assert [entry.name for entry in target.parent.iterdir()] == ["bundle"]


def test_the_written_record_is_the_one_of_format_1(
    visitors: Path, made: Bundle, tmp_path: Path, golden_arrays: Arrays
) -> None:
    bundle.write(made, tmp_path / "out", golden_arrays)
    written = tomllib.loads((tmp_path / "out" / "model.toml").read_text())
    expected = tomllib.loads((visitors / "model.toml").read_text())
    del expected["files"]
    files = written.pop("files")
    assert written == expected
    assert list(written) == list(expected)
    assert set(files) == {"model.tflite", "labels.txt", "golden.npz"}


def test_unknown_keys_survive_a_rewrite(
    visitors: Path, tmp_path: Path, golden_arrays: Arrays
) -> None:
    edit(visitors, "fill = 100", "fill = 100\ncrop_px = 3")
    edit(visitors, "[decode]", "[decode]\nwidth = 2")
    edit(visitors, "version = 3", 'version = 3\nmood = "good"')
    edit(visitors, "n = 1003", "n = 1003, shots = 2")
    found = bundle.read(visitors)
    written = bundle.write(found, tmp_path / "out", golden_arrays)
    assert written.extra == found.extra
    assert written.extra["score"] == {"float": {"shots": 2}, "int8": {"shots": 2}}
    assert len(written.extra) == 4


def test_a_file_of_a_newer_version_survives_a_rewrite_in_place_and_elsewhere(
    visitors: Path, tmp_path: Path, golden_arrays: Arrays
) -> None:
    data = b"for another accelerator"
    (visitors / "model_npu.bin").write_bytes(data)
    entry = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "chip": "npu"}
    shown = ", ".join(f"{key} = {value!r}" for key, value in entry.items())
    with (visitors / "model.toml").open("a") as record:
        record.write(f'"model_npu.bin" = {{ {shown} }}\n')
    for target in (tmp_path / "out", visitors):
        written = bundle.write(bundle.read(visitors), target, golden_arrays)
        assert (target / "model_npu.bin").read_bytes() == data
        assert written.extra["files"] == {"model_npu.bin": entry}


def test_a_file_whose_folder_is_gone_is_not_promised(
    visitors: Path, tmp_path: Path, golden_arrays: Arrays
) -> None:
    entry = {"bytes": 1, "sha256": "0" * 64}
    files = {"files": {"model_npu.bin": entry}}
    made = replace(bundle.read(visitors), folder=None, extra=files)
    with pytest.raises(BadDataError, match=r"model_npu\.bin is listed in \[files\] and not"):
        bundle.write(made, tmp_path / "out", golden_arrays)


def test_all_that_an_edge_tpu_needs_is_kept(
    made: Bundle, shared: Path, tmp_path: Path, golden_arrays: Arrays
) -> None:
    compiled = (shared / "data" / "coral" / "split_concat_edgetpu.tflite").read_bytes()
    twin = replace(made, edgetpu_model=compiled)
    assert bundle.write(twin, tmp_path / "out", golden_arrays).edgetpu_model == compiled


def test_a_detector_keeps_how_it_is_decoded(made: Bundle, tmp_path: Path) -> None:
    decode = Decode("boxes", False, 16, 64, 0.4)
    record = bundle.record.to_record(replace(made, decode=decode), {})
    assert record["decode"] == {
        "decoder": "boxes", "background": False, "stride_px": 16, "distance_unit_px": 64,
        "nms_iou": 0.4,
    }  # fmt: skip


def test_an_older_bundle_is_replaced_and_always_there(
    made: Bundle, tmp_path: Path, golden_arrays: Arrays
) -> None:
    target = tmp_path / "bundle"
    bundle.write(made, target, golden_arrays)
    gone, stop = [], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if not (target / "model.toml").exists():
                gone.append(1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for version in range(4, 14):
        bundle.write(replace(made, version=version), target, golden_arrays)
    stop.set()
    watcher.join()
    assert bundle.read(target).version == 13
    assert gone == []
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_without_the_exchange_the_older_bundle_still_gives_way(
    made: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    golden_arrays: Arrays,
) -> None:
    monkeypatch.setattr("edge.bundle.swap._exchange", lambda *_: False)
    target = tmp_path / "bundle"
    bundle.write(made, target, golden_arrays)
    bundle.write(replace(made, version=9), target, golden_arrays)
    assert bundle.read(target).version == 9
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 100,000 bytes: the model does not fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_older_bundle(
    visitors: Path,
    made: Bundle,
    full_disk: None,
    tmp_path: Path,
    golden_arrays: Arrays,
) -> None:
    with pytest.raises(CannotWriteError, match="cannot write the bundle"):
        bundle.write(replace(made, version=4), visitors, golden_arrays)
    assert bundle.read(visitors).version == 3
    assert [entry.name for entry in tmp_path.iterdir()] == [visitors.name]


@pytest.mark.parametrize("name", ["photo.jpg", "model.keras", "sub"])
def test_a_folder_that_holds_other_things_is_refused(
    made: Bundle,
    tmp_path: Path,
    name: str,
    golden_arrays: Arrays,
) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    (target / name).write_bytes(b"precious")
    with pytest.raises(CannotWriteError, match=f"holds '{name}', which is no part of a bundle"):
        bundle.write(made, target, golden_arrays)
    assert (target / name).read_bytes() == b"precious"


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_where_no_folder_can_be_is_refused(
    made: Bundle,
    tmp_path: Path,
    place: str,
    golden_arrays: Arrays,
) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(CannotWriteError):
        bundle.write(made, tmp_path / place, golden_arrays)
    assert (tmp_path / "file").read_text() == "a file"


# what is wrong with a bundle that is to be written
CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"name": "Big"}, "name is 'Big'"),
    ({"labels": ("person",)}, "1 labels; output 'scores'"),
    ({"labels": ("a\nb", "person")}, "has spaces around it or a line break"),
    ({"labels": ()}, "a bundle for classify needs labels.txt"),
    ({"thresholds": Thresholds(2.0)}, "threshold default is 2.0"),
    ({"thresholds": Thresholds(0.5, {"cat": 0.5})}, "thresholds.label.cat: no such label"),
    ({"outputs": ()}, "0 [[output]] tables; the model has 1 outputs"),
    ({"model": b"nothing"}, "model.tflite: not a TFLite model"),
]


@pytest.mark.parametrize(("change", "said"), CONTRADICTIONS)
def test_a_contradiction_is_not_written(
    made: Bundle,
    tmp_path: Path,
    change: dict[str, Any],
    said: str,
    golden_arrays: Arrays,
) -> None:
    with pytest.raises(EdgeError) as caught:
        bundle.write(replace(made, **change), tmp_path / "out", golden_arrays)
    assert any(said in fault for fault in caught.value.faults), caught.value.faults
    assert not (tmp_path / "out").exists()


def test_golden_vectors_of_another_model_are_not_written(
    made: Bundle, tmp_path: Path, golden_arrays: Arrays
) -> None:
    arrays = golden_arrays
    arrays["output0"] = arrays["output0"].astype(np.uint8)
    arrays["output1"] = arrays["output0"]
    with pytest.raises(BadDataError) as caught:
        bundle.write(made, tmp_path / "out", arrays)
    assert caught.value.faults == (
        "golden: output1 belongs to no tensor",
        "golden: output0 is uint8 [2, 1, 2]; it must be int8 [2, 1, 2]",
    )
