static int8_t add_one(const void *p, int32_t a, int32_t b)
{
    return add_element((const add_t *)p, a, b, 1);
}
