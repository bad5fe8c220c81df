/* x * multiplier / 2^31 * 2^shift, rounded twice. */
static int32_t requantize_double(int32_t x, int32_t multiplier, int shift)
{
    const int left = shift > 0 ? shift : 0;

    return rounding_shift(high_mul((int32_t)((uint32_t)x << left), multiplier), left - shift);
}
