#define GEMM_PIXELS 2
#define GEMM_CHANNELS 2

/* Two pixels by two channels, four values at a time in pairs of lanes. */
static void gemm_block(const gemm_t *p, const int8_t *x, int8_t *out, int32_t c)
{
    const int32_t depth = p->depth;
    const int8_t *w = p->weights + c * depth, *const end = x + (depth & ~3);
    int32_t a0 = p->bias[c], a1 = a0, b0 = p->bias[c + 1], b1 = b0;

    while (x != end) {
        const int32_t wa = lanes_load(w), wb = lanes_load(w + depth);
        const int32_t wa_even = lanes_even(wa), wa_odd = lanes_odd(wa);
        const int32_t wb_even = lanes_even(wb), wb_odd = lanes_odd(wb);
        int32_t word = lanes_load(x), even = lanes_even(word), odd = lanes_odd(word);
        a0 = lanes_mac(even, wa_even, a0);
        b0 = lanes_mac(even, wb_even, b0);
        a0 = lanes_mac(odd, wa_odd, a0);
        b0 = lanes_mac(odd, wb_odd, b0);
        word = lanes_load(x + depth);
        even = lanes_even(word);
        odd = lanes_odd(word);
        a1 = lanes_mac(even, wa_even, a1);
        b1 = lanes_mac(even, wb_even, b1);
        a1 = lanes_mac(odd, wa_odd, a1);
        b1 = lanes_mac(odd, wb_odd, b1);
        x += 4;
        w += 4;
    }
    for (int32_t k = depth & 3; k > 0; k--, x++, w++) {
        a0 += x[0] * w[0];
        b0 += x[0] * w[depth];
        a1 += x[depth] * w[0];
        b1 += x[depth] * w[depth];
    }
    out += c;
    out[0] = gemm_out(p, a0, c);
    out[1] = gemm_out(p, b0, c + 1);
    out[p->out_stride] = gemm_out(p, a1, c);
    out[p->out_stride + 1] = gemm_out(p, b1, c + 1);
}
