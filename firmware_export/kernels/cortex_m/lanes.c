/* Four int8 as two pairs of int16 lanes, and the products of pairs. */
static inline int32_t lanes_load(const int8_t *p)
{
    int32_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

static inline int32_t lanes_even(int32_t word)
{
    int32_t pair;

    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(word));
    return pair;
}

static inline int32_t lanes_odd(int32_t word)
{
    int32_t pair;

    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}

static inline int32_t lanes_mac(int32_t a, int32_t b, int32_t sum)
{
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

static inline int32_t lanes_mac_low(int32_t a, int32_t b, int32_t sum)
{
    __asm__("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

static inline int32_t lanes_mac_high(int32_t a, int32_t b, int32_t sum)
{
    __asm__("smlatt %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}
