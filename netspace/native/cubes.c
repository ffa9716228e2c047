/* Marching cubes as netspace/cubes.py has it, whose table it is given. Arrays are [x, y, z], the last axis fastest.
   All functions return -1 where there is no memory. */

#include "clones.h"

#include <stdlib.h>
#include <string.h>

enum { EDGES = 12 };

CLONES static void signs(const float *restrict values, int64_t count, uint8_t *restrict inside) {
    for (int64_t i = 0; i < count; i++)
        inside[i] = values[i] < 0;
}

CLONES static int64_t differing(
    const uint8_t *restrict a, const uint8_t *restrict b, int64_t n, uint8_t *restrict marks
) {
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++) {
        marks[i] = a[i] ^ b[i];
        sum += marks[i];
    }
    return sum;
}

/* Of the cells that begin in row a; the rows after it along y, along x, and along both are b, c and d. */
CLONES static void cases_of(
    const uint8_t *restrict a, const uint8_t *restrict b, const uint8_t *restrict c, const uint8_t *restrict d,
    int64_t cells, uint8_t *restrict cases
) {
    for (int64_t i = 0; i < cells; i++)
        cases[i] = (uint8_t)(a[i] | a[i + 1] << 1 | b[i] << 2 | b[i + 1] << 3 | c[i] << 4 | c[i + 1] << 5 | d[i] << 6 |
                             d[i + 1] << 7);
}

/* Where to go on from `i`: eights of bytes that are all 0 or all 255 are nothing that the surface crosses. */
static int64_t next(const uint8_t *bytes, int64_t i, int64_t count) {
    uint64_t eight;
    for (; i + 8 <= count && (memcpy(&eight, bytes + i, 8), !eight || !~eight); i += 8)
        ;
    return i;
}

/* totals [2]: how many vertices and faces there are; `inside` [x, y, z] is filled. */
EXPORTED int64_t cubes_count(
    const int64_t *shape, const float *values, const int64_t *counts, uint8_t *inside, int64_t *totals
) {
    int64_t *vertices = totals, *faces = totals + 1;
    const int64_t n = shape[2], strides[2] = {shape[1] * n, n};
    uint8_t *marks = malloc((size_t)n);
    *vertices = *faces = 0;
    signs(values, shape[0] * shape[1] * n, inside);
    for (int64_t row = 0; marks && row < shape[0] * shape[1]; row++) {
        const uint8_t *here = inside + row * n;
        const int more_x = row / shape[1] < shape[0] - 1, more_y = row % shape[1] < shape[1] - 1;
        *vertices += more_x ? differing(here, here + strides[0], n, marks) : 0;
        *vertices += more_y ? differing(here, here + strides[1], n, marks) : 0;
        *vertices += differing(here, here + 1, n - 1, marks);
        if (!(more_x && more_y))
            continue;
        cases_of(here, here + n, here + strides[0], here + strides[0] + n, n - 1, marks);
        for (int64_t i = 0; (i = next(marks, i, n - 1)) < n - 1; i++)
            *faces += counts[marks[i]];
    }
    free(marks);
    return marks ? 0 : -1;
}

/* The vertices [V, 3] along one axis, from number `found` on, which is told for every edge by where it begins. */
static int64_t vertices_along(
    int axis, const int64_t *shape, const float *values, const uint8_t *inside, int32_t *number, uint8_t *marks,
    float *vertices, int64_t found
) {
    const int64_t n = shape[2], strides[3] = {shape[1] * n, n, 1}, stride = strides[axis];
    for (int64_t row = 0; row < shape[0] * shape[1]; row++) {
        const int64_t place[2] = {row / shape[1], row % shape[1]}, count = axis == 2 ? n - 1 : n;
        if (axis < 2 && place[axis] == shape[axis] - 1)
            continue;
        differing(inside + row * n, inside + row * n + stride, count, marks);
        for (int64_t i = 0; (i = next(marks, i, count)) < count; i++) {
            if (!marks[i])
                continue;
            const float first = values[row * n + i], last = values[row * n + i + stride];
            float *vertex = vertices + 3 * found;
            vertex[0] = (float)place[0], vertex[1] = (float)place[1], vertex[2] = (float)i;
            vertex[axis] += first / (first - last);
            number[row * n + i] = (int32_t)found++;
        }
    }
    return found;
}

/* vertices [V, 3] and faces [F, 3] of which cubes_count has told the numbers; `number` [3, x, y, z] is scratch. The
   table tells for every case how many triangles it has, the first one's row, and the edges of each; of every edge its
   axis, and where it begins in its cell. */
EXPORTED int64_t cubes_fill(
    const int64_t *shape, const float *values, const uint8_t *inside, const int64_t *counts, const int64_t *starts,
    const int64_t *triangles, const int64_t *axes, const int64_t *begins, int32_t *number, float *vertices,
    int64_t *faces
) {
    const int64_t n = shape[2], plane = shape[1] * n, count = shape[0] * plane;
    uint8_t *marks = malloc((size_t)n);
    int64_t found = 0;
    for (int axis = 0; marks && axis < 3; axis++)
        found = vertices_along(axis, shape, values, inside, number + axis * count, marks, vertices, found);
    const int32_t *edges[EDGES];
    for (int edge = 0; edge < EDGES; edge++) {
        const int64_t *begin = begins + 3 * edge;
        edges[edge] = number + axes[edge] * count + begin[0] * plane + begin[1] * n + begin[2];
    }
    for (int64_t row = 0; marks && row < shape[0] * shape[1]; row++) {
        if (row / shape[1] == shape[0] - 1 || row % shape[1] == shape[1] - 1)
            continue;
        const uint8_t *here = inside + row * n;
        cases_of(here, here + n, here + plane, here + plane + n, n - 1, marks);
        for (int64_t i = 0; (i = next(marks, i, n - 1)) < n - 1; i++) {
            const int64_t *triangle = triangles + 3 * starts[marks[i]];
            for (int64_t corner = 0; corner < 3 * counts[marks[i]]; corner++)
                *faces++ = edges[triangle[corner]][row * n + i];
        }
    }
    free(marks);
    return marks ? 0 : -1;
}
