/* Scratch: four interleaved columns, then one of its own. */
KERNEL void conv_2d(const conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch)
{
    const int32_t depth = p->in_c / p->groups;
    int8_t *const column = scratch + GEMM_COLUMNS(p->gemm.depth);
    int32_t x = 0, top = -p->pad_h, some;

    for (int32_t left_over = p->out_h * p->out_w; left_over > 0; left_over -= some) {
        const int32_t first_x = x, first_top = top;
        some = left_over < GEMM_PIXELS ? left_over : GEMM_PIXELS;
        for (int32_t g = 0; g < p->groups; g++) {
            x = first_x;
            top = first_top;
            for (int32_t i = 0; i < some; i++) {
                conv_2d_gather(p, in + g * depth, column, top, x * p->stride_w - p->pad_w);
                gemm_spread(scratch + i, column, p->gemm.depth);
                if (++x == p->out_w) {
                    x = 0;
                    top += p->stride_h;
                }
            }
            gemm(&p->gemm, scratch, some, out, g * p->gemm.channels, (g + 1) * p->gemm.channels);
        }
        out += some * p->out_c;
    }
}
