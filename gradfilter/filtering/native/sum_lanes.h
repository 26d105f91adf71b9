/* Sums of a block of pixels for one lane after another: channels side by side, or columns of the rows of a patch. */

static inline __attribute__((always_inline)) void W(sum_block)(const T *from, block pixels, T scale, T *to, int64_t lanes) {
    for (int64_t lane = 0; lane < lanes; lane += LANES) {
        if (lane + LANES > lanes)
            lane = lanes - LANES;
        V sum = {0};
        for (int64_t row = 0; row < pixels.rows; row++)
            for (int64_t column = 0; column < pixels.columns; column++)
                sum += W(load)(from + lane + row * pixels.row_step + column * pixels.column_step);
        W(store)(to + lane, sum * scale);
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
