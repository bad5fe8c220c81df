typedef struct {
    copy_t copy;
    const int8_t *table;
} copy_table_t;

KERNEL void copy_table(const copy_table_t *p, const int8_t *in, int8_t *out)
{
    copy_rows(&p->copy, in, out, p->table);
}
