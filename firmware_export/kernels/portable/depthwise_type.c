typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t in_h, in_w, in_c, out_h, out_w, out_c, depth_multiplier, k_h, k_w, taps;
    int32_t stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
    int32_t in_zero_point, out_zero_point, act_min, act_max, backward;
} depthwise_conv_2d_t;

static inline int8_t depthwise_out(const depthwise_conv_2d_t *p, int32_t sum, int32_t c)
{
    int32_t q = requantize_channel(sum, p->multiplier[c], p->shift[c]) + p->out_zero_point;

    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}
