#define LANES_TAP(even, odd)                                                                       \
    "ldrd %[w0], %[w1], [%[w]], #8\n\t"                                                            \
    "smlabb %[s0], " even ", %[w0], %[s0]\n\t"                                                     \
    "smlabb %[s1], " odd ", %[w1], %[s1]\n\t"                                                      \
    "smlatt %[s2], " even ", %[w0], %[s2]\n\t"                                                     \
    "smlatt %[s3], " odd ", %[w1], %[s3]\n\t"

/* sums += three taps next to each other, in four channels: a tap is two words of lanes. */
static inline const int8_t *lanes_taps(const int8_t *row, const int8_t *w, int32_t sums[4])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], w0, w1;

    __asm__ volatile("ldmia %[row], {r8, r9, r10, r11}\n\t" LANES_TAP("r8", "r9")
                         LANES_TAP("r10", "r11") "ldrd r8, r9, [%[row], #16]\n\t"
                             LANES_TAP("r8", "r9")
                     : [w] "+r"(w), [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3),
                       [w0] "=&r"(w0), [w1] "=&r"(w1)
                     : [row] "r"(row)
                     : "r8", "r9", "r10", "r11", "memory");
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    return w;
}

static inline int32_t lanes_double(int32_t pair)
{
    __asm__("sadd16 %0, %0, %0" : "+r"(pair));
    return pair;
}

/* Twice a sum to int8 by the next multiplier, start and shift to the right. */
static inline int32_t lanes_scale_next(const int32_t *next, int32_t twice)
{
    __asm__("ldmia %1, {r8, r9, r10}\n\t"
            "add r9, r9, %0, asr #31\n\t"
            "smmlar %0, %0, r8, r9\n\t"
            "asr %0, %0, r10\n\t"
            "ssat %0, #8, %0"
            : "+r"(twice)
            : "r"(next), "m"(*(const int32_t(*)[3])next)
            : "r8", "r9", "r10");
    return twice;
}
