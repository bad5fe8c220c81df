static inline int8_t depthwise_out(const depthwise_conv_2d_t *p, int32_t sum, int32_t c)
{
    int32_t q = requantize_channel(sum, p->multiplier[c], p->shift[c]) + p->out_zero_point;

    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}
