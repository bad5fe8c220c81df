/* Three outputs at a time, four values at a time in pairs of lanes; returns the first left. */
static int32_t fully_connected_block(const fully_connected_t *p, const int8_t *in, int8_t *out)
{
    const int32_t depth = p->depth;
    const int8_t *w = p->weights;
    int32_t c = 0;

    for (; c + 3 <= p->outs; c += 3, w += 2 * depth) {
        int32_t s0 = p->bias[c], s1 = p->bias[c + 1], s2 = p->bias[c + 2];
        const int8_t *x = in;
        for (const int8_t *const end = in + (depth & ~3); x != end; x += 4, w += 4) {
            const int32_t word = lanes_load(x), even = lanes_even(word), odd = lanes_odd(word);
            int32_t v = lanes_load(w);
            s0 = lanes_mac(even, lanes_even(v), s0);
            s0 = lanes_mac(odd, lanes_odd(v), s0);
            v = lanes_load(w + depth);
            s1 = lanes_mac(even, lanes_even(v), s1);
            s1 = lanes_mac(odd, lanes_odd(v), s1);
            v = lanes_load(w + 2 * depth);
            s2 = lanes_mac(even, lanes_even(v), s2);
            s2 = lanes_mac(odd, lanes_odd(v), s2);
        }
        for (int32_t k = depth & 3; k > 0; k--, x++, w++) {
            s0 += x[0] * w[0];
            s1 += x[0] * w[depth];
            s2 += x[0] * w[2 * depth];
        }
        out[c] = fully_connected_out(p, s0, c);
        out[c + 1] = fully_connected_out(p, s1, c + 1);
        out[c + 2] = fully_connected_out(p, s2, c + 2);
    }
    return c;
}
