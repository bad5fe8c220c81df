typedef struct {
    const int16_t *rows, *columns;
    int32_t in_w, channels, out_h, out_w;
} resize_nearest_t;

/* Which row and column each pixel is taken from. */
KERNEL void resize_nearest(const resize_nearest_t *p, const int8_t *in, int8_t *out)
{
    for (int32_t y = 0; y < p->out_h; y++) {
        for (int32_t x = 0; x < p->out_w; x++, out += p->channels) {
            memcpy(out, in + (p->rows[y] * p->in_w + p->columns[x]) * p->channels,
                   (size_t)p->channels);
        }
    }
}
