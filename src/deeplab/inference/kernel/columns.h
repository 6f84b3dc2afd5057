// Where the pixels of a row lie between the grid's columns, and grid rows stretched to pixels.
//
// The arithmetic is that of `imaging.sample_scores`, operation by operation in float32 and without fused
// multiply-adds: first between columns, then between rows, a * (1 - weight) + b * weight.
#pragma once

#include <math.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "api.h"
#include "buffer.h"
#include "simd.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

constexpr int kBlock = 16;  // columns of the picture that are done together

// The two samples around a position, and the weight of the second one.
struct Between {
    int before, after;
    float weight;
};

DEEPLAB_INLINE Between between(double position, int size) {
    const double last = size - 1;
    const double clamped = position < 0 ? 0 : position > last ? last : position;
    const int before = int(clamped);
    return {before, before + 1 < size ? before + 1 : before, float(clamped - before)};
}

// Columns of the picture, filled up to whole blocks with the last one.
struct Columns {
    Buffer<int32_t> before, after;  // grid columns; in `near` blocks counted from `base`
    Buffer<float> weight, other_weight;
    Buffer<int32_t> base;  // of each block: the grid column from which 8 hold all it needs, or -1
    Buffer<int32_t> first_cell, last_cell;  // of each block; cell c lies between grid columns c and c + 1
    int num_blocks = 0;
    bool are_grid_columns = false;

    bool set_up(const Grid &grid) {
        num_blocks = (grid.width + kBlock - 1) / kBlock;
        const size_t padded = size_t(num_blocks) * kBlock, blocks = size_t(num_blocks);
        if (!before.reserve(padded) || !after.reserve(padded) || !weight.reserve(padded) ||
            !other_weight.reserve(padded) || !base.reserve(blocks) || !first_cell.reserve(blocks) ||
            !last_cell.reserve(blocks))
            return false;
        are_grid_columns = grid.width == grid.grid_width;
        for (size_t x = 0; x < padded; ++x) {
            const double position = grid.columns[x < size_t(grid.width) ? x : size_t(grid.width) - 1];
            const Between found = between(position, grid.grid_width);
            before[x] = found.before;
            after[x] = found.after;
            weight[x] = found.weight;
            other_weight[x] = 1 - found.weight;
            are_grid_columns &= x >= size_t(grid.width) || position == double(x);
        }
        for (int block = 0; block < num_blocks; ++block) set_up_block(block, grid.grid_width);
        return true;
    }

  private:
    void set_up_block(int block, int grid_width) {
        int32_t *left = before.data() + size_t(block) * kBlock, *right = after.data() + size_t(block) * kBlock;
        int first = left[0], last = left[0], most_right = right[0];
        for (int p = 1; p < kBlock; ++p) {
            first = left[p] < first ? left[p] : first;
            last = left[p] > last ? left[p] : last;
            most_right = right[p] > most_right ? right[p] : most_right;
        }
        first_cell[size_t(block)] = first;
        last_cell[size_t(block)] = last;
        const int from = first + 8 <= grid_width ? first : grid_width - 8;
        const bool is_near = from >= 0 && most_right - from < 8;
        base[size_t(block)] = is_near ? from : -1;
        for (int p = 0; is_near && p < kBlock; ++p) {
            left[p] -= from;
            right[p] -= from;
        }
    }
};

// One block of a grid row, stretched.
DEEPLAB_INLINE void stretch(const Columns &columns, int block, const float *row, float *out) {
    const size_t at = size_t(block) * kBlock;
    const int32_t *before = columns.before.data() + at, *after = columns.after.data() + at;
    const float *weight = columns.weight.data() + at, *other = columns.other_weight.data() + at;
    const int base = columns.base[size_t(block)];
    float left[kBlock], right[kBlock];
#if defined(__AVX2__)
    if (base >= 0) {
        const __m256 near = _mm256_loadu_ps(row + base);
        for (int p = 0; p < kBlock; p += 8) {
            const __m256i l = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(before + p));
            const __m256i r = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(after + p));
            const __m256 a = _mm256_mul_ps(_mm256_permutevar8x32_ps(near, l), _mm256_loadu_ps(other + p));
            const __m256 b = _mm256_mul_ps(_mm256_permutevar8x32_ps(near, r), _mm256_loadu_ps(weight + p));
            _mm256_storeu_ps(out + p, _mm256_add_ps(a, b));
        }
        return;
    }
#endif
    const float *from = row + (base < 0 ? 0 : base);
    for (int p = 0; p < kBlock; ++p) {
        left[p] = from[before[p]];
        right[p] = from[after[p]];
    }
    (Vec16::load(left) * Vec16::load(other) + Vec16::load(right) * Vec16::load(weight)).store(out);
}

}  // namespace
}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
