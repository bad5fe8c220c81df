typedef struct {
    int32_t in_h, in_w, channels, out_h, out_w, scale_h, scale_w, half_pixel;
} resize_bilinear_t;

/* A position in 1/1024 of an input pixel: the pixels on both sides, and how far from the first. */
typedef struct {
    int32_t low, high, part;
} resize_bilinear_at;

static resize_bilinear_at resize_bilinear_place(int32_t at, int32_t scale, int32_t half_pixel,
                                                int32_t side)
{
    const int32_t place = at * scale + (half_pixel ? scale / 2 - 512 : 0);
    const int32_t low = place / 1024, high = (place + 1023) / 1024;
    resize_bilinear_at found;

    found.low = low > 0 ? low : 0;
    found.high = high < side - 1 ? high : side - 1;
    found.part = place - 1024 * found.low;
    return found;
}

KERNEL void resize_bilinear(const resize_bilinear_t *p, const int8_t *in, int8_t *out)
{
    const int32_t depth = p->channels, width = p->in_w * depth;

    for (int32_t y = 0; y < p->out_h; y++) {
        const resize_bilinear_at v = resize_bilinear_place(y, p->scale_h, p->half_pixel, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const resize_bilinear_at h = resize_bilinear_place(x, p->scale_w, p->half_pixel, p->in_w);
            for (int32_t c = 0; c < depth; c++) {
                const int8_t *const low = in + v.low * width + c, *const high = in + v.high * width + c;
                const int64_t top = (int64_t)low[h.low * depth] * (1024 - h.part) +
                                    (int64_t)low[h.high * depth] * h.part;
                const int64_t bottom = (int64_t)high[h.low * depth] * (1024 - h.part) +
                                       (int64_t)high[h.high * depth] * h.part;
                const int64_t sum = top * (1024 - v.part) + bottom * v.part;
                *out++ = (int8_t)((sum + (sum > 0 ? 524288 : -524288)) / 1048576);
            }
        }
    }
}
