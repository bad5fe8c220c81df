typedef struct {
    int32_t count, value;
} fill_t;

KERNEL void fill(const fill_t *p, int8_t *out)
{
    memset(out, p->value, (size_t)p->count);
}
