"""The C text: one library of two files and a header, the same bytes for the same model."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from numpy.typing import NDArray

from edge.tflite import Graph, Tensor
from firmware_export.layers import Layer
from firmware_export.node import Rounding, elements, has_one_scale, scale, shape
from firmware_export.plan import ALIGN_BYTES, Plan

C_TYPES = {
    "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t",
    "int64": "int64_t",
}  # fmt: skip
# Ways to bring sums to 8 bits, the widest first -> what each is made of.
SUMS = {
    "requantize_wide": ("fixed_point", "requantize_double", "requantize_wide"),
    "requantize_left": ("requantize_sum", "requantize_left"),
    "requantize_short": ("requantize_sum", "requantize_short"),
}
LICENCE = "/* SPDX-License-Identifier: MIT-0 */"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """All that the text is made of; `inputs` and `outputs` as the caller sees them."""

    name: str
    content: bytes
    graph: Graph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    plan: Plan
    rounding: Rounding
    labels: tuple[str, ...]
    family: str

    @property
    def upper(self) -> str:
        """Return the prefix of macros."""
        return self.name.upper()

    @property
    def sha256(self) -> str:
        """Return the hash of the .tflite file."""
        return hashlib.sha256(self.content).hexdigest()


def header(model: Model) -> str:
    """Return NAME.h."""
    n, u, sha = model.name, model.upper, model.sha256
    shapes = "\n".join(_tensor_macros(model))
    inputs = "".join(
        f"{c_type(t)} *{n}_input{i}(const {n}_t *m);  /* write here to save the copy; "
        "overwritten by invoke */\n"
        for i, t in enumerate(model.inputs)
    )
    outputs = "".join(
        f"const {c_type(t)} *{n}_output{i}(const {n}_t *m);  /* valid until the next invoke or "
        "reset */\n"
        for i, t in enumerate(model.outputs)
    )
    return f"""{LICENCE}
#ifndef {u}_H
#define {u}_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {{
#endif
#define {u}_API_VERSION 1
#define {u}_MODEL_SHA256 "{sha}"
#define {u}_MODEL_ID 0x{sha[:8]}u
#define {u}_ROUNDING "{model.rounding}"
#define {u}_ARENA_BYTES {model.plan.arena_bytes}u
#define {u}_STATE_BYTES 0u
#define {u}_ALIGN {ALIGN_BYTES}u
#define {u}_NUM_LAYERS {len(model.layers)}u
{shapes}
typedef enum {{
    {u}_MORE_ROWS = 1, {u}_OK = 0, {u}_ERR_NULL = -1, {u}_ERR_SIZE = -2, {u}_ERR_ALIGN = -3,
    {u}_ERR_NOT_INIT = -4, {u}_ERR_ROWS = -5
}} {n}_status;
typedef struct {{
    uint8_t *arena, *state;
    uint32_t *layer_ticks;
    uint32_t magic;
    uint16_t row, reserved;
}} {n}_t;
{n}_status {n}_init({n}_t *m, void *arena, size_t arena_bytes, void *state, size_t state_bytes);
{n}_status {n}_reset({n}_t *m);
{inputs}{outputs}{n}_status {n}_invoke({n}_t *m, {invoke_parameters(model)}); /* or NULL */
{_helper_prototypes(model)}extern const char *const {n}_labels[], *const {n}_layer_names[];
uint32_t {n}_clock(void); /* yours; referenced only under -D{u}_PROFILE */
/* In {n}_selftest.c; 0, or 1 + first wrong vector. */
int {n}_selftest({n}_t *m, void (*print)(const char *line));
#ifdef __cplusplus
}}
#endif
#endif
"""


def source(model: Model) -> str:
    """Return NAME.c: the kernels that are used, the layers, the functions of the header."""
    n, u = model.name, model.upper
    parts = [
        f'{LICENCE}\n#include "{n}.h"\n#include <string.h>\n',
        _profile_macro(model),
        _greatest(model.layers),
        *kernel_texts(model),
        _flip(model),
        "".join(_declaration(c) for c in unique_constants(model)),
        "\n".join(_layer_struct(model, i) for i in range(len(model.layers))),
        _init(model),
        "\n".join(_accessors(model)),
        _invoke(model),
        "\n".join(_helpers(model)),
        f"const char *const {n}_labels[] = {{ {_strings((*model.labels, None))} }};\n"
        f"const char *const {n}_layer_names[] = {{ "
        f"{_strings((*(layer.node.op.op for layer in model.layers), None))} }};\n",
    ]
    return "\n".join(part for part in parts if part).replace("NAME_", f"{u}_")


def weights(model: Model) -> str:
    """Return NAME_weights.c; equal constants are one array."""
    u = model.upper
    arrays = "\n".join(
        f"{u}_WEIGHTS_ATTR const {C_TYPES[c.values.dtype.name]} {c.symbol}[{c.values.size}] = {{\n"
        f"{numbers(c.values)}\n}};"
        for c in unique_constants(model)
    )
    return f"""{LICENCE}
