static int32_t fully_connected_requantize(int32_t x, int32_t multiplier, int shift)
{
    return requantize_double(x, multiplier, shift);
}
