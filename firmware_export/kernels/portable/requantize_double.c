/* (a * b * 2) / 2^32, halves up in magnitude for positive and towards zero for negative products. */
static int32_t high_mul(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    const int64_t nudge = product >= 0 ? (int64_t)1 << 30 : 1 - ((int64_t)1 << 30);

    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)((product + nudge) / ((int64_t)1 << 31));
}

/* x / 2^exponent, halves away from zero. */
static int32_t rounding_shift(int32_t x, int exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);

    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

/* x * multiplier / 2^31 * 2^shift, rounded twice. */
static int32_t requantize_double(int32_t x, int32_t multiplier, int shift)
{
    const int left = shift > 0 ? shift : 0;

    return rounding_shift(high_mul((int32_t)((uint32_t)x << left), multiplier), left - shift);
}
