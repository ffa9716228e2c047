/* What a coarse-to-fine grid keeps book of: as netspace/grids.py says it with tensors.

   Arrays of corners are [n, n, n], the last axis fastest. `exact` tells which values are the field's; the others are
   bounds, of the field's sign and no farther from zero than the field is. Places are positions in a flat array. All
   functions return -1 where there is no memory. */

#include "clones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline float larger(float a, float b) { return a > b ? a : b; }
static inline float smaller(float a, float b) { return a < b ? a : b; }

/* Places of a row's marks, after those that are there; most of a row has none. */
static int64_t note(const uint8_t *marks, int64_t count, int64_t start, int64_t *places, int64_t found) {
    for (int64_t i = 0; i < count; i++) {
        uint64_t eight;
        for (; i + 8 <= count && (memcpy(&eight, marks + i, 8), !eight); i += 8)
            ;
        if (i < count && marks[i])
            places[found++] = start + i;
    }
    return found;
}

/* Along one axis: the larger of a row's squared rises to the rows before and after it, added. */
CLONES static void add_rises(
    const float *restrict row, const uint8_t *restrict exact, const float *restrict before,
    const uint8_t *restrict before_exact, const float *restrict after, const uint8_t *restrict after_exact, int64_t n,
    float *restrict squares
) {
    for (int64_t i = 0; i < n; i++) {
        const float down = exact[i] & before_exact[i] ? row[i] - before[i] : 0;
        const float up = exact[i] & after_exact[i] ? after[i] - row[i] : 0;
        squares[i] += larger(down * down, up * up);
    }
}

/* Around every corner the squared rise of the steepest edge between exact values, over all axes. */
EXPORTED int64_t grid_squares(int64_t n, const float *values, const uint8_t *exact, float *squares) {
    uint8_t *none = calloc((size_t)(2 * n + 2), 1), *ends = none + n;
    float *padded = calloc((size_t)(n + 2), sizeof *padded);
    for (int64_t i = 0; none && padded && i < n * n; i++) {
        const int64_t row = i * n, side[2] = {i / n, i % n}, stride[2] = {n * n, n};
        memset(squares + row, 0, (size_t)n * sizeof *squares);
        for (int axis = 0; axis < 2; axis++) {
            const int64_t before = side[axis] > 0 ? row - stride[axis] : row;
            const int64_t after = side[axis] < n - 1 ? row + stride[axis] : row;
            add_rises(
                values + row, exact + row, values + before, before == row ? none : exact + before, values + after,
                after == row ? none : exact + after, n, squares + row);
        }
        memcpy(padded + 1, values + row, (size_t)n * sizeof *padded);
        memcpy(ends + 1, exact + row, (size_t)n);
        add_rises(values + row, exact + row, padded, ends, padded + 2, ends + 2, n, squares + row);
    }
    const int64_t done = none && padded ? 0 : -1;
    free(none), free(padded);
    return done;
}

CLONES static void largest_of_three(
    const float *restrict a, const float *restrict b, const float *restrict c, int64_t n, float *restrict out
) {
    for (int64_t i = 0; i < n; i++)
        out[i] = larger(larger(a[i], b[i]), c[i]);
}

/* Every corner's largest of itself and its neighbours along the axis with this stride. */
static void largest_along(const float *in, int64_t n, int64_t stride, float *out) {
    const int64_t slab = n * stride;
    for (int64_t start = 0; start < n * n * n; start += slab) {
        const float *from = in + start;
        largest_of_three(from, from, from + stride, stride, out + start);
        largest_of_three(from, from + stride, from + 2 * stride, slab - 2 * stride, out + start + stride);
        largest_of_three(
            from + slab - 2 * stride, from + slab - stride, from + slab - stride, stride, out + start + slab - stride);
    }
}

/* How far the field may rise along half an edge, for every corner, by the squared rises around it. */
CLONES static void reaches(float *squares, int64_t count, float least) {
    for (int64_t i = 0; i < count; i++)
        squares[i] = larger(sqrtf(squares[i]), least) / 2;
}

/* Bounds between up to four rows: the largest of what is below the values by their reach, the smallest of what is above. */
CLONES static void between_rows(
    const float *const rows[4], const float *const reach[4], float distance, int64_t n, float *restrict least,
    float *restrict most
) {
    for (int64_t i = 0; i < n; i++) {
        const float a = distance * reach[0][i], b = distance * reach[1][i], c = distance * reach[2][i],
                    d = distance * reach[3][i];
        least[i] = larger(larger(rows[0][i] - a, rows[1][i] - b), larger(rows[2][i] - c, rows[3][i] - d));
        most[i] = smaller(smaller(rows[0][i] + a, rows[1][i] + b), smaller(rows[2][i] + c, rows[3][i] + d));
    }
}

/* Every second corner of a finer row, from `least` and `most`: its bound, and whether it has to be evaluated. */
CLONES static void decide(
    const float *restrict least, const float *restrict most, float band, int64_t n, float *restrict fine,
    uint8_t *restrict wanted
) {
    for (int64_t i = 0; i < n; i++) {
        const int outside = least[i] > band, inside = most[i] < -band;
        fine[2 * i] = outside ? least[i] : most[i];
        wanted[2 * i] = outside == inside;
    }
}

