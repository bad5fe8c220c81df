"""NAME.h: the whole interface of an exported model."""

from collections.abc import Iterator

from firmware_export import border
from firmware_export.model import LICENCE, Model, c_type, invoke_parameters
from firmware_export.node import elements, has_one_scale, scale, shape


def header(model: Model) -> str:
    """Return NAME.h."""
    n, u, sha = model.name, model.upper, model.sha256
    parameters = invoke_parameters(model)
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
    null = "or NULL"
    if model.io == "caller":
        inputs, outputs, null = "", "", "none may be NULL"
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
#define {u}_ALIGN {model.align_bytes}u
#define {u}_STACK_BYTES {model.stack_bytes}u
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
{inputs}{outputs}{n}_status {n}_invoke({n}_t *m, {parameters}); /* {null} */
{border.prototypes(model)}extern const char *const {n}_labels[], *const {n}_layer_names[];
uint32_t {n}_clock(void); /* yours; referenced only under -D{u}_PROFILE */
/* In {n}_selftest.c; 0, or 1 + first wrong vector. */
int {n}_selftest({n}_t *m, void (*print)(const char *line));
#ifdef {u}_STATIC_ARENA
{n}_status {n}_run({parameters}); /* with an arena of its own */
#endif
#ifdef __cplusplus
}}
#endif
#endif
"""


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
