typedef struct {
    int32_t in_h, in_w, in_c, out_h, out_w, out_c, k_h, k_w, groups;
    int32_t stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w, in_zero_point;
    gemm_t gemm;
} conv_2d_t;

/* The inputs under the window of one output pixel; outside the picture lies the zero point. */
static void conv_2d_gather(const conv_2d_t *p, const int8_t *in, int8_t *column, int32_t y,
                           int32_t x, int32_t group)
{
    const int32_t depth = p->in_c / p->groups;

    for (int32_t i = 0; i < p->k_h; i++) {
        const int32_t row = y * p->stride_h - p->pad_h + i * p->dilation_h;
        for (int32_t j = 0; j < p->k_w; j++, column += depth) {
            const int32_t at = x * p->stride_w - p->pad_w + j * p->dilation_w;
            if (row < 0 || row >= p->in_h || at < 0 || at >= p->in_w) {
                memset(column, p->in_zero_point, (size_t)depth);
            } else {
                memcpy(column, in + (row * p->in_w + at) * p->in_c + group * depth, (size_t)depth);
            }
        }
    }
}

KERNEL void conv_2d(const conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch)
{
    const int32_t pixels = p->out_h * p->out_w;

    for (int32_t n = 0; n < pixels; n += 4) {
        const int32_t some = pixels - n < 4 ? pixels - n : 4;
        for (int32_t g = 0; g < p->groups; g++) {
            for (int32_t i = 0; i < some; i++) {
                conv_2d_gather(p, in, scratch + i * p->gemm.depth, (n + i) / p->out_w,
                               (n + i) % p->out_w, g);
            }
            gemm(&p->gemm, scratch, some, out + n * p->out_c, g * p->gemm.channels,
                 (g + 1) * p->gemm.channels);
        }
    }
}