/* Each becomes what holds between it and the next one. */
CLONES static void join_neighbours(float *least, float *most, int64_t n) {
    for (int64_t i = 0; i < n - 1; i++) {
        least[i] = larger(least[i], least[i + 1]);
        most[i] = smaller(most[i], most[i + 1]);
    }
}

/* How far the field may rise along half an edge around every corner; `squares` are overwritten. */
static void reaches_around(float *squares, int64_t n, float least_rise, float *reach) {
    largest_along(squares, n, 1, reach);
    largest_along(reach, n, n, squares);
    largest_along(squares, n, n * n, reach);
    reaches(reach, n * n * n, least_rise);
}

/* The corners at half the spacing [2n - 1, 2n - 1, 2n - 1], with the places of those to be evaluated; their number.
   `squares` are those of grid_squares, and overwritten. */
EXPORTED int64_t grid_refine(
    int64_t n, const float *values, const uint8_t *exact, float *squares, float least_rise, float band, float *fine,
    uint8_t *fine_exact, int64_t *places
) {
    const int64_t size = 2 * n - 1, count = n * n * n;
    float *reach = malloc((size_t)(count + 2 * n) * sizeof *reach), *least = reach + count, *most = least + n;
    uint8_t *wanted = malloc((size_t)size);
    int64_t found = reach && wanted ? 0 : -1;
    if (!found)
        reaches_around(squares, n, least_rise, reach);
    for (int64_t row = 0; found >= 0 && row < size * size; row++) {
        const int64_t x = row / size, y = row % size, odd = x % 2 + y % 2;
        const float *rows[4], *row_reach[4];
        for (int i = 0; i < 4; i++) {
            const int64_t start = ((x + i / 2) / 2 * n + (y + i % 2) / 2) * n;
            rows[i] = values + start, row_reach[i] = reach + start;
        }
        memset(wanted, 0, (size_t)size);
        memset(fine_exact + row * size, 0, (size_t)size);
        between_rows(rows, row_reach, sqrtf((float)odd + 1), n, least, most);
        join_neighbours(least, most, n);
        decide(least, most, band, n - 1, fine + row * size + 1, wanted + 1);
        if (odd) {
            between_rows(rows, row_reach, sqrtf((float)odd), n, least, most);
            decide(least, most, band, n, fine + row * size, wanted);
        } else
            for (int64_t i = 0; i < n; i++) {
                fine[row * size + 2 * i] = rows[0][i];
                fine_exact[row * size + 2 * i] = exact[rows[0] - values + i];
            }
        found = note(wanted, size, row * size, places, found);
    }
    free(reach), free(wanted);
    return found;
}

/* Places -> points [count, 3]. */
EXPORTED int64_t grid_points(int64_t n, float spacing, const int64_t *places, int64_t count, float *points) {
    for (int64_t i = 0; i < count; i++) {
        const int64_t plane = places[i] / n, corner[3] = {plane / n, plane % n, places[i] % n};
        for (int axis = 0; axis < 3; axis++)
            points[3 * i + axis] = (float)corner[axis] * spacing - 1;
    }
    return 0;
}

/* The field's answers, put where they belong. */
EXPORTED int64_t grid_fill(const int64_t *places, int64_t count, const float *answers, float *values, uint8_t *exact) {
    for (int64_t i = 0; i < count; i++)
        values[places[i]] = answers[i], exact[places[i]] = 1;
    return 0;
}

CLONES static void signs(const float *restrict values, int64_t count, uint8_t *restrict inside) {
    for (int64_t i = 0; i < count; i++)
        inside[i] = values[i] < 0;
}

CLONES static void crossed(
    const uint8_t *const rows[6], const uint8_t *restrict row, const uint8_t *restrict exact, int64_t n,
    uint8_t *restrict marks
) {
    for (int64_t i = 0; i < n; i++) {
        uint8_t differs = 0;
        for (int side = 0; side < 6; side++)
            differs |= rows[side][i] ^ row[i];
        marks[i] = differs & !exact[i];
    }
}

/* Places of corners that are not exact and have a neighbour along an axis on the other side of zero; how many. */
EXPORTED int64_t grid_crossing(int64_t n, const float *values, const uint8_t *exact, int64_t *places) {
    uint8_t *inside = malloc((size_t)(n * n * n + 2 * n + 2));
    if (!inside)
        return -1;
    uint8_t *marks = inside + n * n * n, *padded = marks + n;
    int64_t found = 0;
    signs(values, n * n * n, inside);
    for (int64_t i = 0; i < n * n; i++) {
        const uint8_t *row = inside + i * n;
        memcpy(padded + 1, row, (size_t)n);
        padded[0] = row[0], padded[n + 1] = row[n - 1];
        const uint8_t *rows[6] = {
            i >= n ? row - n * n : row,   i < n * n - n ? row + n * n : row, i % n ? row - n : row,
            i % n < n - 1 ? row + n : row, padded,                            padded + 2,
        };
        crossed(rows, row, exact + i * n, n, marks);
        found = note(marks, n, i * n, places, found);
    }
    free(inside);
    return found;
}
