#define GEMM_PIXELS 4
#define GEMM_CHANNELS 2
#define GEMM_COLUMNS(depth) (GEMM_PIXELS * (depth))

/* Where value k of column i lies: the columns are interleaved, so that one pointer serves all. */
static inline void gemm_spread(int8_t *columns, const int8_t *bytes, int32_t depth)
{
    for (const int8_t *const end = bytes + depth; bytes != end; columns += GEMM_PIXELS) {
        *columns = *bytes++;
    }
}

static inline void gemm_step(const int8_t *x, int32_t wa, int32_t wb, int32_t a[4], int32_t b[4])
{
    int32_t v = x[0];

    a[0] += v * wa;
    b[0] += v * wb;
    v = x[1];
    a[1] += v * wa;
    b[1] += v * wb;
    v = x[2];
    a[2] += v * wa;
    b[2] += v * wb;
    v = x[3];
    a[3] += v * wa;
    b[3] += v * wb;
}

/* The sums of four columns for channels c and c + 1, whose weights alternate. */
static inline void gemm_block(const gemm_t *p, const int8_t *x, int32_t c, int32_t *sums)
{
    const int32_t depth = p->depth, bias = p->bias[c], second = p->bias[c + 1];
    const int8_t *w = p->weights + c * depth, *const end = w + 2 * (depth & ~3);
    const int8_t *const last = w + 2 * depth;
    int32_t a[4] = { bias, bias, bias, bias }, b[4] = { second, second, second, second };

    for (; w != end; w += 8, x += 4 * GEMM_PIXELS) {
        gemm_step(x, w[0], w[1], a, b);
        gemm_step(x + GEMM_PIXELS, w[2], w[3], a, b);
        gemm_step(x + 2 * GEMM_PIXELS, w[4], w[5], a, b);
        gemm_step(x + 3 * GEMM_PIXELS, w[6], w[7], a, b);
    }
    for (; w != last; w += 2, x += GEMM_PIXELS) {
        gemm_step(x, w[0], w[1], a, b);
    }
    memcpy(sums, a, sizeof a);
    memcpy(sums + 4, b, sizeof b);
}
