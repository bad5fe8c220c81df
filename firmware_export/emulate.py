"""Run an export on an emulated core: its self-test, and the instructions of one inference."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UnavailableError
from firmware_export import targets, toolchain
from firmware_export.model import Model
from firmware_export.targets import Machine, Target

MAIN = "main.c"
TOO_LARGE = "overflowed by"  # the linker's words


@dataclass(frozen=True, slots=True)
class Count:
    """What one program took: `failed` is 0 or 1 + the first wrong vector.

    `layers` are empty unless they were asked for. The text is the code and its constants, without
    weights; `machine` is the emulator's name of what it ran on.
    """

    failed: int
    instructions: int
    layers: tuple[int, ...]
    text_bytes: int
    machine: str


def run(model: Model, files: Mapping[str, str], target: Target, *, layers: bool = False) -> Count:
    """Return the self-test's verdict and the exact count; raises UnavailableError.

    With `layers` each layer is counted too, and the clock that does it adds to the total.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        texts = {**files, MAIN: main_text(model)}
        defines = (f"{model.upper}_PROFILE",) if layers else ()
        printed, machine = execute(texts, place, target, defines, model.plan.arena_bytes)
        size = toolchain.text_bytes(place / f"{model.name}.o", target)
    numbers = {key: int(value) for key, value in re.findall(r"^(\w+) (-?\d+)$", printed, re.M)}

    def instructions(key: str) -> int:
        reading = round(numbers["reading"] / machine.ticks_per_instruction)
        return round(numbers[key] / machine.ticks_per_instruction) - reading

    each = range(len(model.layers)) if layers else ()
    return Count(
        failed=numbers["failed"],
        instructions=instructions("ticks"),
        layers=tuple(instructions(f"layer{i}") for i in each),
        text_bytes=size,
        machine=machine.arguments[machine.arguments.index("-M") + 1],
    )


def execute(
    texts: Mapping[str, str],
    folder: Path,
    target: Target,
    defines: tuple[str, ...] = (),
    ram_bytes: int = 0,
) -> tuple[str, Machine]:
    """Build C with a `main` on the first of the core's machines that it fits, and run it there.

    `ram_bytes`: what it needs at least. Returns what was printed; raises UnavailableError.
    """
    roomy = [m for m in target.machines if m.memory["ram_bytes"] > ram_bytes]
    for machine in roomy or target.machines[-1:]:
        support = targets.support_files(target, machine)
        every = (*defines, *machine.defines)
        try:
            program = toolchain.cross_build({**texts, **support}, folder, target, *every)
        except UnavailableError as error:
            if TOO_LARGE in str(error) and machine is not target.machines[-1]:
                continue
            raise
        return toolchain.emulate(program, machine), machine
    raise AssertionError("a target has a machine")


def main_text(model: Model) -> str:
    """Return a program that prints the self-test's result and the ticks of one inference."""
    n, u = model.name, model.upper
    nulls = ", ".join(["NULL"] * (len(model.inputs) + len(model.outputs)))
    return f"""#include "{n}.h"
#include "platform.h"
#include <string.h>
static union {{ uint8_t bytes[{u}_ARENA_BYTES]; uint64_t align; }} arena
    __attribute__((aligned({u}_ALIGN)));
uint32_t {n}_clock(void)
{{
    return platform_ticks();
}}
static void print_number(const char *name, uint32_t index, int indexed, uint32_t value)
{{
    char line[48], digits[12];
    int n = 0, d = 0;
    while (name[n] != 0) {{ line[n] = name[n]; n++; }}
    for (int part = indexed ? 0 : 1; part < 2; part++) {{
        uint32_t rest = part == 0 ? index : value;
        if (part == 1) {{ line[n++] = ' '; }}
        d = 0;
        do {{ digits[d++] = (char)('0' + rest % 10u); rest /= 10u; }} while (rest != 0u);
        while (d > 0) {{ line[n++] = digits[--d]; }}
    }}
    line[n] = 0;
    platform_print(line);
}}
int main(void)
{{
    {n}_t model;
    uint32_t start, ticks;
    int failed;
    if ({n}_init(&model, arena.bytes, sizeof arena.bytes, NULL, 0) != {u}_OK) {{ return 1; }}
    failed = {n}_selftest(&model, platform_print);
    print_number("failed", 0, 0, (uint32_t)failed);
    start = {n}_clock();
    ticks = {n}_clock() - start;
    print_number("reading", 0, 0, ticks);
    /* the same input, whatever the self-test left */
    memset(arena.bytes, 0, sizeof arena.bytes);
    start = {n}_clock();
    (void){n}_invoke(&model, {nulls});
    ticks = {n}_clock() - start;
    print_number("ticks", 0, 0, ticks);
#ifdef {u}_PROFILE
    static uint32_t layer_ticks[{u}_NUM_LAYERS];
    model.layer_ticks = layer_ticks;
    memset(arena.bytes, 0, sizeof arena.bytes);
    (void){n}_invoke(&model, {nulls});
    for (uint32_t i = 0; i < {u}_NUM_LAYERS; i++) {{ print_number("layer", i, 1, layer_ticks[i]); }}
#endif
    return 0;
}}
"""
