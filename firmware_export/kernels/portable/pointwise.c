typedef struct {
    int32_t pixels;
    gemm_t gemm;
} pointwise_t;

/* A 1x1 window; scratch: some pixels, which are read before any of them is written. */
KERNEL void pointwise(const pointwise_t *p, const int8_t *in, int8_t *out, int8_t *scratch)
{
    int32_t some;

    for (int32_t left = p->pixels; left > 0; left -= some, out += some * p->gemm.out_stride) {
        some = left < GEMM_PIXELS ? left : GEMM_PIXELS;
        for (int32_t i = 0; i < some; i++, in += p->gemm.depth) {
            gemm_spread(scratch + i, in, p->gemm.depth);
        }
        gemm(&p->gemm, scratch, some, out, 0, p->gemm.channels);
    }
}
