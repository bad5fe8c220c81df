#if GEMM_PIXELS > 4
#error "the plan of the arena counts on at most four pixels at a time"
#endif

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
    for (; pixels >= GEMM_PIXELS; pixels -= GEMM_PIXELS) {
        int32_t c = from;
        for (; c + GEMM_CHANNELS <= to; c += GEMM_CHANNELS) {
            gemm_block(p, columns, out, c);
        }
        for (; c < to; c++) {
            for (int32_t i = 0; i < GEMM_PIXELS; i++) {
                gemm_1x1(p, columns + i * p->depth, out + i * p->out_stride, c);
            }
        }
        columns += GEMM_PIXELS * p->depth;
        out += GEMM_PIXELS * p->out_stride;
    }
    for (; pixels > 0; pixels--, columns += p->depth, out += p->out_stride) {
        for (int32_t c = from; c < to; c++) {
            gemm_1x1(p, columns, out, c);
        }
    }
}
