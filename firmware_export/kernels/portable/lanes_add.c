typedef struct {
    int32_t count, multiplier0, multiplier1, multiplier_out, right0, right1, right_out;
    int32_t zero_point0, zero_point1, out_zero_point, act_min, act_max;
} lanes_add_t;

/* Rounds halves away from zero where it shifts. */
static inline int32_t lanes_addend(int32_t twice, int32_t multiplier, int32_t right)
{
    const int32_t half = (int32_t)((1u << right) >> 1);

    return lanes_high_mac(twice, multiplier, half + (half != 0 ? twice >> 31 : 0)) >> right;
}

/* Both sides have 20 fractional bits; what is doubled has one more. */
KERNEL void lanes_add(const lanes_add_t *p, const int8_t *in0, const int8_t *in1, int8_t *out)
{
    const int32_t m0 = p->multiplier0, m1 = p->multiplier1, m2 = p->multiplier_out;
    const int32_t right0 = p->right0, right1 = p->right1, right2 = p->right_out;
    const int32_t zero0 = p->zero_point0, zero1 = p->zero_point1;
    const int32_t start = (int32_t)((uint32_t)(2 * p->out_zero_point + 1) << (right2 - 1));
    const int32_t low = p->act_min, high = p->act_max;

    for (const int8_t *const end = in0 + p->count; in0 != end; in0++, in1++, out++) {
        const int32_t a = lanes_addend((*in0 - zero0) * (1 << 21), m0, right0);
        const int32_t sum = a + lanes_addend((*in1 - zero1) * (1 << 21), m1, right1);
        int32_t q = lanes_scale(sum * 2, m2, start + (sum >> 31), right2);
        q = q < low ? low : q;
        *out = (int8_t)(q > high ? high : q);
    }
}
