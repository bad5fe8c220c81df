typedef struct {
    int32_t dims[5], step0[5], step1[5];
    int8_t (*one)(const void *, int32_t, int32_t);
    const void *scales;
} elementwise_t;

static int8_t *elementwise_row(const elementwise_t *p, const int8_t *in0, const int8_t *in1,
                               int8_t *out)
{
    const int32_t a = p->step0[4], b = p->step1[4];

    for (int32_t n = 0; n < p->dims[4]; n++) {
        *out++ = p->one(p->scales, in0[n * a], in1[n * b]);
    }
    return out;
}

/* Two inputs, of which a step of 0 repeats one. */
KERNEL void elementwise(const elementwise_t *p, const int8_t *in0, const int8_t *in1, int8_t *out)
{
    const int32_t *const a = p->step0, *const b = p->step1;

    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                for (int32_t n = 0; n < p->dims[3]; n++) {
                    out = elementwise_row(p, in0 + (i * a[0] + j * a[1] + k * a[2] + n * a[3]),
                                          in1 + (i * b[0] + j * b[1] + k * b[2] + n * b[3]), out);
                }
            }
        }
    }
}
