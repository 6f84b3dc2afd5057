// What the binding (module.cpp) and the instruction-set variants tell one another.
//
// Every variant is the same source, compiled with other flags in a namespace of its own. The variants
// must not instantiate templates of the standard library that are not inlined: the linker would merge
// them across variants, and code for a newer processor would run on an older one. So this interface is
// plain C data, and threads live in team.cpp, which is compiled once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace deeplab {

constexpr int kMaxDims = 10;  // features per pixel: x, y and up to 8 channels
constexpr int kMaxLabels = 1024;

// raw: the lattice's own sums, whatever their size.
enum class Normalization : int { after, symmetric, before, none, raw };

enum class Status : int { ok, bad_scores, out_of_memory, out_of_range };

// One Gaussian kernel of the pairwise term.
struct KernelSpec {
    int dims;                     // D
    const float *features;        // (D, N), or null: made of the picture and the deviations
    const uint8_t *picture;       // (H, W, D - 2), or null where D is 2
    float deviations[kMaxDims];   // x, y in pixels, then grey levels
    float weight;                 // Potts: what agreement is rewarded with
    const float *energy;          // (K, K) penalties instead, or null
    Normalization normalization;
};

// Workers that run the same function, meet at barriers and take tasks from a common counter.
class Team;

struct Problem {
    int height, width;
    const KernelSpec *kernels;
    int num_kernels;
    bool dilated;  // one ring of extra vertices around the occupied ones
};

struct MeanFieldRequest {
    Problem problem;
    const float *scores;  // (K, h, w), before softmax
    int num_labels, grid_height, grid_width;
    int iterations;
    bool half;        // leave out messages that change marginals by less than 16 bits resolve
    float tolerance;  // 0: never stop early
    float *marginals; // (K, H, W) or null
    int32_t *labels;  // (H, W) or null
    int iterations_done;
    int64_t bad_pixel;
};

struct FilterRequest {
    Problem problem;  // one kernel
    const float *values;  // (C, N)
    int num_channels;
    float *out;  // (C, N)
};

struct State;  // buffers of a variant, kept between calls

struct Variant {
    const char *name;
    State *(*create)();
    void (*destroy)(State *);
    size_t (*bytes)(const State *);
    Status (*mean_field)(State *, Team &, MeanFieldRequest &);
    Status (*filter)(State *, Team &, FilterRequest &);
};

}  // namespace deeplab
