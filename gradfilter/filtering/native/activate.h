/* The fused forward pass over a map: a, and what is wanted of the averages over patches. */

/* numbers of one map: mean, rstd, weight, bias of every channel; where there are none, those that change nothing */
static const T NOTHING[] = {0, 1, 1, 0};

static int are_all_lines(T *const *sums, int64_t lanes) {
    int all = 1;
    for (int k = 0; k < SUMS; k++)
        all = all && are_lines(sums[k], lanes);
    return all;
}

/* Steps over so many pixels, or lanes that share their numbers. */
static void advance(activation_task *task, int64_t pixels) {
    task->y += pixels;
    task->a += pixels;
    if (task->addend)
        task->addend += pixels;
}

/* A block of pixels. Where it is written over, no vector may overlap the one before: narrower ones take the rest. */
static void activate_lanes(const activation_task *task, block pixels, int64_t lanes, int64_t kind) {
    int64_t together = WIDEST_FOR(lanes_of, lanes), now = task->a == task->y ? lanes - lanes % together : lanes;
    WIDEST_FOR(activate_kinds, lanes)[kind](task, pixels, now);
    if (now < lanes) {
        activation_task rest = *task;
        advance(&rest, now);
        for (int i = 0; i < NUMBERS; i++)
            rest.numbers[i] += rest.step[i] * now;
        for (int k = 0; k < SUMS; k++)
            rest.sums[k] += rest.sums[k] ? now : 0;
        rest.opened += rest.opened ? now : 0;
        activate_lanes(&rest, pixels, lanes - now, kind);
    }
}

static void activate_last(activation_task whole, T *const *out, int64_t images, int64_t channels, axis rows,
                          axis columns, int64_t kind, int threads) {
    T nothing[NUMBERS][WIDEST / sizeof(T)];
    for (int i = 0; i < NUMBERS; i++)
        for (unsigned k = 0; k < WIDEST / sizeof(T); k++)
            nothing[i][k] = NOTHING[i % 4];
    for (int i = 0; i < NUMBERS; i++) {
        whole.step[i] = whole.numbers[i] != 0;
        whole.numbers[i] = whole.numbers[i] ? whole.numbers[i] : nothing[i];
    }
    whole.streams = whole.a != whole.y && are_lines(whole.a, channels);
    whole.streams_sums = are_all_lines(out, channels);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for collapse(2) schedule(static) nowait
        for (int64_t n = 0; n < images; n++)
            for (int64_t i = 0; i < rows.patches; i++)
                for (int64_t j = 0; j < columns.patches; j++) {
                    activation_task task = whole;
                    block pixels = {rows.starts[i + 1] - rows.starts[i], columns.pixels * channels,
                                    columns.starts[j + 1] - columns.starts[j], channels, AHEAD};
                    int64_t pixel = ((n * rows.pixels + rows.starts[i]) * columns.pixels + columns.starts[j]) * channels;
                    int64_t patch = ((n * rows.patches + i) * columns.patches + j) * channels;
                    task.y += pixel;
                    task.a += pixel;
                    if (task.addend)
                        task.addend += pixel;
                    for (int k = 0; k < SUMS; k++)
                        task.sums[k] = out[k] ? out[k] + patch : 0;
                    task.opened += task.opened ? patch : 0;
                    activate_lanes(&task, pixels, channels, kind);
                }
        STREAMED();
    }
}

/* One row of patches of one plane, whatever its patches are: columns are the lanes, their sums are folded into patches.
 */
static void activate_row(activation_task task, T *const *out, int64_t kind, block pixels, const axis *columns) {
    T sums[SUMS][ROW];
    for (int k = 0; k < SUMS; k++) {
        task.sums[k] = out[k] ? sums[k] : 0;
        if (out[k])
            memset(out[k], 0, columns->patches * sizeof(T));
    }
    for (int64_t begin = 0, patch = 0; begin < columns->pixels;) {
        int64_t end = stretch_end(columns, begin, patch), length = end - begin, next = patch;
        activate_lanes(&task, pixels, length, kind);
        for (int k = 0; k < SUMS; k++)
            if (out[k])
                next = fold(sums[k], begin, end, patch, columns, out[k]);
        advance(&task, length);
        patch = next;
        begin = end;
    }
}

