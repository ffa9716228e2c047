/* A SIREN at many points: the products of its hidden layers in eight bits, its sines fused into them.

   Sines lie in [-1, 1]: they are held as round(127 sine) + 128, weights as 127ths of the largest of their unit, and the
   products are summed exactly. All angles are in half turns. A block of points stays in the first level's cache. */

#include "clones.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS = 8, LANES = 16, VECTORS = 3, BLOCK = LANES * VECTORS, LARGEST = 127, ZERO = 128 };

static int64_t padded(int64_t units) { return (units + UNITS - 1) / UNITS * UNITS; }

static int64_t widest_of(int64_t depth, const int64_t *widths) {
    int64_t widest = 0;
    for (int64_t layer = 0; layer < depth; layer++)
        widest = widths[layer] > widest ? widths[layer] : widest;
    return widest;
}

/* A packed network, in units of four bytes: the first layer's [x, y, z, bias] for each unit; of every hidden layer the
   weights [out / UNITS, in / 4, UNITS, 4] as bytes, scales [out], biases [out]; the last layer's weights and bias.
   Widths are filled up with units that are always zero. */

EXPORTED int64_t siren_size(int64_t depth, const int64_t *widths) {
    int64_t size = 4 * padded(widths[0]) + padded(widths[depth - 1]) + 1;
    for (int64_t layer = 1; layer < depth; layer++)
        size += padded(widths[layer]) * (padded(widths[layer - 1]) / 4 + 2);
    return size;
}

/* Of their sizes; a float without its sign is ordered as its bits are. */
CLONES static float largest(const float *row, int64_t count) {
    int32_t most = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t size;
        memcpy(&size, row + i, sizeof size);
        size &= INT32_MAX;
        most = size > most ? size : most;
    }
    float found;
    memcpy(&found, &most, sizeof found);
    return found > 1e-12f ? found : 1e-12f;
}

/* A unit's weights, rounded; their sum. */
CLONES static int32_t round_unit(const float *restrict row, int64_t in, float shrink, int8_t *restrict rounded) {
    int32_t sum = 0;
    for (int64_t i = 0; i < in; i++) {
        const float scaled = row[i] * shrink;
        const int32_t value = (int32_t)(scaled + (scaled < 0 ? -0.5f : 0.5f));
        rounded[i] = (int8_t)value;
        sum += value;
    }
    return sum;
}

static const float HALF_TURN = 3.14159265358979f;

/* weights [out, 3] and biases [out], behind them -> [x, y, z, bias] for each unit. */
static void pack_first(const float *weights, int64_t out, float omega, float *packed) {
    for (int64_t unit = 0; unit < out; unit++) {
        for (int axis = 0; axis < 3; axis++)
            packed[4 * unit + axis] = weights[3 * unit + axis] * (omega / HALF_TURN);
        packed[4 * unit + 3] = weights[3 * out + unit] * (omega / HALF_TURN);
    }
}

/* weights [out, in] and biases [out], behind them -> a hidden layer; `rounded` has room for a unit. */
static void pack_hidden(const float *weights, int64_t in, int64_t out, float omega, int8_t *rounded, float *packed) {
    const int64_t groups = padded(in) / 4;
    float *scales = packed + padded(out) * groups, *shifts = scales + padded(out);
    for (int64_t unit = 0; unit < out; unit++) {
        const float most = largest(weights + in * unit, in);
        const int32_t sum = round_unit(weights + in * unit, in, LARGEST / most, rounded);
        int8_t *place = (int8_t *)packed + 4 * (unit / UNITS * groups * UNITS + unit % UNITS);
        for (int64_t i = 0; i < in; i += 4, place += 4 * UNITS)
            memcpy(place, rounded + i, in - i < 4 ? (size_t)(in - i) : 4);
        scales[unit] = most / LARGEST / LARGEST * (omega / HALF_TURN);
        shifts[unit] = weights[in * out + unit] * (omega / HALF_TURN) - scales[unit] * (float)ZERO * (float)sum;
    }
}

