/* Copies in words: a small C library's memcpy may go byte by byte. */
static inline void copy_bytes(int8_t *to, const int8_t *from, int32_t count)
{
    for (; count >= 4; count -= 4, to += 4, from += 4) {
        memcpy(to, from, 4);
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
}

/* One row of the window; outside the picture lies the zero point. */
static void conv_2d_gather_row(const conv_2d_t *p, const int8_t *row, int8_t *column, int32_t left,
                               int32_t depth)
{
    if (p->groups == 1 && p->dilation_w == 1 && left >= 0 && left + p->k_w <= p->in_w) {
        copy_bytes(column, row + left * depth, p->k_w * depth);
        return;
    }
    for (int32_t j = 0; j < p->k_w; j++, left += p->dilation_w, column += depth) {
        if (left < 0 || left >= p->in_w) {
            memset(column, p->in_zero_point, (size_t)depth);
        } else {
            copy_bytes(column, row + left * p->in_c, depth);
        }
    }
}

/* The inputs under the window of one output pixel, for one group of channels. */
static void conv_2d_gather(const conv_2d_t *p, const int8_t *in, int8_t *column, int32_t top,
                           int32_t left)
{
    const int32_t depth = p->in_c / p->groups, width = p->k_w * depth;

    for (int32_t i = 0; i < p->k_h; i++, top += p->dilation_h, column += width) {
        if (top < 0 || top >= p->in_h) {
            memset(column, p->in_zero_point, (size_t)width);
        } else {
            conv_2d_gather_row(p, in + top * p->in_w * p->in_c, column, left, depth);
        }
    }
}
