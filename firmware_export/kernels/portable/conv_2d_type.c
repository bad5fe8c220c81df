typedef struct {
    int32_t in_h, in_w, in_c, out_h, out_w, out_c, k_h, k_w, groups;
    int32_t stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w, in_zero_point;
    gemm_t gemm;
} conv_2d_t;
