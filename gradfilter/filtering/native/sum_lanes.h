/* Sums of a block of pixels for one lane after another: channels side by side, or columns of the rows of a patch. */

INLINE void W(sum_of)(const T *from, block pixels, T scale, T *to, int count) {
    V sum[TOGETHER] = {{0}};
    for (int64_t row = 0; row < pixels.rows; row++)
        for (int64_t column = 0; column < pixels.columns; column++)
            for (int i = 0; i < count; i++) {
                const T *at = from + i * LANES + row * pixels.row_step + column * pixels.column_step;
                __builtin_prefetch(at + pixels.ahead, 0, 2);
                sum[i] += W(load)(at);
            }
    for (int i = 0; i < count; i++)
        W(store)(to + i * LANES, sum[i] * scale);
}

INLINE void W(sum_block)(const T *from, block pixels, T scale, T *to, int64_t lanes) {
    int64_t lane = 0;
    for (; lane + TOGETHER * LANES <= lanes; lane += TOGETHER * LANES)
        W(sum_of)(from + lane, pixels, scale, to + lane, TOGETHER);
    for (; lane < lanes; lane += LANES) {
        if (lane + LANES > lanes)
            lane = lanes - LANES;
        W(sum_of)(from + lane, pixels, scale, to + lane, 1);
    }
}

static void W(sum_pixels)(const T *from, block pixels, T scale, T *to, int64_t lanes) {
    block known = pixels; /* the usual sizes as constants, so that their loops are unrolled */
    known.rows = known.columns = 2;
    if (pixels.rows == 2 && pixels.columns == 2) {
        W(sum_block)(from, known, scale, to, lanes);
        return;
    }
    known.rows = known.columns = 4;
    if (pixels.rows == 4 && pixels.columns == 4) {
        W(sum_block)(from, known, scale, to, lanes);
        return;
    }
    known = pixels;
    known.columns = 1;
    if (pixels.columns == 1) {
        W(sum_block)(from, known, scale, to, lanes);
        return;
    }
    W(sum_block)(from, pixels, scale, to, lanes);
}

/* The sums of count rows of patches, times scale, for columns that can be padded; first is where they begin, counted
through all planes. Rows are summed first, into whole patches, and then all patches one after another at once. */
static void W(pool_rows)(const T *maps, int64_t first, int64_t count, const axis *rows, const axis *columns, T scale,
                         T *out) {
    T sums[ROW] = {0};
    int64_t i = first % rows->patches;
    const T *plane = maps + first / rows->patches * rows->pixels * columns->pixels;
    for (int64_t k = 0; k < count; k++) {
        block pixels = {size_of(rows, i), columns->pixels, 1, 0, 0};
        T *to = sums + k * columns->padded + columns->front;
        W(sum_pixels)(plane + rows->starts[i] * columns->pixels, pixels, scale, to, columns->pixels);
        if (++i == rows->patches) {
            i = 0;
            plane += rows->pixels * columns->pixels;
        }
    }
    fold_equal(sums, count * columns->patches, columns->size, out + first * columns->patches);
}

static void W(copy)(const T *from, T *to, int64_t lanes) {
    for (int64_t lane = 0; lane < lanes; lane += LANES) {
        if (lane + LANES > lanes)
            lane = lanes - LANES;
        W(store)(to + lane, W(load)(from + lane));
    }
}

/* The way back. */
static void W(spread_rows)(const T *values, int64_t first, int64_t count, const axis *rows, const axis *columns,
                           T *out) {
    T repeated[ROW];
    int64_t i = first % rows->patches;
    T *plane = out + first / rows->patches * rows->pixels * columns->pixels;
    repeat_equal(values + first * columns->patches, repeated, count * columns->patches, columns->size);
    for (int64_t k = 0; k < count; k++) {
        for (int64_t row = rows->starts[i]; row < rows->starts[i + 1]; row++)
            W(copy)(repeated + k * columns->padded + columns->front, plane + row * columns->pixels, columns->pixels);
        if (++i == rows->patches) {
            i = 0;
            plane += rows->pixels * columns->pixels;
        }
    }
}

/* For each lane the sum over pixels, step apart, of its distance to shift, and of its square; count vectors at once. */
INLINE void W(distances_of)(const T *y, int64_t pixels, int64_t step, const T *shift, T *sums, T *squares, int count) {
    V middle[TOGETHER], sum[TOGETHER] = {{0}}, square[TOGETHER] = {{0}};
    for (int i = 0; i < count; i++)
        middle[i] = W(load)(shift + i * LANES);
    for (int64_t pixel = 0; pixel < pixels; pixel++)
        for (int i = 0; i < count; i++) {
            __builtin_prefetch(y + i * LANES + (pixel + PIECE_PIXELS) * step, 0, 2); /* the next piece */
            V apart = W(load)(y + i * LANES + pixel * step) - middle[i];
            sum[i] += apart;
            square[i] += apart * apart;
        }
    for (int i = 0; i < count; i++) {
        W(store)(sums + i * LANES, sum[i]);
        W(store)(squares + i * LANES, square[i]);
    }
}

static void W(distances)(const T *y, int64_t pixels, int64_t step, const T *shift, T *sums, T *squares, int64_t lanes) {
    int64_t lane = 0;
    for (; lane + TOGETHER * LANES <= lanes; lane += TOGETHER * LANES)
        W(distances_of)(y + lane, pixels, step, shift + lane, sums + lane, squares + lane, TOGETHER);
    for (; lane < lanes; lane += LANES) {
        if (lane + LANES > lanes)
            lane = lanes - LANES;
        W(distances_of)(y + lane, pixels, step, shift + lane, sums + lane, squares + lane, 1);
    }
}
