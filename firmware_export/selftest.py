"""NAME_selftest.c: inputs with the answers that the named runtime gave."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from firmware_export.model import LICENCE, Model, c_type, numbers
from firmware_export.node import elements

Batch = Sequence[NDArray[Any]]  # one array (n, ...) for each input or output


def text(model: Model, inputs: Batch, outputs: Batch) -> str:
    """Return the file for vectors with their outputs, both (n, ...) in the model's dtypes."""
    n, u = model.name, model.upper
    count = len(inputs[0])
    arrays = [(f"in{i}", t, a) for i, (t, a) in enumerate(zip(model.inputs, inputs, strict=True))]
    arrays += [
        (f"out{i}", t, a) for i, (t, a) in enumerate(zip(model.outputs, outputs, strict=True))
    ]
    tables = "\n".join(
        f"static const {c_type(t)} {v}[{count}][{elements(t)}] = {{\n"
        + "\n".join(f"    {{\n{numbers(row)}\n    }}," for row in values)
        + "\n};"
        for v, t, values in arrays
    )
    got = [f"{n}_output{i}(m)" for i in range(len(model.outputs))]
    nowhere = ["NULL"] * len(model.outputs)
    if model.io == "caller":
        got = nowhere = [f"got{i}" for i in range(len(model.outputs))]
        tables += "".join(
            f"\nstatic {c_type(t)} got{i}[{elements(t)}];" for i, t in enumerate(model.outputs)
        )
    given = [f"in{i}[v]" for i in range(len(model.inputs))] + nowhere
    checks = " ||\n            ".join(
        f"memcmp({got[i]}, out{i}[v], sizeof out{i}[v]) != 0" for i in range(len(model.outputs))
    )
    return f"""{LICENCE}
#include "{n}.h"
#include <string.h>
#if {u}_MODEL_ID != 0x{model.sha256[:8]}u
#error "these vectors belong to another model than the header"
#endif
{tables}

int {n}_selftest({n}_t *m, void (*print)(const char *line))
{{
    for (int v = 0; v < {count}; v++) {{
        if ({n}_reset(m) != {u}_OK || {n}_invoke(m, {", ".join(given)}) != {u}_OK ||
            {checks}) {{
            if (print != NULL) {{
                print("{n}: a vector differs from {u}_ROUNDING");
            }}
            return v + 1;
        }}
    }}
    if (print != NULL) {{
        print("{n}: {count} vectors equal");
    }}
    return 0;
}}
"""
