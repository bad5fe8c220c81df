typedef struct {
    int32_t count, left_shift, multiplier0, multiplier1, multiplier_out, shift0, shift1, shift_out;
    int32_t zero_point0, zero_point1, out_zero_point, act_min, act_max;
} add_t;

KERNEL void add(const add_t *p, const int8_t *in0, const int8_t *in1, int8_t *out)
{
    const int32_t unit = (int32_t)1 << p->left_shift;

    for (int32_t n = 0; n < p->count; n++) {
        const int32_t a = requantize_double((in0[n] - p->zero_point0) * unit, p->multiplier0, p->shift0);
        const int32_t b = requantize_double((in1[n] - p->zero_point1) * unit, p->multiplier1, p->shift1);
        int32_t q = requantize_double(a + b, p->multiplier_out, p->shift_out) + p->out_zero_point;
        q = q < p->act_min ? p->act_min : q;
        out[n] = (int8_t)(q > p->act_max ? p->act_max : q);
    }
}
