/* Runs every kernel on made-up maps of odd sizes, in both layouts, and compares the two: harness ROUNDS THREADS.

Every array is allocated to the element, so that a sanitizer sees a read or write beside it. Compiled with kernels.c in
it, once for each element type. */

#include <stdio.h>
#include <stdlib.h>

#include "kernels.c"

static uint64_t state = 88172645463325252ULL;

static int64_t drawn(int64_t low, int64_t high) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return low + (int64_t)(state % (uint64_t)(high - low + 1));
}

static T drawn_number(void) { return (T)drawn(-4000, 4000) / 1000; }

/* From a line of the caches on, as torch has it, so that a map's lanes may be whole lines. */
static void *room(int64_t count, size_t size) {
    void *memory;
    if (posix_memalign(&memory, LINE, (size_t)count * size))
        exit(2);
    return memory;
}

static T *numbers(int64_t count) {
    T *values = room(count, sizeof(T));
    for (int64_t i = 0; i < count; i++)
        values[i] = drawn_number();
    return values;
}

/* (N, C, P) → (N, P, C) */
static T *moved(const T *from, int64_t images, int64_t channels, int64_t pixels) {
    T *to = room(images * channels * pixels, sizeof(T));
    for (int64_t n = 0; n < images; n++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t p = 0; p < pixels; p++)
                to[(n * pixels + p) * channels + c] = from[(n * channels + c) * pixels + p];
    return to;
}

static uint8_t *moved_bytes(const uint8_t *from, int64_t images, int64_t channels, int64_t pixels) {
    uint8_t *to = room(images * channels * pixels, 1);
    for (int64_t n = 0; n < images; n++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t p = 0; p < pixels; p++)
                to[(n * pixels + p) * channels + c] = from[(n * channels + c) * pixels + p];
    return to;
}

static void compare(const char *what, const T *first, const T *last, int64_t images, int64_t channels, int64_t pixels) {
    T *expected = moved(first, images, channels, pixels);
    for (int64_t i = 0; i < images * channels * pixels; i++) {
        double apart = fabs((double)expected[i] - (double)last[i]);
        if (!(apart <= 1e-4 * (1 + fabs((double)expected[i])))) {
            fprintf(stderr, "%s: %g contiguous, %g channels last\n", what, (double)expected[i], (double)last[i]);
            exit(1);
        }
    }
    free(expected);
}

/* averages of what is 0 or 1, each a quarter of so many pixels, and these in bytes */
static void compare_counted(const T *averages, const uint8_t *counted, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if ((uint8_t)(int64_t)(averages[i] * 4) != counted[i]) {
            fprintf(stderr, "counted: average %g, %d pixels\n", (double)averages[i], counted[i]);
            exit(1);
        }
}

typedef struct {
    int64_t images, channels, height, width, row_patches, column_patches, *row_starts, *column_starts, threads;
} scene;

static int64_t *drawn_starts(int64_t pixels, int64_t patches) {
    int64_t *starts = room(patches + 1, sizeof(int64_t)), size = (pixels + patches - 1) / patches;
    int64_t offset = drawn(0, size - 1);
    for (int64_t i = 0; i <= patches; i++) {
        int64_t at = i * size - offset;
        starts[i] = i == 0 || at < 0 ? 0 : at > pixels ? pixels : at;
    }
    starts[patches] = pixels;
    return starts;
}

/* Of channels or columns: few, whole lines, or more than are worked on at once. */
static int64_t drawn_lanes(void) {
    int64_t choice = drawn(0, 9);
    return choice == 0 ? drawn(1, 1100) : choice < 4 ? 16 * drawn(1, 3) : drawn(1, 40);
}

static scene drawn_scene(int64_t threads) {
    scene s = {
        drawn(1, 3), drawn_lanes(), drawn(1, 13), drawn_lanes(), 0, 0, 0, 0,
        threads};
    s.row_patches = drawn(1, s.height + 1);
    s.column_patches = drawn(1, s.width + 1);
    s.row_starts = drawn_starts(s.height, s.row_patches);
    s.column_starts = drawn_starts(s.width, s.column_patches);
    return s;
}

#define GRID s.row_patches, s.row_starts, s.column_patches, s.column_starts

