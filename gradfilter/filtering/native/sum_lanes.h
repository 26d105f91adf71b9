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

/* A row of pixels whose channels lie side by side → to the sums of its patches. Pixel after pixel, as they lie in
memory: patch after patch would jump from row to row, which the processor does not guess. */
static void W(add_row)(const T *pixel, const axis *columns, int64_t channels, T *sums) {
    for (int64_t j = 0; j < columns->patches; j++, sums += channels)
        for (int64_t k = columns->starts[j]; k < columns->starts[j + 1]; k++, pixel += channels) {
            int64_t lane = 0, last = channels - LANES;
            V rest = W(load)(sums + last) + W(load)(pixel + last); /* before the loop adds some of it */
            for (; lane <= last; lane += LANES) {
                __builtin_prefetch(pixel + lane + AHEAD, 0, 2);
                W(store)(sums + lane, W(load)(sums + lane) + W(load)(pixel + lane));
            }
            W(store)(sums + last, rest);
        }
}

/* The sums over rows of so many lanes, one after another, times scale. */
INLINE void W(sum_rows)(const T *from, int64_t rows, int64_t lanes, T scale, T *to) {
    for (int64_t lane = 0; lane < lanes; lane += LANES) {
        lane = lane + LANES > lanes ? lanes - LANES : lane;
        V sum = {0};
        for (int64_t row = 0; row < rows; row++) {
            const T *at = from + row * lanes + lane;
            __builtin_prefetch(at + NEAR, 0, 2);
            sum += W(load)(at);
        }
        W(store)(to + lane, sum * scale);
    }
}

/* The sums of count rows of patches, times scale, for columns that can be padded; first is where they begin, counted
through all planes. Rows are summed first, into whole patches, and then all patches one after another at once. */
static void W(pool_rows)(const T *maps, int64_t first, int64_t count, const axis *rows, const axis *columns, T scale,
                         T *out) {
    T sums[ROW] = {0}, *to = sums + columns->front;
    int64_t i = first % rows->patches, width = columns->pixels;
    const T *from = maps + (first / rows->patches * rows->pixels + rows->starts[i]) * width;
    for (int64_t k = 0; k < count; k++, to += columns->padded) {
        int64_t height = size_of(rows, i);
        if (height == 2) /* the usual sizes as constants, so that their loops are unrolled */
            W(sum_rows)(from, 2, width, scale, to);
        else if (height == 4)
            W(sum_rows)(from, 4, width, scale, to);
        else
            W(sum_rows)(from, height, width, scale, to);
        from += height * width;
        i = i + 1 == rows->patches ? 0 : i + 1;
    }
    fold_equal(sums, count * columns->patches, columns->size, out + first * columns->patches);
}

/* Past the caches, to where lanes are whole lines of memory. */
static void W(stream_copy)(const T *from, T *to, int64_t lanes) {
    for (int64_t lane = 0; lane < lanes; lane += LANES)
        W(stream)(to + lane, W(load)(from + lane));
}

static void W(copy)(const T *from, T *to, int64_t lanes) {
    for (int64_t lane = 0; lane < lanes; lane += LANES) {
        if (lane + LANES > lanes)
            lane = lanes - LANES;
        W(store)(to + lane, W(load)(from + lane));
    }
}

/* So many lanes to rows one after another. */
INLINE void W(copy_to_rows)(const T *from, T *to, int64_t rows, int64_t lanes) {
    for (int64_t lane = 0; lane < lanes; lane += LANES) {
        lane = lane + LANES > lanes ? lanes - LANES : lane;
        V values = W(load)(from + lane);
        for (int64_t row = 0; row < rows; row++)
            W(store)(to + row * lanes + lane, values);
    }
}

/* The way back from rows of patches. */
static void W(spread_rows)(const T *values, int64_t first, int64_t count, const axis *rows, const axis *columns,
                           T *out) {
    T repeated[ROW], *from = repeated + columns->front;
    int64_t i = first % rows->patches, width = columns->pixels;
    T *to = out + (first / rows->patches * rows->pixels + rows->starts[i]) * width;
    repeat_equal(values + first * columns->patches, repeated, count * columns->patches, columns->size);
    for (int64_t k = 0; k < count; k++, from += columns->padded) {
        int64_t height = size_of(rows, i);
        if (height == 2)
            W(copy_to_rows)(from, to, 2, width);
        else if (height == 4)
            W(copy_to_rows)(from, to, 4, width);
        else
            W(copy_to_rows)(from, to, height, width);
        to += height * width;
        i = i + 1 == rows->patches ? 0 : i + 1;
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
