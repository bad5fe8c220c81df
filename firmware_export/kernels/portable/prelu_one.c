typedef struct {
    int32_t multiplier, shift, multiplier_below, shift_below;
    int32_t zero_point0, zero_point1, out_zero_point;
} prelu_t;

/* `b` is the slope below the zero point. */
static int8_t prelu_one(const void *scales, int32_t a, int32_t b)
{
    const prelu_t *const p = (const prelu_t *)scales;
    int32_t q = a - p->zero_point0;

    if (q >= 0) {
        q = requantize_double(q, p->multiplier, (int)p->shift);
    } else {
        q = requantize_double(q * (b - p->zero_point1), p->multiplier_below, (int)p->shift_below);
    }
    q += p->out_zero_point;
    q = q < -128 ? -128 : q;
    return (int8_t)(q > 127 ? 127 : q);
}
