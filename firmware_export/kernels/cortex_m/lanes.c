/* Four int8 in a word as two pairs of int16 lanes: values 0 and 2, values 1 and 3. */
static inline int32_t lanes_load(const int8_t *p)
{
    int32_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

static inline void lanes_store(int8_t *p, int32_t word)
{
    memcpy(p, &word, sizeof word);
}

static inline int32_t lanes_pack(int32_t low, int32_t high)
{
    return (int32_t)(((uint32_t)high << 16) | ((uint32_t)low & 0xffffu));
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

/* 256 * even - odd + 127 in each lane, which never leaves int16. */
static inline int32_t lanes_mix(int32_t even, int32_t odd)
{
    int32_t pair = (int32_t)(((uint32_t)even & 0xff00ffu) << 8);

    __asm__("ssub16 %0, %1, %2" : "=r"(odd) : "r"(0x7f007f), "r"(odd));
    __asm__("sadd16 %0, %0, %1" : "+r"(pair) : "r"(odd));
    return pair;
}

/* start + a * b / 2^32, halves up. */
static inline int32_t lanes_high_mac(int32_t a, int32_t b, int32_t start)
{
    int32_t sum;

    __asm__("smmlar %0, %1, %2, %3" : "=r"(sum) : "r"(a), "r"(b), "r"(start));
    return sum;
}

/* (start + twice * multiplier / 2^32, halves up) / 2^right, floored, as int8. */
static inline int32_t lanes_scale(int32_t twice, int32_t multiplier, int32_t start, int32_t right)
{
    int32_t q = lanes_high_mac(twice, multiplier, start) >> right;

    __asm__("ssat %0, #8, %0" : "+r"(q));
    return q;
}
