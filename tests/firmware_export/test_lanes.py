"""Kernels on lanes answer like the portable ones on many small random layers, in assembly too."""

from typing import Any

import numpy as np
import pytest

import firmware_export
from edge.tflite import Graph, Operator, Quant, Tensor
from firmware_export import emulate, export, selftest, targets, toolchain, vectors, verify

LAYERS = 18
KINDS = ("CONV_2D", "CONV_2D", "POINTWISE", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD")
CASES = [
    pytest.param("cortex-m4", 1),
    *(
        pytest.param(core, seed, marks=pytest.mark.full)
        for core in ("cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
        for seed in range(2, 6)
    ),
]


class Layers:
    """A graph of layers side by side, each with inputs and an output of its own."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self.inputs: list[int] = []
        for number in range(LAYERS):
            kind = KINDS[number % len(KINDS)]
            {"ADD": self.add, "FULLY_CONNECTED": self.dense}.get(kind, self.window)(kind)

    @property
    def graph(self) -> Graph:
        outputs = tuple(op.outputs[0] for op in self.operators)
        ops, ins = tuple(self.operators), tuple(self.inputs)
        return Graph(tuple(self.tensors), ops, ins, outputs, None, 1, "")

    def some(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def tensor(self, shape: tuple[int, ...], scales: Any = (1.0,), data: Any = None) -> int:
        zero = 0 if data is not None else self.some(-128, 0, int(self.rng.integers(-128, 128)))
        quant = Quant(tuple(map(float, scales)), (zero,) * len(scales), 0)
        dtype = "int8" if data is None else data.dtype.name
        content = None if data is None else data.tobytes()
        index = len(self.tensors)
        self.tensors.append(Tensor(index, f"t{index}", shape, dtype, quant, content, False, shape))
        return index

    def fed(self, shape: tuple[int, ...], scale: float = 1.0) -> int:
        self.inputs.append(self.tensor(shape, (scale,)))
        return self.inputs[-1]

    def append(self, op: str, inputs: tuple[int, ...], output: int, **options: Any) -> None:
        activation = self.some("NONE", "RELU", "RELU6")
        options["fused_activation_function"] = activation
        index = len(self.operators)
        self.operators.append(Operator(index, op, False, 1, inputs, (output,), options))

    def weighed(self, shape: tuple[int, ...], outs: int, depth: int, axis: int) -> tuple[int, int]:
        """Weights and bias whose sums spread over the output's range, a few far below or none."""
        weights = self.rng.integers(-127, 128, shape).astype(np.int8)
        scales = self.rng.uniform(0.2, 2.0, outs) / (75.0 * np.sqrt(depth))
        odd = self.rng.integers(12, size=outs)
        scales[odd == 0] *= 2.0**-25
        channel: list[Any] = [slice(None)] * len(shape)
        channel[axis] = odd == 1
        weights[tuple(channel)] = 0
        bias = self.rng.integers(-3000, 3000, outs).astype(np.int32)
        return self.tensor(shape, scales, weights), self.tensor((outs,), scales, bias)

    def window(self, kind: str) -> None:
        depthwise, pointwise = kind == "DEPTHWISE_CONV_2D", kind == "POINTWISE"
        side_h, side_w, depth = (int(self.rng.integers(*r)) for r in ((3, 9), (3, 9), (1, 20)))
        depth = depth * 4 if depthwise or pointwise else depth
        outs = depth if depthwise else int(self.rng.integers(1, 14))
        k_h, k_w = (
            (1, 1) if pointwise else (3, 3) if depthwise else self.some((3, 3), (2, 4), (5, 1))
        )
        stride = 1 if pointwise else self.some(1, 2)
        dilation = 1 if depthwise or pointwise or stride == 2 else self.some(1, 1, 2)
        padding = self.some("SAME", "VALID")
        reach = [(k - 1) * dilation for k in (k_h, k_w)]
        sides = [
            max(-(-(side - (r if padding == "VALID" else 0)) // stride), 0)
            for side, r in zip((side_h, side_w), reach, strict=True)
        ]
        if min(sides) < 1:
            return
        shape = (1, k_h, k_w, depth) if depthwise else (outs, k_h, k_w, depth)
        taps = k_h * k_w * (1 if depthwise else depth)
        weights, bias = self.weighed(shape, outs, taps, 3 if depthwise else 0)
        into, out = self.fed((1, side_h, side_w, depth)), self.tensor((1, *sides, outs))
        options = {"padding": padding, "stride_h": stride, "stride_w": stride}
        options |= {"dilation_h_factor": dilation, "dilation_w_factor": dilation}
        options |= {"depth_multiplier": 1} if depthwise else {}
        op = "CONV_2D" if pointwise else kind
        self.append(op, (into, weights, bias), out, **options)

    def dense(self, kind: str) -> None:
        rows, depth, outs = (int(self.rng.integers(*r)) for r in ((1, 3), (1, 40), (1, 11)))
        weights, bias = self.weighed((outs, 4 * depth), outs, 4 * depth, 0)
        if self.some(True, False):  # one scale for all
            for index in (weights, bias):
                t = self.tensors[index]
                quant = Quant((0.5 / (75.0 * np.sqrt(4 * depth)),), (0,), 0)
                self.tensors[index] = Tensor(
                    index, t.name, t.shape, t.dtype, quant, t.data, False, t.shape
                )
        out = self.tensor((1, rows, outs))
        self.append(kind, (self.fed((1, rows, 4 * depth)), weights, bias), out)

    def add(self, kind: str) -> None:
        shape = (1, int(self.rng.integers(1, 60)))
        first, second = (self.fed(shape, float(self.rng.uniform(0.1, 3.0))) for _ in range(2))
        self.append(kind, (first, second), self.tensor(shape, (float(self.rng.uniform(0.5, 4.0)),)))


@pytest.mark.train
@pytest.mark.needs("arm")
@pytest.mark.parametrize(("core", "seed"), CASES)
def test_lanes_answer_like_the_portable_kernels(
    core: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = Layers(seed).graph
    monkeypatch.setattr(firmware_export.tflite, "read", lambda content: graph)
    plain, fast = export(b"x", name="net"), export(b"x", core, name="net")
    used = {layer.call.function for layer in fast.model.layers}
    assert used >= {"lanes_conv_2d", "lanes_pointwise", "lanes_depthwise", "lanes_add"}
    assert "lanes_fully_connected" in used
    inputs = vectors.synthetic(plain.model.inputs, 4, seed)
    flags = ("-O1", *toolchain.SANITIZERS)
    want = verify.compiled_answers(plain.model, dict(plain.files), inputs, flags)
    twin = verify.compiled_answers(fast.model, dict(fast.files), inputs, flags)
    assert verify.compare(twin, want).different == 0
    assert np.median([np.ptp(w.astype(np.int16)) for w in want]) > 8
    files = {**fast.files, "net_selftest.c": selftest.text(fast.model, inputs, want)}
    assert emulate.run(fast.model, files, targets.find(core)).failed == 0