/* theta: of every layer the weights [out, in] and the biases [out], in order; widths of the hidden layers. */
EXPORTED int64_t siren_pack(const float *theta, int64_t depth, const int64_t *widths, float omega, float *packed) {
    int8_t *rounded = malloc((size_t)widest_of(depth, widths));
    if (!rounded)
        return -1;
    memset(packed, 0, (size_t)siren_size(depth, widths) * sizeof *packed);
    pack_first(theta, widths[0], omega, packed);
    theta += 4 * widths[0], packed += 4 * padded(widths[0]);
    for (int64_t layer = 1; layer < depth; layer++) {
        const int64_t in = widths[layer - 1], out = widths[layer];
        pack_hidden(theta, in, out, omega, rounded, packed);
        theta += (in + 1) * out, packed += padded(out) * (padded(in) / 4 + 2);
    }
    const int64_t last = widths[depth - 1];
    memcpy(packed, theta, (size_t)last * sizeof *packed);
    packed[padded(last)] = theta[last];
    free(rounded);
    return 0;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define EVERY_UNIT _Pragma("GCC unroll 8")
#define EVERY_VECTOR _Pragma("GCC unroll 3")

typedef __m512i Group[VECTORS]; /* of four units, what each point has there, as bytes */

EXPORTED int64_t siren_supported(void) {
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

/* sin(pi x), by Taylor's series around the nearest half turn: within 4e-6. */
VNNI static inline __m512 sine(__m512 x) {
    const __m512i turns = _mm512_cvtps_epi32(x);
    const __m512 rest = _mm512_sub_ps(x, _mm512_cvtepi32_ps(turns)), square = _mm512_mul_ps(rest, rest);
    __m512 sum = _mm512_set1_ps(0.0821458866f);
    sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(-0.599264529f));
    sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(2.55016404f));
    sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(-5.16771278f));
    sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(3.14159265f));
    const __m512i signs = _mm512_slli_epi32(turns, 31);
    return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(_mm512_mul_ps(sum, rest)), signs));
}

/* The sine as a byte, in its place among the four of a group. */
VNNI static inline __m512i byte_of(__m512 value, int place) {
    const __m512 scaled = _mm512_fmadd_ps(value, _mm512_set1_ps(LARGEST), _mm512_set1_ps(ZERO));
    return _mm512_sll_epi32(_mm512_cvtps_epi32(scaled), _mm_cvtsi32_si128(8 * place));
}

/* points [3, BLOCK] */
VNNI static void first_layer(const float *points, const float *weights, int64_t units, Group *out) {
    for (int64_t unit = 0; unit < units; unit++, weights += 4) {
        EVERY_VECTOR for (int v = 0; v < VECTORS; v++) {
            __m512 angle = _mm512_set1_ps(weights[3]);
            for (int axis = 0; axis < 3; axis++)
                angle = _mm512_fmadd_ps(
                    _mm512_set1_ps(weights[axis]), _mm512_loadu_ps(points + axis * BLOCK + v * LANES), angle);
            const __m512i before = unit % 4 ? out[unit / 4][v] : _mm512_setzero_si512();
            out[unit / 4][v] = _mm512_or_si512(before, byte_of(sine(angle), (int)(unit % 4)));
        }
    }
}

/* Sums of UNITS units over all groups of the layer before, which fill the registers: had they no names of their own, or
   were this part of a larger function, GCC would store them in every turn, which takes twice as long. */
VNNI __attribute__((noinline)) static void products(const Group *in, int64_t groups, const int32_t *weights, Group *out) {
#define EACH_UNIT(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define BEGIN(u) __m512i first##u = _mm512_setzero_si512(), second##u = first##u, third##u = first##u;
#define ADD(u)                                                                                                         \
    weight = _mm512_set1_epi32(weights[u]);                                                                            \
    first##u = _mm512_dpbusd_epi32(first##u, first, weight);                                                           \
    second##u = _mm512_dpbusd_epi32(second##u, second, weight);                                                        \
    third##u = _mm512_dpbusd_epi32(third##u, third, weight);
#define END(u) out[u][0] = first##u, out[u][1] = second##u, out[u][2] = third##u;
    EACH_UNIT(BEGIN)
    for (int64_t group = 0; group < groups; group++, weights += UNITS) {
        const __m512i first = in[group][0], second = in[group][1], third = in[group][2];
        __m512i weight;
        EACH_UNIT(ADD)
    }
    EACH_UNIT(END)
}

