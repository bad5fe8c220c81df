KERNEL void fully_connected(const fully_connected_t *p, const int8_t *in, int8_t *out)
{
    const int32_t depth = p->depth;

    for (int32_t row = 0; row < p->rows; row++, in += depth, out += p->outs) {
        int32_t c = fully_connected_block(p, in, out);
        for (const int8_t *w = p->weights + c * depth; c < p->outs; c++, w += depth) {
            int32_t sum = p->bias[c];
            for (int32_t k = 0; k < depth; k++) {
                sum += (int32_t)in[k] * w[k];
            }
            out[c] = fully_connected_out(p, sum, c);
        }
    }
}
