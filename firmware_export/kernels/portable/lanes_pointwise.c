typedef struct {
    int32_t pixels;
    gemm_t gemm;
} lanes_pointwise_t;

/* A 1x1 window; scratch: four columns of int16. */
KERNEL void lanes_pointwise(const lanes_pointwise_t *p, const int8_t *in, int8_t *out,
                            int8_t *scratch)
{
    int32_t some;

    for (int32_t left = p->pixels; left > 0; left -= some, out += some * p->gemm.out_stride) {
        some = left < 4 ? left : 4;
        for (int32_t i = 0; i < some; i++, in += p->gemm.depth) {
            (void)lanes_expand(scratch + 8 * i, in, p->gemm.depth / 4);
        }
        lanes_gemm(&p->gemm, scratch, some, out);
    }
}
