"""Reading `.tflite` files: every public one, and damaged ones without a crash."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge import cost, metadata, tflite
from edge.errors import BadDataError

SMALL = [
    "tflite-micro/hello_world_int8.tflite",
    "tflite-micro/trained_lstm_int8.tflite",
    "tflite-micro/keyword_scrambled_8bit.tflite",
    "tflite-micro/audio_preprocessor_int8.tflite",
    "coral/split_concat.tflite",
    "mlperf-tiny/kws_ref_model.tflite",
]
# Seconds one damaged file may take; the slowest took 0.05 on a quiet core.
DEADLINE_S = 2.0


def model(shared: Path, name: str) -> bytes:
    return (shared / "data" / name).read_bytes()


def suite_models(shared: Path) -> list[dict[str, Any]]:
    folder = shared / "data" / "suites"
    entries: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text())["models"]
    return [e | {"path": folder / e["file"]} for e in entries if (folder / e["file"]).is_file()]


def test_every_public_model_is_read(shared: Path) -> None:
    files = sorted((shared / "data").rglob("*.tflite"))
    assert len(files) > 400
    for file in files:
        graph = tflite.read(file.read_bytes())
        assert graph.operators or graph.inputs or graph.subgraph_count, file


def test_operators_and_border_equal_the_manifest(shared: Path) -> None:
    entries = suite_models(shared)
    assert len(entries) > 300
    for entry in entries:
        graph = tflite.read(entry["path"].read_bytes())
        for side in ("inputs", "outputs"):
            tensors = [graph.tensors[i] for i in getattr(graph, side)]
            assert [t.name for t in tensors] == [e["name"] for e in entry[side]], entry["file"]
            assert [t.dtype.upper() for t in tensors] == [e["type"] for e in entry[side]]
            assert [list(t.shape) for t in tensors] == [e["shape"] for e in entry[side]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "mlperf-tiny/vww_96_int8.tflite",
            {"CONV_2D": 14, "DEPTHWISE_CONV_2D": 13, "AVERAGE_POOL_2D": 1, "RESHAPE": 1,
             "FULLY_CONNECTED": 1, "SOFTMAX": 1},
        ),
        ("tflite-micro/person_detect_vela.tflite", {"ethos-u": 1}),
        ("coral/model_invoking_error.tflite", {"fake-op-double": 1}),
    ],
)  # fmt: skip
def test_operators_are_counted(shared: Path, name: str, expected: dict[str, int]) -> None:
    graph = tflite.read(model(shared, name))
    assert Counter(op.op for op in graph.operators) == expected


def test_a_code_that_only_the_newer_field_holds_is_read(shared: Path) -> None:
    graph = tflite.read(
        model(shared, "suites/derived-int8/ai-edge-quantizer__single_pack.int8.tflite")
    )
    assert [op.op for op in graph.operators] == ["QUANTIZE", "QUANTIZE", "PACK"]


def test_options_have_the_schemas_names(shared: Path) -> None:
    graph = tflite.read(model(shared, "mlperf-tiny/vww_96_int8.tflite"))
    assert dict(graph.operators[0].options) | {"quantized_bias_type": ""} == {
        "padding": "SAME",
        "stride_w": 2,
        "stride_h": 2,
        "fused_activation_function": "RELU",
        "dilation_w_factor": 1,
        "dilation_h_factor": 1,
        "quantized_bias_type": "",
    }


def test_custom_operators_keep_their_options(shared: Path) -> None:
    graph = tflite.read(model(shared, "coral/split_concat_edgetpu.tflite"))
    (op,) = graph.operators
    assert op.custom
    assert op.op == "edgetpu-custom-op"
    assert b"DWN1" in op.custom_options


def test_a_size_that_may_change_is_kept_apart(shared: Path) -> None:
    graph = tflite.read(model(shared, "tflite-micro/hello_world_int8.tflite"))
    tensor = graph.tensors[graph.inputs[0]]
    assert (tensor.shape, tensor.shape_signature) == ((1, 1), (-1, 1))


def test_signatures_map_names_to_tensors(shared: Path) -> None:
    graph = tflite.read(model(shared, "tflite-micro/hello_world_int8.tflite"))
    assert graph.signature is not None
    assert graph.signature.key == "serving_default"
    assert tuple(graph.signature.inputs.values()) == graph.inputs


def test_subgraphs_are_counted_and_read_one_by_one(shared: Path) -> None:
    entry = next(e for e in suite_models(shared) if "CALL_ONCE.v1" in e["ops"])
    content = entry["path"].read_bytes()
    graph = tflite.read(content)
    assert graph.subgraph_count > 1
    called = next(op for op in graph.operators if op.op == "CALL_ONCE")
    index = called.options["init_subgraph_index"]
    assert isinstance(index, int)
    assert "ASSIGN_VARIABLE" in {op.op for op in tflite.read(content, subgraph=index).operators}


def test_an_axis_outside_the_rank_is_kept(shared: Path) -> None:
    graph = tflite.read(model(shared, "tflite-micro/person_detect.tflite"))
    strange = [t for t in graph.tensors if t.quant and t.quant.axis >= len(t.shape)]
    assert len(strange) == 14


def test_an_unaligned_copy_reads_the_same(shared: Path) -> None:
    content = model(shared, "mlperf-tiny/kws_ref_model.tflite")
    moved = memoryview(b"?" + content)[1:]
    assert tflite.read(bytes(moved)) == tflite.read(content)


@pytest.mark.parametrize(
    "name", ["mlperf-tiny/kws_ref_model.tflite", "tflite-micro/trained_lstm_int8.tflite"]
)
def test_tensors_equal_those_that_a_runtime_sees(shared: Path, name: str) -> None:
    graph = tflite.read(model(shared, name))
    details = runtime_details(model(shared, name))
    for detail in details:
        if detail["index"] >= len(graph.tensors):
            continue  # scratch tensors of the runtime
        tensor = graph.tensors[detail["index"]]
        assert tensor.name == detail["name"]
        assert np.dtype(tensor.dtype) == detail["dtype"]
        assert list(tensor.shape) == list(detail["shape"])
        quant = detail["quantization_parameters"]
        scales = tensor.quant.scales if tensor.quant else ()
        assert np.array_equal(np.array(scales, np.float32), quant["scales"])


def runtime_details(content: bytes) -> list[dict[str, Any]]:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tflite_runtime.interpreter import Interpreter
    details: list[dict[str, Any]] = Interpreter(model_content=content).get_tensor_details()
    return details


JUNK = [b"", b"TFL3", b"\0" * 7, b"\x10\0\0\0TFL3", b"\xff\xff\xff\xffTFL3", b"PK\3\4" + b"\0" * 99,
        b"\x08\0\0\0TFL3" + b"\xff" * 64]  # fmt: skip


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_refused_in_one_line(junk: bytes) -> None:
    with pytest.raises(BadDataError) as caught:
        tflite.read(junk)
    assert len(caught.value.faults) == 1
    assert "\n" not in str(caught.value)


def test_every_wrong_tensor_is_named(shared: Path) -> None:
    content = bytearray(model(shared, "tflite-micro/hello_world_int8.tflite"))
    graph = tflite.read(bytes(content))
    constants = [t for t in graph.tensors if t.data and len(t.data) >= 16]
    for tensor in constants[:2]:
        assert tensor.data is not None
        at = content.index(tensor.data) - 4  # the length stands before the data
        content[at : at + 4] = (len(tensor.data) - 1).to_bytes(4, "little")
    with pytest.raises(BadDataError) as caught:
        tflite.read(bytes(content))
    assert len(caught.value.faults) == 2
    assert all("constant of" in fault for fault in caught.value.faults)


def mutations(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield damaged copies: cut, with flipped bits, or with numbers that point anywhere."""
    rng = random.Random(seed)  # noqa: S311
    extremes = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, len(content))
    for _ in range(count):
        data = bytearray(content)
        kind = rng.randrange(4)
        if kind == 0:
            yield bytes(data[: rng.randrange(len(data))])
            continue
        for _ in range(rng.choice((1, 1, 3, 30))):
            # Tables lie at both ends of a file; weights between them hide little.
            at = rng.choice((rng.randrange(len(data)), rng.randrange(min(4096, len(data)))))
            if kind == 1:
                data[at] ^= 1 << rng.randrange(8)
            else:
                number = rng.choice(extremes) if kind == 2 else rng.randrange(2**32)
                data[at : at + 4] = number.to_bytes(4, "little")
        yield bytes(data[: len(content)])


