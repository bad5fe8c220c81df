/* Where each tap of a window lies; outside the picture it is `outside`, a pixel of zero points. */
static void depthwise_taps(const depthwise_conv_2d_t *p, const int8_t *in, const int8_t *outside,
                           const int8_t **taps, int32_t top, int32_t left)
{
    for (int32_t i = 0; i < p->k_h; i++, top += p->dilation_h) {
        int32_t at = left;
        for (int32_t j = 0; j < p->k_w; j++, at += p->dilation_w) {
            const int inside = top >= 0 && top < p->in_h && at >= 0 && at < p->in_w;
            *taps++ = inside ? in + (top * p->in_w + at) * p->in_c : outside;
        }
    }
}

static void depthwise_rest(const depthwise_conv_2d_t *p, const int8_t *const *taps, int8_t *out,
                           int32_t c)
{
    for (; c < p->out_c; c++) {
        int32_t sum = p->bias[c];
        for (int32_t t = 0; t < p->taps; t++) {
            sum += (int32_t)taps[t][c / p->depth_multiplier] * p->weights[t * p->out_c + c];
        }
        out[c] = depthwise_out(p, sum, c);
    }
}

/* Scratch: a pointer for each tap, then a pixel. */
KERNEL void depthwise_conv_2d(const depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                              const int8_t **scratch)
{
    int8_t *const outside = (int8_t *)(scratch + p->taps);

    memset(outside, p->in_zero_point, (size_t)p->in_c);
    for (int32_t y = 0; y < p->out_h; y++) {
        for (int32_t x = 0; x < p->out_w; x++, out += p->out_c) {
            int32_t c = 0;
            depthwise_taps(p, in, outside, scratch, y * p->stride_h - p->pad_h,
                           x * p->stride_w - p->pad_w);
            if (p->depth_multiplier == 1) {
                c = depthwise_block(p, scratch, out, c);
            }
            depthwise_rest(p, scratch, out, c);
        }
    }
}
