/* Numbers of the exponential and of the normal distribution, for each element type.

e^r on |r| ≤ ln 2 / 2 is its Taylor series. The upper tail of the normal distribution at z ≥ 0 is e^(−z²/2) · t · P(u)
with t = 1 / (1 + 0.3 z) and u = SCALE · t − SHIFT in [−1, 1]; P interpolates erfcx(z / √2) / 2 t in the Chebyshev nodes
from z = 0 to TAIL_END, where e^(−z²/2) has left the element type's range, to a relative error of 4e-9 and 4e-15. */

#if DOUBLE
#define UNSIGNED uint64_t
#define MANTISSA_BITS 52
#define ROUNDING 6755399441055744.0 /* 1.5 · 2^52: adding it rounds to whole numbers, which the lowest bits then hold \
                                     */
#define LN2_HIGH 0.693147180369123816490
#define LN2_LOW 1.90821492927058770002e-10
#define EXP_LOW (-708.0)
#define EXP_HIGH 709.0
static const T EXP_SERIES[] = {
    1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
    1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0};
#define TAIL_END 38.0
#define TAIL_SCALE 2.175438596491228
#define TAIL_SHIFT 1.175438596491228
static const T TAIL[] = {-4.65722141422176218e-10, -1.42567409634507699e-09, 7.09732184521616122e-09,
                         6.52996961619163431e-09,  -5.19775879724356007e-08, 2.79574108060142602e-08,
                         2.38502625260162905e-07,  -5.05607420014329995e-07, -6.35378654108199728e-07,
                         3.94586718419465596e-06,  -7.81851365855880158e-07, -2.57668463630375465e-05,
                         2.63858892693955839e-05,  1.82962253617542170e-04,  -2.42358840182783073e-04,
                         -1.74788591084259364e-03, 5.63688238273469221e-04,  2.18998557928559087e-02,
                         7.88784389916280110e-02,  1.64641762051493001e-01,  2.35820669132162181e-01};
#else
#define UNSIGNED uint32_t
#define MANTISSA_BITS 23
#define ROUNDING 12582912.0f
#define LN2_HIGH 0.693359375f
#define LN2_LOW (-2.12194440e-4f)
#define EXP_LOW (-87.0f)
#define EXP_HIGH 88.0f
static const T EXP_SERIES[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
#define TAIL_END 13.0f
#define TAIL_SCALE 2.5128205128205128f
#define TAIL_SHIFT 1.5128205128205128f
static const T TAIL[] = {-5.203041020e-06f, 4.564196917e-07f, 6.998240075e-05f, -2.754327015e-05f, -9.097251447e-04f,
                         -3.699072359e-04f, 1.419581604e-02f, 6.574384505e-02f, 1.619010634e-01f,  2.594012137e-01f};
#endif
#define LOG2_E ((T)1.44269504088896340736)
