typedef struct {
    const int32_t *weights, *bias, *multiplier;
    const int8_t *shift;
    int32_t rows, depth, outs, per_channel, out_zero_point, act_min, act_max;
} lanes_fully_connected_t;

static int8_t lanes_fully_connected_out(const lanes_fully_connected_t *p, int32_t sum,
                                        int32_t channel)
{
    const int32_t c = p->per_channel ? channel : 0, shift = p->shift[c];
    const int32_t start = (int32_t)((uint32_t)(2 * p->out_zero_point + 1) << ~shift);
    int32_t q = lanes_scale(sum >> 7, p->multiplier[c], start + (sum >> 31), -shift);

    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}

/*
 * Words of four channels beside each other. A word's pairs are 256 * odd + even, so a multiplication
 * by the odd inputs adds even weights times odd inputs too many: the second one takes them away.
 * Scratch: the inputs as int16.
 */
KERNEL void lanes_fully_connected(const lanes_fully_connected_t *p, const int8_t *in, int8_t *out,
                                  int8_t *scratch)
{
    const int32_t words = p->depth / 4;

    for (int32_t row = 0; row < p->rows; row++) {
        const int32_t *w = p->weights;
        for (int32_t k = 0; k < words; k++, in += 4) {
            const int32_t word = lanes_load(in), odd = lanes_odd(word);
            lanes_store(scratch + 8 * k, odd);
            lanes_store(scratch + 8 * k + 4, lanes_mix(lanes_even(word), odd));
        }
        for (int32_t c = 0; c < p->outs; c += 4, w += p->depth) {
            int32_t sums[4] = { p->bias[c], p->bias[c + 1], p->bias[c + 2], p->bias[c + 3] };
            lanes_channels(scratch, w, words, sums);
            for (int32_t i = 0; i < 4 && c + i < p->outs; i++) {
                *out++ = lanes_fully_connected_out(p, sums[i], c + i);
            }
        }
    }
}
