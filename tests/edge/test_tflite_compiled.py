"""Compiled models: the runtime they need, and every way in which their package can be broken."""

import dataclasses
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

from edge import tflite
from edge.errors import BadDataError

SPLIT = "coral/split_concat_edgetpu.tflite"


@pytest.fixture
def split(shared: Path) -> tflite.Graph:
    return tflite.read((shared / "data" / SPLIT).read_bytes())


def with_options(graph: tflite.Graph, *options: bytes) -> tflite.Graph:
    """Return the graph with its first operator once for each of these options."""
    operators = tuple(
        dataclasses.replace(graph.operators[0], index=index, custom_options=each)
        for index, each in enumerate(options)
    )
    return dataclasses.replace(graph, operators=operators)


def package(version: int | None, compiler: bytes = b"cl/1", identifier: bytes = b"DWN1") -> bytes:
    """Return a package of our own making: a table with slots 0 and 4."""
    slots = [0 if version is None else 4, 0, 0, 0, 8]
    vtable = struct.pack("<7H", 14, 12, *slots)
    root = 8 + len(vtable)
    table = struct.pack("<iiI", root - 8, version or 0, 4)
    text = struct.pack("<I", len(compiler)) + compiler + b"\0"
    return struct.pack("<I", root) + identifier + vtable + table + text


def options(value: Any, key: str = "4") -> bytes:
    builder = flexbuffers.Builder()
    with builder.Map():
        builder.Int("1", 0)
        builder.Key(key)
        if isinstance(value, bytes):
            builder.Blob(value)
        else:
            builder.Add(value)
        builder.Int("5", -1)
    return bytes(builder.Finish())


@pytest.mark.parametrize(
    ("name", "version"),
    [("coral/mobilenet_v1_0.25_128_quant_edgetpu.tflite", 12), (SPLIT, 13)],
)
def test_public_compiled_models_say_what_they_need(shared: Path, name: str, version: int) -> None:
    graph = tflite.read((shared / "data" / name).read_bytes())
    compiled = tflite.read_compiled(graph)
    assert compiled is not None
    assert (compiled.operators, compiled.runtime_min) == (1, version)
    assert compiled.compiler.startswith("cl/")


def test_a_model_for_the_cpu_is_not_compiled(shared: Path) -> None:
    model = shared / "data" / "coral" / "split_concat.tflite"
    assert tflite.read_compiled(tflite.read(model.read_bytes())) is None


def test_another_custom_operator_is_not_compiled(split: tflite.Graph) -> None:
    other = dataclasses.replace(split.operators[0], op="fake-op-double")
    assert tflite.read_compiled(dataclasses.replace(split, operators=(other,))) is None


def test_the_newest_version_of_several_operators_counts(split: tflite.Graph) -> None:
    made = with_options(split, options(package(10)), options(package(14)), options(package(13)))
    assert tflite.read_compiled(made) == tflite.Compiled(3, 14, "cl/1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "hold no package"),
        (b"\0", "hold no package"),
        (bytes(3), "hold no package"),
        (b"\xff" * 64, "hold no package"),
        (options("text", "9"), "hold no package"),
        (options(7), "hold no package"),
        (options(b""), "has b'' at byte 4"),
        (options(package(13, identifier=b"DWN2")), "has b'DWN2' at byte 4; a compiled model has"),
        (options(b"\0\0\0\0DWN1"), "runtime version 0"),
        (options(b"\xff\xff\xff\xffDWN1" + bytes(32)), "package is damaged"),
        (options(b"\x08\0\0\0DWN1\0\0\0\x7f" + bytes(32)), "package is damaged"),
        (options(package(13)[:-8]), "package is damaged"),
        (options(package(13, b"x" * 9999)), "package is damaged"),
        (options(package(None)), "runtime version 0; versions are 1..999"),
        (options(package(-5)), "runtime version -5"),
        (options(package(1 << 30)), "runtime version 1073741824"),
    ],
)
def test_a_broken_package_is_one_line(split: tflite.Graph, content: bytes, said: str) -> None:
    with pytest.raises(BadDataError) as caught:
        tflite.read_compiled(with_options(split, content))
    (line,) = caught.value.faults
    assert line.startswith("operator 0 (edgetpu-custom-op): ")
    assert said in line
    assert len(line.splitlines()) == 1


def test_every_broken_operator_is_named(split: tflite.Graph) -> None:
    with pytest.raises(BadDataError) as caught:
        tflite.read_compiled(with_options(split, b"", options(package(13)), b"\0"))
    assert [line[:10] for line in caught.value.faults] == ["operator 0", "operator 2"]


def read_or_faults(graph: tflite.Graph) -> tflite.Compiled | tuple[str, ...]:
    try:
        compiled = tflite.read_compiled(graph)
    except BadDataError as error:
        return error.faults
    assert compiled is not None
    return compiled


def test_damaged_bytes_never_end_in_a_traceback(split: tflite.Graph) -> None:
    rng = np.random.default_rng(4)
    whole = options(package(13, b"cl/343520747"))
    outcomes = []
    for _ in range(3000):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 5)):
            damaged[at] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
        end = rng.integers(0, len(whole)) if rng.random() < 0.3 else len(whole)
        outcomes.append(read_or_faults(with_options(split, bytes(damaged[:end]))))
    read = [each for each in outcomes if isinstance(each, tflite.Compiled)]
    assert 0 < len(read) < len(outcomes)
    assert all(1 <= each.runtime_min <= 999 and each.compiler.isprintable() for each in read)
    assert all(len(each) == 1 for each in outcomes if isinstance(each, tuple))
