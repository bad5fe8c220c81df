"""The counter of each target misses no instruction and adds none."""

import re
from pathlib import Path

import pytest
from emulated_cores import CORES

from firmware_export import emulate, targets

LOOPS = 1_000_000
PROGRAM = """#include "platform.h"
static void print_number(uint32_t value)
{
    char digits[12];
    int d = 11;
    digits[d] = 0;
    do { digits[--d] = (char)('0' + value % 10u); value /= 10u; } while (value != 0u);
    platform_print(digits + d);
}
#define COUNT(code) do { uint32_t start = platform_ticks(); \\
    __asm__ volatile(code : : : "memory"); \\
    print_number(platform_ticks() - start); } while (0)
#ifdef __riscv
#define LEFT "+r"
#define LOOP "1: addi %0, %0, -1\\n bnez %0, 1b"
#else
#define LEFT "+l"
#define LOOP ".syntax unified\\n 1: subs %0, %0, #1\\n bne 1b"
#endif
#define COUNT_LOOPS(n) do { uint32_t left = n; __asm__ volatile("" : "+r"(left)); \\
    uint32_t start = platform_ticks(); __asm__ volatile(LOOP : LEFT(left) : : "cc", "memory"); \\
    print_number(platform_ticks() - start); } while (0)
int main(void)
{
    for (int turn = 0; turn < 3; turn++) {
        COUNT("");
        COUNT("nop");
        COUNT(".rept 3\\n nop\\n .endr");
        COUNT(".rept 100\\n nop\\n .endr");
        COUNT_LOOPS(@LOOPS@u);
        COUNT_LOOPS(2 * @LOOPS@u);
    }
    return 0;
}
""".replace("@LOOPS@", str(LOOPS))


@pytest.mark.parametrize("core", CORES)
def test_the_counter_of_a_target_is_exact(core: str, tmp_path: Path) -> None:
    printed, machine = emulate.execute({"main.c": PROGRAM}, tmp_path, targets.find(core))
    ticks = [int(number) for number in re.findall(r"^\d+$", printed, re.M)]
    counts = [round(number / machine.ticks_per_instruction) for number in ticks]
    for empty, *counted, loops, twice in zip(*[iter(counts)] * 6, strict=True):
        assert [count - empty for count in counted] == [1, 3, 100]
        assert twice - loops == 2 * LOOPS  # what sets the loop up falls out
