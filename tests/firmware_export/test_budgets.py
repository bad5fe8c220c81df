"""Text, weights, arena and stack stay within what budgets.toml grants to each compiler and core."""

import tomllib
from pathlib import Path

import pytest

from edge.errors import UnavailableError
from firmware_export import export, measure, targets

MODELS = {
    "kws": "kws_ref_model.tflite",
    "resnet": "pretrainedResnet_quant.tflite",
    "vww": "vww_96_int8.tflite",
    "ad": "ad01_int8.tflite",
}
MOST_TEXT_BYTES = 10_240
BUDGETS = tomllib.loads(Path(__file__).with_name("budgets.toml").read_text())
CORES = tuple(name for name in targets.names() if name != targets.HOST)

pytestmark = [pytest.mark.train]


def figures(shared: Path, core: str, name: str) -> tuple[str, dict[str, int], int]:
    """The compiler, what it makes of a model, and the stack that a header tells without it."""
    made = export(shared / "data" / "mlperf-tiny" / MODELS[name], core, name=name)
    size = measure.measure(made.model, made.files, targets.find(core))
    row = {
        "text": size.text_bytes,
        "weights": made.report["weight_bytes"],
        "arena": made.report["arena_bytes"],
        "stack": size.stack_bytes,
    }
    return size.compiler, row, made.model.stack_bytes


@pytest.mark.needs("arm")
@pytest.mark.parametrize("name", MODELS)
def test_a_cortex_m4_keeps_within_its_budget(shared: Path, name: str) -> None:
    compiler, row, bound = figures(shared, "cortex-m4", name)
    assert row["text"] <= MOST_TEXT_BYTES
    assert row["stack"] <= bound
    # of a compiler that nobody measured with, only the limits above are known
    budget = BUDGETS.get(compiler, {}).get("cortex-m4", {}).get(name, row)
    over = {key: (row[key], most) for key, most in budget.items() if row[key] > most}
    assert not over, "smaller is welcome, more needs python benchmarks/budgets.py --write"


@pytest.mark.full
@pytest.mark.needs("arm", "riscv")
@pytest.mark.parametrize("core", CORES)
def test_every_figure_is_exactly_the_committed_one(shared: Path, core: str) -> None:
    found = {name: figures(shared, core, name) for name in MODELS}
    (compiler,) = {compiler for compiler, _, _ in found.values()}
    rows = {name: row for name, (_, row, _) in found.items()}
    assert all(row["stack"] <= bound for _, row, bound in found.values())
    assert rows == BUDGETS.get(compiler, {}).get(core, rows), "python benchmarks/budgets.py --write"


def test_the_worst_stack_is_the_deepest_path_with_a_leaf_of_the_library() -> None:
    frames = {"net_invoke": 16, "conv": 96, "gemm": 80, "softmax": 200}
    nodes = [
        f'node: {{ title: "{n}" label: "{n}\\n{b} bytes (static)" }}' for n, b in frames.items()
    ]
    nodes.append('node: { title: "memcpy" label: "memcpy" shape : ellipse }')
    calls = ["net_invoke conv", "conv gemm", "gemm memcpy", "net_invoke softmax"]
    edges = ['edge: {{ sourcename: "{}" targetname: "{}" }}'.format(*c.split()) for c in calls]
    graph = "\n".join([*nodes, *edges])
    found = measure.worst_stack_bytes(graph, "net_invoke")
    assert found == 16 + max(200, 96 + 80 + measure.LIBRARY_BYTES)
    with pytest.raises(UnavailableError, match="calls itself"):
        measure.worst_stack_bytes(
            graph + '\nedge: { sourcename: "gemm" targetname: "conv" }', "net_invoke"
        )
    with pytest.raises(UnavailableError, match="no bound"):
        measure.worst_stack_bytes(graph.replace("(static)", "(dynamic)", 1), "net_invoke")
