/* Averages over patches, and values spread back over them. */

static void averages_last(const T *maps, T *out, int64_t images, int64_t channels, axis rows, axis columns, T scale,
                          int threads) {
    void (*add)(const T *, const axis *, int64_t, T *) = WIDEST_FOR(add_row, channels);
    int64_t sums = columns.patches * channels, pixels = columns.pixels * channels; /* of a row */
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t n = 0; n < images; n++)
        for (int64_t i = 0; i < rows.patches; i++) {
            T *to = out + (n * rows.patches + i) * sums;
            memset(to, 0, sums * sizeof(T));
            for (int64_t row = rows.starts[i]; row < rows.starts[i + 1]; row++)
                add(maps + (n * rows.pixels + row) * pixels, &columns, channels, to);
            scale_all(to, sums, scale);
        }
}

/* Sums of the patches of one row of patches whose few channels lie side by side: pixel by pixel vectors would be mostly
empty, so rows are summed as they lie in memory, and then the pixels of each patch. */
static void averages_narrow_row(const T *from, T *out, int64_t channels, int64_t height, const axis *columns, T scale) {
    int64_t width = columns->pixels * channels;
    for (int64_t j = 0, next; j < columns->patches; j = next) {
        T sums[PIECE];
        int64_t begin = columns->starts[j];
        for (next = j + 1; next < columns->patches && (columns->starts[next + 1] - begin) * channels <= PIECE; next++)
            ;
        int64_t length = (columns->starts[next] - begin) * channels;
        block pixels = {height, width, 1, 0, 0};
        WIDEST_FOR(sum_pixels, length)(from + begin * channels, pixels, scale, sums, length);
        memset(out + j * channels, 0, (next - j) * channels * sizeof(T));
        for (int64_t patch = j; patch < next; patch++)
            for (int64_t pixel = columns->starts[patch] - begin; pixel < columns->starts[patch + 1] - begin; pixel++)
                for (int64_t c = 0; c < channels; c++)
                    out[patch * channels + c] += sums[pixel * channels + c];
    }
}

static void averages_narrow(const T *maps, T *out, int64_t images, int64_t channels, axis rows, axis columns, T scale,
                            int threads) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t n = 0; n < images; n++)
        for (int64_t i = 0; i < rows.patches; i++)
            averages_narrow_row(maps + (n * rows.pixels + rows.starts[i]) * columns.pixels * channels,
                                out + (n * rows.patches + i) * columns.patches * channels, channels, size_of(&rows, i),
                                &columns, scale);
}

/* Whether channels are so few that they do not fill a vector, and a patch of them fits into what is worked on at once. */
static int are_narrow(int64_t channels, const axis *columns) {
    for (int64_t j = 0; j < columns->patches; j++)
        if (size_of(columns, j) * channels > PIECE)
            return 0;
    return channels * sizeof(T) < 16;
}

static void averages_planes(const T *maps, T *out, int64_t planes, axis rows, axis columns, T scale, int threads) {
    void (*pool)(const T *, int64_t, int64_t, const axis *, const axis *, T, T *) =
        WIDEST_FOR(pool_rows, columns.pixels);
    int64_t all = planes * rows.patches, most = ROW / columns.padded; /* rows of patches, of many planes */
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t first = 0; first < all; first += most)
        pool(maps, first, first + most < all ? most : all - first, &rows, &columns, scale, out);
}

static void averages_first(const T *maps, T *out, int64_t planes, axis rows, axis columns, T scale, int threads) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t n = 0; n < planes; n++)
        for (int64_t i = 0; i < rows.patches; i++) {
            T sums[ROW], *averages = out + (n * rows.patches + i) * columns.patches;
            block pixels = {rows.starts[i + 1] - rows.starts[i], columns.pixels, 1, 0, 0};
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
    if (last && are_narrow(channels, &columns))
        averages_narrow(maps, out, images, channels, rows, columns, (T)scale, (int)threads);
    else if (last)
        averages_last(maps, out, images, channels, rows, columns, (T)scale, (int)threads);
    else if (columns.padded)
        averages_planes(maps, out, images * channels, rows, columns, (T)scale, (int)threads);
    else
        averages_first(maps, out, images * channels, rows, columns, (T)scale, (int)threads);
}

static void repeat_last(const T *values, T *row, int64_t channels, const axis *columns,
                        void (*copy)(const T *, T *, int64_t)) {
    for (int64_t j = 0; j < columns->patches; j++)
        for (int64_t k = columns->starts[j]; k < columns->starts[j + 1]; k++)
            copy(values + j * channels, row + k * channels, channels);
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

static void spread_planes(const T *values, T *out, int64_t planes, axis rows, axis columns, int threads) {
    void (*spread)(const T *, int64_t, int64_t, const axis *, const axis *, T *) =
        WIDEST_FOR(spread_rows, columns.pixels);
    int64_t all = planes * rows.patches, most = ROW / columns.padded;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t first = 0; first < all; first += most)
        spread(values, first, first + most < all ? most : all - first, &rows, &columns, out);
}

static void spread_last(const T *values, T *out, int64_t images, int64_t channels, axis rows, axis columns,
                        int threads) {
    void (*copy)(const T *, T *, int64_t) = WIDEST_FOR(copy, channels);
    int64_t width = columns.pixels * channels;
    if (are_lines(out, channels) && images * rows.pixels * width * (int64_t)sizeof(T) >= LARGE)
        copy = WIDEST_FOR(stream_copy, channels);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for collapse(2) schedule(static) nowait
        for (int64_t n = 0; n < images; n++)
            for (int64_t i = 0; i < rows.patches; i++)
                for (int64_t row = rows.starts[i]; row < rows.starts[i + 1]; row++)
                    repeat_last(values + (n * rows.patches + i) * columns.patches * channels,
                                out + (n * rows.pixels + row) * width, channels, &columns, copy);
        STREAMED();
    }
}

static void spread_first(const T *values, T *out, int64_t planes, axis rows, axis columns, int threads) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t n = 0; n < planes; n++)
        for (int64_t i = 0; i < rows.patches; i++)
            for (int64_t row = rows.starts[i]; row < rows.starts[i + 1]; row++)
                repeat_first(values + (n * rows.patches + i) * columns.patches,
                             out + (n * rows.pixels + row) * columns.pixels, &columns);
}

/* values on the grid → out, the value of its patch for every pixel */
void NAME(spread)(const T *values, T *out, int64_t last, int64_t images, int64_t channels, int64_t row_patches,
                  const int64_t *row_starts, int64_t column_patches, const int64_t *column_starts, int64_t threads) {
    axis rows = axis_of(row_patches, row_starts), columns = axis_of(column_patches, column_starts);
    if (last)
        spread_last(values, out, images, channels, rows, columns, (int)threads);
    else if (columns.padded)
        spread_planes(values, out, images * channels, rows, columns, (int)threads);
    else
        spread_first(values, out, images * channels, rows, columns, (int)threads);
}
