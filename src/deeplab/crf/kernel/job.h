// What one call of the engine works with: the buffers that outlive it, and what is true for all workers.
//
// This file and those that include it are parts of mean_field.cpp. Their names are local to it, which
// lets the compiler put all of a pass into one function: a quarter less time.
#pragma once

#include <atomic>
#include <new>

#include "filter.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

constexpr int kMaxKernels = 16;
constexpr int kMostLead = 24;
constexpr int kNumNarrower = 3;
constexpr int kNarrower[kNumNarrower] = {4, 8, 16};  // what rows may become in the middle of inference
constexpr size_t kLargePicture = size_t(1) << 20;  // pixels
constexpr uint32_t kAheadBlocks = 3;  // blocks are asked for so far ahead
// Shares of the picture that the rest may have: beyond the second its messages are mostly needed.
constexpr double kFaint = 2e-4, kHopefullyFaint = 4e-3;
constexpr float kNever = -1e30f;  // the score of labels that are not there
constexpr float kBounded = 60;  // messages up to this cannot overflow the exponential

// Changes of marginals in one iteration. Messages that make less than the first are not looked up; where
// none makes the second, all of the rest's are left out from then on; should one ever make the third,
// that was too early.
struct Limits {
    float negligible, little, too_much;
};
constexpr Limits kFloat32 = {0x1p-23f, 0x1p-21f, 0x1p-19f};  // below what rounding makes of ten iterations
constexpr Limits kHalf = {0x1p-14f, 0x1p-7f, 0x1p-5f};  // bounds are generous: LOG.md has what it comes to

struct Term {
    Lattice lattice;
    Buffer<float> lead[2], rest[2];  // [row][lead_width], [row][rest_width]; sliced from one, splatted to the other
    Buffer<float> ones, sums;        // for the normaliser
    Buffer<float> energy;            // [label][label], permuted and padded, columns together
    float weight = 0, gain = 0;  // gain: weight times the lattice's alpha
    bool has_energy = false, scales_in = false, scales_out = false;
};

struct Worker {
    Buffer<float> rest;         // [16][rest_width]: exponentials, then marginals
    Buffer<float> scores;       // [label][16]
    Buffer<float> score_row;    // [label][w]
    Buffer<float> message;      // general pass: [padded labels]
    int score_row_y = -1;
    float change = 0;  // of a marginal since the iteration before
    float missing = 0;  // largest change that the rest's messages could have made
    float peak[kMostLead * kBlock];  // largest marginal of every lead label
    float left_out[kNumNarrower] = {};  // largest change if rows were as narrow: see narrow.h
};

struct Buffers {
    Term terms[kMaxKernels];
    Worker *workers = nullptr;
    BuildScratch *builds = nullptr;  // of each worker
    int num_workers = 0;
    Buffer<float> unary_lead;  // [block][label][16], largest of all labels 0
    Buffer<float> unary_rest;  // [pixel][rest_width]
    Buffer<float> rest_sum;    // [block][16]: sum of the exponentials of unary_rest
    Buffer<float> previous;    // marginals of the iteration before, when a tolerance is set
    Buffer<int32_t> order;     // labels: lead first
    Buffer<float> sample;      // of the scores: one pixel
    Buffer<int32_t> columns;   // of the grid of scores: left neighbour of every pixel column
    Buffer<float> column_part;
    Buffer<double> partial;    // by label
    double beyond[2] = {};     // see choose_lead

    ~Buffers() { dismiss(); }
    void dismiss() {
        delete[] workers;
        delete[] builds;
        workers = nullptr;
        builds = nullptr;
        num_workers = 0;
    }
    bool hire(int count) {
        if (count <= num_workers) return true;
        dismiss();
        workers = new (std::nothrow) Worker[size_t(count)];
        builds = new (std::nothrow) BuildScratch[size_t(count)];
        if (!workers || !builds) {
            dismiss();
            return false;
        }
        num_workers = count;
        return true;
    }
};

// One call: the same for all workers.
struct Job {
    Team &team;
    Buffers &buffers;
    const Problem &problem;
    MeanFieldRequest *request = nullptr;
    FilterRequest *filter = nullptr;

    size_t n;
    uint32_t num_blocks, num_tiles, blocks_per_tile;
    // A lead row has lead_width values: num_lead labels, and the sum of the rest where there is one.
    int num_labels = 0, lead_width = 8, num_lead = 0, rest_width = 0;
    bool is_general = false;
    Limits limits = kFloat32;
    bool hopes = false;  // that the rest's messages are not needed in any iteration
    int parity = 0;  // which of the two buffers is sliced from
    // Narrower rows: see narrow.h.
    int new_width = 0;  // what rows become after this pass; 0: they stay
    int ranked[kMostLead];  // places in a row, those first that the picture needs most
    float is_out[kNumNarrower][kMostLead];  // 1 for the places that a narrower row would not have

    std::atomic<int> status{int(Status::ok)};
    std::atomic<int64_t> bad_pixel{-1};

    Job(Team &team_, Buffers &buffers_, const Problem &problem_) : team(team_), buffers(buffers_), problem(problem_) {
        n = size_t(problem.height) * problem.width;
        num_blocks = uint32_t((n + kBlock - 1) / kBlock);
        blocks_per_tile = DEEPLAB_VARIANT::blocks_per_tile(problem);
        num_tiles = (num_blocks + blocks_per_tile - 1) / blocks_per_tile;
    }

    void fail(Status s) {
        if (s == Status::ok) return;
        status.store(int(s), std::memory_order_relaxed);
        team.fail();
    }
    bool is_good() const { return !team.has_failed(); }
    bool has_rest() const { return rest_width > 0; }
    uint32_t tile_begin(uint32_t tile) const { return tile * blocks_per_tile; }
    uint32_t tile_end(uint32_t tile) const {
        return (tile + 1) * blocks_per_tile < num_blocks ? (tile + 1) * blocks_per_tile : num_blocks;
    }

    // Runs tasks 0..count-1, shared out among the workers, and waits for all of them.
    template <class Task>
    void each(uint32_t count, const Task &task) {
        for (uint32_t i = team.take(); i < count; i = team.take()) task(i);
        team.meet();
    }
    // One worker does it, the others wait.
    template <class Task>
    void once(int worker, const Task &task) {
        if (worker == 0) task();
        team.meet();
    }
};

// Calls f with the number of vertices of a simplex as a compile-time constant.
template <int V>
struct Const {
    static constexpr int value = V;
};
template <class F>
DEEPLAB_INLINE void with_vertices(int vertices, const F &f) {
    switch (vertices) {
        case 2: return f(Const<2>{});
        case 3: return f(Const<3>{});
        case 4: return f(Const<4>{});
        case 5: return f(Const<5>{});
        case 6: return f(Const<6>{});
        case 7: return f(Const<7>{});
        case 8: return f(Const<8>{});
        case 9: return f(Const<9>{});
        case 10: return f(Const<10>{});
        default: return f(Const<11>{});
    }
}

}  // namespace
}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
