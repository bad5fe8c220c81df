typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t depth, channels, out_stride, out_zero_point, act_min, act_max;
} gemm_t;
