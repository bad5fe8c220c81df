typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t rows, depth, outs, per_channel, out_zero_point, act_min, act_max;
} fully_connected_t;

static inline int8_t fully_connected_out(const fully_connected_t *p, int32_t sum, int32_t channel)
{
    const int32_t c = p->per_channel ? channel : 0;
    int32_t q = fully_connected_requantize(sum, p->multiplier[c], p->shift[c]) + p->out_zero_point;

    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}
