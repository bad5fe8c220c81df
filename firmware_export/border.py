"""C for the border of a model: real numbers and pixels to what a tensor holds, and back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_export.model import Model, c_type, numbers, scaled


def prototypes(model: Model) -> str:
    """Return the declarations of the functions below."""
    n = model.name
    lines = [f"{c_type(t)} {n}_quantize_input{i}(float x);" for i, t in scaled(model.inputs)]
    lines += [f"float {n}_dequantize_output{i}({c_type(t)} q);" for i, t in scaled(model.outputs)]
    lines += [
        f"/* count: values; the first is of channel 0 */\n"
        f"void {n}_input{i}_from_u8(const uint8_t *pixels, {c_type(model.inputs[i])} *dst, "
        "size_t count);"
        for i in model.pixels
    ]
    return "".join(f"{line}\n" for line in lines)


def texts(model: Model) -> Iterator[str]:
    """Yield what turns real numbers and pixels into what the model holds, and back."""
    n, u = model.name, model.upper
    for i, tensor in scaled(model.inputs):
        low, high = (0, 255) if tensor.dtype == "uint8" else (-128, 127)
        macro = f"{u}_INPUT{i}"
        yield f"""{c_type(tensor)} {n}_quantize_input{i}(float x)
{{
    const float q = x / {macro}_SCALE + (float){macro}_ZERO_POINT;

    if (q != q) {{
        return {macro}_ZERO_POINT;
    }}
    if (q <= {low}.0f) {{
        return {low};
    }}
    if (q >= {high}.0f) {{
        return {high};
    }}
    return ({c_type(tensor)})(q < 0.0f ? q - 0.5f : q + 0.5f);
}}
"""
    for i, tensor in scaled(model.outputs):
        macro = f"{u}_OUTPUT{i}"
        yield f"""float {n}_dequantize_output{i}({c_type(tensor)} q)
{{
    return (float)((int32_t)q - {macro}_ZERO_POINT) * {macro}_SCALE;
}}
"""
    for i, table in model.pixels.items():
        yield _from_u8(model, i, table)


def _from_u8(model: Model, index: int, table: NDArray[Any]) -> str:
    n, kind, channels = model.name, c_type(model.inputs[index]), table.shape[1]
    before, value = "", f"pixel_table[pixels[n] * {channels}u + n % {channels}u]"
    same = np.arange(256)
    if channels == 1 and np.array_equal(table[:, 0], same):
        value = "pixels[n]"
    elif channels == 1 and np.array_equal(table[:, 0], same - 128):
        value = "(int8_t)(pixels[n] - 128)"
    else:
        before = (
            f"    static const {kind} pixel_table[{table.size}] = {{\n{numbers(table)}\n    }};\n\n"
        )
        value = "pixel_table[pixels[n]]" if channels == 1 else value
    return f"""void {n}_input{index}_from_u8(const uint8_t *pixels, {kind} *dst, size_t count)
{{
{before}    for (size_t n = 0; n < count; n++) {{
        dst[n] = {value};
    }}
}}
"""