static void run_pooling(scene s) {
    int64_t pixels = s.height * s.width, patches = s.row_patches * s.column_patches, planes = s.images * s.channels;
    T *maps[2] = {numbers(planes * pixels)}, *out[2], *spread[2], *mean[2], *rstd[2], *running[2][2];
    int64_t moves = drawn(0, 3);
    double *work = room(2 * s.channels * s.threads, sizeof(double));
    maps[1] = moved(maps[0], s.images, s.channels, pixels);
    for (int last = 0; last < 2; last++) {
        out[last] = room(planes * patches, sizeof(T));
        spread[last] = room(planes * pixels, sizeof(T));
        mean[last] = room(s.channels, sizeof(T));
        rstd[last] = room(s.channels, sizeof(T));
        for (int i = 0; i < 2; i++) {
            running[i][last] = moves >> i & 1 ? room(s.channels, sizeof(T)) : 0;
            for (int64_t c = 0; c < s.channels && running[i][last]; c++)
                running[i][last][c] = 1;
        }
        NAME(averages)(maps[last], out[last], last, s.images, s.channels, GRID, 0.25, s.threads);
        NAME(spread)(out[last], spread[last], last, s.images, s.channels, GRID, s.threads);
        NAME(statistics)(maps[last], mean[last], rstd[last], running[0][last], running[1][last], 0.1, 0.5, last,
                         s.images, s.channels, pixels, work, s.threads);
    }
    compare("averages", out[0], out[1], s.images, s.channels, patches);
    compare("spread", spread[0], spread[1], s.images, s.channels, pixels);
    compare("means", mean[0], mean[1], 1, 1, s.channels);
    compare("standard deviations", rstd[0], rstd[1], 1, 1, s.channels);
    for (int i = 0; i < 2; i++)
        if (moves >> i & 1 && s.images * pixels > 1)
            compare("running statistics", running[i][0], running[i][1], 1, 1, s.channels);
    for (int last = 0; last < 2; last++)
        free(maps[last]), free(out[last]), free(spread[last]), free(mean[last]), free(rstd[last]),
            free(running[0][last]), free(running[1][last]);
    free(work);
}

static void run_activate(scene s) {
    int64_t pixels = s.height * s.width, patches = s.row_patches * s.column_patches, planes = s.images * s.channels;
    int64_t wanted = drawn(0, 63), with = drawn(0, 3);
    T *y[2] = {numbers(planes * pixels)}, *addend[2] = {numbers(planes * pixels)}, *a[2], *sums[2][SUMS],
      *constants[NUMBERS];
    y[1] = moved(y[0], s.images, s.channels, pixels);
    addend[1] = moved(addend[0], s.images, s.channels, pixels);
    for (int i = 0; i < NUMBERS; i++)
        constants[i] = with & (i < 4 ? 1 : 2) ? numbers(s.channels) : 0;
    uint8_t *opened = room(planes * patches, 1);
    for (int64_t kind = 0; kind < 9; kind++) {
        int64_t overwritten = (kind + s.images) % 3; /* in which layout, if in any, a takes the place of y */
        for (int last = 0; last < 2; last++) {
            a[last] = room(planes * pixels, sizeof(T));
            for (int i = 0; i < SUMS; i++)
                sums[last][i] = wanted >> i & 1 ? room(planes * patches, sizeof(T)) : 0;
            memcpy(a[last], y[last], (size_t)(planes * pixels) * sizeof(T));
            NAME(activate)(last == overwritten ? a[last] : y[last], with & 2 ? addend[last] : 0,
                           (const T *const *)constants, a[last], sums[last],
                           last && (kind == 1 || kind == 2) ? opened : 0, kind, 0.1, last, s.images, s.channels,
                           GRID, 0.25, s.threads);
        }
        if (wanted & 1 && (kind == 1 || kind == 2))
            compare_counted(sums[1][0], opened, planes * patches);
        compare("activated", a[0], a[1], s.images, s.channels, pixels);
        for (int i = 0; i < SUMS; i++)
            if (sums[0][i])
                compare("averages of activated", sums[0][i], sums[1][i], s.images, s.channels, patches);
        for (int last = 0; last < 2; last++) {
            free(a[last]);
            for (int i = 0; i < SUMS; i++)
                free(sums[last][i]);
        }
    }
    for (int last = 0; last < 2; last++)
        free(y[last]), free(addend[last]);
    free(opened);
    for (int i = 0; i < NUMBERS; i++)
        free(constants[i]);
}

