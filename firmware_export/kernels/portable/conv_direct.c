typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t in_h, in_w, in_c, out_h, out_w, out_c, k_h, k_w, depth, multiple;
    int32_t stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
    int32_t in_zero_point, weights_zero_point, out_zero_point, act_min, act_max;
    int32_t (*requantize)(int32_t, int32_t, int);
} conv_direct_t;

/* Weights with a zero point of their own: `multiple` outputs share `depth` input channels. */
static int32_t conv_direct_sum(const conv_direct_t *p, const int8_t *in, const int8_t *w,
                               int32_t top, int32_t left)
{
    int32_t sum = 0;

    for (int32_t i = 0; i < p->k_h; i++) {
        for (int32_t j = 0; j < p->k_w; j++, w += p->depth) {
            const int32_t row = top + i * p->dilation_h, at = left + j * p->dilation_w;
            if (row < 0 || row >= p->in_h || at < 0 || at >= p->in_w) {
                continue;
            }
            for (int32_t k = 0; k < p->depth; k++) {
                sum += (in[(row * p->in_w + at) * p->in_c + k] - p->in_zero_point) *
                       (w[k] - p->weights_zero_point);
            }
        }
    }
    return sum;
}

KERNEL void conv_direct(const conv_direct_t *p, const int8_t *in, int8_t *out)
{
    const int32_t window = p->k_h * p->k_w * p->depth;

    for (int32_t y = 0; y < p->out_h; y++) {
        for (int32_t x = 0; x < p->out_w; x++) {
            for (int32_t c = 0; c < p->out_c; c++) {
                int32_t q = conv_direct_sum(p, in + c / p->multiple * p->depth, p->weights + c * window,
                                            y * p->stride_h - p->pad_h, x * p->stride_w - p->pad_w);
                q = (int32_t)((uint32_t)q + (uint32_t)p->bias[c]);
                q = p->requantize(q, p->multiplier[c], p->shift[c]) + p->out_zero_point;
                q = q < p->act_min ? p->act_min : q;
                *out++ = (int8_t)(q > p->act_max ? p->act_max : q);
            }
        }
    }
}
