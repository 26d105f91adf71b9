/* Averages over patches, and values spread back over them. */

static void averages_last(const T *maps, T *out, int64_t images, int64_t channels, axis rows, axis columns, T scale,
                          int threads) {
    void (*sum)(const T *, block, T, T *, int64_t) = WIDEST_FOR(sum_pixels, channels);
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t n = 0; n < images; n++)
        for (int64_t i = 0; i < rows.patches; i++)
            for (int64_t j = 0; j < columns.patches; j++) {
                block pixels = {rows.starts[i + 1] - rows.starts[i], columns.pixels * channels,
                                columns.starts[j + 1] - columns.starts[j], channels};
                int64_t pixel = (n * rows.pixels + rows.starts[i]) * columns.pixels + columns.starts[j];
                int64_t patch = (n * rows.patches + i) * columns.patches + j;
                sum(maps + pixel * channels, pixels, scale, out + patch * channels, channels);
            }
}

/* Planes whose rows are not too long, each by one thread. */
static void averages_planes(const T *maps, T *out, int64_t planes, axis rows, axis columns, T scale, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t n = 0; n < planes; n++)
        pool_plane(maps + n * rows.pixels * columns.pixels, &rows, &columns, scale, out + n * rows.patches * columns.patches);
}

static void averages_first(const T *maps, T *out, int64_t planes, axis rows, axis columns, T scale, int threads) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t n = 0; n < planes; n++)
        for (int64_t i = 0; i < rows.patches; i++) {
            T sums[ROW], *averages = out + (n * rows.patches + i) * columns.patches;
            block pixels = {rows.starts[i + 1] - rows.starts[i], columns.pixels, 1, 0};
            const T *from = maps + (n * rows.pixels + rows.starts[i]) * columns.pixels;
            memset(averages, 0, columns.patches * sizeof(T));
            for (int64_t begin = 0, patch = 0; begin < columns.pixels;) {
                int64_t end = stretch_end(&columns, begin, patch), length = end - begin;
                WIDEST_FOR(sum_pixels, length)(from + begin, pixels, scale, sums, length);
                patch = fold(sums, begin, end, patch, &columns, averages);
                begin = end;
            }
        }
}

/* maps → out on the grid: sums over patches, times scale */
void NAME(averages)(const T *maps, T *out, int64_t last, int64_t images, int64_t channels, int64_t row_patches,
                    const int64_t *row_starts, int64_t column_patches, const int64_t *column_starts, double scale,
                    int64_t threads) {
    axis rows = axis_of(row_patches, row_starts), columns = axis_of(column_patches, column_starts);
    if (last)
        averages_last(maps, out, images, channels, rows, columns, (T)scale, (int)threads);
    else if (columns.pixels <= ROW && images * channels >= 4 * threads)
        averages_planes(maps, out, images * channels, rows, columns, (T)scale, (int)threads);
    else
        averages_first(maps, out, images * channels, rows, columns, (T)scale, (int)threads);
}

static void repeat_last(const T *values, T *row, int64_t channels, const axis *columns) {
    for (int64_t j = 0; j < columns->patches; j++)
        for (int64_t k = columns->starts[j]; k < columns->starts[j + 1]; k++)
            memcpy(row + k * channels, values + j * channels, channels * sizeof(T));
}

#define REPEAT(SIZE)                                                                                                   \
    for (int64_t j = 0; j < count; j++)                                                                                \
        for (int64_t k = 0; k < (SIZE); k++)                                                                           \
            row[j * (SIZE) + k] = values[j];

static void repeat_equal(const T *restrict values, T *restrict row, int64_t count, int64_t size) {
    switch (size) {
    case 2: REPEAT(2) break;
    case 4: REPEAT(4) break;
    default: REPEAT(size)
    }
}

static void repeat_first(const T *values, T *row, const axis *columns) {
    for (int64_t j = 0; j < columns->patches; j++) {
        if (j == columns->first) {
            repeat_equal(values + j, row + columns->starts[j], columns->last - j, columns->size);
            j = columns->last - 1;
            continue;
        }
        for (int64_t k = columns->starts[j]; k < columns->starts[j + 1]; k++)
            row[k] = values[j];
    }
}

/* values on the grid → out, the value of its patch for every pixel */
void NAME(spread)(const T *values, T *out, int64_t last, int64_t images, int64_t channels, int64_t row_patches,
                  const int64_t *row_starts, int64_t column_patches, const int64_t *column_starts, int64_t threads) {
    axis rows = axis_of(row_patches, row_starts), columns = axis_of(column_patches, column_starts);
    int64_t planes = last ? images : images * channels, depth = last ? channels : 1, width = columns.pixels * depth;
#pragma omp parallel for collapse(2) num_threads((int)threads) schedule(static)
    for (int64_t n = 0; n < planes; n++)
        for (int64_t i = 0; i < rows.patches; i++) {
            const T *from = values + (n * rows.patches + i) * columns.patches * depth;
            T *to = out + (n * rows.pixels + rows.starts[i]) * width;
            if (rows.starts[i] == rows.starts[i + 1])
                continue;
            if (last)
                repeat_last(from, to, channels, &columns);
            else
                repeat_first(from, to, &columns);
            for (int64_t row = 1; row < rows.starts[i + 1] - rows.starts[i]; row++)
                memcpy(to + row * width, to, width * sizeof(T));
        }
}
