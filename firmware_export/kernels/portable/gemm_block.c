#define GEMM_PIXELS 4
#define GEMM_CHANNELS 2

/* Four pixels by two channels: each byte that is loaded is used two or four times. */
static void gemm_block(const gemm_t *p, const int8_t *x, int8_t *out, int32_t c)
{
    const int32_t depth = p->depth;
    const int8_t *w = p->weights + c * depth;
    int32_t a0 = p->bias[c], a1 = a0, a2 = a0, a3 = a0;
    int32_t b0 = p->bias[c + 1], b1 = b0, b2 = b0, b3 = b0;

    for (const int8_t *const end = x + depth; x != end; x++, w++) {
        const int32_t wa = w[0], wb = w[depth];
        int32_t v = x[0];
        a0 += v * wa;
        b0 += v * wb;
        v = x[depth];
        a1 += v * wa;
        b1 += v * wb;
        v = x[2 * depth];
        a2 += v * wa;
        b2 += v * wb;
        v = x[3 * depth];
        a3 += v * wa;
        b3 += v * wb;
    }
    out += c;
    out[0] = gemm_out(p, a0, c);
    out[1] = gemm_out(p, b0, c + 1);
    out += p->out_stride;
    out[0] = gemm_out(p, a1, c);
    out[1] = gemm_out(p, b1, c + 1);
    out += p->out_stride;
    out[0] = gemm_out(p, a2, c);
    out[1] = gemm_out(p, b2, c + 1);
    out += p->out_stride;
    out[0] = gemm_out(p, a3, c);
    out[1] = gemm_out(p, b3, c + 1);
}
