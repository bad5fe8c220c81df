"""Random operators: the C, under sanitizers, equals both runtimes in every byte."""

import numpy as np
import pytest
from drawn_model import Draw
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from single_ops import CASES

from firmware_export import export, oracle, toolchain, vectors, verify
from firmware_export.node import Node, Rounding
from firmware_export.ops import OPS
from firmware_export.ops.unary import UNARY

INPUTS = 8
FLAGS = ("-O1", *toolchain.SANITIZERS)
Pair = tuple[str, Rounding]
PAIRS: tuple[Pair, ...] = (("int8", "tflm"), ("int8", "litert"), ("uint8", "litert"))
# Operators that have no oracle for a type and a profile, with why.
NO_ORACLE: dict[tuple[str, Pair], str] = {
    ("ABS", ("uint8", "litert")): "LiteRT has no uint8 kernel",
    ("RESIZE_BILINEAR", ("uint8", "litert")): "float in the runtime, so refused",
    ("SUM", ("int8", "litert")): "LiteRT's reference wraps around: see the test below",
}

pytestmark = pytest.mark.train  # the oracles come with the host's extra


def check(draw: Draw, rounding: Rounding) -> None:
    model = draw.model()
    made = export(model, rounding=rounding)
    inputs = vectors.synthetic(made.model.inputs, INPUTS)
    want = oracle.answers(model, inputs, rounding)
    got = verify.compiled_answers(made.model, dict(made.files), inputs, FLAGS)
    wrong = [
        place
        for place, (a, b) in enumerate(zip(got, want, strict=True))
        if not np.array_equal(a.reshape(-1), b.reshape(-1))
    ]
    verdict = verify.compare(got, want)
    assert verdict.different == 0, f"outputs {wrong}: {verdict.text}"


def names_of(pair: Pair) -> list[str]:
    return [name for name in CASES if (name, pair) not in NO_ORACLE]


@pytest.mark.parametrize("pair", PAIRS)
@settings(
    max_examples=1,
    deadline=None,
    phases=[Phase.generate],  # an example takes seconds: no shrinking
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32 - 1))
def test_one_of_each_operator(pair: Pair, seed: int) -> None:
    draw = Draw(np.random.default_rng(seed), pair[0])
    for name in names_of(pair):
        CASES[name](draw)
    check(draw, pair[1])


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "pair"), [(name, pair) for pair in PAIRS for name in names_of(pair)]
)
def test_a_hundred_of_each_operator(name: str, pair: Pair) -> None:
    for seed in range(4):
        draw = Draw(np.random.default_rng(seed), pair[0])
        for _ in range(25):
            CASES[name](draw)
        check(draw, pair[1])


# Where the operator is defined: both runtimes stop on a negative number.
@pytest.mark.parametrize(
    ("name", "rounding"), [("RSQRT", "tflm"), ("RSQRT", "litert"), ("SQRT", "litert")]
)
@pytest.mark.parametrize("zero", [-128, -100, 0])
def test_roots_are_exact_where_they_are_defined(name: str, rounding: Rounding, zero: int) -> None:
    draw = Draw(np.random.default_rng(zero + 128))
    into = draw.input((1, 256), (draw.scale(), zero))
    draw.op(name, [into], [draw.tensor((1, 256), (draw.scale(), -128))])
    inputs = [np.arange(-128, 128).clip(zero).astype(np.int8)[None]]
    want = oracle.answers(draw.model(), inputs, rounding)[0].reshape(-1)
    graph = export(draw.model(), rounding=rounding).model.graph
    table = UNARY[name].table(Node(graph, graph.operators[0], rounding))
    assert np.array_equal(table[inputs[0].reshape(-1).astype(int) + 128], want)


def test_the_runtimes_disagree_on_a_sum_of_int8_that_overflows() -> None:
    draw = Draw(np.random.default_rng(0))
    into = draw.input((1, 4), (0.5, 3))
    draw.op("SUM", [into, draw.ints([1])], [draw.tensor((1,), (0.5, 3))], "ReducerOptions")
    inputs = [np.array([[100, 100, 0, 0]], np.int8)]
    told = {
        name: oracle.answers(draw.model(), inputs, name)[0].item() for name in ("tflm", "litert")
    }
    # 188 steps above the zero point: TFLM saturates, LiteRT's reference wraps around
    assert told == {"tflm": 127, "litert": 191 - 256}


# Operators without a random case here, each with where it is held to its oracle.
ELSEWHERE = {
    "BROADCAST_TO": "test_coverage: a shared model",
    "EXPAND_DIMS": "an alias", "RESHAPE": "an alias", "SQUEEZE": "an alias",
    "RELU_N1_TO_1": "no runtime of both has it for int8",
    "RSQRT": "below: both runtimes stop on a negative number",
    "SQRT": "below: TFLM has it for float only",
}  # fmt: skip


def test_every_operator_has_a_case() -> None:
    assert {name.split(" ")[0] for name in CASES} | set(ELSEWHERE) == set(OPS)
