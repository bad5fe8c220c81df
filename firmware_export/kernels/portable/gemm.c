static inline int32_t gemm_out(int32_t sum, int32_t multiplier, int32_t shift, int32_t zero)
{
    const int32_t q = requantize_channel(sum, multiplier, shift) + zero;

    return q < -128 ? -128 : q > 127 ? 127 : q;
}

static inline void gemm_store(const gemm_t *p, const int32_t *sums, int32_t c, int32_t some, int8_t *out)
{
    const int32_t multiplier = p->multiplier[c], shift = p->shift[c], stride = p->out_stride;
    const int32_t zero = p->out_zero_point;

    out += c;
    if (some == 4) {
        out[0] = (int8_t)gemm_out(sums[0], multiplier, shift, zero);
        out[stride] = (int8_t)gemm_out(sums[1], multiplier, shift, zero);
        out[2 * stride] = (int8_t)gemm_out(sums[2], multiplier, shift, zero);
        out[3 * stride] = (int8_t)gemm_out(sums[3], multiplier, shift, zero);
    } else {
        for (int32_t i = 0; i < some; i++) {
            out[i * stride] = (int8_t)gemm_out(sums[i], multiplier, shift, zero);
        }
    }
    if (p->act_min > -128 || p->act_max < 127) {
        for (; some > 0; some--, out += stride) {
            *out = *out < p->act_min ? (int8_t)p->act_min : *out;
            *out = *out > p->act_max ? (int8_t)p->act_max : *out;
        }
    }
}

/* One channel that no block takes: of a pair, or the last of an odd number, alone. */
static void gemm_single(const gemm_t *p, const int8_t *x, const int8_t *w, int32_t step, int32_t c,
                        int32_t sums[GEMM_PIXELS])
{
    for (int32_t i = 0; i < GEMM_PIXELS; i++) {
        sums[i] = p->bias[c];
        for (int32_t k = 0; k < p->depth; k++) {
            sums[i] += (int32_t)x[GEMM_PIXELS * k + i] * w[step * k];
        }
    }
}

/* Up to four interleaved columns of `depth` bytes times the weights of channels from..to. */
static void gemm(const gemm_t *p, const int8_t *columns, int32_t some, int8_t *out, int32_t from,
                 int32_t to)
{
    int32_t sums[GEMM_PIXELS * GEMM_CHANNELS], count;

    for (int32_t c = from; c < to; c += count) {
        count = c + GEMM_CHANNELS <= to ? GEMM_CHANNELS : 1;
        if (count > 1) {
            gemm_block(p, columns, c, sums);
        } else {
            const int32_t second = (c - from) & 1, step = second || c + 1 < to ? 2 : 1;
            gemm_single(p, columns, p->weights + (c - second) * p->depth + second, step, c, sums);
        }
        for (int32_t i = 0; i < count; i++) {
            gemm_store(p, sums + GEMM_PIXELS * i, c + i, some, out);
        }
    }
}
