typedef struct {
    int32_t pixels;
    gemm_t gemm;
} pointwise_in_place_t;

/* A 1x1 window with as many channels out as in: some pixels are copied, then overwritten. */
KERNEL void pointwise_in_place(const pointwise_in_place_t *p, const int8_t *in, int8_t *out,
                               int8_t *scratch)
{
    const int32_t depth = p->gemm.depth;
    int32_t some;

    for (int32_t left_over = p->pixels; left_over > 0; left_over -= some) {
        some = left_over < GEMM_PIXELS ? left_over : GEMM_PIXELS;
        memcpy(scratch, in, (size_t)(some * depth));
        gemm(&p->gemm, scratch, some, out, 0, p->gemm.channels);
        in += some * depth;
        out += some * depth;
    }
}
