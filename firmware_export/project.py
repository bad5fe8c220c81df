"""A project around an export that builds and runs: a main, and a Makefile or CMakeLists.txt."""

from collections.abc import Callable
from typing import Literal

from firmware_export import targets
from firmware_export.model import LICENCE, Model, c_type
from firmware_export.node import elements
from firmware_export.targets import HOST, Machine, Target

Kind = Literal["make", "cmake"]
HOST_FLAGS = ("-std=c99", "-O2")


def files(model: Model, target: str, kind: Kind, has_selftest: bool) -> dict[str, str]:
    """Return the texts to lie beside the library's, by name; run with `make run` or its like."""
    bare = None if target == HOST else targets.find(target)
    machine = _machine(bare, model.plan.arena_bytes) if bare else None
    support = targets.support_files(bare, machine) if bare and machine else {}
    sources = [f"{model.name}.c", f"{model.name}_weights.c", "main.c"]
    sources += [f"{model.name}_selftest.c"] if has_selftest else []
    sources += [name for name in support if name.endswith(".c")]
    name, write = KINDS[kind]
    return {
        **support,
        "main.c": main_text(model, bare is not None, has_selftest),
        name: write(model, bare, machine, sources),
    }


def main_text(model: Model, is_bare: bool, has_selftest: bool) -> str:
    """Return a main that runs the self-test and one inference on zeros, and prints the answer."""
    n, u = model.name, model.upper
    show = "platform_print" if is_bare else "print_line"
    own = "" if is_bare else "static void print_line(const char *line)\n{\n    puts(line);\n}\n\n"
    test = f"    if ({n}_selftest(&model, {show}) != 0) {{\n        return 2;\n    }}\n"
    is_inside = model.io == "arena"
    fills = "".join(
        f"    memset({n}_input{i}(&model), 0, {t.size_bytes}u);\n"
        for i, t in enumerate(model.inputs)
        if is_inside
    )
    names = [*(f"in{i}" for i in range(len(model.inputs)))]
    names += [f"out{i}" for i in range(len(model.outputs))]
    given = ", ".join("NULL" if is_inside else name for name in names)
    both = zip(names, (*model.inputs, *model.outputs), strict=True)
    buffers = "".join(f"static {c_type(t)} {name}[{elements(t)}];\n" for name, t in both)
    answer = f"{n}_output0(&model)" if is_inside else "out0"
    return f"""{LICENCE}
#include "{n}.h"
#include {'"platform.h"' if is_bare else "<stdio.h>"}
#include <string.h>

static uint8_t arena[{u}_ARENA_BYTES + {u}_ALIGN];
static uint8_t state[{u}_STATE_BYTES + {u}_ALIGN];

{"" if is_inside else buffers}
static uint8_t *aligned(uint8_t *bytes)
{{
    return bytes + ({u}_ALIGN - (uintptr_t)bytes % {u}_ALIGN) % {u}_ALIGN;
}}

{own}static void print_value(int32_t value)
{{
    char line[16];
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    int n = sizeof line - 1;

    line[n] = 0;
    do {{
        line[--n] = (char)('0' + rest % 10u);
        rest /= 10u;
    }} while (rest != 0u);
    if (value < 0) {{
        line[--n] = '-';
    }}
    {show}(line + n);
}}

int main(void)
{{
    {n}_t model;

    if ({n}_init(&model, aligned(arena), {u}_ARENA_BYTES, aligned(state), {u}_STATE_BYTES) != \
{u}_OK) {{
        return 1;
    }}
{test if has_selftest else ""}{fills}    if ({n}_reset(&model) != {u}_OK || \
{n}_invoke(&model, {given}) != {u}_OK) {{
        return 3;
    }}
    {show}("{n}: first values of the answer to zeros");
    for (uint32_t i = 0; i < {u}_OUTPUT0_COUNT && i < 10u; i++) {{
        print_value((int32_t){answer}[i]);
    }}
    return 0;
}}
"""


def _machine(target: Target, ram_bytes: int) -> Machine:
    roomy = [m for m in target.machines if m.memory["ram_bytes"] > ram_bytes]
    return (roomy or list(target.machines))[0]


def _make(model: Model, target: Target | None, machine: Machine | None, sources: list[str]) -> str:
    compiler, flags, links, run = _parts(target, machine)
    objects = " ".join(name.replace(".c", ".o") for name in sources)
    return f"""# SPDX-License-Identifier: MIT-0
CC = {compiler}
CFLAGS = {" ".join(flags)}
OBJECTS = {objects}

program.elf: $(OBJECTS)
\t$(CC) $(CFLAGS) -o $@ $(OBJECTS) {" ".join(links)}

$(OBJECTS): {model.name}.h

.PHONY: run clean
run: program.elf
\t{run.format(program="./program.elf")}

clean:
\trm -f program.elf $(OBJECTS)
"""


def _cmake(model: Model, target: Target | None, machine: Machine | None, sources: list[str]) -> str:
    compiler, flags, links, run = _parts(target, machine)
    cross = f"set(CMAKE_SYSTEM_NAME Generic)\nset(CMAKE_C_COMPILER {compiler})\n" if target else ""
    if target:  # its own trial program would need this startup code
        cross += "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\n"
    here = [link.replace("link.ld", "${CMAKE_SOURCE_DIR}/link.ld") for link in links]
    link_options = f"target_link_options(program.elf PRIVATE {' '.join([*flags, *here])})\n"
    return f"""# SPDX-License-Identifier: MIT-0
cmake_minimum_required(VERSION 3.16)
{cross}project({model.name} C)
add_executable(program.elf {" ".join(sources)})
target_compile_options(program.elf PRIVATE {" ".join(flags)})
{link_options if target else ""}add_custom_target(run COMMAND \
{run.format(program="$<TARGET_FILE:program.elf>")} DEPENDS program.elf)
"""


def _parts(target: Target | None, machine: Machine | None) -> tuple[str, list[str], list[str], str]:
    """Return compiler, compile flags, link flags, and the command that runs {program}."""
    if target is None or machine is None:
        return "cc", [*HOST_FLAGS], [], "{program}"
    defines = [f"-D{define}" for define in machine.defines]
    links = [*target.link_flags, "-T", "link.ld"]
    emulator = " ".join([machine.emulator, *machine.arguments, "-kernel", "{program}"])
    return target.compiler, ["-std=c99", *target.flags, *defines], links, emulator


Write = Callable[[Model, Target | None, Machine | None, list[str]], str]
KINDS: dict[Kind, tuple[str, Write]] = {
    "make": ("Makefile", _make),
    "cmake": ("CMakeLists.txt", _cmake),
}
