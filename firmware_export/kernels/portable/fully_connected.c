typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t rows, depth, outs, per_channel, out_zero_point, act_min, act_max;
} fully_connected_t;

static int8_t fully_connected_out(const fully_connected_t *p, int32_t sum, int32_t channel)
{
    const int32_t c = p->per_channel ? channel : 0;
    int32_t q = fully_connected_requantize(sum, p->multiplier[c], p->shift[c]) + p->out_zero_point;

    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}

/* Four outputs at a time share each input byte. */
KERNEL void fully_connected(const fully_connected_t *p, const int8_t *in, int8_t *out)
{
    const int32_t depth = p->depth;

    for (int32_t row = 0; row < p->rows; row++, in += depth, out += p->outs) {
        const int8_t *w = p->weights;
        int32_t c = 0, left = p->outs;

        for (; left >= 4; left -= 4, c += 4, w += 4 * depth) {
            int32_t s0 = p->bias[c], s1 = p->bias[c + 1], s2 = p->bias[c + 2], s3 = p->bias[c + 3];
            for (int32_t k = 0; k < depth; k++) {
                const int32_t x = in[k];
                s0 += x * w[k];
                s1 += x * w[k + depth];
                s2 += x * w[k + 2 * depth];
                s3 += x * w[k + 3 * depth];
            }
            out[c] = fully_connected_out(p, s0, c);
            out[c + 1] = fully_connected_out(p, s1, c + 1);
            out[c + 2] = fully_connected_out(p, s2, c + 2);
            out[c + 3] = fully_connected_out(p, s3, c + 3);
        }
        for (; left > 0; left--, c++, w += depth) {
            int32_t sum = p->bias[c];
            for (int32_t k = 0; k < depth; k++) {
                sum += (int32_t)in[k] * w[k];
            }
            out[c] = fully_connected_out(p, sum, c);
        }
    }
}