#include "{model.name}.h"
#if {u}_MODEL_ID != 0x{model.sha256[:8]}u
#error "these weights belong to another model than the header"
#endif
#ifndef {u}_WEIGHTS_ATTR
#define {u}_WEIGHTS_ATTR
#endif
{"".join(_declaration(c) for c in unique_constants(model))}{arrays}
"""


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """A constant with its name in C."""

    symbol: str
    layer: int
    name: str
    values: NDArray[Any]


def unique_constants(model: Model) -> list[Array]:
    """Return each distinct array once, under the name of its first use."""
    return list(_symbols(model).values())


def _symbols(model: Model) -> dict[tuple[str, bytes], Array]:
    found: dict[tuple[str, bytes], Array] = {}
    for i, layer in enumerate(model.layers):
        for c in layer.call.constants:
            key = (c.values.dtype.name, c.values.tobytes())
            found.setdefault(key, Array(f"{model.name}_w{i}_{c.name}", i, c.name, c.values))
    return found


def kernels_of(layers: Iterable[Layer]) -> tuple[str, ...]:
    """Return the kernel files in order of dependence, each once."""
    names = [name for layer in layers for name in layer.call.kernels]
    # one way to round the sums of all layers: the widest that any of them needs
    widest = next((way for way in SUMS if way in names), "")
    names = [n for name in names for n in (SUMS[widest] if name in SUMS else (name,))]
    return tuple(dict.fromkeys(names))


def kernel_texts(model: Model) -> Iterator[str]:
    """Yield the C of each kernel; its portable twin too, where the core has one of its own."""
    has_lanes = False
    for name in kernels_of(model.layers):
        portable, own = kernel("portable", name), ""
        if model.family:
            own = kernel(model.family, name)
        if not own:
            yield portable
            continue
        lanes = "" if has_lanes else kernel(model.family, "lanes")
        has_lanes = True
        condition = "#if defined(__ARM_FEATURE_DSP) && !defined(NAME_NO_ASM)"
        yield f"{condition}\n{lanes}{own}#else\n{portable}#endif\n"


def kernel(folder: str, name: str) -> str:
    """Return the text of a kernel, "" where the folder has none of that name."""
    path = files("firmware_export") / "kernels" / folder / f"{name}.c"
    return path.read_text().rstrip() + "\n" if path.is_file() else ""


def c_type(tensor: Tensor) -> str:
    """Return the C type of a tensor's elements."""
    return C_TYPES[tensor.dtype]


def inner_type(tensor: Tensor) -> str:
    """Return the C type that kernels see: uint8 is held as int8."""
    return C_TYPES["int8" if tensor.dtype == "uint8" else tensor.dtype]


def invoke_parameters(model: Model) -> str:
    """Return the parameters of invoke behind the model, one per tensor."""
    ins = [f"const {c_type(t)} *in{i}" for i, t in enumerate(model.inputs)]
    return ", ".join(ins + [f"{c_type(t)} *out{i}" for i, t in enumerate(model.outputs)])


def c_name(text: str) -> str:
    """Return a name [a-z][a-z0-9_]* made of any text."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "model"
    return plain if plain[0].isalpha() else f"m_{plain}"


def _tensor_macros(model: Model) -> Iterator[str]:
    for kind, tensors in (("INPUT", model.inputs), ("OUTPUT", model.outputs)):
        for i, tensor in enumerate(tensors):
            name = f"#define {model.upper}_{kind}{i}"
            yield f"{name}_SHAPE {{ {', '.join(map(str, shape(tensor)))} }}"
            yield f"{name}_COUNT {elements(tensor)}u"
            if has_one_scale(tensor) and tensor.quant is not None:
                yield f"{name}_SCALE {_float(float(scale(tensor)))}"
                yield f"{name}_ZERO_POINT ({tensor.quant.zero_points[0]})"


def _float(value: float) -> str:
    """Return a float literal that reads back as the same float32."""
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _profile_macro(model: Model) -> str:
    return f"""#if defined(LAYER)  /* a test's own */
