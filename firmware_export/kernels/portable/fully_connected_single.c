static int32_t fully_connected_requantize(int32_t x, int32_t multiplier, int shift)
{
    return requantize_single(x, multiplier, shift);
}
