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

/* Scratch: a pixel. Backwards, the output may overlap the end of the input. */
KERNEL void depthwise_conv_2d(const depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                              int8_t *scratch)
{
    const int8_t *taps[DEPTHWISE_TAPS];
    const int32_t step = p->backward ? -1 : 1, pixels = p->out_h * p->out_w;
    int32_t x = p->backward ? p->out_w - 1 : 0, y = p->backward ? p->out_h - 1 : 0;

    memset(scratch, p->in_zero_point, (size_t)p->in_c);
    out += p->backward ? (pixels - 1) * p->out_c : 0;
    for (int32_t left_over = pixels; left_over > 0; left_over--, out += step * p->out_c) {
        int32_t c = 0;
        depthwise_taps(p, in, scratch, taps, y * p->stride_h - p->pad_h,
                       x * p->stride_w - p->pad_w);
        if (p->depth_multiplier == 1) {
            c = depthwise_block(p, taps, out, c);
        }
        depthwise_rest(p, taps, out, c);
        x += step;
        if (x < 0 || x >= p->out_w) {
            x = p->backward ? p->out_w - 1 : 0;
            y += step;
        }
    }
}
