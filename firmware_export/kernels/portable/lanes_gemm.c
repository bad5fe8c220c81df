/* How sums become int8: 1 <= right <= 31. */
typedef struct {
    int32_t multiplier, start, right, low, high;
} lanes_scale_t;

static inline int32_t lanes_out(const lanes_scale_t *s, int32_t sum)
{
    return lanes_scale((int32_t)((uint32_t)sum << 1), s->multiplier, s->start + (sum >> 31),
                       s->right);
}

static inline int32_t lanes_clamp(const lanes_scale_t *s, int32_t q)
{
    q = q < s->low ? s->low : q;
    return q > s->high ? s->high : q;
}

/* Up to four columns of `depth` values times all channels. */
static void lanes_gemm(const gemm_t *p, const int8_t *columns, int32_t some, int8_t *out)
{
    const int32_t stride = p->out_stride, words = p->depth >> 2;
    const int clamps = p->act_min > -128 || p->act_max < 127;
    const int8_t *w = p->weights;

    for (int32_t c = 0; c < p->channels; c++, w += p->depth, out++) {
        const int32_t bias = p->bias[c], shift = p->shift[c];
        int32_t sums[4] = { bias, bias, bias, bias };
        lanes_scale_t s;
        lanes_pixels(columns, w, words, sums);
        s.multiplier = p->multiplier[c];
        s.start = (int32_t)((uint32_t)(2 * p->out_zero_point + 1) << ~shift);
        s.right = -shift;
        sums[0] = lanes_out(&s, sums[0]);
        sums[1] = lanes_out(&s, sums[1]);
        sums[2] = lanes_out(&s, sums[2]);
        sums[3] = lanes_out(&s, sums[3]);
        if (clamps) {
            s.low = p->act_min;
            s.high = p->act_max;
            sums[0] = lanes_clamp(&s, sums[0]);
            sums[1] = lanes_clamp(&s, sums[1]);
            sums[2] = lanes_clamp(&s, sums[2]);
            sums[3] = lanes_clamp(&s, sums[3]);
        }
        out[0] = (int8_t)sums[0];
        if (some == 4) {
            out[stride] = (int8_t)sums[1];
            out[2 * stride] = (int8_t)sums[2];
            out[3 * stride] = (int8_t)sums[3];
            continue;
        }
        if (some > 1) {
            out[stride] = (int8_t)sums[1];
        }
        if (some > 2) {
            out[2 * stride] = (int8_t)sums[2];
        }
    }
}
