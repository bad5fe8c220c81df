#define LANES_STEP                                                                                 \
    "ldr %[odd], [%[w]], #4\n\t"                                                                   \
    "ldmia %[x]!, {r8, r9, r10, r11}\n\t"                                                          \
    "sxtb16 %[even], %[odd]\n\t"                                                                   \
    "sxtb16 %[odd], %[odd], ror #8\n\t"                                                            \
    "smlad %[s0], r8, %[even], %[s0]\n\t"                                                          \
    "smlad %[s1], r10, %[even], %[s1]\n\t"                                                         \
    "smlad %[s0], r9, %[odd], %[s0]\n\t"                                                           \
    "smlad %[s1], r11, %[odd], %[s1]\n\t"                                                          \
    "ldmia %[x]!, {r8, r9, r10, r11}\n\t"                                                          \
    "smlad %[s2], r8, %[even], %[s2]\n\t"                                                          \
    "smlad %[s3], r10, %[even], %[s3]\n\t"                                                         \
    "smlad %[s2], r9, %[odd], %[s2]\n\t"                                                           \
    "smlad %[s3], r11, %[odd], %[s3]\n\t"

/* sums += four columns times one channel; columns lie word by word beside each other. */
static inline void lanes_pixels(const int8_t *columns, const int8_t *w, int32_t words,
                                int32_t sums[4])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], even, odd;

    __asm__ volatile("subs %[n], %[n], #4\n\t"
                     "blt 2f\n"
                     "1:\n\t" LANES_STEP LANES_STEP LANES_STEP LANES_STEP
                     "subs %[n], %[n], #4\n\t"
                     "bge 1b\n"
                     "2:\n\t"
                     "adds %[n], %[n], #4\n\t"
                     "beq 4f\n"
                     "3:\n\t" LANES_STEP
                     "subs %[n], %[n], #1\n\t"
                     "bne 3b\n"
                     "4:"
                     : [x] "+r"(columns), [w] "+r"(w), [n] "+r"(words), [s0] "+r"(s0),
                       [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [even] "=&r"(even),
                       [odd] "=&r"(odd)
                     :
                     : "r8", "r9", "r10", "r11", "cc", "memory");
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* One of the four columns out of bytes. */
static inline int8_t *lanes_expand(int8_t *column, const int8_t *from, int32_t words)
{
    int32_t even, odd;

    __asm__ volatile("lsrs %[n], %[n], #1\n\t"
                     "bcc 1f\n\t"
                     "ldr %[odd], [%[from]], #4\n\t"
                     "sxtb16 %[even], %[odd]\n\t"
                     "sxtb16 %[odd], %[odd], ror #8\n\t"
                     "strd %[even], %[odd], [%[to]], #32\n"
                     "1:\n\t"
                     "cbz %[n], 3f\n"
                     "2:\n\t"
                     "ldr %[odd], [%[from]], #4\n\t"
                     "sxtb16 %[even], %[odd]\n\t"
                     "sxtb16 %[odd], %[odd], ror #8\n\t"
                     "strd %[even], %[odd], [%[to]], #32\n\t"
                     "ldr %[odd], [%[from]], #4\n\t"
                     "sxtb16 %[even], %[odd]\n\t"
                     "sxtb16 %[odd], %[odd], ror #8\n\t"
                     "strd %[even], %[odd], [%[to]], #32\n\t"
                     "subs %[n], %[n], #1\n\t"
                     "bne 2b\n"
                     "3:"
                     : [to] "+r"(column), [from] "+r"(from), [n] "+l"(words), [even] "=&r"(even),
                       [odd] "=&r"(odd)
                     :
                     : "cc", "memory");
    return column;
}
