"""A build that overwrites every byte that the plan calls dead before each layer runs.

Whatever reads a byte that is not alive then answers otherwise than the runtime that it must equal.
"""

from collections.abc import Iterator

from firmware_export import harness
from firmware_export.model import Model

MACRO = "POISON"  # the byte; two different ones leave no chance to be right by luck


def texts(model: Model, files: dict[str, str]) -> dict[str, str]:
    """Return the files of a program like the harness', which poisons; define POISON to build it."""
    own = f"{model.name}.c"
    kept = {name: text for name, text in files.items() if name != own}
    return {**kept, f"{model.name}.inc": files[own], harness.NAME: _text(model)}


def _text(model: Model) -> str:
    rows = "\n".join(
        f"    {{ {step}, {start}u, {end}u }},"
        for step in range(len(model.layers))
        for start, end in dead(model, step)
    )
    return f"""#include <stdint.h>
#include <string.h>
static const struct {{ int step; uint32_t start, end; }} dead[] = {{
{rows}
    {{ -1, 0u, 0u }},
}};
static void poison(uint8_t *arena, int step)
{{
    for (int i = 0; dead[i].step >= 0; i++) {{
        if (dead[i].step == step) {{
            memset(arena + dead[i].start, {MACRO}, dead[i].end - dead[i].start);
        }}
    }}
}}
#define LAYER(i, call) do {{ poison(m->arena, i); call; }} while (0)
#include "{model.name}.inc"
{harness.text(model)}"""


def dead(model: Model, step: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches [start, end) of the arena that hold nothing when a step begins."""
    ins = set(model.graph.inputs)
    live = sorted(
        (place.offset_bytes, place.end_bytes)
        for place in model.plan.places
        if place.life.kind == "tensor"
        and (place.life.first < step or place.life.number in ins)
        and place.life.last >= step
    )
    at = 0
    for start, end in (*live, (model.plan.arena_bytes, model.plan.arena_bytes)):
        if start > at:
            yield at, start
        at = max(at, end)
