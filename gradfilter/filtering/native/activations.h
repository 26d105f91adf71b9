/* Activations on vectors: value and derivative, at the kinks as PyTorch's backward passes have them. */

#define VU W(unsigned_integers)
typedef UNSIGNED VU __attribute__((vector_size(WIDTH)));
#define ONE W(all)(1)

INLINE V W(exponential)(V x) {
    x = W(choose)(x < EXP_LOW, W(all)(EXP_LOW), W(choose)(x > EXP_HIGH, W(all)(EXP_HIGH), x));
    V rounded = x * LOG2_E + ROUNDING, power = rounded - ROUNDING;
    V rest = x - power * LN2_HIGH - power * LN2_LOW, sum = W(all)(EXP_SERIES[0]);
    for (unsigned i = 1; i < sizeof(EXP_SERIES) / sizeof(T); i++)
        sum = sum * rest + EXP_SERIES[i];
    return (V)((VU)sum + ((VU)rounded << MANTISSA_BITS)); /* times 2^power */
}

INLINE V W(sigmoid)(V z) {
    V size = W(choose)(z < 0, -z, z), small = W(exponential)(-size), reciprocal = 1 / (1 + small);
    return W(choose)(z < 0, small * reciprocal, reciprocal);
}

INLINE V W(identity)(V z, T parameter, V *slope) {
    (void)parameter;
    *slope = ONE;
    return z;
}

INLINE V W(relu)(V z, T parameter, V *slope) {
    (void)parameter;
    *slope = W(where)(z > 0, ONE);
    return W(choose)(z <= 0, (V){0}, z);
}

INLINE V W(relu6)(V z, T parameter, V *slope) {
    (void)parameter;
    *slope = W(where)((z > 0) & (z < 6), ONE);
    return W(choose)(z <= 0, (V){0}, W(choose)(z >= 6, W(all)(6), z));
}

INLINE V W(leaky_relu)(V z, T parameter, V *slope) {
    *slope = W(choose)(z > 0, ONE, W(all)(parameter));
    return W(choose)(z > 0, z, z * parameter);
}

INLINE V W(silu)(V z, T parameter, V *slope) {
    (void)parameter;
    V sigmoid = W(sigmoid)(z);
    *slope = sigmoid * (1 + z * (1 - sigmoid));
    return z * sigmoid;
}

INLINE V W(gelu)(V z, T parameter, V *slope) {
    (void)parameter;
    V size = W(choose)(z < 0, -z, z);
    size = W(choose)(size > TAIL_END, W(all)(TAIL_END), size);
    V bell = W(exponential)(size * size * (T)-0.5), t = 1 / (1 + (T)0.3 * size), u = t * TAIL_SCALE - TAIL_SHIFT;
    V sum = W(all)(TAIL[0]);
    for (unsigned i = 1; i < sizeof(TAIL) / sizeof(T); i++)
        sum = sum * u + TAIL[i];
    V tail = bell * t * sum, share = W(choose)(z < 0, tail, 1 - tail);
    *slope = share + z * bell * (T)0.398942280401432677940;
    return z * share;
}

INLINE V W(gelu_tanh)(V z, T parameter, V *slope) {
    (void)parameter;
    const T scale = (T)1.59576912160573071176,
            cubic = (T)0.044715; /* 2 √(2/π); (1 + tanh x) / 2 is the sigmoid of 2 x */
    V square = z * z, sigmoid = W(sigmoid)(scale * z * (1 + cubic * square));
    *slope = sigmoid + z * sigmoid * (1 - sigmoid) * scale * (1 + 3 * cubic * square);
    return z * sigmoid;
}

INLINE V W(hardswish)(V z, T parameter, V *slope) {
    (void)parameter;
    V share = z / 6 + (T)0.5, inner = z / 3 + (T)0.5;
    *slope = W(choose)(z <= -3, (V){0}, W(choose)(z >= 3, ONE, inner));
    return W(choose)(z <= -3, (V){0}, W(choose)(z >= 3, z, z * share));
}

INLINE V W(hardsigmoid)(V z, T parameter, V *slope) {
    (void)parameter;
    *slope = W(where)((z > -3) & (z < 3), W(all)((T)0.1666666716337204)); /* PyTorch's sixth is float32's */
    return W(choose)(z <= -3, (V){0}, W(choose)(z >= 3, ONE, z / 6 + (T)0.5));
}
