typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t in_h, in_w, in_c, out_h, out_w, out_c, depth_multiplier, k_h, k_w, taps;
    int32_t stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
    int32_t in_zero_point, out_zero_point, act_min, act_max, backward;
} depthwise_conv_2d_t;
