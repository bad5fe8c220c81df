KERNEL void copy(const copy_t *p, const int8_t *in, int8_t *out)
{
    copy_rows(p, in, out, NULL);
}