static void run_mask(scene s) {
    int64_t pixels = s.height * s.width, patches = s.row_patches * s.column_patches, planes = s.images * s.channels;
    int64_t with = drawn(0, 3), normals = drawn(0, 2), numbered = drawn(0, 1);
    T *maps[4][2], *sums[2][MASK_SUMS], *constants[4];
    uint8_t *before[2] = {room(planes * pixels, 1)}, *mask[2];
    for (int64_t i = 0; i < planes * pixels; i++)
        before[0][i] = (uint8_t)drawn(0, 1);
    before[1] = moved_bytes(before[0], s.images, s.channels, pixels);
    for (int i = 0; i < 4; i++) {
        maps[i][0] = numbers(planes * pixels);
        maps[i][1] = moved(maps[i][0], s.images, s.channels, pixels);
        constants[i] = numbered ? numbers(s.channels) : 0;
    }
    for (int last = 0; last < 2; last++) {
        const T *y[6] = {normals > 0 ? maps[2][last] : 0, constants[0], constants[1],
                         normals > 1 ? maps[3][last] : 0, constants[2], constants[3]};
        mask[last] = room(planes * pixels, 1);
        for (int i = 0; i < MASK_SUMS; i++)
            sums[last][i] = i <= normals ? room(planes * patches, sizeof(T)) : 0;
        NAME(mask)(with & 1 ? before[last] : 0, with & 2 ? maps[1][last] : 0, 2.0, maps[0][last], 3.0, y, mask[last],
                   sums[last], last, s.images, s.channels, GRID, 0.25, s.threads);
    }
    uint8_t *expected = moved_bytes(mask[0], s.images, s.channels, pixels);
    if (memcmp(expected, mask[1], (size_t)(planes * pixels)))
        fprintf(stderr, "masks differ\n"), exit(1);
    free(expected);
    for (int i = 0; i < MASK_SUMS; i++)
        if (sums[0][i])
            compare("averages of masks", sums[0][i], sums[1][i], s.images, s.channels, patches);
    for (int last = 0; last < 2; last++) {
        free(before[last]), free(mask[last]);
        for (int i = 0; i < 4; i++)
            free(maps[i][last]);
        for (int i = 0; i < MASK_SUMS; i++)
            free(sums[last][i]);
    }
    for (int i = 0; i < 4; i++)
        free(constants[i]);
}

static int64_t *owners(int64_t pixels, const int64_t *starts) {
    int64_t *patch_of = room(pixels, sizeof(int64_t));
    for (int64_t pixel = 0, patch = 0; pixel < pixels; pixel++) {
        while (starts[patch + 1] <= pixel)
            patch++;
        patch_of[pixel] = patch;
    }
    return patch_of;
}

static void run_max_pool(scene s) {
    int64_t large = drawn(0, 9) == 0;
    windows w = {s.height, s.width, drawn(1, large ? 11 : 4), drawn(1, large ? 23 : 4), drawn(1, 5), drawn(1, 5), 0, 0,
                 0,        0};
    w.padding_height = drawn(0, w.window_height / 2);
    w.padding_width = drawn(0, w.window_width / 2);
    if (w.height + 2 * w.padding_height < w.window_height || w.width + 2 * w.padding_width < w.window_width)
        return;
    w.out_height = (w.height + 2 * w.padding_height - w.window_height) / w.stride_height + 1;
    w.out_width = (w.width + 2 * w.padding_width - w.window_width) / w.stride_width + 1;
    int64_t pixels = s.height * s.width, outputs = w.out_height * w.out_width, planes = s.images * s.channels;
    T *y[2] = {numbers(planes * pixels)}, *output[2], *normal[2], *back[2], *constants[4],
      *gradient[2] = {numbers(planes * outputs)};
    uint8_t *index[2];
    int64_t *row_owners = owners(s.height, s.row_starts), *column_owners = owners(s.width, s.column_starts);
    int64_t with = drawn(0, 1), low = drawn(0, 1);
    y[1] = moved(y[0], s.images, s.channels, pixels);
    gradient[1] = moved(gradient[0], s.images, s.channels, outputs);
    for (int i = 0; i < 4; i++)
        constants[i] = with ? numbers(s.channels) : 0;
    for (int last = 0; last < 2; last++) {
        output[last] = room(planes * outputs, sizeof(T));
        normal[last] = room(planes * outputs, sizeof(T));
        index[last] = room(planes * outputs, 1);
        back[last] = room(planes * s.row_patches * s.column_patches, sizeof(T));
        NAME(max_pool)(y[last], (const T *const *)constants, low ? 0 : -INFINITY, low ? 6 : INFINITY, output[last],
                       index[last], normal[last], last, s.images, s.channels, (const int64_t *)&w, s.threads);
        NAME(unpool_averages)(gradient[last], index[last], back[last], last, s.images, s.channels, (const int64_t *)&w,
                              row_owners, column_owners, s.row_patches, s.column_patches, 0.25, s.threads);
    }
    compare("maxima", output[0], output[1], s.images, s.channels, outputs);
    compare("normal of maxima", normal[0], normal[1], s.images, s.channels, outputs);
    compare("unpooled", back[0], back[1], s.images, s.channels, s.row_patches * s.column_patches);
    for (int last = 0; last < 2; last++)
        free(y[last]), free(output[last]), free(normal[last]), free(index[last]), free(back[last]),
            free(gradient[last]);
    for (int i = 0; i < 4; i++)
        free(constants[i]);
    free(row_owners), free(column_owners);
}

