typedef struct {
    int32_t in_h, in_w, channels, out_h, out_w, k_h, k_w, stride_h, stride_w, pad_h, pad_w;
    int32_t act_min, act_max;
} max_pool_2d_t;

/* What lies outside the picture never wins. */
static int8_t max_pool_2d_one(const max_pool_2d_t *p, const int8_t *in, int32_t top, int32_t left)
{
    int32_t best = -128;

    for (int32_t row = top < 0 ? 0 : top; row < top + p->k_h && row < p->in_h; row++) {
        for (int32_t at = left < 0 ? 0 : left; at < left + p->k_w && at < p->in_w; at++) {
            const int32_t value = in[(row * p->in_w + at) * p->channels];
            best = value > best ? value : best;
        }
    }
    best = best < p->act_min ? p->act_min : best;
    return (int8_t)(best > p->act_max ? p->act_max : best);
}

KERNEL void max_pool_2d(const max_pool_2d_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t y = 0; y < p->out_h; y++) {
        for (int32_t x = 0; x < p->out_w; x++) {
            for (int32_t c = 0; c < p->channels; c++) {
                *out++ = max_pool_2d_one(p, in + c, y * p->stride_h - p->pad_h,
                                         x * p->stride_w - p->pad_w);
            }
        }
    }
}
