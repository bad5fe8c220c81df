"""The same C on emulated microcontrollers: the self-test passes, and instructions are counted."""

import tomllib
from pathlib import Path

import pytest
from emulated_cores import CORES

from edge import cost, tflite
from firmware_export import emulate, export, oracle, selftest, targets, toolchain, vectors

MODELS = (
    "tflite-micro/hello_world_int8.tflite",
    "mlperf-tiny/ad01_int8.tflite",
    "mlperf-tiny/kws_ref_model.tflite",
    "mlperf-tiny/pretrainedResnet_quant.tflite",
    "mlperf-tiny/vww_96_int8.tflite",
)
NAMES = {
    "ad01_int8.tflite": "ad",
    "kws_ref_model.tflite": "kws",
    "pretrainedResnet_quant.tflite": "resnet",
    "vww_96_int8.tflite": "vww",
}
BUDGETS = tomllib.loads(Path(__file__).with_name("instructions.toml").read_text())
QUICK = ("ad01", "kws")
MOST, BUDGET_MACS = 8, 2e8
CASES = [
    pytest.param(path, marks=[] if any(q in path for q in QUICK) else [pytest.mark.full])
    for path in MODELS
]

pytestmark = pytest.mark.train  # the oracle comes with the host's extra


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("path", CASES)
def test_the_self_test_passes_on_the_core(shared: Path, path: str, core: str) -> None:
    content = (shared / "data" / path).read_bytes()
    made = export(content, core, name="net")
    count = int(min(max(BUDGET_MACS / cost.macs(tflite.read(content)), 1), MOST))
    count = min(count, 2) if any(quick in path for quick in QUICK) else count
    inputs = vectors.synthetic(made.model.inputs, count)
    outputs = oracle.answers(content, inputs, "tflm")
    files = {**made.files, "net_selftest.c": selftest.text(made.model, inputs, outputs)}
    counted = emulate.run(made.model, files, targets.find(core))
    assert counted.failed == 0
    budgets = BUDGETS.get(toolchain.version(targets.find(core)), {}).get(core, {})
    if Path(path).name in NAMES and budgets:  # of another compiler nobody knows the count
        committed = budgets[NAMES[Path(path).name]]
        # fewer are welcome, more need python benchmarks/mcu.py --write
        assert counted.instructions <= committed
    else:
        assert counted.instructions > 0


@pytest.mark.parametrize("core", CORES)
def test_the_self_test_fails_on_a_wrong_vector_and_layers_add_up(shared: Path, core: str) -> None:
    path = shared / "data" / "tflite-micro" / "hello_world_int8.tflite"
    made = export(path, core, name="net")
    inputs = vectors.synthetic(made.model.inputs, 2)
    outputs = oracle.answers(made.model.content, inputs, "tflm")
    outputs[0][1, 0] ^= 1
    files = {**made.files, "net_selftest.c": selftest.text(made.model, inputs, outputs)}
    whole = emulate.run(made.model, files, targets.find(core))
    counted = emulate.run(made.model, files, targets.find(core), layers=True)
    assert (whole.failed, counted.failed) == (2, 2)
    assert min(counted.layers) > 0
    assert 0.8 * whole.instructions < sum(counted.layers) < whole.instructions
