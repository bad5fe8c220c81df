import sys
from pathlib import Path

import pytest

from edge.bundle import Bundle, Decode
from edge.errors import BadDataError, UnavailableError
from edge.infer import judge as judging
from edge.infer.judge import judge
from edge.infer.runtime import Runtime, pick

RUNTIME = pick()
SOUND = (
    "mlperf-tiny/kws_ref_model.tflite",
    "coral/split_concat.tflite",
    "coral/ssd_mobilenet_v1_coco_quant_postprocess_head_layers.tflite",
    "tflite-micro/trained_lstm_int8.tflite",
    "suites/micro-wake-word/models/v2/okay_nabu.tflite",
    "suites/litert/tflite/testdata/dynamic_shapes.bin.tflite",  # XNNPACK refuses to run it
    "suites/litert/litert/test/testdata/simple_floor_mod.tflite",  # divides by its input
)
# Model -> what its one line says, on either runtime.
REFUSED = {
    "coral/mobilenet_v1_0.25_128_quant_edgetpu.tflite":
        "compiled for the Edge TPU .*'edgetpu-custom-op'.* use the CPU model",
    "coral/split_concat_edgetpu.tflite": "compiled for the Edge TPU",
    "coral/model_invoking_error.tflite": "needs operator 'fake-op-double', which {runtime} does",
    "tflite-micro/person_detect_vela.tflite": "operator 'ethos-u'.* use the CPU model",
    "tflite-micro/person_detect.tflite":
        r"{runtime} refuses this model: quantized_dimension must be in range \[0, 1\). Was 3; its",
    "tflite-micro/audio_preprocessor_int8.tflite":
        "needs operators 'SignalWindow', 'SignalFftAutoScale', .*'SignalFilterBankLog', which",
    "tflite-micro/keyword_scrambled_8bit.tflite":
        "kills {runtime} while it (runs|is freed): (Aborted|Segmentation fault); use another",
    "suites/litert/tflite/testdata/double_flex.bin.tflite": r"\(Flex\) operators.*SELECT_TF_OPS",
}  # fmt: skip


def bundle_of(model: bytes, name: str = "guest") -> Bundle:
    return Bundle(name, "raw", (), (), Decode(), (), model)


@pytest.mark.parametrize("path", SOUND)
def test_a_sound_model_passes(path: str, shared: Path) -> None:
    judge(bundle_of((shared / "data" / path).read_bytes()), RUNTIME)


@pytest.mark.parametrize("path", REFUSED)
def test_a_foreign_model_that_cannot_run_gives_one_line_with_its_cure(
    path: str, shared: Path
) -> None:
    words = REFUSED[path].format(runtime=f"{RUNTIME.name} {RUNTIME.version}")
    with pytest.raises(BadDataError, match=f"^model 'guest'.*{words}") as raised:
        judge(bundle_of((shared / "data" / path).read_bytes()), RUNTIME)
    assert len(raised.value.faults) == 1
    assert "\n" not in str(raised.value)


def test_an_operator_too_new_for_the_runtime_is_explained(shared: Path) -> None:
    model = (shared / "data/suites/ai-edge-quantizer/models/simple_composite.tflite").read_bytes()
    if RUNTIME.name == "litert":
        judge(bundle_of(model), RUNTIME)
    else:
        with pytest.raises(BadDataError, match="operator newer than tflite-runtime"):
            judge(bundle_of(model), RUNTIME)


# A runtime that treats each model as an order: what a hostile file may do to a real one.
OBEDIENT = """
import ctypes, enum, os, time
import numpy as np

class OpResolverType(enum.Enum):
    AUTO = 0
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3

class Interpreter:
    def __init__(self, model_content, **options):
        self.when, _, self.what = model_content[:40].decode(errors="replace").partition(" ")
        self.obey("build")
    def obey(self, when):
        if self.when != when:
            return
        if self.what == "segfault":
            ctypes.string_at(0)
        if self.what == "abort":
            os.abort()
        if self.what == "exit":
            os._exit(7)
        if self.what == "hang":
            time.sleep(600)
        raise RuntimeError("words\\nof the runtime")
    def allocate_tensors(self): pass
    def set_tensor(self, index, value): self.value = value
    def get_tensor(self, index): return self.value * 2
    def get_input_details(self): return []
    def get_output_details(self): return []
    def invoke(self): self.obey("invoke")
    def __del__(self): self.obey("free")
"""
STEPS = {"build": "while it is built", "invoke": "while it runs", "free": "while it is freed"}


@pytest.fixture
def obedient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    package = tmp_path / "ai_edge_litert"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "interpreter.py").write_text(OBEDIENT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Runtime("litert", "0.0", RUNTIME.interpreter, RUNTIME.resolvers)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("order", "words"),
    [("segfault", "kills litert 0.0 {step}: Segmentation fault; use another"),
     ("abort", "kills litert 0.0 {step}: Aborted; use another"),
     ("exit", "ends the process {step} with status 7; use another")],
)  # fmt: skip
def test_a_model_that_kills_the_process_kills_a_child(
    step: str, order: str, words: str, obedient: Runtime
) -> None:
    with pytest.raises(BadDataError, match=words.format(step=STEPS[step])):
        judge(bundle_of(f"{step} {order}".encode()), obedient)


@pytest.mark.parametrize("step", STEPS)
def test_a_model_that_hangs_is_given_up(step: str, obedient: Runtime) -> None:
    # every limit ends a model that hangs; on a busy machine a short one ends it before the step
    for limit_s in (1.5, 6.0, 24.0):
        with pytest.raises(BadDataError, match=f"hangs .*: no end within {limit_s:g} s") as caught:
            judge(bundle_of(f"{step} hang".encode()), obedient, timeout_s=limit_s)
        if STEPS[step] in str(caught.value):
            break
    assert f"hangs litert 0.0 {STEPS[step]}: " in str(caught.value)


@pytest.mark.parametrize("step", ["build", "invoke"])
def test_words_of_the_runtime_that_are_not_known_are_passed_on(
    step: str, obedient: Runtime
) -> None:
    with pytest.raises(BadDataError, match="refuses this model: words of the runtime"):
        judge(bundle_of(f"{step} raise".encode()), obedient)


def test_a_child_without_the_runtime_is_not_the_models_fault(
    obedient: Runtime, tmp_path: Path
) -> None:
    (tmp_path / "ai_edge_litert/interpreter.py").write_text("raise OSError('no libstdc++')")
    with pytest.raises(UnavailableError, match=r"tries model 'guest' ended with 1: .*libstdc\+\+"):
        judge(bundle_of(b"invoke"), obedient)


def test_a_machine_that_starts_no_child_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(UnavailableError, match="cannot start a child to try the model"):
        judge(bundle_of(b""), RUNTIME)


def test_files_in_the_working_folder_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the working folder')")
    monkeypatch.chdir(tmp_path)
    model = (shared / "data/tflite-micro/hello_world_int8.tflite").read_bytes()
    judge(bundle_of(model), RUNTIME)
    assert [path.name for path in tmp_path.iterdir()] == ["numpy.py"]


def test_every_step_of_the_child_has_words() -> None:
    assert set(judging.STEPS) == {"start", "build", "invoke", "free", "done"}
