/* sums += a column times four channels, whose words lie beside each other; each sum times 256. */
static inline void lanes_channels(const int8_t *column, const int32_t *w, int32_t words,
                                  int32_t sums[4])
{
    for (; words > 0; words--, column += 8) {
        const int32_t odd = lanes_load(column), mixed = lanes_load(column + 4);
        for (int i = 0; i < 4; i++, w++) {
            sums[i] = lanes_mac(*w, odd, sums[i]);
            sums[i] = lanes_mac(lanes_even(*w), mixed, sums[i]);
        }
    }
}
