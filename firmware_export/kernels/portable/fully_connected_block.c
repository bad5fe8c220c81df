/* Four outputs at a time share each input byte; returns the first that is left. */
static int32_t fully_connected_block(const fully_connected_t *p, const int8_t *in, int8_t *out)
{
    const int32_t depth = p->depth;
    const int8_t *w = p->weights;
    int32_t c = 0;

    for (; c + 4 <= p->outs; c += 4, w += 3 * depth) {
        int32_t s0 = p->bias[c], s1 = p->bias[c + 1], s2 = p->bias[c + 2], s3 = p->bias[c + 3];
        for (const int8_t *x = in, *const end = in + depth; x != end; x++, w++) {
            const int32_t v = x[0];
            s0 += v * w[0];
            s1 += v * w[depth];
            s2 += v * w[2 * depth];
            s3 += v * w[3 * depth];
        }
        out[c] = fully_connected_out(p, s0, c);
        out[c + 1] = fully_connected_out(p, s1, c + 1);
        out[c + 2] = fully_connected_out(p, s2, c + 2);
        out[c + 3] = fully_connected_out(p, s3, c + 3);
    }
    return c;
}
