typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t depth, channels, out_stride, out_zero_point, act_min, act_max;
} gemm_t;

static inline int8_t gemm_out(const gemm_t *p, int32_t sum, int32_t c)
{
    int32_t q = requantize_channel(sum, p->multiplier[c], p->shift[c]) + p->out_zero_point;

    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}
