/* Max pooling of clamp(weight · x̂ + bias), straight from y, and the way back to averages over patches.

A place is a pixel's number in its window, row by row; CLOSED where the maximum is clamped, so that no gradient passes.
*/

enum { CLOSED = 255, POOLED_LANES = 128, POOLED_ROW = 2048 };

typedef struct {
    int64_t height, width, window_height, window_width, stride_height, stride_width, padding_height, padding_width,
        out_height, out_width;
} windows;

typedef struct {
    const T *y, *numbers[4]; /* mean, rstd, weight, bias, or none */
    T low, high;
    T *output, *normal;
    uint8_t *index;
} pool_task;

static T number_of(const pool_task *task, int which, int64_t channel) {
    return task->numbers[which] ? task->numbers[which][channel] : NOTHING[which];
}

/* best, its place and its x̂ for channels side by side at one output pixel */
static void pool_lanes(const pool_task *task, const windows *w, const T *image, int64_t row, int64_t column,
                       int64_t channels, T (*restrict numbers)[POOLED_LANES], int64_t lanes,
                       T (*restrict found)[POOLED_LANES]) {
    T *restrict best = found[0], *restrict place = found[1], *restrict normal = found[2], low = task->low,
                high = task->high;
    const T *restrict mean = numbers[0], *restrict rstd = numbers[1], *restrict weight = numbers[2],
                      *restrict bias = numbers[3];
    for (int64_t k = 0; k < lanes; k++) {
        best[k] = -INFINITY;
        place[k] = CLOSED;
        normal[k] = 0;
    }
    for (int64_t u = 0; u < w->window_height; u++)
        for (int64_t v = 0; v < w->window_width; v++) {
            int64_t at_row = row + u, at_column = column + v;
            if (at_row < 0 || at_row >= w->height || at_column < 0 || at_column >= w->width)
                continue;
            const T *restrict y = image + (at_row * w->width + at_column) * channels;
            T here = (T)(u * w->window_width + v);
            for (int64_t k = 0; k < lanes; k++) {
                T x = (y[k] - mean[k]) * rstd[k], z = x * weight[k] + bias[k];
                T a = z < low ? low : z > high ? high : z;
                int more = a > best[k] || a != a;
                best[k] = more ? a : best[k];
                place[k] = more ? here : place[k];
                normal[k] = more ? x : normal[k];
            }
        }
}

static void store_pooled(const pool_task *task, int64_t at, int64_t lanes, T (*restrict found)[POOLED_LANES]) {
    for (int64_t k = 0; k < lanes; k++) {
        T best = found[0][k];
        task->output[at + k] = best;
        task->normal[at + k] = found[2][k];
        task->index[at + k] = best <= task->low || best >= task->high ? CLOSED : (uint8_t)(INTEGER)found[1][k];
    }
}

static void pool_last(const pool_task *task, const windows *w, int64_t images, int64_t channels, int threads) {
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t n = 0; n < images; n++)
        for (int64_t i = 0; i < w->out_height; i++)
            for (int64_t c = 0; c < channels; c += POOLED_LANES) {
                T numbers[4][POOLED_LANES], found[3][POOLED_LANES];
                int64_t lanes = c + POOLED_LANES < channels ? POOLED_LANES : channels - c;
                for (int which = 0; which < 4; which++)
                    for (int64_t k = 0; k < lanes; k++)
                        numbers[which][k] = number_of(task, which, c + k);
                for (int64_t j = 0; j < w->out_width; j++) {
                    pool_lanes(task, w, task->y + n * w->height * w->width * channels + c,
                               i * w->stride_height - w->padding_height, j * w->stride_width - w->padding_width,
                               channels, numbers, lanes, found);
                    store_pooled(task, ((n * w->out_height + i) * w->out_width + j) * channels + c, lanes, found);
                }
            }
}

/* A row of the activated map for windows side by side: values[phase · room + t] is the pixel in column
first + t · stride + phase; outside the map it is smaller than everything. */
static void spread_phases(const T *restrict row, const windows *w, int64_t first, int64_t phases, int64_t room,
                          const T *number, T low, T high, T *restrict values) {
    T mean = number[0], rstd = number[1], weight = number[2], bias = number[3];
    int64_t stride = w->stride_width;
    for (int64_t phase = 0; phase < phases; phase++) {
        T *restrict to = values + phase * room;
        int64_t start = first + phase, begin = start < 0 ? (-start + stride - 1) / stride : 0;
        int64_t end = start < w->width ? (w->width - start + stride - 1) / stride : 0;
        begin = begin < room ? begin : room;
        end = end < begin ? begin : end < room ? end : room;
        for (int64_t t = 0; t < begin; t++)
            to[t] = -INFINITY;
        for (int64_t t = begin; t < end; t++) {
            T z = (row[start + t * stride] - mean) * rstd * weight + bias;
            to[t] = z < low ? low : z > high ? high : z;
        }
        for (int64_t t = end; t < room; t++)
            to[t] = -INFINITY;
    }
}

