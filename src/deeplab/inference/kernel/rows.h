// Rows of the picture: in bands, which are the tasks of the workers, and within them in groups of rows
// that lie between the same two rows of the grid.
#pragma once

#include "columns.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

constexpr int kBandRows = 32;

struct RowGroup {
    int begin, end, band_end;
    int before, after;  // rows of the grid
};

inline uint32_t num_bands(const Grid &grid) { return uint32_t((grid.height + kBandRows - 1) / kBandRows); }

inline RowGroup group_from(const Grid &grid, int begin, int band_end) {
    const Between found = between(grid.rows[begin], grid.grid_height);
    RowGroup group = {begin, begin + 1, band_end, found.before, found.after};
    while (group.end < band_end && between(grid.rows[group.end], grid.grid_height).before == found.before) ++group.end;
    return group;
}

inline RowGroup first_group(const Grid &grid, uint32_t band) {
    const int begin = int(band) * kBandRows;
    return group_from(grid, begin, begin + kBandRows < grid.height ? begin + kBandRows : grid.height);
}

// False at the end of the band.
inline bool next_group(const Grid &grid, RowGroup &group) {
    if (group.end == group.band_end) return false;
    group = group_from(grid, group.end, group.band_end);
    return true;
}

}  // namespace
}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
