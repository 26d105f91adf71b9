/* Passes over maps of one element type: this file is compiled once with -DT=float and once with -DT=double.

Maps are dense, (N, C, H, W) or, where last is not 0, (N, H, W, C). Sizes count elements. Nothing is allocated here, and
nothing is checked: the callers in Python do both. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "axis.h"
#include "constants.h"
#include "widths.h"

#include "pooling.h"
#include "statistics.h"
#include "activate.h"
#include "masks.h"
#include "max_pooling.h"
#include "unnormalising.h"

const char *NAME(instruction_set)(void) {
#if defined(__AVX512F__)
    return "AVX-512";
#elif defined(__AVX2__)
    return "AVX2";
#elif defined(__AVX__)
    return "AVX";
#elif defined(__ARM_NEON) || defined(__ARM_NEON__)
    return "NEON";
#elif defined(__SSE2__)
    return "SSE2";
#else
    return "plain C";
#endif
}
