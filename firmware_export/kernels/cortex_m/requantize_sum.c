/* As requantize_double for |x * 2^shift| < 2^29 and -31 <= shift <= 0: true of every sum here. */
static inline int32_t requantize_sum(int32_t x, int32_t multiplier, int shift)
{
    const int32_t half = (int32_t)(((uint32_t)1 << -shift) >> 1);
    int32_t high;

    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"((int32_t)((uint32_t)x << 1)), "r"(multiplier));
    return (high + half + (half != 0 ? high >> 31 : 0)) >> -shift;
}
