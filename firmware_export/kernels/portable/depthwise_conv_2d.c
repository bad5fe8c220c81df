typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t in_h, in_w, in_c, out_h, out_w, depth_multiplier, k_h, k_w;
    int32_t stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
    int32_t in_zero_point, out_zero_point, act_min, act_max;
} depthwise_conv_2d_t;

static int32_t depthwise_conv_2d_sum(const depthwise_conv_2d_t *p, const int8_t *in, int32_t top,
                                     int32_t left, int32_t c, int32_t out_c)
{
    int32_t sum = p->bias[out_c];

    for (int32_t i = 0; i < p->k_h; i++) {
        const int32_t row = top + i * p->dilation_h;
        if (row < 0 || row >= p->in_h) {
            continue;
        }
        for (int32_t j = 0; j < p->k_w; j++) {
            const int32_t at = left + j * p->dilation_w;
            if (at >= 0 && at < p->in_w) {
                const int32_t x = in[(row * p->in_w + at) * p->in_c + c] - p->in_zero_point;
                sum += x * p->weights[(i * p->k_w + j) * p->in_c * p->depth_multiplier + out_c];
            }
        }
    }
    return sum;
}

KERNEL void depthwise_conv_2d(const depthwise_conv_2d_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t y = 0; y < p->out_h; y++) {
        for (int32_t x = 0; x < p->out_w; x++) {
            for (int32_t c = 0; c < p->in_c * p->depth_multiplier; c++) {
                const int32_t sum = depthwise_conv_2d_sum(
                    p, in, y * p->stride_h - p->pad_h, x * p->stride_w - p->pad_w,
                    c / p->depth_multiplier, c);
                int32_t q = requantize_double(sum, p->multiplier[c], p->shift[c]);
                q += p->out_zero_point;
                q = q < p->act_min ? p->act_min : q;
                *out++ = (int8_t)(q > p->act_max ? p->act_max : q);
            }
        }
    }
}