/* A hidden layer: its sines go to `out`, or where that is NULL, weighted by `last`, into `answers`. */
VNNI static void hidden_layer(
    const Group *in, int64_t groups, const float *packed, int64_t units, Group *out, const float *last, __m512 *answers
) {
    const int32_t *weights = (const int32_t *)packed;
    const float *scales = packed + units * groups, *shifts = scales + units;
    for (int64_t start = 0; start < units; start += UNITS, weights += groups * UNITS) {
        Group sums[UNITS];
        products(in, groups, weights, sums);
        EVERY_VECTOR for (int v = 0; v < VECTORS; v++) {
            __m512i bytes[UNITS / 4] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
            EVERY_UNIT for (int unit = 0; unit < UNITS; unit++) {
                const __m512 sum = _mm512_cvtepi32_ps(sums[unit][v]), scale = _mm512_set1_ps(scales[start + unit]);
                const __m512 value = sine(_mm512_fmadd_ps(sum, scale, _mm512_set1_ps(shifts[start + unit])));
                if (out)
                    bytes[unit / 4] = _mm512_or_si512(bytes[unit / 4], byte_of(value, unit % 4));
                else
                    answers[v] = _mm512_fmadd_ps(_mm512_set1_ps(last[start + unit]), value, answers[v]);
            }
            for (int group = 0; out && group < UNITS / 4; group++)
                out[start / 4 + group][v] = bytes[group];
        }
    }
}

/* points [3, BLOCK] -> answers [BLOCK]; `scratch` and `other` hold the widest layer. */
VNNI static void block(
    const float *packed, int64_t depth, const int64_t *widths, const float *points, float *answers, Group *scratch,
    Group *other
) {
    __m512 sums[VECTORS];
    int64_t units = padded(widths[0]);
    first_layer(points, packed, units, scratch);
    packed += 4 * units;
    for (int64_t layer = 1; layer < depth; layer++) {
        const int64_t groups = units / 4;
        units = padded(widths[layer]);
        const float *next = packed + units * (groups + 2);
        const int is_last = layer == depth - 1;
        for (int v = 0; is_last && v < VECTORS; v++)
            sums[v] = _mm512_set1_ps(next[units]);
        hidden_layer(scratch, groups, packed, units, is_last ? NULL : other, next, sums);
        Group *swapped = scratch;
        scratch = other, other = swapped, packed = next;
    }
    for (int v = 0; v < VECTORS; v++)
        _mm512_storeu_ps(answers + v * LANES, sums[v]);
}

/* points [count, 3] -> answers [count], for 2 hidden layers or more; -1 without memory. */
VNNI EXPORTED int64_t siren_answers(
    const float *packed, int64_t depth, const int64_t *widths, const float *points, int64_t count, float *answers
) {
    const size_t half = (size_t)padded(widest_of(depth, widths)) / 4;
    Group *scratch = _mm_malloc(2 * half * sizeof *scratch, sizeof(__m512i));
    if (!scratch)
        return -1;
    float by_axis[3 * BLOCK], found[BLOCK];
    for (int64_t start = 0; start < count; start += BLOCK) {
        const int64_t here = count - start < BLOCK ? count - start : BLOCK;
        for (int64_t i = 0; i < BLOCK; i++)
            for (int axis = 0; axis < 3; axis++)
                by_axis[axis * BLOCK + i] = points[3 * (start + (i < here ? i : here - 1)) + axis];
        block(packed, depth, widths, by_axis, found, scratch, scratch + half);
        memcpy(answers + start, found, (size_t)here * sizeof *answers);
    }
    _mm_free(scratch);
    return 0;
}

#else

EXPORTED int64_t siren_supported(void) { return 0; }

EXPORTED int64_t siren_answers(
    const float *packed, int64_t depth, const int64_t *widths, const float *points, int64_t count, float *answers
) {
    (void)packed, (void)depth, (void)widths, (void)points, (void)count, (void)answers;
    return -1;
}

#endif
