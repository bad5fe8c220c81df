typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t depth, channels, out_stride, out_zero_point, act_min, act_max;
} gemm_t;

static int8_t gemm_out(const gemm_t *p, int32_t sum, int32_t c)
{
    int32_t q = requantize_double(sum, p->multiplier[c], p->shift[c]) + p->out_zero_point;

    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}

/* Four pixels by two channels: each byte that is loaded is used two or four times. */
static void gemm_4x2(const gemm_t *p, const int8_t *x, int8_t *out, int32_t c)
{
    const int32_t depth = p->depth;
    const int8_t *w = p->weights + c * depth;
    int32_t a0 = p->bias[c], a1 = a0, a2 = a0, a3 = a0;
    int32_t b0 = p->bias[c + 1], b1 = b0, b2 = b0, b3 = b0;

    for (int32_t k = 0; k < depth; k++) {
        const int32_t wa = w[k], wb = w[k + depth];
        int32_t v = x[k];
        a0 += v * wa;
        b0 += v * wb;
        v = x[k + depth];
        a1 += v * wa;
        b1 += v * wb;
        v = x[k + 2 * depth];
        a2 += v * wa;
        b2 += v * wb;
        v = x[k + 3 * depth];
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

static void gemm_1x1(const gemm_t *p, const int8_t *x, int8_t *out, int32_t c)
{
    const int8_t *w = p->weights + c * p->depth;
    int32_t sum = p->bias[c];

    for (int32_t k = 0; k < p->depth; k++) {
        sum += (int32_t)x[k] * w[k];
    }
    out[c] = gemm_out(p, sum, c);
}

/* Columns of `depth` bytes, one after the other, times the weights of channels from..to. */
static void gemm(const gemm_t *p, const int8_t *columns, int32_t pixels, int8_t *out,
                 int32_t from, int32_t to)
{
    int32_t n = 0;

    for (; n + 4 <= pixels; n += 4, columns += 4 * p->depth, out += 4 * p->out_stride) {
        int32_t c = from;
        for (; c + 2 <= to; c += 2) {
            gemm_4x2(p, columns, out, c);
        }
        for (; c < to; c++) {
            for (int32_t i = 0; i < 4; i++) {
                gemm_1x1(p, columns + i * p->depth, out + i * p->out_stride, c);
            }
        }
    }
    for (; n < pixels; n++, columns += p->depth, out += p->out_stride) {
        for (int32_t c = from; c < to; c++) {
            gemm_1x1(p, columns, out, c);
        }
    }
}
