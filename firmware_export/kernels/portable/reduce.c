typedef struct {
    int32_t dims[5], step[5], over[5], over_step[5];
    int32_t offset, multiplier, shift, out_zero_point;
} reduce_t;

static int32_t reduce_sum(const reduce_t *p, const int8_t *in)
{
    const int32_t *const d = p->over, *const s = p->over_step;
    int32_t sum = 0;

    for (int32_t i = 0; i < d[0]; i++) {
        for (int32_t j = 0; j < d[1]; j++) {
            for (int32_t k = 0; k < d[2]; k++) {
                for (int32_t m = 0; m < d[3]; m++) {
                    for (int32_t n = 0; n < d[4]; n++) {
                        sum += in[i * s[0] + j * s[1] + k * s[2] + m * s[3] + n * s[4]];
                    }
                }
            }
        }
    }
    return sum;
}

/* The sum over some axes, scaled. */
static int8_t reduce_one(const reduce_t *p, const int8_t *in)
{
    int32_t q = reduce_sum(p, in) - p->offset;

    q = requantize_double(q, p->multiplier, (int)p->shift) + p->out_zero_point;
    q = q < -128 ? -128 : q;
    return (int8_t)(q > 127 ? 127 : q);
}

KERNEL void reduce(const reduce_t *p, const int8_t *in, int8_t *out)
{
    const int32_t *const d = p->dims, *const s = p->step;

    for (int32_t i = 0; i < d[0]; i++) {
        for (int32_t j = 0; j < d[1]; j++) {
            for (int32_t k = 0; k < d[2]; k++) {
                for (int32_t m = 0; m < d[3]; m++) {
                    for (int32_t n = 0; n < d[4]; n++) {
                        *out++ = reduce_one(p, in + (i * s[0] + j * s[1] + k * s[2] + m * s[3] + n * s[4]));
                    }
                }
            }
        }
    }
}
