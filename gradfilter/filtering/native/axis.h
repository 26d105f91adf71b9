/* Element types, and how an axis is cut into patches. */

#if DOUBLE
#define T double
#define INTEGER int64_t
#define NAME(name) gradfilter_##name##_float64
#else
#define T float
#define INTEGER int32_t
#define NAME(name) gradfilter_##name##_float32
#endif

enum {
    ROW = 512,   /* columns, or channels, that are worked on at once, so that their sums stay in the nearest cache */
    WIDEST = 64, /* bytes of the widest vector */
};

/* Patch i has the pixels from starts[i] to starts[i + 1]; those from first to last − 1 all have size pixels. */
typedef struct {
    int64_t patches, pixels;
    const int64_t *starts;
    int64_t first, last, size;
} axis;

static axis axis_of(int64_t patches, const int64_t *starts) {
    axis cut = {patches, starts[patches], starts, 0, 0, 0};
    int64_t middle = patches / 2;
    cut.size = starts[middle + 1] - starts[middle];
    for (cut.first = middle; cut.first > 0 && starts[cut.first] - starts[cut.first - 1] == cut.size; cut.first--)
        ;
    for (cut.last = middle + 1; cut.last < patches && starts[cut.last + 1] - starts[cut.last] == cut.size; cut.last++)
        ;
    return cut;
}

/* Where a stretch of at most ROW pixels ends that begins at begin: between two patches, or inside one that is longer. */
static int64_t stretch_end(const axis *cut, int64_t begin, int64_t patch) {
    int64_t end = begin + ROW < cut->pixels ? begin + ROW : cut->pixels, whole = begin;
    if (end == cut->pixels)
        return end;
    for (; patch < cut->patches && cut->starts[patch + 1] <= end; patch++)
        whole = cut->starts[patch + 1];
    return whole > begin ? whole : end;
}

#define FOLD(SIZE)                                                                                                     \
    for (int64_t j = 0; j < count; j++) {                                                                              \
        T sum = 0;                                                                                                     \
        for (int64_t k = 0; k < (SIZE); k++)                                                                           \
            sum += values[j * (SIZE) + k];                                                                             \
        sums[j] += sum;                                                                                                \
    }

/* sums[j] += the sum of the j-th size values */
static void fold_equal(const T *restrict values, int64_t count, int64_t size, T *restrict sums) {
    switch (size) {
    case 1: FOLD(1) break;
    case 2: FOLD(2) break;
    case 3: FOLD(3) break;
    case 4: FOLD(4) break;
    case 8: FOLD(8) break;
    default: FOLD(size)
    }
}

/* Adds the pixels of a stretch, from begin to end − 1, to the sums of their patches; patch is the first of them. Returns
the patch that the next stretch begins in. */
static int64_t fold(const T *values, int64_t begin, int64_t end, int64_t patch, const axis *cut, T *sums) {
    while (patch < cut->patches) {
        int64_t from = cut->starts[patch], to = cut->starts[patch + 1], count = 0;
        if (from >= begin && patch >= cut->first && patch < cut->last && cut->size > 0) {
            count = (end - from) / cut->size;
            count = count < cut->last - patch ? count : cut->last - patch;
        }
        if (count > 0) {
            fold_equal(values + (from - begin), count, cut->size, sums + patch);
            patch += count;
            continue;
        }
        T sum = 0;
        for (int64_t pixel = from > begin ? from : begin; pixel < (to < end ? to : end); pixel++)
            sum += values[pixel - begin];
        sums[patch] += sum;
        if (to > end)
            return patch;
        patch++;
    }
    return patch;
}

/* sums[j] += the sum of the values of patch j, for a row of the whole axis */
static void fold_row(const T *restrict values, const axis *cut, T *restrict sums) {
    const int64_t *starts = cut->starts;
    for (int64_t j = 0; j < cut->patches; j++) {
        if (j == cut->first) {
            fold_equal(values + starts[j], cut->last - j, cut->size, sums + j);
            j = cut->last - 1;
            continue;
        }
        for (int64_t k = starts[j]; k < starts[j + 1]; k++)
            sums[j] += values[k];
    }
}

/* The sums of one plane's patches, times scale; a row has at most ROW columns. */
static void pool_plane(const T *restrict plane, const axis *rows, const axis *columns, T scale, T *restrict out) {
    int64_t width = columns->pixels;
    for (int64_t i = 0; i < rows->patches; i++, out += columns->patches) {
        T sums[ROW];
        int64_t row = rows->starts[i], height = rows->starts[i + 1] - row;
        const T *restrict from = plane + row * width;
        if (height == 2)
            for (int64_t k = 0; k < width; k++)
                sums[k] = (from[k] + from[width + k]) * scale;
        else if (height == 4)
            for (int64_t k = 0; k < width; k++)
                sums[k] = ((from[k] + from[width + k]) + (from[2 * width + k] + from[3 * width + k])) * scale;
        else {
            memset(sums, 0, width * sizeof(T));
            for (int64_t r = 0; r < height; r++)
                for (int64_t k = 0; k < width; k++)
                    sums[k] += from[r * width + k] * scale;
        }
        memset(out, 0, columns->patches * sizeof(T));
        fold_row(sums, columns, out);
    }
}

static void scale_all(T *values, int64_t count, T scale) {
    for (int64_t i = 0; i < count; i++)
        values[i] *= scale;
}
