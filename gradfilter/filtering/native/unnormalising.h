/* The way back through a normalisation, on patch grids: what each patch's gradient gives to a channel's weight and bias,
and what is left of it before the normalisation.

A grid's maps are (N, C, P) or, where last is not 0, (N, P, C), with P patches. counts are the pixels of each patch, and
shares the pixels of a full patch beside them. */

typedef struct {
    const T *gradient, *slope, *slope_normal, *normal; /* each but the first may be none */
    const T *counts, *shares;
    const uint8_t *opened; /* or none; in place of slope, where channels come last: pixels, each a share of a full patch */
    T pixel;
    int64_t images, channels, patches;
} grid_maps;

/* What lies in front of the normalisation, and three numbers of each channel for it. */
typedef struct {
    T *out;
    const T *scales, *offsets, *correlations;
} in_front;

/* Sums over one plane: of gradient · slope (or · counts, where there is no slope), and of gradient · slope_normal. */
static void sum_plane(const grid_maps *maps, int64_t plane, double *bias, double *weight) {
    const T *gradient = maps->gradient + plane * maps->patches;
    const T *factor = maps->slope ? maps->slope + plane * maps->patches : maps->counts;
    T sum = 0, product = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < maps->patches; k++)
        sum += gradient[k] * factor[k];
    if (maps->slope_normal) {
        const T *normal = maps->slope_normal + plane * maps->patches;
#pragma omp simd reduction(+ : product)
        for (int64_t k = 0; k < maps->patches; k++)
            product += gradient[k] * normal[k];
    }
    *bias += sum;
    *weight += product;
}

/* The same for channels side by side, of one patch of all images; bias and weight have a number for each channel. */
static void sum_patch(const grid_maps *maps, int64_t patch, double *restrict bias, double *restrict weight) {
    const T *gradient = maps->gradient + patch * maps->channels;
    const T *slope = maps->slope ? maps->slope + patch * maps->channels : 0;
    const T *normal = maps->slope_normal ? maps->slope_normal + patch * maps->channels : 0;
    const uint8_t *opened = maps->opened ? maps->opened + patch * maps->channels : 0;
    T count = slope || opened ? 0 : maps->counts[patch % maps->patches], pixel = maps->pixel;
    if (opened)
        for (int64_t c = 0; c < maps->channels; c++)
            bias[c] += gradient[c] * (opened[c] * pixel);
    else if (slope)
        for (int64_t c = 0; c < maps->channels; c++)
            bias[c] += gradient[c] * slope[c];
    else
        for (int64_t c = 0; c < maps->channels; c++)
            bias[c] += gradient[c] * count;
    if (normal)
        for (int64_t c = 0; c < maps->channels; c++)
            weight[c] += gradient[c] * normal[c];
}

/* out = scale · (gradient · slope · share − offset − normal · share · correlation), each factor left out where it is none */
static void unnormalise_plane(const grid_maps *maps, int64_t plane, const in_front *front) {
    int64_t c = plane % maps->channels;
    T scale = front->scales[c], offset = front->offsets[c], correlation = front->correlations[c];
    T *restrict out = front->out + plane * maps->patches;
    const T *gradient = maps->gradient + plane * maps->patches, *shares = maps->shares;
    const T *slope = maps->slope ? maps->slope + plane * maps->patches : 0;
    const T *normal = maps->normal ? maps->normal + plane * maps->patches : 0;
    if (slope)
#pragma omp simd
        for (int64_t k = 0; k < maps->patches; k++)
            out[k] = scale * (gradient[k] * slope[k] * shares[k] - offset);
    else
#pragma omp simd
        for (int64_t k = 0; k < maps->patches; k++)
            out[k] = scale * (gradient[k] - offset);
    if (normal)
#pragma omp simd
        for (int64_t k = 0; k < maps->patches; k++)
            out[k] -= scale * correlation * normal[k] * shares[k];
}

static void unnormalise_patch(const grid_maps *maps, int64_t patch, const in_front *front) {
    const T *restrict scale = front->scales, *restrict offset = front->offsets;
    const T *restrict correlation = front->correlations;
    T *restrict out = front->out + patch * maps->channels;
    const T *gradient = maps->gradient + patch * maps->channels;
    const T *slope = maps->slope ? maps->slope + patch * maps->channels : 0;
    const T *normal = maps->normal ? maps->normal + patch * maps->channels : 0;
    const uint8_t *opened = maps->opened ? maps->opened + patch * maps->channels : 0;
    T share = maps->shares[patch % maps->patches], pixel = maps->pixel;
    if (opened && normal)
        for (int64_t c = 0; c < maps->channels; c++)
            out[c] = scale[c] * ((gradient[c] * (opened[c] * pixel) - normal[c] * correlation[c]) * share - offset[c]);
    else if (opened)
        for (int64_t c = 0; c < maps->channels; c++)
            out[c] = scale[c] * (gradient[c] * (opened[c] * pixel) * share - offset[c]);
    else if (slope && normal)
        for (int64_t c = 0; c < maps->channels; c++)
            out[c] = scale[c] * ((gradient[c] * slope[c] - normal[c] * correlation[c]) * share - offset[c]);
    else if (slope)
        for (int64_t c = 0; c < maps->channels; c++)
            out[c] = scale[c] * (gradient[c] * slope[c] * share - offset[c]);
    else if (normal)
        for (int64_t c = 0; c < maps->channels; c++)
            out[c] = scale[c] * (gradient[c] - normal[c] * correlation[c] * share - offset[c]);
    else
        for (int64_t c = 0; c < maps->channels; c++)
            out[c] = scale[c] * (gradient[c] - offset[c]);
}

