typedef struct {
    int32_t count, left_shift, multiplier0, multiplier1, multiplier_out, shift0, shift1, shift_out;
    int32_t zero_point0, zero_point1, out_zero_point, act_min, act_max;
} add_t;

/* Sign -1 subtracts. */
static inline int8_t add_element(const add_t *p, int32_t q0, int32_t q1, int32_t sign)
{
    const int32_t unit = (int32_t)1 << p->left_shift;
    const int32_t a = requantize_double((q0 - p->zero_point0) * unit, p->multiplier0, p->shift0);
    const int32_t b = requantize_double((q1 - p->zero_point1) * unit, p->multiplier1, p->shift1);
    int32_t q = requantize_double(a + sign * b, p->multiplier_out, p->shift_out) + p->out_zero_point;

    q = q < p->act_min ? p->act_min : q;
    return (int8_t)(q > p->act_max ? p->act_max : q);
}
