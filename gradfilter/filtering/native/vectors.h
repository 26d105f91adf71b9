/* Vectors of WIDTH bytes of the element type, in the language of GCC and clang: no intrinsics but to stream, so x86, ARM
and the rest.

Included once per width. V holds LANES elements; W(name) is name for this width. Memory need not be aligned. */

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define W(name) JOIN(name, WIDTH_NAME)
#define V W(vector)
#define VI W(integers)
#define INLINE static inline __attribute__((always_inline))
#define LANES ((int64_t)(WIDTH / sizeof(T)))

enum { W(lanes_of) = WIDTH / sizeof(T) };
typedef T V __attribute__((vector_size(WIDTH)));
typedef INTEGER VI __attribute__((vector_size(WIDTH)));
typedef T W(unaligned) __attribute__((vector_size(WIDTH), aligned(sizeof(T)), may_alias));

static inline V W(load)(const T *from) { return *(const W(unaligned) *)from; }
static inline void W(store)(T *to, V value) { *(W(unaligned) *)to = value; }
#if WIDTH == LINE && defined(__AVX512F__)
/* A whole line of memory past the caches, to where one begins: it need not be read before it is written. */
static inline void W(stream)(T *to, V value) { _mm512_stream_ps((float *)to, (__m512)value); }
#else
static inline void W(stream)(T *to, V value) { W(store)(to, value); }
#endif
/* whole numbers below 256 */
static inline void W(store_bytes)(uint8_t *to, V value) {
#if WIDTH == LINE && defined(__AVX512F__) && !DOUBLE
    _mm_storeu_si128((__m128i *)to, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32((__m512)value)));
#else
    for (int k = 0; k < LANES; k++)
        to[k] = (uint8_t)(INTEGER)value[k];
#endif
}
static inline V W(all)(T value) { return value - (V){0}; }
/* yes where the mask has all bits set, no where it has none */
static inline V W(choose)(VI mask, V yes, V no) { return (V)((mask & (VI)yes) | (~mask & (VI)no)); }
static inline V W(where)(VI mask, V yes) { return (V)(mask & (VI)yes); }