#elif defined(NAME_PROFILE)
#define LAYER(i, call) do {{ const uint32_t start = {model.name}_clock(); call; \\
    if (m->layer_ticks != NULL) m->layer_ticks[i] += {model.name}_clock() - start; }} while (0)
#else
#define LAYER(i, call) call
#endif
#ifndef NAME_CODE_ATTR
#define NAME_CODE_ATTR
#endif
/* One body for all layers: a copy for each would cost flash. */
#if defined(__clang__)
#define KERNEL NAME_CODE_ATTR __attribute__((noinline)) static
#elif defined(__GNUC__)
#define KERNEL NAME_CODE_ATTR __attribute__((noinline, noclone)) static
#else
#define KERNEL NAME_CODE_ATTR static
#endif
"""


def _greatest(layers: Iterable[Layer]) -> str:
    """Return the macros that kernels read, each the greatest of all layers."""
    found: dict[str, int] = {}
    for layer in layers:
        for name, value in layer.call.greatest:
            found[name] = max(found.get(name, value), value)
    return "".join(f"#define {name} {value}\n" for name, value in found.items())


def _flip(model: Model) -> str:
    if not any(t.dtype == "uint8" for t in (*model.inputs, *model.outputs)):
        return ""
    return """/* uint8 to int8 and back: the top bit of each byte. */
KERNEL void flip(uint8_t *bytes, int32_t count)
{
    for (int32_t n = 0; n < count; n++) {
        bytes[n] = (uint8_t)(bytes[n] ^ 0x80u);
    }
}
"""


def _declaration(array: Array) -> str:
    return f"extern const {C_TYPES[array.values.dtype.name]} {array.symbol}[{array.values.size}];\n"


def _layer_struct(model: Model, index: int) -> str:
    call = model.layers[index].call
    names = _constant_symbols(model, index)
    texts = {name: re.sub(r"@(\w+)", lambda m: names[m[1]], text) for name, text in call.fields}
    fields = ", ".join(f".{name} = {text}" for name, text in texts.items())
    return f"static const {call.function}_t layer{index} = {{ {fields} }};"


def _constant_symbols(model: Model, index: int) -> dict[str, str]:
    known, constants = _symbols(model), model.layers[index].call.constants
    return {c.name: known[c.values.dtype.name, c.values.tobytes()].symbol for c in constants}


def _init(model: Model) -> str:
    n = model.name
    # compared only where there is a state: no unsigned number is below 0
    no_state = "(void)state_bytes;\n    "
    return f"""
{n}_status {n}_init({n}_t *m, void *arena, size_t arena_bytes, void *state, size_t state_bytes)
{{
    if (m == NULL || arena == NULL) {{
        return NAME_ERR_NULL;
    }}
    {no_state}if (arena_bytes < NAME_ARENA_BYTES) {{
        return NAME_ERR_SIZE;
    }}
    if ((uintptr_t)arena % NAME_ALIGN != 0u) {{
        return NAME_ERR_ALIGN;
    }}
    memset(m, 0, sizeof *m);
    m->arena = (uint8_t *)arena;
    m->state = (uint8_t *)state;
    m->magic = NAME_MODEL_ID;
    return {n}_reset(m);
}}

