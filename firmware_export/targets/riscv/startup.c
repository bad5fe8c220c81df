/* SPDX-License-Identifier: MIT-0 */
/* Reset, memory, and the semihosting calls of a bare RISC-V under an emulator. */
#include "platform.h"

extern uint32_t _data_load, _data_start, _data_end, _bss_start, _bss_end;

/* The three instructions must not be compressed, nor lie on two pages. */
static uint32_t semihost(uint32_t operation, const void *block)
{
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = block;

    __asm__ volatile(".balign 16\n\t"
                     ".option push\n\t"
                     ".option norvc\n\t"
                     "slli x0, x0, 0x1f\n\t"
                     "ebreak\n\t"
                     "srai x0, x0, 7\n\t"
                     ".option pop"
                     : "+r"(a0) : "r"(a1) : "memory");
    return a0;
}

void platform_print(const char *line)
{
    (void)semihost(0x04u, line);
    (void)semihost(0x04u, "\n");
}

void platform_exit(int code)
{
    const uint32_t block[2] = { 0x20026u, (uint32_t)code };

    (void)semihost(0x20u, block);
    for (;;) {
    }
}

uint32_t platform_ticks(void)
{
    uint32_t count;

    __asm__ volatile(".option push\n\t"
                     ".option arch, +zicsr\n\t"
                     "csrr %0, minstret\n\t"
                     ".option pop"
                     : "=r"(count) : : "memory");
    return count;
}

__attribute__((aligned(4))) static void fault(void)
{
    platform_print("fault");
    platform_exit(70);
}

__attribute__((used)) static void start(void)
{
    const uintptr_t handler = (uintptr_t)&fault;

    __asm__ volatile(".option push\n\t"
                     ".option arch, +zicsr\n\t"
                     "csrw mtvec, %0\n\t"
                     ".option pop"
                     : : "r"(handler & ~(uintptr_t)3));
    for (uint32_t *from = &_data_load, *to = &_data_start; to < &_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = &_bss_start; to < &_bss_end;) {
        *to++ = 0u;
    }
    platform_exit(main());
}

__attribute__((naked, section(".vectors"), used)) void platform_reset(void)
{
    __asm__ volatile(".option push\n\t"
                     ".option norelax\n\t"
                     "la gp, __global_pointer$\n\t"
                     ".option pop\n\t"
                     "la sp, _stack_top\n\t"
                     "j start");
}
