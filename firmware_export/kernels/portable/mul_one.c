typedef struct {
    int32_t multiplier, shift, zero_point0, zero_point1, out_zero_point, act_min, act_max;
} mul_t;

static int8_t mul_one(const void *scales, int32_t a, int32_t b)
{
    const mul_t *const p = (const mul_t *)scales;
    int32_t q = (a - p->zero_point0) * (b - p->zero_point1);

    q = requantize_double(q, p->multiplier, (int)p->shift) + p->out_zero_point;
    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}
