"""Run an export on an emulated core: its self-test, and the instructions of one inference."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware_export import targets, toolchain
from firmware_export.emit import Model
from firmware_export.targets import Target

MAIN = "main.c"
# Two reads of the timer with nothing between them.
OVERHEAD_INSTRUCTIONS = 1


@dataclass(frozen=True, slots=True)
class Count:
    """What one program took: `failed` is 0 or 1 + the first wrong vector."""

    failed: int
    instructions: int
    layers: tuple[int, ...]
    text_bytes: int


def run(model: Model, files: Mapping[str, str], target: Target) -> Count:
    """Return the self-test's verdict and the exact count; raises UnavailableError."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        texts = {**files, **targets.support_files(target), MAIN: main_text(model)}
        program = toolchain.cross_build(texts, place, target, f"{model.upper}_PROFILE")
        printed = toolchain.emulate(program, target)
        size = toolchain.text_bytes(place / f"{model.name}.o", target)
    numbers = {key: int(value) for key, value in re.findall(r"^(\w+) (-?\d+)$", printed, re.M)}

    def instructions(ticks: int) -> int:
        return round(ticks / target.machine.ticks_per_instruction) - OVERHEAD_INSTRUCTIONS

    layers = tuple(instructions(numbers[f"layer{i}"]) for i in range(len(model.layers)))
    return Count(numbers["failed"], instructions(numbers["ticks"]), layers, size)


def main_text(model: Model) -> str:
    """Return a program that prints the self-test's result and the ticks of one inference."""
    n, u = model.name, model.upper
    nulls = ", ".join(["NULL"] * (len(model.inputs) + len(model.outputs)))
    return f"""#include "{n}.h"
#include "platform.h"
static union {{ uint8_t bytes[{u}_ARENA_BYTES]; uint64_t align; }} arena
    __attribute__((aligned({u}_ALIGN)));
static uint32_t layer_ticks[{u}_NUM_LAYERS];
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
    start = platform_ticks();
    (void){n}_invoke(&model, {nulls});
    ticks = platform_ticks() - start;
    print_number("ticks", 0, 0, ticks);
    model.layer_ticks = layer_ticks;
    (void){n}_invoke(&model, {nulls});
    for (uint32_t i = 0; i < {u}_NUM_LAYERS; i++) {{ print_number("layer", i, 1, layer_ticks[i]); }}
    return 0;
}}
"""