/* count rows of patches, from row i on, of a plane whose columns can be padded */
static void activate_rows(activation_task task, T *const *out, int64_t kind, int64_t i, int64_t count, const axis *rows,
                          const axis *columns, T (*sums)[ROW]) {
    for (int64_t row = 0; row < count; row++) {
        block pixels = {size_of(rows, i + row), columns->pixels, 1, 0, AHEAD};
        for (int k = 0; k < SUMS; k++)
            task.sums[k] = out[k] ? sums[k] + row * columns->padded + columns->front : 0;
        activate_lanes(&task, pixels, columns->pixels, kind);
        advance(&task, pixels.rows * columns->pixels);
    }
    for (int k = 0; k < SUMS; k++)
        if (out[k])
            fold_equal(sums[k], count * columns->patches, columns->size, out[k]);
}

/* One plane; sums hold zeros where rows of patches are padded, and keep them. */
static void activate_plane(activation_task task, T *const *out, int64_t channel, int64_t kind, const axis *rows,
                           const axis *columns, T (*sums)[ROW]) {
    int64_t most = columns->padded ? ROW / columns->padded : 1;
    T numbers[NUMBERS][WIDEST / sizeof(T)], *to[SUMS];
    for (int k = 0; k < NUMBERS; k++) {
        T number = task.numbers[k] ? task.numbers[k][channel] : NOTHING[k % 4];
        for (unsigned l = 0; l < WIDEST / sizeof(T); l++)
            numbers[k][l] = number;
        task.numbers[k] = numbers[k];
        task.step[k] = 0;
    }
    for (int64_t i = 0; i < rows->patches; i += most) {
        int64_t count = i + most < rows->patches ? most : rows->patches - i;
        for (int k = 0; k < SUMS; k++)
            to[k] = out[k] ? out[k] + i * columns->patches : 0;
        if (columns->padded)
            activate_rows(task, to, kind, i, count, rows, columns, sums);
        else
            activate_row(task, to, kind, (block){size_of(rows, i), columns->pixels, 1, 0, AHEAD}, columns);
        advance(&task, (rows->starts[i + count] - rows->starts[i]) * columns->pixels);
    }
}

static void activate_first(activation_task whole, T *const *out, int64_t images, int64_t channels, axis rows,
                           axis columns, int64_t kind, int threads) {
    whole.streams = whole.a != whole.y && columns.padded && are_lines(whole.a, columns.pixels);
#pragma omp parallel num_threads(threads)
    {
        T sums[SUMS][ROW];
        memset(sums, 0, sizeof(sums));
#pragma omp for schedule(static) nowait
        for (int64_t plane = 0; plane < images * channels; plane++) {
            activation_task task = whole;
            T *to[SUMS];
            for (int k = 0; k < SUMS; k++)
                to[k] = out[k] ? out[k] + plane * rows.patches * columns.patches : 0;
            advance(&task, plane * rows.pixels * columns.pixels);
            activate_plane(task, to, plane % channels, kind, &rows, &columns, sums);
        }
        STREAMED();
    }
}

/* y, and addend or none → a, which may be y itself, and sums over patches times scale where sums[k] is one: of f′, f′ x,
f′ x2, x, x2, a. opened, or none, and only where channels come last: of activations whose f′ is 0 or 1, the pixels of
every patch where it is 1. */
void NAME(activate)(const T *y, const T *addend, const T *const *numbers, T *a, T *const *sums, uint8_t *opened,
                    int64_t kind, double parameter, int64_t last, int64_t images, int64_t channels, int64_t row_patches,
                    const int64_t *row_starts, int64_t column_patches, const int64_t *column_starts, double scale,
                    int64_t threads) {
    activation_task task = {y, addend, a, {0}, {0}, {0}, opened, (T)parameter, (T)scale, 0, 0};
    axis rows = axis_of(row_patches, row_starts), columns = axis_of(column_patches, column_starts);
    memcpy(task.numbers, numbers, sizeof(task.numbers));
    if (last)
        activate_last(task, sums, images, channels, rows, columns, kind, (int)threads);
    else
        activate_first(task, sums, images, channels, rows, columns, kind, (int)threads);
}
