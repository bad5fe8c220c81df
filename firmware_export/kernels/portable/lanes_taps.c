/* sums += three taps next to each other, in four channels: a tap is two words of lanes. */
static inline const int8_t *lanes_taps(const int8_t *row, const int8_t *w, int32_t sums[4])
{
    for (int i = 0; i < 3; i++, row += 8, w += 8) {
        const int32_t x_even = lanes_load(row), x_odd = lanes_load(row + 4);
        const int32_t w_even = lanes_load(w), w_odd = lanes_load(w + 4);
        sums[0] += lanes_low(x_even) * lanes_low(w_even);
        sums[1] += lanes_low(x_odd) * lanes_low(w_odd);
        sums[2] += lanes_high(x_even) * lanes_high(w_even);
        sums[3] += lanes_high(x_odd) * lanes_high(w_odd);
    }
    return w;
}

static inline int32_t lanes_double(int32_t pair)
{
    return lanes_pack(2 * lanes_low(pair), 2 * lanes_high(pair));
}

/* Twice a sum to int8 by the next multiplier, start and shift to the right. */
static inline int32_t lanes_scale_next(const int32_t *next, int32_t twice)
{
    return lanes_scale(twice, next[0], next[1] + (twice >> 31), next[2]);
}
