/* Fixed point after gemmlowp: Qm.n has m integer and 31 - m fractional bits. */
static int32_t saturating_left(int32_t x, int bits)
{
    const int64_t wide = (int64_t)x * ((int64_t)1 << bits);

    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* exp(a) in Q0 for a in [-1/4, 0) in Q0: four terms of the series around -1/8. */
static int32_t exp_quarter(int32_t a)
{
    const int32_t x = a + ((int32_t)1 << 28);
    const int32_t x2 = high_mul(x, x), x3 = high_mul(x2, x);
    const int32_t x4_over_4 = rounding_shift(high_mul(x2, x2), 2);
    const int32_t tail = rounding_shift(high_mul(x4_over_4 + x3, 715827883) + x2, 1);

    return 1895147668 + high_mul(1895147668, x + tail);
}

/* exp(a) in Q0 for a <= 0 in Q5. */
static int32_t exp_negative(int32_t a)
{
    static const int32_t powers[7] = { 1672461947, 1302514674, 790015084, 290630308,
                                       39332535,   720401,     242 };
    const int32_t quarter = (int32_t)1 << 24;
    const int32_t part = (a & (quarter - 1)) - quarter;
    const int32_t rest = part - a;
    int32_t result = exp_quarter(saturating_left(part, 5));

    for (int i = 0; i < 7; i++) {
        if (rest & ((int32_t)1 << (24 + i))) {
            result = high_mul(result, powers[i]);
        }
    }
    return a == 0 ? INT32_MAX : result;
}

/* 1 / (1 + a) in Q0 for a in [0, 1) in Q0: three Newton steps. */
static int32_t reciprocal_of_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + high_mul(half, -1010580540);

    for (int i = 0; i < 3; i++) {
        x += saturating_left(high_mul(x, ((int32_t)1 << 29) - high_mul(half, x)), 2);
    }
    return saturating_left(x, 1);
}
