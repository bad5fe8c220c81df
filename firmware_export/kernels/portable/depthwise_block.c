/* Channels from `c` on, one at a time; returns where it stopped. */
static int32_t depthwise_block(const depthwise_conv_2d_t *p, const int8_t *const *taps, int8_t *out,
                               int32_t c)
{
    const int32_t step = p->out_c;

    for (; c < p->out_c; c++) {
        const int8_t *w = p->weights + c;
        int32_t sum = p->bias[c];
        for (int32_t t = 0; t < p->taps; t++, w += step) {
            sum += (int32_t)taps[t][c] * w[0];
        }
        out[c] = depthwise_out(p, sum, c);
    }
    return c;
}
