/* SPDX-License-Identifier: MIT-0 */
#ifndef PLATFORM_H
#define PLATFORM_H
#include <stdint.h>
int main(void);
void platform_print(const char *line); /* one line of text */
void platform_exit(int code);
void platform_reset(void);
uint32_t platform_ticks(void);         /* counts up, wraps */
#endif
