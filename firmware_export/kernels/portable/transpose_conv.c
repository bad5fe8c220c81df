typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t in_h, in_w, in_c, out_h, out_w, out_c, k_h, k_w, stride_h, stride_w, pad_h, pad_w;
    int32_t in_zero_point, weights_zero_point, out_zero_point, act_min, act_max;
} transpose_conv_t;

/* The sum of one output: every input pixel whose window covers it. */
static int32_t transpose_conv_sum(const transpose_conv_t *p, const int8_t *in, int32_t y, int32_t x,
                                  int32_t c)
{
    int32_t sum = 0;

    for (int32_t i = 0; i < p->k_h; i++) {
        const int32_t v = y + p->pad_h - i, row = v / p->stride_h;
        if (v < 0 || v % p->stride_h != 0 || row >= p->in_h) {
            continue;
        }
        for (int32_t j = 0; j < p->k_w; j++) {
            const int32_t h = x + p->pad_w - j, at = h / p->stride_w;
            if (h < 0 || h % p->stride_w != 0 || at >= p->in_w) {
                continue;
            }
            for (int32_t k = 0; k < p->in_c; k++) {
                sum += (in[(row * p->in_w + at) * p->in_c + k] - p->in_zero_point) *
                       (p->weights[((c * p->k_h + i) * p->k_w + j) * p->in_c + k] -
                        p->weights_zero_point);
            }
        }
    }
    return sum;
}

KERNEL void transpose_conv(const transpose_conv_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t y = 0; y < p->out_h; y++) {
        for (int32_t x = 0; x < p->out_w; x++) {
            for (int32_t c = 0; c < p->out_c; c++) {
                int32_t q = (int32_t)((uint32_t)p->bias[c] +
                                      (uint32_t)transpose_conv_sum(p, in, y, x, c));
                q = requantize_double(q, p->multiplier[c], p->shift[c]) + p->out_zero_point;
                q = q < p->act_min ? p->act_min : q;
                *out++ = (int8_t)(q > p->act_max ? p->act_max : q);
            }
        }
    }
}
