// Which classes can matter between two grid rows.
//
// Bilinear values lie between the least and the largest of the four around them. So in a cell of the grid
// a class whose largest corner is below another one's least corner is nowhere the best; and if it is far
// enough below, its exponential is nothing next to that of the best.
#pragma once

#include <math.h>

#include "columns.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

// What all classes that are left out may add to a sum of exponentials whose largest is 1: e^-16.6, 6e-8.
constexpr float kNothing = 16.6f;
// Rounding errors of an interpolation, relative to its result, and then some.
constexpr float kRounding = 1e-6f;

class Candidates {
  public:
    bool reserve(const Grid &grid) {
        const size_t width = size_t(grid.grid_width);
        return alive_.reserve(size_t(grid.num_classes) * width) && least_.reserve(width) && row_.reserve(width + 1) &&
               list_.reserve(size_t(grid.num_classes));
    }

    // Looks at all cells between a grid row and the one after it (the same one, below the last).
    // `distance`: how far below a class may be and still count.
    void look(const Grid &grid, int before, int after, float distance) {
        const size_t width = size_t(grid.grid_width), plane = size_t(grid.grid_height) * width;
        float *least = least_.data(), *row = row_.data();
        for (size_t c = 0; c < width; ++c) least[c] = -INFINITY;
        for (int k = 0; k < grid.num_classes; ++k) {
            const float *top = grid.values + size_t(k) * plane + size_t(before) * width;
            const float *bottom = grid.values + size_t(k) * plane + size_t(after) * width;
            for (size_t c = 0; c < width; ++c) row[c] = top[c] < bottom[c] ? top[c] : bottom[c];
            row[width] = row[width - 1];
            for (size_t c = 0; c < width; ++c) {
                const float low = row[c] < row[c + 1] ? row[c] : row[c + 1];
                least[c] = low > least[c] ? low : least[c];
            }
        }
        for (int k = 0; k < grid.num_classes; ++k) {
            const float *top = grid.values + size_t(k) * plane + size_t(before) * width;
            const float *bottom = grid.values + size_t(k) * plane + size_t(after) * width;
            for (size_t c = 0; c < width; ++c) row[c] = top[c] > bottom[c] ? top[c] : bottom[c];
            row[width] = row[width - 1];
            int32_t *alive = alive_.data() + size_t(k) * width;
            for (size_t c = 0; c < width; ++c) {
                const float high = row[c] > row[c + 1] ? row[c] : row[c + 1];
                const float slack = distance + kRounding * (fabsf(high) + fabsf(least[c]));
                alive[c] = high + slack >= least[c];
            }
        }
    }

    // Lists the classes that matter in a range of cells, in order; all of them if none does (NaN).
    int list(const Grid &grid, int first_cell, int last_cell) {
        int count = 0;
        for (int k = 0; k < grid.num_classes; ++k) {
            const int32_t *alive = alive_.data() + size_t(k) * size_t(grid.grid_width);
            int32_t any = 0;
            for (int c = first_cell; c <= last_cell; ++c) any |= alive[c];
            list_[size_t(count)] = k;
            count += any;
        }
        if (count == 0)
            for (; count < grid.num_classes; ++count) list_[size_t(count)] = count;
        return count;
    }

    int32_t operator[](int i) const { return list_[size_t(i)]; }

  private:
    Buffer<int32_t> alive_;  // (K, w): whether a class matters in a cell
    Buffer<float> least_, row_;
    Buffer<int32_t> list_;
};

}  // namespace
}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
