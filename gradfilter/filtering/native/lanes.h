/* Everything that is made once for each WIDTH. */
#include "vectors.h"

#include "sum_lanes.h"

#include "activations.h"
#include "activate_lanes.h"

#undef WIDTH
#undef WIDTH_NAME
