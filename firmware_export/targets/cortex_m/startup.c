/* SPDX-License-Identifier: MIT-0 */
/* Reset, memory, and the semihosting calls of a bare Cortex-M under an emulator. */
#include "platform.h"

extern uint32_t _data_load, _data_start, _data_end, _bss_start, _bss_end, _stack_top;

static uint32_t semihost(uint32_t operation, const void *block)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
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

/* A 32-bit timer that counts down at 25 MHz; with an instruction of 64 ns none is missed. */
#define TIMER_CONTROL (*(volatile uint32_t *)0x40000000u)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004u)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008u)

uint32_t platform_ticks(void)
{
    return 0xffffffffu - TIMER_VALUE;
}

void platform_reset(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb");
#endif
    for (uint32_t *from = &_data_load, *to = &_data_start; to < &_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = &_bss_start; to < &_bss_end;) {
        *to++ = 0u;
    }
    TIMER_RELOAD = 0xffffffffu;
    TIMER_VALUE = 0xffffffffu;
    TIMER_CONTROL = 1u;
    platform_exit(main());
}

static void fault(void)
{
    platform_print("fault");
    platform_exit(70);
}

typedef union {
    const void *stack;
    void (*handler)(void);
} vector;

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    { .stack = &_stack_top },  { .handler = platform_reset }, { .handler = fault },
    { .handler = fault },      { .handler = fault },          { .handler = fault },
    { .handler = fault },
};
