/* Normalise, add, activate and sum a block of pixels for one lane after another. */

INLINE void W(write)(T *to, V value, int streams) {
    if (streams)
        W(stream)(to, value);
    else
        W(store)(to, value);
}

/* name: an activation; adds: whether there is an addend */
INLINE void W(activate_block)(const activation_task *task, block pixels, int64_t lanes, int adds,
                              V (*function)(V, T, V *)) {
    const T *const *numbers = task->numbers;
    for (int64_t lane = 0; lane < lanes; lane += LANES) {
        if (lane + LANES > lanes)
            lane = lanes - LANES;
        V number[NUMBERS], sums[SUMS] = {{0}};
        for (int i = 0; i < (adds ? NUMBERS : NUMBERS / 2); i++)
            number[i] = W(load)(numbers[i] + lane * task->step[i]);
        for (int64_t row = 0; row < pixels.rows; row++)
            for (int64_t column = 0; column < pixels.columns; column++) {
                int64_t at = lane + row * pixels.row_step + column * pixels.column_step;
                __builtin_prefetch(task->y + at + pixels.ahead, 0, 2);
                if (adds)
                    __builtin_prefetch(task->addend + at + pixels.ahead, 0, 2);
                V x = (W(load)(task->y + at) - number[0]) * number[1], z = x * number[2] + number[3], slope;
                if (adds) {
                    V x2 = (W(load)(task->addend + at) - number[4]) * number[5];
                    z += x2 * number[6] + number[7];
                    V a = function(z, task->parameter, &slope);
                    sums[2] += slope * x2;
                    sums[4] += x2;
                    sums[5] += a;
                    W(write)(task->a + at, a, task->streams);
                } else {
                    V a = function(z, task->parameter, &slope);
                    sums[5] += a;
                    W(write)(task->a + at, a, task->streams);
                }
                sums[0] += slope;
                sums[1] += slope * x;
                sums[3] += x;
            }
        if (task->opened)
            W(store_bytes)(task->opened + lane, sums[0]);
        for (int i = 0; i < SUMS; i++)
            if (task->sums[i])
                W(write)(task->sums[i] + lane, sums[i] * task->scale, task->streams_sums);
    }
}

#define ACTIVATE(KIND)                                                                                                 \
    static void W(activate_##KIND)(const activation_task *task, block pixels, int64_t lanes) {                         \
        if (task->addend)                                                                                              \
            W(activate_block)(task, pixels, lanes, 1, W(KIND));                                                        \
        else                                                                                                           \
            W(activate_block)(task, pixels, lanes, 0, W(KIND));                                                        \
    }
ACTIVATE(identity)
ACTIVATE(relu)
ACTIVATE(relu6)
ACTIVATE(leaky_relu)
ACTIVATE(silu)
ACTIVATE(gelu)
ACTIVATE(gelu_tanh)
ACTIVATE(hardswish)
ACTIVATE(hardsigmoid)
#undef ACTIVATE

/* in the order of KINDS in passes/activation.py */
static void (*const W(activate_kinds)[])(const activation_task *, block, int64_t) = {
    W(activate_identity), W(activate_relu),      W(activate_relu6),     W(activate_leaky_relu),  W(activate_silu),
    W(activate_gelu),     W(activate_gelu_tanh), W(activate_hardswish), W(activate_hardsigmoid),
};
