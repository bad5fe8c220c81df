typedef struct {
    int32_t dims[5], in_step[5], out_step[5];
} copy_t;

/* Table: what each byte becomes, from -128 on; NULL for what it is. */
static void copy_row(const copy_t *p, const int8_t *in, int8_t *out, const int8_t *table)
{
    const int32_t in_step = p->in_step[4], out_step = p->out_step[4];

    if (table == NULL && in_step == 1 && out_step == 1) {
        memcpy(out, in, (size_t)p->dims[4]);
        return;
    }
    for (int32_t n = 0; n < p->dims[4]; n++) {
        const int8_t value = in[n * in_step];
        out[n * out_step] = table == NULL ? value : table[value + 128];
    }
}

static void copy_rows(const copy_t *p, const int8_t *in, int8_t *out, const int8_t *table)
{
    const int32_t *const a = p->in_step, *const b = p->out_step;

    for (int32_t i = 0; i < p->dims[0]; i++) {
        for (int32_t j = 0; j < p->dims[1]; j++) {
            for (int32_t k = 0; k < p->dims[2]; k++) {
                for (int32_t n = 0; n < p->dims[3]; n++) {
                    copy_row(p, in + (i * a[0] + j * a[1] + k * a[2] + n * a[3]),
                             out + (i * b[0] + j * b[1] + k * b[2] + n * b[3]), table);
                }
            }
        }
    }
}
