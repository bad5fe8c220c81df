typedef struct {
    int32_t in_h, in_w, channels, out_h, out_w, k_h, k_w, stride_h, stride_w, pad_h, pad_w;
    int32_t offset, act_min, act_max;
} average_pool_2d_t;

static int8_t average_pool_2d_one(const average_pool_2d_t *p, const int8_t *in, int32_t top,
                                  int32_t left)
{
    int32_t sum = 0, count = 0, q;

    for (int32_t row = top < 0 ? 0 : top; row < top + p->k_h && row < p->in_h; row++) {
        for (int32_t at = left < 0 ? 0 : left; at < left + p->k_w && at < p->in_w; at++) {
            sum += in[(row * p->in_w + at) * p->channels] + p->offset;
            count++;
        }
    }
    q = sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
    q -= p->offset;
    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}

KERNEL void average_pool_2d(const average_pool_2d_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t y = 0; y < p->out_h; y++) {
        for (int32_t x = 0; x < p->out_w; x++) {
            for (int32_t c = 0; c < p->channels; c++) {
                *out++ = average_pool_2d_one(p, in + c, y * p->stride_h - p->pad_h,
                                             x * p->stride_w - p->pad_w);
            }
        }
    }
}
