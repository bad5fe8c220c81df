from pathlib import Path

import pytest

from edge.cli.run import configure
from edge.config import CameraConfig, Config, EngineConfig, JsonlConfig, ModelConfig, RecordConfig
from edge.errors import UsageError
from edge.scene import Box

ABSENT = {
    "model": Path("m"), "labels": None, "threshold": None, "source": "0", "backend": "auto",
    "runtime": "auto", "threads": 1, "rotate": "0", "roi": None, "window": None, "video": None,
    "stills": None, "jsonl": None, "web": None, "frames": None,
}  # fmt: skip


def test_plain_run_is_one_camera_without_sinks():
    config = configure(ABSENT)
    assert config == Config(ModelConfig(Path("m")), (CameraConfig("0"),), window=None)
    assert config.engine == EngineConfig(("edgetpu", "cpu"), "auto", 1)


def test_every_option_reaches_the_configuration():
    config = configure(
        ABSENT
        | {
            "labels": Path("l"), "threshold": 0.3, "rotate": "270", "roi": "0,0,0.5,1",
            "threads": 2, "video": Path("v.mp4"), "stills": Path("s"), "jsonl": "-",
            "web": "127.0.0.1:0", "frames": 5, "window": False, "runtime": "litert",
        }
    )  # fmt: skip
    assert config.model == ModelConfig(Path("m"), Path("l"), 0.3)
    assert config.cameras == (CameraConfig("0", "camera", 270, Box(0, 0, 0.5, 1)),)
    assert config.engine == EngineConfig(("edgetpu", "cpu"), "litert", 2)
    assert config.record == RecordConfig(Path("v.mp4"), Path("s"))
    assert config.jsonl == JsonlConfig("-")
    assert config.web is not None
    assert config.web.listen == "127.0.0.1:0"
    assert (config.frames, config.window) == (5, False)


@pytest.mark.parametrize(
    ("text", "backends", "devices", "required"),
    [
        ("auto", ("edgetpu", "cpu"), ("auto",), False),
        ("cpu", ("cpu",), ("auto",), False),
        ("edgetpu", ("edgetpu", "cpu"), ("auto",), True),
        ("edgetpu:usb:0", ("edgetpu", "cpu"), ("usb:0",), True),
        ("edgetpu:pci:12", ("edgetpu", "cpu"), ("pci:12",), True),
    ],
)
def test_backend_names_what_answers(text, backends, devices, required):
    engine = configure(ABSENT | {"backend": text, "runtime": "litert", "threads": 3}).engine
    assert engine == EngineConfig(backends, "litert", 3, devices, required)


@pytest.mark.parametrize("text", ["gpu", "", "edgetpu:", "edgetpu:usb", "edgetpu:usb:x", "tpu"])
def test_another_backend_is_refused(text):
    with pytest.raises(UsageError, match="--backend takes auto, edgetpu, cpu, edgetpu:usb:N"):
        configure(ABSENT | {"backend": text})


def test_configuration_cannot_be_changed():
    with pytest.raises(AttributeError):
        configure(ABSENT).frames = 3


def test_all_faults_come_at_once():
    with pytest.raises(UsageError) as caught:
        configure(ABSENT | {"backend": "gpu", "roi": "x", "web": "example.org:80"})
    assert len(caught.value.faults) == 3
