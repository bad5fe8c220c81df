KERNEL void add(const add_t *p, const int8_t *in0, const int8_t *in1, int8_t *out)
{
    for (int32_t n = 0; n < p->count; n++) {
        out[n] = add_element(p, in0[n], in1[n], 1);
    }
}
