"""A `main` around an exported model that reads inputs from stdin and writes outputs to stdout."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_export import toolchain
from firmware_export.model import Model, c_type
from firmware_export.node import NUMPY_TYPES, elements, sample_shape

NAME = "harness.c"


def text(model: Model) -> str:
    """Return the program's C."""
    n, u = model.name, model.upper
    tensors = [(f"in{i}", t) for i, t in enumerate(model.inputs)]
    tensors += [(f"out{i}", t) for i, t in enumerate(model.outputs)]
    buffers = "\n".join(f"static {c_type(t)} {v}[{elements(t)}u];" for v, t in tensors)
    reads = "".join(
        f"        if (fread(in{i}, 1, sizeof in{i}, stdin) != sizeof in{i}) {{ return 0; }}\n"
        for i in range(len(model.inputs))
    )
    writes = "".join(
        f"        fwrite(out{i}, 1, sizeof out{i}, stdout);\n" for i in range(len(model.outputs))
    )
    return f"""#include "{n}.h"
#include <stdio.h>
static union {{ uint8_t bytes[{u}_ARENA_BYTES + {u}_ALIGN]; }} arena;
{buffers}
int main(void)
{{
    {n}_t model;
    uint8_t *const base = arena.bytes + ({u}_ALIGN - (uintptr_t)arena.bytes % {u}_ALIGN);
    if ({n}_init(&model, base, {u}_ARENA_BYTES, NULL, 0) != {u}_OK) {{ return 1; }}
    for (;;) {{
{reads}        if ({n}_invoke(&model, {", ".join(v for v, _ in tensors)}) != {u}_OK) {{ return 2; }}
{writes}    }}
}}
"""


def answers(program: Path, model: Model, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the outputs (n, *shape without batch) of a built harness for inputs (n, ...)."""
    count = len(inputs[0])
    data = b"".join(batch[row].tobytes() for row in range(count) for batch in inputs)
    printed = toolchain.run(program, data)
    sizes = [t.size_bytes for t in model.outputs]
    rows = np.frombuffer(printed, np.uint8).reshape(count, sum(sizes))
    starts = np.cumsum([0, *sizes])
    return [
        np.ascontiguousarray(rows[:, a:b])
        .view(NUMPY_TYPES[tensor.dtype])
        .reshape(count, *sample_shape(tensor))
        for a, b, tensor in zip(starts, starts[1:], model.outputs, strict=False)
    ]
