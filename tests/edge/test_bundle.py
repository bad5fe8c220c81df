"""Bundles, format 1: read with every fault named, written whole or not at all."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge import bundle, cost, metadata, tflite
from edge.bundle import Decode, Input, Interval, Output, Score
from edge.errors import BadDataError, NotFoundError

Arrays = dict[str, NDArray[Any]]
VWW = "mlperf-tiny/vww_96_int8.tflite"
SCALE = 0.003921568859368563  # of that file, as float32
LABELS = "no_person\nperson\n"


def faults(path: Path) -> tuple[str, ...]:
    with pytest.raises(BadDataError) as caught:
        bundle.read(path)
    return tuple(fault.removeprefix(f"{path}: ") for fault in caught.value.faults)


def edit(visitors: Path, old: str, new: str) -> None:
    record = visitors / "model.toml"
    text = record.read_text()
    assert old in text
    record.write_text(text.replace(old, new))


def test_every_key_arrives(visitors: Path) -> None:
    found = bundle.read(visitors)
    assert (found.name, found.version, found.task) == ("visitors", 3, "classify")
    assert found.created == "2026-11-25T10:12:00Z"
    assert found.inputs == (
        Input("image", "image", (1, 96, 96, 3), "int8", SCALE, -128, "rgb", "letterbox", "area",
              100, (0.0,) * 3, (255.0,) * 3),
    )  # fmt: skip
    assert found.outputs == (Output("scores", "scores", (1, 2), "int8", 1 / 256, -128),)
    assert found.decode == Decode("classify", background=False)
    assert found.labels == ("no_person", "person")
    assert (found.thresholds.of("person"), found.thresholds.of("no_person")) == (0.6, 0.5)
    assert found.score == Score(
        "top1", Interval(0.741, 0.713, 0.768, 1003), Interval(0.721, 0.693, 0.748, 1003)
    )
    assert found.data == {"train": 1153, "seed": 1}
    assert found.requires["macs"] == cost.macs(tflite.read(found.model))
    assert (found.folder, found.guesses, found.extra) == (visitors, (), {})


def test_golden_vectors_are_loaded(visitors: Path, golden_arrays: Arrays) -> None:
    golden = bundle.load_golden(bundle.read(visitors))
    assert np.array_equal(golden.inputs[0], golden_arrays["input0"])
    assert np.array_equal(golden.outputs[0], golden_arrays["output0"])


def test_a_bundle_without_golden_vectors_says_so(shared: Path) -> None:
    with pytest.raises(NotFoundError, match="no golden vectors"):
        bundle.load_golden(bundle.read(shared / "data" / VWW))


@pytest.mark.parametrize("count", [1, 3])
def test_golden_vectors_of_another_count_are_refused(visitors: Path, count: int) -> None:
    edit(visitors, "count = 2", f"count = {count}")
    with pytest.raises(BadDataError, match="golden: input0 is int8"):
        bundle.load_golden(bundle.read(visitors))


def add_file(folder: Path, name: str, data: bytes) -> None:
    """List a file that this version does not know; [files] is the last table of the record."""
    (folder / name).write_bytes(data)
    with (folder / "model.toml").open("a") as record:
        digest = hashlib.sha256(data).hexdigest()
        record.write(f'"{name}" = {{ bytes = {len(data)}, sha256 = "{digest}", chip = "npu" }}\n')


# what is changed in model.toml, what is said
WRONG = [
    ('name = "visitors"', 'name = "Visitors"', "name is 'Visitors'; it must be [[a-z][a-z0-9_]*]"),
    ("version = 3", "version = -1", "version is -1; it must be a whole number 0.."),
    ('task = "classify"', 'task = "guess"', "task is 'guess'; it must be classify | detect | raw"),
    ("created = 2026-11-25T10:12:00Z", 'created = "today"', "created is 'today'; it must be"),
    ('kind = "image"', 'kind = "sound"', "input[0].kind is 'sound'; it must be image | tensor"),
    ("[1, 96, 96, 3]", "[1, 96, 97, 3]", "input 'image': shape is [1, 96, 97, 3]; the model's is"),
    ('zero_point = -128\ncolor = "rgb"', 'zero_point = 0\ncolor = "rgb"',
     "input 'image': zero_point is 0; the model's is -128"),
    (f"scale = {SCALE}", "scale = 0.0039", "input 'image': scale is 0.0039; the model's is 0.0039"),
    ('color = "rgb"', 'color = "gray"', "an image is [1, height, width, 1]"),
    ("std = [255.0, 255.0, 255.0]", "std = [255.0, 0.0, 255.0]", "a list of numbers above 0"),
    ("mean = [0.0, 0.0, 0.0]", "mean = [0.0, 0.0]", "input 'image': 2 values of mean; 1 or 3"),
    ("fill = 100", "fill = 256", "input[0].fill is 256; it must be a whole number 0..255"),
    ('role = "scores"', 'role = "scored"', "output[0].role is 'scored'; it must be scores |"),
    ('role = "scores"', 'role = "raw"', "decoder classify needs outputs of role scores or logits"),
    ("scale = 0.00390625", "scale = nan", "output[0].scale is nan; it must be a number 0.0..inf"),
    ("shape = [1, 2]\ndtype = \"int8\"", "shape = [1, 2]\ndtype = \"uint8\"",
     "output 'scores': dtype is uint8; the model's is int8"),
    ("shape = [1, 2]", "shape = [1, -1]",
     "output 'scores': shape is [1, -1]; the model's is [1, 2]"),
    ("shape = [1, 2]", "shape = [1, -2]", "output[0].shape is [1, -2]; it must be a list of whole"),
    ("[1, 96, 96, 3]", "[1, -1, 96, 3]", "input[0].shape is [1, -1, 96, 3]; it must be a list of"),
    ('decoder = "classify"', 'decoder = "magic"', "decode.decoder is 'magic'; it must be classify"),
    ("background = false", "background = 0", "decode.background is 0; it must be true | false"),
    ("default = 0.5", "default = 1.5", "thresholds.default is 1.5; it must be a number 0.0..1.0"),
    ("person = 0.6", "person = -0.1", "thresholds.label.person is -0.1; it must be a number 0..1"),
    ("person = 0.6", "dog = 0.6", "thresholds.label.dog: no such label; known: no_person, person"),
    ('metric = "top1"', 'metric = "luck"', "score.metric is 'luck'; it must be top1"),
    ("value = 0.741", 'value = "good"', "score.float.value is 'good'; it must be a number"),
    ('"golden.npz" =', '"../golden.npz" =', "[files] names '../golden.npz'; a plain file name"),
    ('"golden.npz" =', '"model.toml" =', "[files] names 'model.toml'; a plain file name, not"),
    ('"labels.txt" =', '"more.txt" =', "more.txt is missing"),
    ("bytes = 333288", "bytes = 333289", "model.tflite has 333288 bytes; model.toml says 333289"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), WRONG)
def test_a_wrong_key_is_named_with_what_is_allowed(
    visitors: Path, old: str, new: str, said: str
) -> None:
    edit(visitors, old, new)
    assert any(said in fault for fault in faults(visitors)), faults(visitors)


@pytest.mark.parametrize("key", ["name", "task", "kind", "role", "dtype", "scale", "metric"])
def test_a_missing_key_is_named(visitors: Path, key: str) -> None:
    record = visitors / "model.toml"
    lines = record.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"{key} ="))
    record.write_text("\n".join(lines[:at] + lines[at + 1 :]))
    assert any(f"{key} is missing; it is" in fault for fault in faults(visitors))


def test_a_file_of_a_newer_version_is_a_warning(
    visitors: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_file(visitors, "model_npu.bin", b"for another accelerator")
    found = bundle.read(visitors)
    assert "keys unknown to this version: files.model_npu.bin" in caplog.text
    assert set(found.extra["files"]) == {"model_npu.bin"}


def test_a_damaged_file_of_a_newer_version_is_a_fault(visitors: Path) -> None:
    add_file(visitors, "model_npu.bin", b"for another accelerator")
    (visitors / "model_npu.bin").write_bytes(b"FOR another accelerator")
    assert any("model_npu.bin has sha256" in fault for fault in faults(visitors))


def test_all_faults_are_said_at_once(visitors: Path) -> None:
    edit(visitors, 'name = "visitors"', 'name = "9"')
    edit(visitors, "default = 0.5", "default = 7")
    edit(visitors, 'color = "rgb"', 'color = "blue"')
    (visitors / "labels.txt").unlink()
    (visitors / "model.tflite").write_bytes(b"short")
    assert len(faults(visitors)) == 5


def test_a_changed_file_is_refused_by_its_hash(visitors: Path) -> None:
    content = bytearray((visitors / "model.tflite").read_bytes())
    content[-1] ^= 1
    (visitors / "model.tflite").write_bytes(content)
    (fault,) = faults(visitors)
    assert fault.startswith("model.tflite has sha256 ")


@pytest.mark.parametrize("name", ["model.tflite", "labels.txt", "golden.npz"])
def test_a_missing_file_is_named(visitors: Path, name: str) -> None:
    (visitors / name).unlink()
    assert f"{name} is missing" in faults(visitors)


def test_labels_must_suit_the_scores(visitors: Path) -> None:
    (visitors / "labels.txt").write_text(LABELS + "dog\n")
    assert "3 labels; output 'scores' (scores) has 2 slices" in faults(visitors)


def test_a_newer_format_is_refused_with_the_cure(visitors: Path) -> None:
    edit(visitors, "format = 1", "format = 2")
    with pytest.raises(BadDataError, match=r"format 2 is newer than 1.*update embedded-edge"):
        bundle.read(visitors)


@pytest.mark.parametrize("text", ["format = ", "format = 1\nformat = 1", "\0"])
def test_a_record_that_is_no_toml_is_one_line(visitors: Path, text: str) -> None:
    (visitors / "model.toml").write_text(text)
    with pytest.raises(BadDataError, match="is no TOML") as caught:
        bundle.read(visitors)
    assert len(caught.value.faults) == 1


def test_a_folder_without_a_record_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=r"holds no model\.toml"):
        bundle.read(tmp_path)


def test_a_path_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"give a bundle folder or a \.tflite file"):
        bundle.read(tmp_path / "none")


def test_unknown_keys_warn(visitors: Path, caplog: pytest.LogCaptureFixture) -> None:
    edit(visitors, "fill = 100", 'fill = 100\ncrop_px = 3\n"future" = 1')
    edit(visitors, "[decode]", "[decode]\nwidth = 2")
    edit(visitors, "version = 3", 'version = 3\nmood = "good"')
    with caplog.at_level(logging.WARNING):
        found = bundle.read(visitors)
    assert found.extra == {
        "mood": "good", "input": [{"crop_px": 3, "future": 1}], "decode": {"width": 2}
    }  # fmt: skip
    for name in ("mood", "input[0].crop_px", "input[0].future", "decode.width"):
        assert name in caplog.text


def test_requirements_are_the_costs_of_the_graph(shared: Path) -> None:
    content = (shared / "data" / VWW).read_bytes()
    assert bundle.requirements(content) == {"macs": 7_489_664, "arena_lower_bound_bytes": 55_296}


def test_metadata_carry_labels_and_leave_the_weights(visitors: Path) -> None:
    found = bundle.with_metadata(bundle.read(visitors))
    described = metadata.read_metadata(found.model)
    assert described is not None
    assert described.outputs[0].labels == ("no_person", "person")
    assert described.inputs[0].std == (255.0,) * 3
    assert described.inputs[0].high == (1.0,) * 3
    assert bundle.read(visitors).model in found.model
