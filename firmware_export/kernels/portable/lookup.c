typedef struct {
    const int8_t *table;
    int32_t count;
} lookup_t;

/* Every function of one byte. */
KERNEL void lookup(const lookup_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t n = 0; n < p->count; n++) {
        out[n] = p->table[in[n] + 128];
    }
}
