/* Four channels at a time in pairs of lanes; returns where it stopped. */
static int32_t depthwise_block(const depthwise_conv_2d_t *p, const int8_t *const *taps, int8_t *out,
                               int32_t c)
{
    const int32_t step = p->out_c;

    for (; c + 4 <= p->out_c; c += 4) {
        const int8_t *w = p->weights + c;
        int32_t s0 = p->bias[c], s1 = p->bias[c + 1], s2 = p->bias[c + 2], s3 = p->bias[c + 3];
        const int8_t *const *const end = taps + p->taps;
        for (const int8_t *const *tap = taps; tap != end; tap++, w += step) {
            const int32_t x = lanes_load(*tap + c), word = lanes_load(w);
            const int32_t x_even = lanes_even(x), x_odd = lanes_odd(x);
            const int32_t w_even = lanes_even(word), w_odd = lanes_odd(word);
            s0 = lanes_mac_low(x_even, w_even, s0);
            s1 = lanes_mac_low(x_odd, w_odd, s1);
            s2 = lanes_mac_high(x_even, w_even, s2);
            s3 = lanes_mac_high(x_odd, w_odd, s3);
        }
        out[c] = depthwise_out(p, s0, c);
        out[c + 1] = depthwise_out(p, s1, c + 1);
        out[c + 2] = depthwise_out(p, s2, c + 2);
        out[c + 3] = depthwise_out(p, s3, c + 3);
    }
    return c;
}