/* lanes windows side by side, from output column j of row i on */
static void pool_columns(const pool_task *task, const windows *w, int64_t plane, int64_t i, int64_t j, int64_t lanes,
                         const T *number) {
    T values[POOLED_ROW], found[3][POOLED_LANES];
    int64_t phases = w->stride_width < w->window_width ? w->stride_width : w->window_width;
    int64_t room = lanes + (w->window_width - 1) / w->stride_width;
    int64_t first_row = i * w->stride_height - w->padding_height, first = j * w->stride_width - w->padding_width;
    const T *image = task->y + plane * w->height * w->width;
    for (int64_t k = 0; k < lanes; k++) {
        found[0][k] = -INFINITY;
        found[1][k] = CLOSED;
    }
    for (int64_t u = 0; u < w->window_height; u++) {
        if (first_row + u < 0 || first_row + u >= w->height)
            continue;
        spread_phases(image + (first_row + u) * w->width, w, first, phases, room, number, task->low, task->high,
                      values);
        for (int64_t v = 0; v < w->window_width; v++) {
            const T *restrict from = values + (v % w->stride_width) * room + v / w->stride_width;
            T *restrict best = found[0], *restrict place = found[1], here = (T)(u * w->window_width + v);
            for (int64_t k = 0; k < lanes; k++) {
                int more = from[k] > best[k] || from[k] != from[k];
                best[k] = more ? from[k] : best[k];
                place[k] = more ? here : place[k];
            }
        }
    }
    for (int64_t k = 0; k < lanes; k++) {
        int64_t place = (int64_t)found[1][k], row = first_row + place / w->window_width;
        int64_t column = first + k * w->stride_width + place % w->window_width;
        found[2][k] = place == CLOSED ? 0 : (image[row * w->width + column] - number[0]) * number[1];
    }
    store_pooled(task, (plane * w->out_height + i) * w->out_width + j, lanes, found);
}

static void pool_first(const pool_task *task, const windows *w, int64_t images, int64_t channels, int threads) {
    int64_t phases = w->stride_width < w->window_width ? w->stride_width : w->window_width;
    int64_t most = POOLED_ROW / phases - (w->window_width - 1) / w->stride_width;
    most = most < POOLED_LANES ? most : POOLED_LANES;
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
    for (int64_t plane = 0; plane < images * channels; plane++)
        for (int64_t i = 0; i < w->out_height; i++) {
            T number[4];
            for (int which = 0; which < 4; which++)
                number[which] = number_of(task, which, plane % channels);
            for (int64_t j = 0; j < w->out_width; j += most)
                pool_columns(task, w, plane, i, j, j + most < w->out_width ? most : w->out_width - j, number);
        }
}

/* y → maxima, their places and their x̂; sizes are those of windows, in its order */
void NAME(max_pool)(const T *y, const T *const *numbers, double low, double high, T *output, uint8_t *index, T *normal,
                    int64_t last, int64_t images, int64_t channels, const int64_t *sizes, int64_t threads) {
    windows w;
    memcpy(&w, sizes, sizeof(w));
    pool_task task = {y, {numbers[0], numbers[1], numbers[2], numbers[3]}, (T)low, (T)high, output, normal, index};
    if (last)
        pool_last(&task, &w, images, channels, (int)threads);
    else
        pool_first(&task, &w, images, channels, (int)threads);
}

/* Adds the gradients of one image's channels, from c on, to the patches that their places lie in. */
static void unpool_image(const T *gradient, const uint8_t *index, T *out, const windows *w, int64_t channels,
                         int64_t lanes, const int64_t *patch_rows, const int64_t *patch_columns,
                         int64_t column_patches) {
    int64_t rows[CLOSED], columns[CLOSED];
    for (int64_t place = 0; place < CLOSED; place++) {
        rows[place] = place / w->window_width;
        columns[place] = place % w->window_width;
    }
    for (int64_t i = 0; i < w->out_height; i++)
        for (int64_t j = 0; j < w->out_width; j++)
            for (int64_t k = 0; k < lanes; k++) {
                int64_t at = (i * w->out_width + j) * channels + k;
                if (index[at] == CLOSED)
                    continue;
                int64_t row = i * w->stride_height - w->padding_height + rows[index[at]];
                int64_t column = j * w->stride_width - w->padding_width + columns[index[at]];
                out[(patch_rows[row] * column_patches + patch_columns[column]) * channels + k] += gradient[at];
            }
}

/* gradient, each value at the pixel that its place names → sums over patches times scale; patch_rows and patch_columns
are the patches of the map's rows and columns. */
void NAME(unpool_averages)(const T *gradient, const uint8_t *index, T *out, int64_t last, int64_t images,
                           int64_t channels, const int64_t *sizes, const int64_t *patch_rows,
                           const int64_t *patch_columns, int64_t row_patches, int64_t column_patches, double scale,
                           int64_t threads) {
    windows w;
    memcpy(&w, sizes, sizeof(w));
    int64_t lanes = last ? 32 : 1, depth = last ? channels : 1, planes = last ? images : images * channels;
    int64_t pixels = w.out_height * w.out_width, patches = row_patches * column_patches;
#pragma omp parallel for collapse(2) num_threads((int)threads) schedule(static)
    for (int64_t n = 0; n < planes; n++)
        for (int64_t c = 0; c < depth; c += lanes) {
            int64_t width = c + lanes < depth ? lanes : depth - c;
            T *to = out + n * patches * depth + c;
            for (int64_t patch = 0; patch < patches; patch++)
                memset(to + patch * depth, 0, width * sizeof(T));
            unpool_image(gradient + n * pixels * depth + c, index + n * pixels * depth + c, to, &w, depth, width,
                         patch_rows, patch_columns, column_patches);
            for (int64_t patch = 0; patch < patches; patch++)
                scale_all(to + patch * depth, width, (T)scale);
        }
}