/* Sums of every channel: gradient · slope and gradient · slope_normal. early: what can be had in the same pass, as it needs
none of them; or none. work: 2 · channels for each thread */
static void sum_all(const grid_maps *maps, const in_front *early, int64_t last, double *work, int64_t threads) {
    int64_t channels = maps->channels, all = maps->images * maps->patches;
    if (!last) {
#pragma omp parallel for num_threads((int)threads) schedule(static)
        for (int64_t c = 0; c < channels; c++) {
            work[c] = work[channels + c] = 0;
            for (int64_t n = 0; n < maps->images; n++) {
                sum_plane(maps, n * channels + c, work + c, work + channels + c);
                if (early)
                    unnormalise_plane(maps, n * channels + c, early);
            }
        }
        return;
    }
#pragma omp parallel for num_threads((int)threads) schedule(static)
    for (int64_t thread = 0; thread < threads; thread++) {
        double *mine = work + 2 * thread * channels;
        memset(mine, 0, 2 * channels * sizeof(double));
        for (int64_t patch = all * thread / threads; patch < all * (thread + 1) / threads; patch++) {
            sum_patch(maps, patch, mine, mine + channels);
            if (early)
                unnormalise_patch(maps, patch, early);
        }
    }
    for (int64_t thread = 1; thread < threads; thread++)
        for (int64_t k = 0; k < 2 * channels; k++)
            work[k] += work[2 * thread * channels + k];
}

/* All that lies in front, after the sums. */
static void unnormalise_all(const grid_maps *maps, const in_front *front, int64_t last, int64_t threads) {
    if (!last) {
#pragma omp parallel for num_threads((int)threads) schedule(static)
        for (int64_t plane = 0; plane < maps->images * maps->channels; plane++)
            unnormalise_plane(maps, plane, front);
        return;
    }
#pragma omp parallel for num_threads((int)threads) schedule(static)
    for (int64_t patch = 0; patch < maps->images * maps->patches; patch++)
        unnormalise_patch(maps, patch, front);
}

/* For every channel the sum over images and patches of one map times another, times scale. work: as above */
void NAME(products)(const T *one, const T *other, T *out, int64_t last, int64_t images, int64_t channels,
                    int64_t patches, double scale, double *work, int64_t threads) {
    grid_maps grid = {one, other, 0, 0, 0, 0, 0, 0, images, channels, patches};
    sum_all(&grid, 0, last, work, threads);
    for (int64_t c = 0; c < channels; c++)
        out[c] = (T)(work[c] * scale);
}

/* The gradients of weight and bias, and out, or none, in front of the normalisation. rstd, weight, and factors, which the
gradient is to be multiplied with: of each channel, or none for 1. values: over how many a statistic was taken that was
the batch's own, else 0. work: room for (2 · threads + 3) · channels numbers. */
void NAME(unnormalise)(const T *const *maps, const uint8_t *opened, T *dweight, T *dbias, T *out, const T *rstd,
                       const T *weight, const T *factors, int64_t last, int64_t images, int64_t channels,
                       int64_t patches, double area, double values, double *work, int64_t threads) {
    grid_maps grid = {maps[0], maps[1],         maps[2], maps[3],  maps[4], maps[5],
                      opened,  (T)(1 / area), images,  channels, patches};
    T *numbers = (T *)(work + 2 * threads * channels);
    T *scales = numbers, *offsets = numbers + channels, *correlations = numbers + 2 * channels;
    in_front front = {out, scales, offsets, correlations};
    for (int64_t c = 0; c < channels; c++) {
        scales[c] = (rstd ? rstd[c] : 1) * (weight ? weight[c] : 1) * (factors ? factors[c] : 1);
        offsets[c] = correlations[c] = 0;
    }
    sum_all(&grid, out && values == 0 ? &front : 0, last, work, threads);
    for (int64_t c = 0; c < channels; c++) {
        double to_bias = work[c] * (grid.slope || opened ? area : 1), to_weight = work[channels + c] * area;
        dbias[c] = (T)(to_bias * (factors ? factors[c] : 1));
        dweight[c] = (T)(to_weight * (factors ? factors[c] : 1));
        if (values > 0) {
            offsets[c] = (T)(to_bias / values);
            correlations[c] = (T)(to_weight / values);
        }
    }
    if (out && values > 0)
        unnormalise_all(&grid, &front, last, threads);
}
