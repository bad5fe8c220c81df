#define LANES_CHANNEL(sum, word)                                                                   \
    "smlad %[" sum "], " word ", %[odd], %[" sum "]\n\t"                                           \
    "sxtb16 " word ", " word "\n\t"                                                                \
    "smlad %[" sum "], " word ", %[mixed], %[" sum "]\n\t"
#define LANES_CHANNELS                                                                             \
    "ldrd %[odd], %[mixed], [%[x]], #8\n\t"                                                        \
    "ldmia %[w]!, {r8, r9, r10, r11}\n\t" LANES_CHANNEL("s0", "r8") LANES_CHANNEL("s1", "r9")      \
        LANES_CHANNEL("s2", "r10") LANES_CHANNEL("s3", "r11")

/* sums += a column times four channels, whose words lie beside each other; each sum times 256. */
static inline void lanes_channels(const int8_t *column, const int32_t *w, int32_t words,
                                  int32_t sums[4])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], odd, mixed;

    __asm__ volatile("subs %[n], %[n], #4\n\t"
                     "blt 2f\n"
                     "1:\n\t" LANES_CHANNELS LANES_CHANNELS LANES_CHANNELS LANES_CHANNELS
                     "subs %[n], %[n], #4\n\t"
                     "bge 1b\n"
                     "2:\n\t"
                     "adds %[n], %[n], #4\n\t"
                     "beq 4f\n"
                     "3:\n\t" LANES_CHANNELS
                     "subs %[n], %[n], #1\n\t"
                     "bne 3b\n"
                     "4:"
                     : [x] "+r"(column), [w] "+r"(w), [n] "+r"(words), [s0] "+r"(s0),
                       [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [odd] "=&r"(odd),
                       [mixed] "=&r"(mixed)
                     :
                     : "r8", "r9", "r10", "r11", "cc", "memory");
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}