def survive(content: bytes) -> bool:
    """Use a damaged model as commands do; return whether it was refused."""
    start = time.monotonic()
    try:
        graph = tflite.read(content)
        cost.macs(graph)
        cost.weight_bytes(graph)
        cost.live_tensor_bound_bytes(graph)
        metadata.read_metadata(content)
        faults: tuple[str, ...] = ()
    except BadDataError as error:
        faults = error.faults
    assert time.monotonic() - start < DEADLINE_S
    assert all(0 < len(fault) < 500 for fault in faults)
    return faults != ()


@pytest.mark.parametrize("name", SMALL)
def test_damaged_models_are_refused_or_read_never_worse(shared: Path, name: str) -> None:
    refused = [survive(m) for m in mutations(model(shared, name), 60, seed=1)]
    assert sum(refused) > 20  # the damage reaches what is checked


@pytest.mark.full
def test_damaged_copies_of_every_public_model(shared: Path) -> None:
    for seed, file in enumerate(sorted((shared / "data").rglob("*.tflite"))):
        for content in mutations(file.read_bytes(), 40, seed):
            survive(content)


def test_a_file_that_repeats_its_parts_costs_no_more_than_it_weighs(shared: Path) -> None:
    content = bytearray(model(shared, "tflite-micro/trained_lstm_int8.tflite"))
    # A vector length of almost four billion, wherever it stands, must not be allocated.
    for at in range(0, 2048, 4):
        damaged = bytes(content[:at]) + b"\xf0\xff\xff\xff" + bytes(content[at + 4 :])
        survive(damaged)
