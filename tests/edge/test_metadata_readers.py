"""An independent reader (tflite-support, in an environment of its own) takes what is written."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge import bundle, metadata
from edge.bundle import Bundle

ROOT = Path(__file__).resolve().parents[2]
READER = Path(__file__).with_name("metadata_reader.py")
PYTHON = os.environ.get("EDGE_READERS_PYTHON", str(ROOT / ".venv-readers" / "bin" / "python"))
pytestmark = pytest.mark.needs("readers")


def read_elsewhere(*words: str) -> dict[str, Any]:
    done = subprocess.run([PYTHON, str(READER), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def written(shared: Path, folder: Path, name: str, labels: tuple[str, ...]) -> Path:
    """Return a copy of a model with the metadata that a bundle of it carries."""
    bare = bundle.read_bare(shared / "data" / name)
    signed = metadata.add_signature(bare.model, ["image"], ["scores"])
    renamed = Bundle(
        name="net", task="classify", inputs=bare.inputs, outputs=bare.outputs, decode=bare.decode,
        labels=labels or bare.labels, model=signed, version=3, license="MIT",
        thresholds=bundle.Thresholds(0.1),
    )  # fmt: skip
    path = folder / "model.tflite"
    path.write_bytes(bundle.with_metadata(renamed).model)
    return path


def test_another_reader_sees_labels_and_normalization(shared: Path, tmp_path: Path) -> None:
    labels = ("no person", "Löwe")
    path = written(shared, tmp_path, "mlperf-tiny/vww_96_int8.tflite", labels)
    found = read_elsewhere(str(path))
    assert found["files"] == {"labels.txt": "no person\nLöwe\n"}
    described = found["metadata"]
    assert (described["name"], described["version"], described["license"]) == ("net", "3", "MIT")
    (part,) = described["subgraph_metadata"]
    (image,), (scores,) = part["input_tensor_metadata"], part["output_tensor_metadata"]
    assert image["content"] == {
        "content_properties_type": "ImageProperties",
        "content_properties": {"color_space": "RGB"},
    }
    (unit,) = image["process_units"]
    assert unit["options_type"] == "NormalizationOptions"
    assert unit["options"]["mean"] == [0.0]
    assert unit["options"]["std"] == [pytest.approx(255.0, rel=1e-6)]
    (file,) = scores["associated_files"]
    assert (file["name"], file["type"]) == ("labels.txt", "TENSOR_AXIS_LABELS")
    (threshold,) = scores["process_units"]
    assert threshold["options"]["global_score_threshold"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("picture", "name"), [("parrot.jpg", "macaw"), ("cat.bmp", "Egyptian cat")]
)
def test_another_runtime_answers_with_our_labels(
    shared: Path, tmp_path: Path, picture: str, name: str
) -> None:
    model = written(shared, tmp_path, "coral/mobilenet_v2_1.0_224_quant.tflite", ())
    found = read_elsewhere(str(model), str(shared / "data" / "coral" / "images" / picture))
    assert found["top"][0] == name
    assert all(score >= 0.1 for score in found["scores"])
