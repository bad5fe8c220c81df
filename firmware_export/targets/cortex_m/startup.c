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

/* Timers that resolve each instruction; which one, and where it lies, the machine's defines say. */
#define REGISTER(address) (*(volatile uint32_t *)(address))

#if defined(PLATFORM_TIMER_CMSDK) /* 32 bits, counts down */
static void timer_start(void)
{
    REGISTER(PLATFORM_TIMER_CMSDK + 8u) = 0xffffffffu;
    REGISTER(PLATFORM_TIMER_CMSDK + 4u) = 0xffffffffu;
    REGISTER(PLATFORM_TIMER_CMSDK) = 1u;
}

uint32_t platform_ticks(void)
{
    return 0xffffffffu - REGISTER(PLATFORM_TIMER_CMSDK + 4u);
}
#elif defined(PLATFORM_TIMER_SSE) /* the system counter, its lower half */
static void timer_start(void)
{
    REGISTER(PLATFORM_TIMER_SSE) = 1u;
}

uint32_t platform_ticks(void)
{
    return REGISTER(PLATFORM_TIMER_SSE + 8u);
}
#elif defined(PLATFORM_TIMER_NRF) /* 32 bits at 16 MHz, read by a capture */
static void timer_start(void)
{
    REGISTER(PLATFORM_TIMER_NRF + 0x508u) = 3u;
    REGISTER(PLATFORM_TIMER_NRF + 0x510u) = 0u;
    REGISTER(PLATFORM_TIMER_NRF) = 1u;
}

uint32_t platform_ticks(void)
{
    REGISTER(PLATFORM_TIMER_NRF + 0x40u) = 1u;
    return REGISTER(PLATFORM_TIMER_NRF + 0x540u);
}
#endif

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
    timer_start();
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
