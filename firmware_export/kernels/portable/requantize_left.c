/* As requantize_sum, for factors above 1 as well: those shift to the left first. */
static inline int32_t requantize_sum_left(int32_t x, int32_t multiplier, int shift)
{
    if (shift > 0) {
        return requantize_sum((int32_t)((uint32_t)x << shift), multiplier, 0);
    }
    return requantize_sum(x, multiplier, shift);
}

#define requantize_channel requantize_sum_left
