typedef struct {
    int32_t outer, depth, inner, sign;
} arg_max_int64_t;

/* The first of the greatest along an axis; sign -1 for the least. */
KERNEL void arg_max_int64(const arg_max_int64_t *p, const int8_t *in, int64_t *out)
{
    for (int32_t n = 0; n < p->outer; n++, in += p->depth * p->inner) {
        for (int32_t i = 0; i < p->inner; i++) {
            int32_t best = 0;
            for (int32_t k = 1; k < p->depth; k++) {
                if (p->sign * in[k * p->inner + i] > p->sign * in[best * p->inner + i]) {
                    best = k;
                }
            }
            *out++ = best;
        }
    }
}
