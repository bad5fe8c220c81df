"""The C text: NAME.c and NAME_weights.c, the same bytes for the same model."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from numpy.typing import NDArray

from edge.tflite import Tensor
from firmware_export import border
from firmware_export.layers import Layer
from firmware_export.model import (
    C_TYPES,
    LICENCE,
    Model,
    c_type,
    inner_type,
    invoke_parameters,
    numbers,
    strings,
)
from firmware_export.node import elements

# Ways to bring sums to 8 bits, the widest first -> what each is made of.
SUMS = {
    "requantize_wide": ("fixed_point", "requantize_double", "requantize_wide"),
    "requantize_left": ("requantize_sum", "requantize_left"),
    "requantize_short": ("requantize_sum", "requantize_short"),
}
# Families with kernels of their own -> what the compiler says where they can be used.
FEATURES = {"cortex_m": "__ARM_FEATURE_DSP", "riscv": "__riscv"}


def source(model: Model) -> str:
    """Return NAME.c: the kernels that are used, the layers, the functions of the header."""
    n, u = model.name, model.upper
    parts = [
        f'{LICENCE}\n#include "{n}.h"\n#include <string.h>\n',
        _profile_macro(model),
        "".join(f"#define {key} {value}\n" for key, value in greatest(model.layers).items()),
        *kernel_texts(model),
        _flip(model),
        "".join(_declaration(c) for c in unique_constants(model)),
        "\n".join(_layer_struct(model, i) for i in range(len(model.layers))),
        _init(model),
        "\n".join(_accessors(model)),
        _invoke(model),
        "\n".join(border.texts(model)),
        _run(model),
        f"const char *const {n}_labels[] = {{ {strings((*model.labels, None))} }};\n"
        f"const char *const {n}_layer_names[] = {{ "
        f"{strings((*(layer.node.op.op for layer in model.layers), None))} }};\n",
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
    for name in kernels_of(model.layers):
        portable, own = kernel("portable", name), ""
        if model.family:
            own = kernel(model.family, name)
        if not own:
            yield portable
            continue
        condition = f"defined({FEATURES[model.family]}) && !defined(NAME_NO_ASM)"
        yield f"#if {condition}\n{own}#else\n{portable}#endif\n"


def kernel(folder: str, name: str) -> str:
    """Return the text of a kernel, "" where the folder has none of that name."""
    path = files("firmware_export") / "kernels" / folder / f"{name}.c"
    return path.read_text().rstrip() + "\n" if path.is_file() else ""


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


def greatest(layers: Iterable[Layer]) -> dict[str, int]:
    """Return the macros that kernels read, each the greatest of all layers."""
    found: dict[str, int] = {}
    for layer in layers:
        for name, value in layer.call.greatest:
            found[name] = max(found.get(name, value), value)
    return found


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
    if model.io == "caller":
        return
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
    if index in model.border:
        bytes_of = f"({const}uint8_t *){model.border[index]} + {start_bytes}"
        return f"({const}{kind} *)({const}void *)({bytes_of})"
    offset = model.plan.offset("tensor", index) + start_bytes
    # by way of void: the alignment is the plan's
    void = "" if kind in ("int8_t", "uint8_t") else f"({const}void *)"
    return f"({const}{kind} *){void}(m->arena + {offset})"


def _invoke(model: Model) -> str:
    n = model.name
    if model.io == "caller":
        return _invoke_in_place(model)
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


def _invoke_in_place(model: Model) -> str:
    """Return invoke on memory of the caller, none of which may be missing."""
    calls = "".join(f"    LAYER({i}, {_call(model, i)});\n" for i in range(len(model.layers)))
    missing = "".join(f" || {name} == NULL" for name in model.border.values())
    n = model.name
    return f"""NAME_CODE_ATTR {n}_status {n}_invoke({n}_t *m, {invoke_parameters(model)})
{{
    if (m == NULL{missing}) {{
        return NAME_ERR_NULL;
    }}
    if (m->magic != NAME_MODEL_ID) {{
        return NAME_ERR_NOT_INIT;
    }}
{calls}    return NAME_OK;
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


def _run(model: Model) -> str:
    """Return the one-liner with an arena of its own; aligned by hand: C99 has no word for it."""
    n = model.name
    given = [f"in{i}" for i in range(len(model.inputs))]
    given += [f"out{i}" for i in range(len(model.outputs))]
    return f"""#ifdef NAME_STATIC_ARENA
#ifndef NAME_ARENA_ATTR
#define NAME_ARENA_ATTR
#endif
NAME_ARENA_ATTR static uint8_t {n}_arena[NAME_ARENA_BYTES + NAME_ALIGN - 1u];
#if NAME_STATE_BYTES > 0
static uint8_t {n}_state[NAME_STATE_BYTES + NAME_ALIGN - 1u];
#else
static uint8_t {n}_state[NAME_ALIGN];
#endif

static uint8_t *{n}_aligned(uint8_t *bytes)
{{
    return bytes + (NAME_ALIGN - (uintptr_t)bytes % NAME_ALIGN) % NAME_ALIGN;
}}

{n}_status {n}_run({invoke_parameters(model)})
{{
    static {n}_t model;

    if (model.magic != NAME_MODEL_ID) {{
        const {n}_status status = {n}_init(&model, {n}_aligned({n}_arena), NAME_ARENA_BYTES,
                                           {n}_aligned({n}_state), NAME_STATE_BYTES);
        if (status != NAME_OK) {{
            return status;
        }}
    }}
    return {n}_invoke(&model, {", ".join(given)});
}}
#endif
"""
