/* x * multiplier / 2^31 * 2^shift, rounded once, halves up. */
static int32_t requantize_single(int32_t x, int32_t multiplier, int shift)
{
    const int total = 31 - shift;

    return (int32_t)(((int64_t)x * multiplier + ((int64_t)1 << (total - 1))) >> total);
}