static void run_unnormalise(scene s) {
    int64_t patches = s.row_patches * s.column_patches, planes = s.images * s.channels, given = drawn(0, 15);
    double values = (double)(drawn(0, 1) * 4 * s.images * patches);
    double *work = room((2 * s.threads + 3) * s.channels, sizeof(double));
    T *maps[2][6], *dweight[2], *dbias[2], *out[2], *products[2], *rstd = drawn(0, 1) ? numbers(s.channels) : 0;
    T *weight = drawn(0, 1) ? numbers(s.channels) : 0, *factors = drawn(0, 1) ? numbers(s.channels) : 0;
    for (int k = 0; k < 4; k++) { /* gradient, slope, slope_normal, normal */
        maps[0][k] = k == 0 || given & 1 << k ? numbers(planes * patches) : 0;
        maps[1][k] = maps[0][k] ? moved(maps[0][k], s.images, s.channels, patches) : 0;
    }
    uint8_t *opened[2] = {0};
    if (given & 2 && drawn(0, 1)) { /* slope is their average, and where channels come last they are given */
        opened[0] = room(planes * patches, 1);
        for (int64_t i = 0; i < planes * patches; i++)
            maps[0][1][i] = (T)(opened[0][i] = (uint8_t)drawn(0, 4)) / 4;
        opened[1] = moved_bytes(opened[0], s.images, s.channels, patches);
        free(maps[1][1]), maps[1][1] = 0;
    }
    for (int k = 4; k < 6; k++) /* counts, shares */
        maps[0][k] = maps[1][k] = numbers(patches);
    for (int last = 0; last < 2; last++) {
        dweight[last] = room(s.channels, sizeof(T));
        dbias[last] = room(s.channels, sizeof(T));
        out[last] = given & 1 ? room(planes * patches, sizeof(T)) : 0;
        products[last] = room(s.channels, sizeof(T));
        NAME(products)(maps[last][0], maps[last][0], products[last], last, s.images, s.channels, patches, 0.5,
                       work, s.threads);
        NAME(unnormalise)((const T *const *)maps[last], last ? opened[1] : 0, dweight[last], dbias[last], out[last], rstd, weight, factors, last,
                          s.images, s.channels, patches, 4, values, work, s.threads);
    }
    for (int last = 0; last < 2; last++)
        for (int64_t c = 0; c < s.channels; c++) { /* of sums, beside how large those of so many numbers are */
            T size = (T)sqrt((double)(s.images * patches));
            products[last][c] /= size, dweight[last][c] /= size, dbias[last][c] /= size;
        }
    compare("products", products[0], products[1], 1, 1, s.channels);
    compare("gradients of weights", dweight[0], dweight[1], 1, 1, s.channels);
    compare("gradients of biases", dbias[0], dbias[1], 1, 1, s.channels);
    if (given & 1)
        compare("unnormalised", out[0], out[1], s.images, s.channels, patches);
    for (int last = 0; last < 2; last++) {
        for (int k = 0; k < 4; k++)
            free(maps[last][k]);
        free(dweight[last]), free(dbias[last]), free(out[last]), free(products[last]),
            free(opened[last]);
    }
    free(maps[0][4]), free(maps[0][5]), free(work), free(rstd), free(weight), free(factors);
}

int main(int count, char **arguments) {
    int64_t rounds = count > 1 ? atoll(arguments[1]) : 1, threads = count > 2 ? atoll(arguments[2]) : 1;
    for (int64_t round = 0; round < rounds; round++) {
        scene s = drawn_scene(threads);
        run_pooling(s);
        run_activate(s);
        run_mask(s);
        run_max_pool(s);
        run_unnormalise(s);
        free(s.row_starts), free(s.column_starts);
    }
    printf("%lld rounds, %s\n", (long long)rounds, NAME(instruction_set)());
    return 0;
}
