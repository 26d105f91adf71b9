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
    ROW = 512,    /* columns, or channels, that are worked on at once, so that their sums stay in the nearest cache */
    PIECE = 2048, /* elements of a map that are worked on at once, for the same reason */
    AHEAD = 2048, /* elements that are fetched before they are needed, where the processor does not guess them */
    NEAR = 512,   /* the same where it does, but not soon enough */
    PIECE_PIXELS = 64, /* pixels of channels side by side in such a piece */
    LARGE = 1 << 24,   /* bytes of a map that caches do not keep until it is read */
    WIDEST = 64,       /* bytes of the widest vector */
};

/* Patch i has the pixels from starts[i] to starts[i + 1]; those from first to last − 1 all have size pixels. Where no
patch has more than size, and only the outer ones less, padded is the length of the axis with those filled up, front
what the first one lacks; else, or where that is longer than ROW, padded is 0. */
typedef struct {
    int64_t patches, pixels;
    const int64_t *starts;
    int64_t first, last, size, padded, front;
} axis;

static int64_t size_of(const axis *cut, int64_t patch) { return cut->starts[patch + 1] - cut->starts[patch]; }

static axis axis_of(int64_t patches, const int64_t *starts) {
    axis cut = {patches, starts[patches], starts, 0, 0, 0, 0, 0};
    int64_t middle = patches == 2 && starts[1] >= starts[2] - starts[1] ? 0 : patches / 2;
    cut.size = size_of(&cut, middle);
    for (cut.first = middle; cut.first > 0 && size_of(&cut, cut.first - 1) == cut.size; cut.first--)
        ;
    for (cut.last = middle + 1; cut.last < patches && size_of(&cut, cut.last) == cut.size; cut.last++)
        ;
    int fits = cut.first <= 1 && cut.last >= patches - 1 && patches * cut.size <= ROW;
    if (fits && size_of(&cut, 0) <= cut.size && size_of(&cut, patches - 1) <= cut.size) {
        cut.padded = patches * cut.size;
        cut.front = patches == 1 ? 0 : cut.size - size_of(&cut, 0);
    }
    return cut;
}

/* Where a stretch of at most ROW pixels ends that begins at begin: between two patches, or inside one that is longer.
 */
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
        sums[j] = sum;                                                                                                 \
    }

/* sums[j] = the sum of the j-th size values */
static void fold_equal(const T *restrict values, int64_t count, int64_t size, T *restrict sums) {
    switch (size) {
    case 1: FOLD(1) break;
    case 2: FOLD(2) break;
    case 3: FOLD(3) break;
    case 4: FOLD(4) break;
    case 8: FOLD(8) break;
    case 9: FOLD(9) break;
    default: FOLD(size)
    }
}

/* Adds the pixels of a stretch, from begin to end − 1, to the sums of their patches; patch is the first of them.
Returns the patch that the next stretch begins in. */
static int64_t fold(const T *values, int64_t begin, int64_t end, int64_t patch, const axis *cut, T *sums) {
    while (patch < cut->patches) {
        int64_t from = cut->starts[patch], to = cut->starts[patch + 1], count = 0;
        if (from >= begin && patch >= cut->first && patch < cut->last && cut->size > 0) {
            count = (end - from) / cut->size;
            count = count < cut->last - patch ? count : cut->last - patch;
        }
        if (count > 0) {
            fold_equal(values + (from - begin), count, cut->size, sums + patch); /* they lie in no other stretch */
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

static void scale_all(T *values, int64_t count, T scale) {
    for (int64_t i = 0; i < count; i++)
        values[i] *= scale;
}

#define REPEAT(SIZE)                                                                                                   \
    for (int64_t j = 0; j < count; j++)                                                                                \
        for (int64_t k = 0; k < (SIZE); k++)                                                                           \
            row[j * (SIZE) + k] = values[j];

/* each of count values size times */
static void repeat_equal(const T *restrict values, T *restrict row, int64_t count, int64_t size) {
    switch (size) {
    case 2: REPEAT(2) break;
    case 4: REPEAT(4) break;
    case 9: REPEAT(9) break;
    default: REPEAT(size)
    }
}
