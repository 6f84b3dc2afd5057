// What the binding (module.cpp) and the instruction-set variants tell one another: plain C data, for the
// reasons that crf/kernel/api.h gives.
#pragma once

#include <cstddef>
#include <cstdint>

namespace deeplab {

enum class Status : int { ok, out_of_memory };

class Team;

// Values of K classes on a grid, and where the pixels of a picture lie between them: see
// `imaging.sample_scores`, whose results these are, bit for bit.
struct Grid {
    const float *values;  // (K, h, w)
    int num_classes, grid_height, grid_width;
    const double *rows;  // (H,), finite
    const double *columns;  // (W,), finite
    int height, width;
};

struct LabelRequest {
    Grid grid;
    bool are_probabilities;
    uint8_t *labels;  // (H, W), or null
    uint16_t *wide_labels;  // (H, W), where labels are null
    float *confidence;  // (H, W)
};

struct UpsampleRequest {
    Grid grid;
    float *out;  // (K, H, W)
};

struct Variant {
    const char *name;
    Status (*label)(Team &, const LabelRequest &);
    Status (*upsample)(Team &, const UpsampleRequest &);
};

}  // namespace deeplab