{n}_status {n}_reset({n}_t *m)
{{
    if (m == NULL) {{
        return NAME_ERR_NULL;
    }}
    return m->magic == NAME_MODEL_ID ? NAME_OK : NAME_ERR_NOT_INIT;
}}
"""


def _accessors(model: Model) -> Iterator[str]:
    n = model.name
    for kind, const, tensors, indices in (
        ("input", "", model.inputs, model.graph.inputs),
        ("output", "const ", model.outputs, model.graph.outputs),
    ):
        for i, (tensor, index) in enumerate(zip(tensors, indices, strict=True)):
            yield (
                f"{const}{c_type(tensor)} *{n}_{kind}{i}(const {n}_t *m)\n{{\n"
                f"    return {_pointer(model, c_type(tensor), index, const)};\n}}\n"
            )


def _pointer(model: Model, kind: str, index: int, const: str, start_bytes: int = 0) -> str:
    offset = model.plan.offset("tensor", index) + start_bytes
    # by way of void: the alignment is the plan's
    void = "" if kind in ("int8_t", "uint8_t") else f"({const}void *)"
    return f"({const}{kind} *){void}(m->arena + {offset})"


def _invoke(model: Model) -> str:
    n = model.name
    ins = "".join(
        f"    if (in{i} != NULL) {{\n        memcpy({n}_input{i}(m), in{i}, {t.size_bytes}u);\n"
        "    }\n"
        for i, t in enumerate(model.inputs)
    )
    outs = "".join(
        f"    if (out{i} != NULL) {{\n        memcpy(out{i}, {n}_output{i}(m), {t.size_bytes}u);\n"
        "    }\n"
        for i, t in enumerate(model.outputs)
    )
    calls = "".join(f"    LAYER({i}, {_call(model, i)});\n" for i in range(len(model.layers)))
    flips = [_flips(model, m) for m in ((model.inputs, model.graph.inputs),
                                        (model.outputs, model.graph.outputs))]  # fmt: skip
    return f"""NAME_CODE_ATTR {n}_status {n}_invoke({n}_t *m, {invoke_parameters(model)})
{{
    if (m == NULL) {{
        return NAME_ERR_NULL;
    }}
    if (m->magic != NAME_MODEL_ID) {{
        return NAME_ERR_NOT_INIT;
    }}
{ins}{flips[0]}{calls}{flips[1]}{outs}    return NAME_OK;
}}
"""


def _flips(model: Model, border: tuple[tuple[Tensor, ...], tuple[int, ...]]) -> str:
    """Return the lines that turn the uint8 tensors of a border into int8 or back, each once."""
    pairs = dict(zip(border[1], border[0], strict=True))
    return "".join(
        f"    flip({_pointer(model, 'uint8_t', i, '')}, {elements(t)});\n"
        for i, t in pairs.items()
        if t.dtype == "uint8"
    )


def _call(model: Model, index: int) -> str:
    layer = model.layers[index]
    tensors, starts = model.graph.tensors, layer.call.starts or (0,) * len(layer.sources) * 2
    known, arguments = _constant_symbols(model, index), []
    for source, start in zip(layer.sources, starts, strict=False):
        if isinstance(source, str):
            arguments.append(f"{known[source[1:]]} + {start}")
        else:
            kind = inner_type(tensors[source])
            arguments.append(_pointer(model, kind, source, "const ", start))
    for out, start in zip(layer.outputs, (*starts[len(layer.sources) :], 0, 0, 0), strict=False):
        arguments.append(_pointer(model, inner_type(tensors[out]), out, "", start))
    if layer.call.scratch_bytes:
        offset = model.plan.offset("scratch", index)
        arguments.append(f"({layer.call.scratch_type})(void *)(m->arena + {offset})")
    return f"{layer.call.function}(&layer{index}, {', '.join(arguments)})"


def _helper_prototypes(model: Model) -> str:
    n = model.name
    lines = [f"{c_type(t)} {n}_quantize_input{i}(float x);" for i, t in scaled(model.inputs)]
    lines += [f"float {n}_dequantize_output{i}({c_type(t)} q);" for i, t in scaled(model.outputs)]
    return "".join(f"{line}\n" for line in lines)


def scaled(tensors: tuple[Tensor, ...]) -> list[tuple[int, Tensor]]:
    """Return the tensors that stand for real numbers, with their positions."""
    return [(i, tensor) for i, tensor in enumerate(tensors) if has_one_scale(tensor)]


def _helpers(model: Model) -> Iterator[str]:
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


def numbers(array: NDArray[Any]) -> str:
    """Return an array as the lines of a C initializer."""
    flat = array.reshape(-1).tolist()
    rows = (flat[i : i + 20] for i in range(0, len(flat), 20))
    return "\n".join("    " + " ".join(f"{_number(v)}," for v in row) for row in rows)


def _number(value: int) -> str:
    return "INT32_MIN" if value == -(1 << 31) else str(value)


def _strings(texts: Iterable[str | None]) -> str:
    escaped = (
        "NULL" if text is None else '"' + "".join(map(_escape, text.encode())) + '"'
        for text in texts
    )
    return ", ".join(escaped)


def _escape(byte: int) -> str:
    plain = 32 <= byte < 127 and chr(byte) not in '"\\?'
    return chr(byte) if plain else f"\\{byte:03o}"
