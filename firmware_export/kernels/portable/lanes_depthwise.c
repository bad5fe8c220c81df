typedef depthwise_conv_2d_t lanes_depthwise_t;

/* Of four channels: twice the bias, three numbers for each to scale by, twice the weights. */
typedef struct {
    int32_t bias[4], scale[12];
    int8_t weights[72];
} lanes_group_t;

static void lanes_group(const lanes_depthwise_t *p, lanes_group_t *group, int32_t c)
{
    for (int32_t i = 0; i < 4; i++) {
        const int32_t shift = p->shift[c + i];
        group->bias[i] = (int32_t)((uint32_t)p->bias[c + i] << 1);
        group->scale[3 * i] = p->multiplier[c + i];
        group->scale[3 * i + 1] = (int32_t)((uint32_t)(2 * p->out_zero_point + 1) << ~shift);
        group->scale[3 * i + 2] = -shift;
    }
    for (int32_t tap = 0; tap < 9; tap++) {
        const int32_t word = lanes_load(p->weights + tap * p->out_c + c);
        lanes_store(group->weights + 8 * tap, lanes_double(lanes_even(word)));
        lanes_store(group->weights + 8 * tap + 4, lanes_double(lanes_odd(word)));
    }
}

/* A row of the picture as lanes, with its padding; `y` may lie outside. */
static void lanes_row(const lanes_depthwise_t *p, const int8_t *in, int8_t *row, int32_t y,
                      int32_t columns)
{
    const int32_t outside = lanes_pack(p->in_zero_point, p->in_zero_point);
    const int32_t width = y < 0 || y >= p->in_h ? 0 : p->in_w;
    const int32_t last = p->pad_w + width < columns ? p->pad_w + width : columns;
    int32_t x = 0;

    for (; x < p->pad_w; x++, row += 8) {
        lanes_store(row, outside);
        lanes_store(row + 4, outside);
    }
    for (in += y * p->in_w * p->in_c; x < last; x++, row += 8, in += p->in_c) {
        const int32_t word = lanes_load(in);
        lanes_store(row, lanes_even(word));
        lanes_store(row + 4, lanes_odd(word));
    }
    for (; x < columns; x++, row += 8) {
        lanes_store(row, outside);
        lanes_store(row + 4, outside);
    }
}

static void lanes_depthwise_row(const lanes_depthwise_t *p, const lanes_group_t *group,
                                const int8_t *const rows[3], int8_t *out)
{
    const int8_t *top = rows[0], *middle = rows[1], *bottom = rows[2];
    const int clamps = p->act_min > -128 || p->act_max < 127;
    const int32_t step = 8 * p->stride_w;

    for (const int8_t *const end = out + p->out_w * p->out_c; out != end; out += p->out_c) {
        int32_t sums[4] = { group->bias[0], group->bias[1], group->bias[2], group->bias[3] };
        const int8_t *w = lanes_taps(top, group->weights, sums);
        w = lanes_taps(middle, w, sums);
        (void)lanes_taps(bottom, w, sums);
        out[0] = (int8_t)lanes_scale_next(group->scale, sums[0]);
        out[1] = (int8_t)lanes_scale_next(group->scale + 3, sums[1]);
        out[2] = (int8_t)lanes_scale_next(group->scale + 6, sums[2]);
        out[3] = (int8_t)lanes_scale_next(group->scale + 9, sums[3]);
        for (int i = 0; clamps && i < 4; i++) {
            out[i] = out[i] < p->act_min ? (int8_t)p->act_min : out[i];
            out[i] = out[i] > p->act_max ? (int8_t)p->act_max : out[i];
        }
        top += step;
        middle += step;
        bottom += step;
    }
}

/* A window of 3x3; scratch: a ring of three rows of four channels as lanes. */
KERNEL void lanes_depthwise(const lanes_depthwise_t *p, const int8_t *in, int8_t *out,
                            int8_t *scratch)
{
    const int32_t columns = (p->out_w - 1) * p->stride_w + 3;
    lanes_group_t group;

    for (int32_t c = 0; c < p->out_c; c += 4) {
        int32_t filled = 0; /* rows, counted from the padding's first */
        lanes_group(p, &group, c);
        for (int32_t y = 0; y < p->out_h; y++) {
            const int8_t *rows[3];
            for (int32_t i = 0; i < 3; i++) {
                const int32_t row = y * p->stride_h + i;
                int8_t *const slot = scratch + row % 3 * columns * 8;
                if (row >= filled) {
                    lanes_row(p, in + c, slot, row - p->pad_h, columns);
                    filled = row + 1;
                }
                rows[i] = slot;
            }
            lanes_depthwise_row(p, &group, rows, out + y * p->out_w * p->out_c + c);
        }
    }
}
