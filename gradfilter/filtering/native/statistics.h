/* Mean and variance of each channel, in one read of the map.

The map is taken in pieces: the mean of each, and its squares around a mean, are merged with what came before, in double
precision. So no large sums are ever subtracted. Source of the merging: Chan, Golub, LeVeque, Updating Formulae and a
Pairwise Algorithm for Computing Sample Variances, 1979. */

/* count, mean and squares of what came before; other_... of what is added to it */
static inline void merge(double count, double *mean, double *squares, double other_count, double other_mean,
                         double other_squares) {
    double apart = other_mean - *mean, share = other_count / (count + other_count);
    *squares += other_squares + apart * apart * count * share;
    *mean += apart * share;
}

static void statistics_first(const T *y, T *means, T *variances, int64_t images, int64_t channels, int64_t pixels,
                             int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t c = 0; c < channels; c++) {
        double count = 0, mean = 0, squares = 0;
        for (int64_t n = 0; n < images; n++)
            for (int64_t begin = 0; begin < pixels; begin += PIECE) {
                const T *piece = y + (n * channels + c) * pixels + begin;
                int64_t length = begin + PIECE < pixels ? PIECE : pixels - begin;
                T sum = 0, square = 0;
#pragma omp simd reduction(+ : sum)
                for (int64_t k = 0; k < length; k++)
                    sum += piece[k];
                T middle = sum / (T)length;
#pragma omp simd reduction(+ : square)
                for (int64_t k = 0; k < length; k++)
                    square += (piece[k] - middle) * (piece[k] - middle);
                merge(count, &mean, &squares, (double)length, middle, square);
                count += (double)length;
            }
        means[c] = (T)mean;
        variances[c] = (T)(squares / count);
    }
}

/* Adds pixels of channels side by side to their means and squares. The distances are those to the mean so far, or of
the first pixels to their own: near enough that little is lost when the distance of the means is taken out of the
squares. */
static void statistics_piece(const T *y, int64_t pixels, int64_t step, int64_t lanes, double count,
                             double *restrict means, double *restrict squares) {
    T shift[ROW], sum[ROW], square[ROW];
    void (*distances)(const T *, int64_t, int64_t, const T *, T *, T *, int64_t) = WIDEST_FOR(distances, lanes);
    for (int64_t c = 0; c < lanes; c++)
        shift[c] = count > 0 ? (T)means[c] : y[c];
    distances(y, pixels, step, shift, sum, square, lanes);
    if (count == 0) {
        for (int64_t c = 0; c < lanes; c++)
            shift[c] += sum[c] / (T)pixels;
        distances(y, pixels, step, shift, sum, square, lanes);
    }
    double each = 1 / (double)pixels;
    for (int64_t c = 0; c < lanes; c++) {
        double off = sum[c] * each;
        merge(count, means + c, squares + c, (double)pixels, shift[c] + off, square[c] - sum[c] * off);
    }
}

/* work: 2 · channels for each thread */
static void statistics_last(const T *y, T *means, T *variances, int64_t pixels, int64_t channels, double *work,
                            int64_t threads) {
#pragma omp parallel for num_threads((int)threads) schedule(static)
    for (int64_t thread = 0; thread < threads; thread++) {
        double *mine = work + 2 * thread * channels;
        int64_t first = pixels * thread / threads, end = pixels * (thread + 1) / threads;
        memset(mine, 0, 2 * channels * sizeof(double));
        for (int64_t pixel = first; pixel < end; pixel += PIECE_PIXELS)
            for (int64_t c = 0; c < channels; c += ROW)
                statistics_piece(y + pixel * channels + c, pixel + PIECE_PIXELS < end ? PIECE_PIXELS : end - pixel,
                                 channels, c + ROW < channels ? ROW : channels - c, (double)(pixel - first), mine + c,
                                 mine + channels + c);
    }
    for (int64_t c = 0; c < channels; c++) {
        double mean = 0, squares = 0;
        for (int64_t thread = 0; thread < threads; thread++) {
            const double *its = work + 2 * thread * channels;
            int64_t first = pixels * thread / threads, end = pixels * (thread + 1) / threads;
            if (end > first)
                merge((double)first, &mean, &squares, (double)(end - first), its[c], its[channels + c]);
        }
        means[c] = (T)mean;
        variances[c] = (T)(squares / (double)pixels);
    }
}

/* y → means and 1/σ, epsilon included. Running means and unbiased variances, or none, move by the share momentum towards
those of y. work: room for 2 · channels · threads numbers */
void NAME(statistics)(const T *y, T *means, T *rstds, T *running_means, T *running_variances, double momentum,
                      double epsilon, int64_t last, int64_t images, int64_t channels, int64_t pixels, double *work,
                      int64_t threads) {
    double values = (double)images * (double)pixels;
    T *variances = rstds;
    if (last)
        statistics_last(y, means, variances, images * pixels, channels, work, threads);
    else
        statistics_first(y, means, variances, images, channels, pixels, (int)threads);
    for (int64_t c = 0; c < channels; c++) {
        double variance = variances[c];
        rstds[c] = (T)(1 / sqrt(variance + epsilon));
        if (running_means)
            running_means[c] += (T)(momentum * (means[c] - running_means[c]));
        if (running_variances)
            running_variances[c] += (T)(momentum * (variance * values / (values - 1) - running_variances[c]));
    }
}
