typedef struct {
    int32_t in_h, in_w, in_c, out_h, out_w, out_c, k_h, k_w, groups;
    int32_t stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w, in_zero_point;
    gemm_t gemm;
} conv_2d_t;

/* One row of the window; outside the picture lies the zero point. */
static void conv_2d_gather_row(const conv_2d_t *p, const int8_t *row, int8_t *column, int32_t left,
                               int32_t depth)
{
    if (p->groups == 1 && p->dilation_w == 1 && left >= 0 && left + p->k_w <= p->in_w) {
        memcpy(column, row + left * depth, (size_t)(p->k_w * depth));
        return;
    }
    for (int32_t j = 0; j < p->k_w; j++, left += p->dilation_w, column += depth) {
        if (left < 0 || left >= p->in_w) {
            memset(column, p->in_zero_point, (size_t)depth);
        } else {
            memcpy(column, row + left * p->in_c, (size_t)depth);
        }
    }
}

/* The inputs under the window of one output pixel, for one group of channels. */
static void conv_2d_gather(const conv_2d_t *p, const int8_t *in, int8_t *column, int32_t top,
                           int32_t left)
{
    const int32_t depth = p->in_c / p->groups, width = p->k_w * depth;

    for (int32_t i = 0; i < p->k_h; i++, top += p->dilation_h, column += width) {
        if (top < 0 || top >= p->in_h) {
            memset(column, p->in_zero_point, (size_t)width);
        } else {
            conv_2d_gather_row(p, in + top * p->in_w * p->in_c, column, left, depth);
        }
    }
}

KERNEL void conv_2d(const conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch)
{
    const int32_t depth = p->in_c / p->groups;
    int32_t x = 0, top = -p->pad_h, some;

    for (int32_t left_over = p->out_h * p->out_w; left_over > 0; left_over -= some) {
        const int32_t first_x = x, first_top = top;
        some = left_over < GEMM_PIXELS ? left_over : GEMM_PIXELS;
        for (int32_t g = 0; g < p->groups; g++) {
            x = first_x;
            top = first_top;
            for (int32_t i = 0; i < some; i++) {
                conv_2d_gather(p, in + g * depth, scratch + i * p->gemm.depth, top,
                               x * p->stride_w - p->pad_w);
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
