/* What works on vectors, once for each width that the processor has and once for single elements.

A row of pixels or channels is cut into vectors of the widest width that it holds; the last vector then overlaps the one
before it and computes some of its results again, which is cheaper than single elements. */

/* A number of pixels that lie in rows and columns, row_step and column_step elements apart; ahead of them lies what
will be read soon, which the processor does not guess where channels come last. */
typedef struct {
    int64_t rows, row_step, columns, column_step, ahead;
} block;

#define LINE 64 /* bytes of memory that the caches hold together */

#if defined(__AVX512F__)
#include <immintrin.h>
#define STREAMED() _mm_sfence() /* for other threads to see what was streamed */
#else
#define STREAMED()
#endif

/* Whether rows of so many lanes, one after another from a on, are whole lines of memory. */
static int are_lines(const T *a, int64_t lanes) { return (uintptr_t)a % LINE == 0 && lanes * sizeof(T) % LINE == 0; }

enum { NUMBERS = 8, SUMS = 6 };

enum {
    TOGETHER = 4
}; /* vectors at once, where little is done with them: whole stretches of memory are read in order */

/* One call of a function that activates: where it reads and writes, from the first lane of its first pixel on. */
typedef struct {
    const T *y, *addend;
    T *a;
    const T *numbers[NUMBERS]; /* of y and of the addend; step is 1 where each lane has its own, else 0 */
    int64_t step[NUMBERS];
    T *sums[SUMS];   /* one for each lane, or none */
    uint8_t *opened; /* of how many pixels f' is 1, where it is 0 or 1, for each lane; or none */
    T parameter, scale;
    int streams, streams_sums; /* whether vectors of a line's width that are written to a, to sums, go past the caches */
} activation_task;

#if defined(__AVX512F__)
#define WIDTH 64
#define WIDTH_NAME 64
#include "lanes.h"
#endif
#if defined(__AVX__)
#define WIDTH 32
#define WIDTH_NAME 32
#include "lanes.h"
#endif
#define WIDTH 16
#define WIDTH_NAME 16
#include "lanes.h"
#if DOUBLE
#define WIDTH 8
#else
#define WIDTH 4
#endif
#define WIDTH_NAME 1
#include "lanes.h"

/* name_WIDTH for the widest vectors of which there is one in so many lanes */
#if defined(__AVX512F__)
#define IF_64(name, lanes) (lanes) * sizeof(T) >= 64 ? name##_64:
#else
#define IF_64(name, lanes)
#endif
#if defined(__AVX__)
#define IF_32(name, lanes) (lanes) * sizeof(T) >= 32 ? name##_32:
#else
#define IF_32(name, lanes)
#endif
#define WIDEST_FOR(name, lanes) (IF_64(name, lanes) IF_32(name, lanes)(lanes) * sizeof(T) >= 16 ? name##_16 : name##_1)
