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

static inline int32_t lanes_low(int32_t pair)
{
    return (pair & 0xffff) - ((pair & 0x8000) << 1);
}

static inline int32_t lanes_high(int32_t pair)
{
    return pair >> 16;
}

static inline int32_t lanes_pack(int32_t low, int32_t high)
{
    return (int32_t)(((uint32_t)high << 16) | ((uint32_t)low & 0xffffu));
}

static inline int32_t lanes_even(int32_t word)
{
    const uint32_t w = (uint32_t)word;

    return lanes_pack((int8_t)(w & 0xffu), (int8_t)((w >> 16) & 0xffu));
}

static inline int32_t lanes_odd(int32_t word)
{
    const uint32_t w = (uint32_t)word;

    return lanes_pack((int8_t)((w >> 8) & 0xffu), (int8_t)(w >> 24));
}

static inline int32_t lanes_mac(int32_t a, int32_t b, int32_t sum)
{
    const int32_t low = lanes_low(a) * lanes_low(b), high = lanes_high(a) * lanes_high(b);

    return (int32_t)((uint32_t)sum + (uint32_t)low + (uint32_t)high);
}

/* 256 * even - odd + 127 in each lane, which never leaves int16. */
static inline int32_t lanes_mix(int32_t even, int32_t odd)
{
    return lanes_pack(256 * lanes_low(even) - lanes_low(odd) + 127,
                      256 * lanes_high(even) - lanes_high(odd) + 127);
}

/* start + a * b / 2^32, halves up. */
static inline int32_t lanes_high_mac(int32_t a, int32_t b, int32_t start)
{
    return start + (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
}

/* (start + twice * multiplier / 2^32, halves up) / 2^right, floored, as int8. */
static inline int32_t lanes_scale(int32_t twice, int32_t multiplier, int32_t start, int32_t right)
{
    const int32_t q = lanes_high_mac(twice, multiplier, start) >> right;

    return q < -128 ? -128 : q > 127 ? 127 : q;
}
