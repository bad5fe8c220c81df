typedef conv_2d_t lanes_conv_2d_t;

/* The inputs under the window of one output pixel, of one group, as a column of int16. */
static void lanes_column(const conv_2d_t *p, const int8_t *in, int8_t *column, int8_t *bytes,
                         int32_t top, int32_t left)
{
    const int32_t width = p->k_w * p->in_c;

    if (width % 4 != 0 || p->dilation_w != 1 || left < 0 || left + p->k_w > p->in_w) {
        conv_2d_gather(p, in, bytes, top, left);
        (void)lanes_expand(column, bytes, p->gemm.depth / 4);
        return;
    }
    in += left * p->in_c;
    for (int32_t i = 0; i < p->k_h; i++, top += p->dilation_h) {
        if (top < 0 || top >= p->in_h) {
            memset(bytes, p->in_zero_point, (size_t)width);
            column = lanes_expand(column, bytes, width / 4);
        } else {
            column = lanes_expand(column, in + top * p->in_w * p->in_c, width / 4);
        }
    }
}

/* Scratch: four columns of int16, then one of bytes; what pads a column meets weights of 0. */
KERNEL void lanes_conv_2d(const lanes_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch)
{
    int8_t *const bytes = scratch + 8 * p->gemm.depth;
    int32_t x = 0, top = -p->pad_h, some;

    memset(bytes, 0, (size_t)p->gemm.depth);
    for (int32_t left = p->out_h * p->out_w; left > 0; left -= some) {
        some = left < 4 ? left : 4;
        for (int32_t i = 0; i < some; i++) {
            lanes_column(p, in, scratch + 8 * i, bytes, top, x * p->stride_w - p->pad_w);
            if (++x == p->out_w) {
                x = 0;
                top += p->stride_h;
            }
        }
        lanes_gemm(&p->gemm, scratch, some, out);
        out += some * p->out_c;
    }
}
