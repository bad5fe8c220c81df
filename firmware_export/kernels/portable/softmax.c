typedef struct {
    int32_t rows, depth, multiplier, left_shift, diff_min;
} softmax_t;

static int32_t softmax_exp(const softmax_t *p, int32_t diff)
{
    return exp_negative(high_mul(diff * ((int32_t)1 << p->left_shift), p->multiplier));
}

static void softmax_row(const softmax_t *p, const int8_t *in, int8_t *out)
{
    int32_t top = -128, sum = 0, scale, headroom = 0;
    uint32_t shifted;

    for (int32_t c = 0; c < p->depth; c++) {
        top = in[c] > top ? in[c] : top;
    }
    for (int32_t c = 0; c < p->depth; c++) {
        if (in[c] - top >= p->diff_min) {
            sum += rounding_shift(softmax_exp(p, in[c] - top), 12);
        }
    }
    for (shifted = (uint32_t)sum; !(shifted & 0x80000000u); shifted <<= 1) {
        headroom++;
    }
    scale = reciprocal_of_one_plus((int32_t)(shifted - 0x80000000u));
    for (int32_t c = 0; c < p->depth; c++) {
        int32_t q = -128;
        if (in[c] - top >= p->diff_min) {
            q += rounding_shift(high_mul(scale, softmax_exp(p, in[c] - top)), 12 - headroom + 23);
        }
        out[c] = (int8_t)(q > 127 ? 127 : q);
    }
}

KERNEL void softmax(const softmax_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, in + row * p->depth, out + row * p->depth);
    }
}
