/* sums += four columns times one channel; columns lie word by word beside each other. */
static inline void lanes_pixels(const int8_t *columns, const int8_t *w, int32_t words,
                                int32_t sums[4])
{
    for (; words > 0; words--, w += 4) {
        const int32_t word = lanes_load(w), even = lanes_even(word), odd = lanes_odd(word);
        for (int i = 0; i < 4; i++, columns += 8) {
            sums[i] = lanes_mac(lanes_load(columns), even, sums[i]);
            sums[i] = lanes_mac(lanes_load(columns + 4), odd, sums[i]);
        }
    }
}

/* One of the four columns out of bytes. */
static inline int8_t *lanes_expand(int8_t *column, const int8_t *from, int32_t words)
{
    for (; words > 0; words--, from += 4, column += 32) {
        const int32_t word = lanes_load(from);
        lanes_store(column, lanes_even(word));
        lanes_store(column + 4, lanes_odd(word));
    }
    return column;
}
