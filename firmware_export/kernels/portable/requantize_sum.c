/* As requantize_double for |x * 2^shift| < 2^29 and -31 <= shift <= 0: true of every sum here. */
static inline int32_t requantize_sum(int32_t x, int32_t multiplier, int shift)
{
    const int64_t product = (int64_t)(int32_t)((uint32_t)x << 1) * multiplier;
    const int32_t high = (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
    const int32_t half = (int32_t)(((uint32_t)1 << -shift) >> 1), below = -(int32_t)(half != 0);

    return (high + half + ((high >> 31) & below)) >> -shift;
}
