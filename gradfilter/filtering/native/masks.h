/* Masks of a byte per pixel: where a chain of activations lets a gradient through, and averages of it. */

enum { MASK_SUMS = 3 };

/* previous is a mask, open a map that lets through between 0 and open_limit; either or both may be none. */
typedef struct {
    const uint8_t *previous;
    const T *open, *activated, *y[2], *mean[2], *rstd[2];
    T open_limit, limit;
    uint8_t *mask;
} mask_task;

/* mask[k] of lanes pixels from at on, and the same as numbers */
static void extend_lanes(const mask_task *task, int64_t at, int64_t lanes, T *restrict factor) {
    const T *restrict activated = task->activated + at;
    uint8_t *restrict mask = task->mask + at;
    T limit = task->limit;
    for (int64_t k = 0; k < lanes; k++)
        factor[k] = activated[k] > 0 && activated[k] < limit ? 1 : 0;
    if (task->open) {
        const T *restrict open = task->open + at;
        limit = task->open_limit;
        for (int64_t k = 0; k < lanes; k++)
            factor[k] = open[k] > 0 && open[k] < limit ? factor[k] : 0;
    }
    if (task->previous) {
        const uint8_t *restrict previous = task->previous + at;
        for (int64_t k = 0; k < lanes; k++)
            factor[k] *= previous[k];
    }
    for (int64_t k = 0; k < lanes; k++)
        mask[k] = (uint8_t)(INTEGER)factor[k];
}

/* sums of the mask, and of it times each x̂, over a block of pixels; lane is the first one's channel, or step is 0 */
static void mask_block(const mask_task *task, int64_t at, block pixels, int64_t lane, int64_t step, int64_t lanes,
                       T *sums) {
    for (int i = 0; i < MASK_SUMS; i++)
        memset(sums + i * ROW, 0, lanes * sizeof(T));
    for (int64_t row = 0; row < pixels.rows; row++)
        for (int64_t column = 0; column < pixels.columns; column++) {
            T factor[ROW];
            int64_t first = at + row * pixels.row_step + column * pixels.column_step;
            extend_lanes(task, first, lanes, factor);
            for (int64_t k = 0; k < lanes; k++)
                sums[k] += factor[k];
            for (int i = 0; i < 2 && task->y[i]; i++) {
                const T *restrict y = task->y[i] + first, *mean = task->mean[i], *rstd = task->rstd[i];
                T *restrict sum = sums + (i + 1) * ROW, middle = mean ? mean[lane] : 0,
                            factor_of_y = mean ? rstd[lane] : 1;
                if (step && mean)
                    for (int64_t k = 0; k < lanes; k++)
                        sum[k] += factor[k] * ((y[k] - mean[lane + k]) * rstd[lane + k]);
                else
                    for (int64_t k = 0; k < lanes; k++)
                        sum[k] += factor[k] * ((y[k] - middle) * factor_of_y);
            }
        }
}

static void mask_last(const mask_task *task, T *const *out, int64_t images, int64_t channels, axis rows, axis columns,
                      T scale, int threads) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t n = 0; n < images; n++)
        for (int64_t i = 0; i < rows.patches; i++)
            for (int64_t j = 0; j < columns.patches; j++)
                for (int64_t c = 0; c < channels; c += ROW) {
                    T sums[MASK_SUMS * ROW];
                    int64_t lanes = c + ROW < channels ? ROW : channels - c;
                    block pixels = {rows.starts[i + 1] - rows.starts[i], columns.pixels * channels,
                                    columns.starts[j + 1] - columns.starts[j], channels, AHEAD};
                    int64_t pixel = (n * rows.pixels + rows.starts[i]) * columns.pixels + columns.starts[j];
                    int64_t patch = (n * rows.patches + i) * columns.patches + j;
                    mask_block(task, pixel * channels + c, pixels, c, 1, lanes, sums);
                    for (int k = 0; k < MASK_SUMS; k++)
                        for (int64_t l = 0; l < lanes && out[k]; l++)
                            out[k][patch * channels + c + l] = sums[k * ROW + l] * scale;
                }
}

static void mask_first(const mask_task *task, T *const *out, int64_t images, int64_t channels, axis rows, axis columns,
                       T scale, int threads) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++)
        for (int64_t i = 0; i < rows.patches; i++) {
            T sums[MASK_SUMS * ROW];
            int64_t patches = (plane * rows.patches + i) * columns.patches, next = 0;
            int64_t pixel = (plane * rows.pixels + rows.starts[i]) * columns.pixels;
            block pixels = {rows.starts[i + 1] - rows.starts[i], columns.pixels, 1, 0, 0};
            for (int k = 0; k < MASK_SUMS; k++)
                if (out[k])
                    memset(out[k] + patches, 0, columns.patches * sizeof(T));
            for (int64_t begin = 0, patch = 0; begin < columns.pixels; patch = next) {
                int64_t end = stretch_end(&columns, begin, patch);
                mask_block(task, pixel + begin, pixels, plane % channels, 0, end - begin, sums);
                for (int k = 0; k < MASK_SUMS; k++)
                    if (out[k])
                        next = fold(sums + k * ROW, begin, end, patch, &columns, out[k] + patches);
                begin = end;
            }
            for (int k = 0; k < MASK_SUMS; k++)
                if (out[k])
                    scale_all(out[k] + patches, columns.patches, scale);
        }
}

/* The mask where previous and open let through and 0 < activated < limit; sums over patches of it, and of it times each
normalised y, times scale. */
void NAME(mask)(const uint8_t *previous, const T *open, double open_limit, const T *activated, double limit,
                const T *const *normals, uint8_t *mask, T *const *sums, int64_t last, int64_t images, int64_t channels,
                int64_t row_patches, const int64_t *row_starts, int64_t column_patches, const int64_t *column_starts,
                double scale, int64_t threads) {
    mask_task task = {previous,
                      open,
                      activated,
                      {normals[0], normals[3]},
                      {normals[1], normals[4]},
                      {normals[2], normals[5]},
                      (T)open_limit,
                      (T)limit,
                      mask};
    axis rows = axis_of(row_patches, row_starts), columns = axis_of(column_patches, column_starts);
    if (last)
        mask_last(&task, sums, images, channels, rows, columns, (T)scale, (int)threads);
    else
        mask_first(&task, sums, images, channels, rows, columns, (T)scale, (int)threads);
}
