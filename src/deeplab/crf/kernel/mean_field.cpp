// Mean-field inference: slice the messages, take the softmax, splat the marginals, in one pass over
// the pixels; then blur.
//
// Reference: arXiv 1606.00915, section 3.3; Kraehenbuehl and Koltun, "Efficient Inference in Fully
// Connected CRFs with Gaussian Edge Potentials", 2011.
//
// Labels are held in the order of how much of the picture they may take. The first 7 (or all, if they
// are 8 or fewer) are the lead, the others the rest; an eighth value of the lead is the sum of the
// rest's marginals. Filtered like the others it bounds the messages that the rest gets, and with them
// what those messages can change in the marginals. In most pictures, after an iteration or two, that is
// nothing that float32 could hold: then the rest keeps its scores and its share of every pixel, but its
// messages are left out, and an iteration costs what 7 labels cost. The bound is checked at every pixel
// of every pass; should it ever exceed kTooMuch, inference starts anew with all messages.
#include <math.h>

#include <atomic>
#include <new>

#include "filter.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

namespace {

constexpr int kMaxKernels = 16;
constexpr int kMostLead = 24;
constexpr size_t kLargePicture = size_t(1) << 20;  // pixels
// Changes of marginals: messages that make less than the first are not looked up, messages that could
// make more than the second must not be missing. Both are below the rounding errors of ten iterations.
constexpr float kNegligible = 0x1p-23f, kTooMuch = 0x1p-20f;
constexpr uint32_t kAheadBlocks = 3;  // blocks are asked for so far ahead
constexpr double kFaint = 2e-4;  // a share of the picture
constexpr float kNever = -1e30f;  // the score of labels that are not there
constexpr float kBounded = 60;  // messages up to this cannot overflow the exponential

struct Term {
    Lattice lattice;
    Buffer<float> lead[2], rest[2];  // [row][lead_width], [row][rest_width]; sliced from one, splatted to the other
    Buffer<uint16_t> half;           // [row][lead_width]: what is sliced from, in 16 bits
    Buffer<float> ones, sums;        // for the normaliser
    Buffer<float> energy;            // [label][label], permuted and padded, columns together
    float weight = 0, gain = 0;  // gain: weight times the lattice's alpha
    float half_scale = 1;        // keeps the largest sums within the range of 16 bits
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
    bool is_general = false, is_half = false;
    int parity = 0;  // which of the two buffers is sliced from

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

// ---------------------------------------------------------------------------- building and normalising

// Rows of one width of all kernels; a kernel whose rows are null is left out.
struct Rows {
    float *of_kernel[kMaxKernels];
    size_t width;
};

// Blurs along all axes: one axis after the other, kernels and kinds of rows side by side.
template <class Row>
void blur_part(const Job &job, const Rows &rows, uint32_t k, int axis, uint32_t part, uint32_t parts) {
    const Lattice &lattice = job.buffers.terms[k].lattice;
    if (!rows.of_kernel[k] || axis >= lattice.vertices()) return;
    const uint32_t begin = stretch(lattice, axis, part, parts), end = stretch(lattice, axis, part + 1, parts);
    for (size_t c = 0; c < rows.width; c += Row::kWidth)
        blur<Row>(lattice.chains[axis].data(), begin, end, rows.of_kernel[k] + c, rows.width);
}

template <class Row>
void blur_all(Job &job, const Rows &rows, const Rows *rest = nullptr) {
    const uint32_t kernels = uint32_t(job.problem.num_kernels);
    int most_axes = 0;
    for (uint32_t k = 0; k < kernels; ++k) {
        const int axes = job.buffers.terms[k].lattice.vertices();
        most_axes = axes > most_axes ? axes : most_axes;
    }
    job.each(kernels * job.num_tiles, [&](uint32_t task) {
        const uint32_t k = task / job.num_tiles, tile = task % job.num_tiles;
        const Lattice &lattice = job.buffers.terms[k].lattice;
        if (rows.of_kernel[k]) collect<Row>(lattice, tile, rows.of_kernel[k], rows.width);
        if (rest) collect<Vec16>(lattice, tile, rest->of_kernel[k], rest->width);
    });
    const uint32_t parts = job.team.size() == 1 ? 1 : uint32_t(job.team.size()) * 4;
    for (int axis = 0; axis < most_axes; ++axis)
        job.each(kernels * parts, [&](uint32_t task) {
            blur_part<Row>(job, rows, task / parts, axis, task % parts, parts);
            if (rest) blur_part<Vec16>(job, *rest, task / parts, axis, task % parts, parts);
        });
}

float alpha(const Lattice &lattice) { return 1.0f / (1.0f + powf(2, float(-lattice.dims))); }

template <int V>
void splat_scalars(const Lattice &lattice, const float *values, uint32_t begin, uint32_t end, float *lead) {
    for (uint32_t block = begin; block < end; ++block)
        for (int p = 0; p < kBlock; ++p) {
            const size_t at = size_t(block) * V * kBlock + p;
            const Vec1 value = {values ? values[size_t(block) * kBlock + p] : 1.0f};
            splat_pixel<V>(lattice.rows.data() + at, lattice.weights.data() + at, value, lead);
        }
}

template <int V>
void slice_scalars(const Lattice &lattice, const float *lead, uint32_t begin, uint32_t end, float *out) {
    const float scale = alpha(lattice);
    for (uint32_t block = begin; block < end; ++block)
        for (int p = 0; p < kBlock; ++p) {
            const size_t at = size_t(block) * V * kBlock + p;
            out[size_t(block) * kBlock + p] =
                slice_pixel<V, Vec1>(lattice.rows.data() + at, lattice.weights.data() + at, lead).value * scale;
        }
}

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

// K applied to one value a pixel (1 where `input` gives null): [block][16] for every kernel not skipped.
template <class Input, class Output>
void filter_scalars(Job &job, const bool *skip, const Input &input, const Output &output) {
    const int kernels = job.problem.num_kernels;
    Term *terms = job.buffers.terms;
    Rows rows{{}, 1};
    for (int k = 0; k < kernels; ++k) rows.of_kernel[k] = skip[k] ? nullptr : terms[k].ones.data();
    job.each(uint32_t(kernels) * job.num_tiles, [&](uint32_t task) {
        const int k = int(task / job.num_tiles);
        const uint32_t tile = task % job.num_tiles;
        if (skip[k]) return;
        clear(terms[k].lattice, tile, 1, rows.of_kernel[k]);
        with_vertices(terms[k].lattice.vertices(), [&](auto v) {
            splat_scalars<decltype(v)::value>(terms[k].lattice, input(k), job.tile_begin(tile), job.tile_end(tile),
                                              rows.of_kernel[k]);
        });
    });
    blur_all<Vec1>(job, rows);
    job.each(uint32_t(kernels) * job.num_tiles, [&](uint32_t task) {
        const int k = int(task / job.num_tiles);
        const uint32_t tile = task % job.num_tiles;
        if (skip[k]) return;
        spread<Vec1>(terms[k].lattice, tile, rows.of_kernel[k], 1);
        with_vertices(terms[k].lattice.vertices(), [&](auto v) {
            slice_scalars<decltype(v)::value>(terms[k].lattice, rows.of_kernel[k], job.tile_begin(tile),
                                              job.tile_end(tile), output(k));
        });
    });
}

float largest(const float *values, size_t count) {
    float result = 0;
    for (size_t i = 0; i < count; ++i) result = values[i] > result ? values[i] : result;
    return result;
}

// Turns the row sums s = K 1 into what the normalisation multiplies by.
void invert_sums(Job &job, Lattice &lattice) {
    float *norm = lattice.norm.data();
    const size_t padded = size_t(job.num_blocks) * kBlock;
    if (lattice.normalization == Normalization::none) {
        double total = 0;
        for (size_t i = 0; i < job.n; ++i) total += norm[i];
        const float inverse = float(double(job.n) / (total > 0 ? total : 1e-20));
        lattice.largest_gain = largest(norm, job.n) * inverse;
        for (size_t i = 0; i < padded; ++i) norm[i] = inverse;
    } else if (lattice.normalization == Normalization::raw) {
        lattice.largest_gain = largest(norm, job.n);
        for (size_t i = 0; i < padded; ++i) norm[i] = 1;
    } else if (lattice.normalization == Normalization::symmetric) {
        for (size_t i = 0; i < padded; ++i) norm[i] = 1.0f / sqrtf(norm[i] + 1e-20f);
    } else {
        for (size_t i = 0; i < padded; ++i) norm[i] = 1.0f / (norm[i] + 1e-20f);
        lattice.largest_gain = 1.0f;
    }
}

void normalise(Job &job, int worker) {
    const int kernels = job.problem.num_kernels;
    Term *terms = job.buffers.terms;
    bool skip[kMaxKernels], needs_gain[kMaxKernels], skip_gain[kMaxKernels], any = false, any_gain = false;
    for (int k = 0; k < kernels; ++k) {
        const Lattice &lattice = terms[k].lattice;
        skip[k] = lattice.has_norm && lattice.normalization == job.problem.kernels[k].normalization;
        const Normalization kind = job.problem.kernels[k].normalization;
        needs_gain[k] = !skip[k] && (kind == Normalization::symmetric || kind == Normalization::before);
        skip_gain[k] = !needs_gain[k];
        any |= !skip[k];
        any_gain |= needs_gain[k];
    }
    job.team.meet();  // all have read what follows changes
    if (!any) return;
    job.once(worker, [&] {
        for (int k = 0; k < kernels; ++k) {
            terms[k].lattice.normalization = job.problem.kernels[k].normalization;
            if (!(terms[k].ones.reserve(terms[k].lattice.num_rows) &&
                  terms[k].lattice.norm.reserve(size_t(job.num_blocks) * kBlock) &&
                  (!needs_gain[k] || terms[k].sums.reserve(size_t(job.num_blocks) * kBlock))))
                job.fail(Status::out_of_memory);
        }
    });
    if (!job.is_good()) return;
    filter_scalars(job, skip, [](int) { return static_cast<const float *>(nullptr); },
                   [&](int k) { return terms[k].lattice.norm.data(); });
    job.each(uint32_t(kernels), [&](uint32_t k) {
        if (skip[k]) return;
        terms[k].lattice.largest_mass = largest(terms[k].ones.data(), terms[k].lattice.num_rows);
        invert_sums(job, terms[k].lattice);
    });
    if (any_gain) {
        filter_scalars(job, skip_gain, [&](int k) { return terms[k].lattice.norm.data(); },
                       [&](int k) { return terms[k].sums.data(); });
        job.each(uint32_t(kernels), [&](uint32_t k) {
            if (!needs_gain[k]) return;
            float *gain = terms[k].sums.data();
            const float *norm = terms[k].lattice.norm.data();
            if (terms[k].lattice.normalization == Normalization::symmetric)
                for (size_t i = 0; i < job.n; ++i) gain[i] *= norm[i];
            terms[k].lattice.largest_gain = largest(gain, job.n);
        });
    }
    job.once(worker, [&] {
        for (int k = 0; k < kernels; ++k) terms[k].lattice.has_norm = true;
    });
}

// Of large pictures, frees what only building needs before the memory for values is taken.
void release_scratch(Job &job) {
    Buffers &buffers = job.buffers;
    if (job.n < kLargePicture) return;
    for (int w = 0; w < buffers.num_workers; ++w) {
        BuildScratch &scratch = buffers.builds[w];
        scratch.keys.release();
        scratch.next.release();
        scratch.has_previous.release();
        scratch.table.entries.release();
        scratch.table.log2_size = 0;
    }
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        Term &term = buffers.terms[k];
        term.lattice.owners.release();
        term.lattice.slots.release();
        term.lattice.row_keys.release();
        term.ones.release();
        term.sums.release();
    }
}

// Makes the lattices that the buffers do not hold yet, and their normalisers.
void build(Job &job, int worker) {
    const int kernels = job.problem.num_kernels;
    Buffers &buffers = job.buffers;
    job.once(worker, [&] {
        for (int k = 0; k < kernels; ++k)
            job.fail(prepare(buffers.terms[k].lattice, job.problem, job.problem.kernels[k]));
        for (int w = 0; w < buffers.num_workers; ++w) buffers.builds[w].num_keys = 0;
    });
    if (!job.is_good()) return;
    job.each(uint32_t(kernels) * job.num_tiles, [&](uint32_t task) {
        const int k = int(task / job.num_tiles);
        Lattice &lattice = buffers.terms[k].lattice;
        if (!lattice.is_ready)
            job.fail(locate_tile(lattice, job.problem, job.problem.kernels[k], task % job.num_tiles, worker,
                                 buffers.builds[worker]));
    });
    if (!job.is_good()) return;
    job.each(uint32_t(kernels), [&](uint32_t k) {
        Lattice &lattice = buffers.terms[k].lattice;
        if (!lattice.is_ready) job.fail(merge_tiles(lattice, buffers.builds));
    });
    if (!job.is_good()) return;
    job.each(uint32_t(kernels) * (job.num_tiles + kMaxDims + 1), [&](uint32_t task) {
        const int k = int(task % uint32_t(kernels));
        const uint32_t step = task / uint32_t(kernels);
        Lattice &lattice = buffers.terms[k].lattice;
        if (lattice.is_ready) return;
        if (step >= kMaxDims + 1)
            shift_rows(lattice, step - (kMaxDims + 1));
        else if (int(step) < lattice.vertices())
            job.fail(link_axis(lattice, int(step), buffers.builds[worker]));
    });
    if (!job.is_good()) return;
    job.once(worker, [&] {
        for (int k = 0; k < kernels; ++k) buffers.terms[k].lattice.is_ready = true;
    });
    normalise(job, worker);
    job.once(worker, [&] { release_scratch(job); });
}

// --------------------------------------------------------------------------------------------- scores

// Scores of 16 pixels from `begin` on: [label][16], labels in the job's order; past the end the last ones.
void read_scores(const Job &job, Worker &worker, uint32_t block, float *out) {
    const MeanFieldRequest &request = *job.request;
    const int32_t *order = job.buffers.order.data();
    const size_t begin = size_t(block) * kBlock;
    const int count = int(job.n - begin < kBlock ? job.n - begin : kBlock);
    const int w = request.grid_width, h = request.grid_height, width = job.problem.width, height = job.problem.height;
    if (w == width && h == height) {
        for (int k = 0; k < job.num_labels; ++k) {
            const float *plane = request.scores + size_t(order[k]) * job.n + begin;
            if (count == kBlock)
                Vec16::load(plane).store(out + k * kBlock);
            else
                for (int p = 0; p < kBlock; ++p) out[k * kBlock + p] = plane[p < count ? p : count - 1];
        }
        return;
    }
    // Corners of both grids coincide (the Interp layer of the published code).
    float *row = worker.score_row.data();
    int y = int(begin / size_t(width)), x = int(begin % size_t(width));
    for (int p = 0; p < kBlock; ++p) {
        if (y != worker.score_row_y) {
            const float position = height > 1 ? float(double(y) * (h - 1) / (height - 1)) : 0.0f;
            const int top = int(position) < h - 1 ? int(position) : (h > 1 ? h - 2 : 0);
            const float part = position - float(top);
            const size_t below = h > 1 ? size_t(w) : 0;
            for (int k = 0; k < job.num_labels; ++k) {
                const float *source = request.scores + (size_t(order[k]) * h + top) * w;
                for (int i = 0; i < w; ++i)
                    row[k * w + i] = part == 0 ? source[i] : part == 1 ? source[i + below]
                                                           : source[i] * (1 - part) + source[i + below] * part;
            }
            worker.score_row_y = y;
        }
        const int left = job.buffers.columns[x];
        const float part = job.buffers.column_part[x];
        const int right = w > 1 ? 1 : 0;
        if (part == 0 || part == 1)  // an infinite neighbour would make NaN of a part of 0
            for (int k = 0; k < job.num_labels; ++k) out[k * kBlock + p] = row[k * w + left + (part == 1 ? right : 0)];
        else
            for (int k = 0; k < job.num_labels; ++k)
                out[k * kBlock + p] = row[k * w + left] * (1 - part) + row[k * w + left + right] * part;
        if (p + 1 < count && ++x == width) {
            x = 0;
            ++y;
        }
    }
}

// Which labels may take most of the picture: from a sample of its scores.
void order_labels(Job &job) {
    const MeanFieldRequest &request = *job.request;
    const int num_labels = request.num_labels;
    int32_t *order = job.buffers.order.data();
    double *mass = job.buffers.partial.data();
    for (int k = 0; k < num_labels; ++k) {
        order[k] = k;
        mass[k] = 0;
    }
    if (num_labels <= 8) return;
    const size_t points = size_t(request.grid_height) * request.grid_width;
    const size_t samples = points < 2048 ? points : 2048;
    // Calls f with the probabilities, or their square roots, of a sample of the scores.
    const auto sample = [&](float power, auto f) {
        float *values = job.buffers.sample.data();
        for (size_t s = 0; s < samples; ++s) {
            const size_t at = samples == points ? s : size_t((double(s) + 0.5) * double(points) / double(samples));
            float largest = -INFINITY, total = 0;
            for (int k = 0; k < num_labels; ++k) {
                values[k] = request.scores[size_t(k) * points + at];
                largest = values[k] > largest ? values[k] : largest;
            }
            for (int k = 0; k < num_labels; ++k) {
                const float x = power * (values[k] - largest);
                values[k] = x > -40 ? expf(x) : 0.0f;  // also for NaN, which is found later
                total += values[k];
            }
            f(values, total);
        }
    };
    // The square root: a label that is faint in many places is in the way more often than one that is
    // certain in few.
    sample(0.5f, [&](const float *roots, float) {
        for (int k = 0; k < num_labels; ++k) mass[k] += double(roots[k]);
    });
    for (int i = 1; i < num_labels; ++i)  // insertion sort: stable, largest first
        for (int j = i; j > 0 && mass[order[j]] > mass[order[j - 1]]; --j) {
            const int32_t other = order[j];
            order[j] = order[j - 1];
            order[j - 1] = other;
        }
    double *beyond = job.buffers.beyond;
    beyond[0] = beyond[1] = 0;
    sample(1, [&](const float *probabilities, float total) {
        for (int k = 7; k < num_labels && total > 0; ++k) {
            const double share = double(probabilities[order[k]] / total) / double(samples);
            beyond[0] += share;
            beyond[1] += k >= 15 ? share : 0;
        }
    });
}

// Reads a block's scores into the buffers, shifted so that the best is 0. Past the last label: never.
void store_unary(Job &job, Worker &worker, uint32_t block) {
    float *scores = worker.scores.data();
    read_scores(job, worker, block, scores);
    float largest[kBlock], worst = 0;
    for (int p = 0; p < kBlock; ++p) largest[p] = -INFINITY;
    for (int k = 0; k < job.num_labels; ++k)
        for (int p = 0; p < kBlock; ++p) {
            const float score = scores[k * kBlock + p];
            largest[p] = score > largest[p] ? score : largest[p];
            worst = score <= 3e38f ? worst : 1;  // also for NaN
        }
    for (int p = 0; p < kBlock; ++p) worst = largest[p] >= -3e38f ? worst : 1;
    if (worst != 0) {
        job.fail(Status::bad_scores);
        job.bad_pixel.store(int64_t(block) * kBlock, std::memory_order_relaxed);
    }
    for (int k = 0; k < job.num_labels; ++k)
        for (int p = 0; p < kBlock; ++p) {
            const float shifted = scores[k * kBlock + p] - largest[p];
            scores[k * kBlock + p] = shifted >= kNever ? shifted : kNever;
        }
    const int padded = job.num_lead + job.rest_width;
    for (int i = job.num_labels * kBlock; i < padded * kBlock; ++i) scores[i] = kNever;
    memcpy(job.buffers.unary_lead.data() + size_t(block) * job.num_lead * kBlock, scores,
           size_t(job.num_lead) * kBlock * sizeof(float));
    float *rest = job.buffers.unary_rest.data() + size_t(block) * kBlock * job.rest_width;
    for (int k = 0; k < job.rest_width; k += 8) {
        Vec16 columns[8];
        for (int j = 0; j < 8; ++j) columns[j] = Vec16::load(scores + (job.num_lead + k + j) * kBlock);
        store_columns(columns, rest + k, size_t(job.rest_width));
    }
}

// -------------------------------------------------------------------------------------------- the pass

// What one pass over the pixels does.
struct Pass {
    bool is_first;  // no messages yet: reads the scores
    bool is_last;   // nothing is splatted
    bool writes;    // marginals or labels
    bool compares;  // with the marginals before, for the tolerance
    bool rest_in;   // the rest's messages are there
    bool rest_out;  // the rest's marginals are passed on
};

template <class Lead>
struct BlockState {
    static constexpr int kWidth = int(Lead::kWidth);
    alignas(64) float rows[kBlock * kWidth];  // messages, then marginals, pixel by pixel
    Vec16 lanes[kWidth];                      // the same label by label
    alignas(64) float inverse[kBlock];       // of the sum of exponentials
    uint32_t rest_known = 0;  // pixels whose rest exponentials are in the worker's buffer
};

// Exponentials of the rest of pixel p, with its messages or without.
DEEPLAB_INLINE float rest_exponentials(const float *unary, const float *message, int width, float *out) {
    Vec16 total = Vec16::all(0);
    for (int c = 0; c < width; c += 16) {
        const Vec16 x = message ? Vec16::load(unary + c) + Vec16::load(message + c) : Vec16::load(unary + c);
        const Vec16 e = exp(x);
        e.store(out + c);
        total = total + e;
    }
    return sum(total);
}

// Asks for the rows of a pixel.
template <int V, class Lead, class Number>
DEEPLAB_INLINE void prefetch_rows(const uint32_t *places, const Number *rows) {
    if (V <= 3) return;  // few vertices for many pixels: they are in the cache
    for (int v = 0; v < V; ++v) {
        const Number *row = rows + places[v * kBlock] * Lead::kWidth;
        __builtin_prefetch(row);
        if (Lead::kWidth > 16) __builtin_prefetch(row + Lead::kWidth - 1);
    }
}

template <int V, class Lead, class Number>
DEEPLAB_INLINE void slice_block(const Term &term, const Number *lead, float gain, uint32_t block, bool adds, float *rows) {
    const size_t at = size_t(block) * V * kBlock;
    const uint32_t *places = term.lattice.rows.data() + at;
    const float *weights = term.lattice.weights.data() + at;
    alignas(64) float scale[kBlock];
    if (term.scales_out)
        (Vec16::load(term.lattice.norm.data() + size_t(block) * kBlock) * gain).store(scale);
    else
        Vec16::all(gain).store(scale);
    const uint32_t *later = places + (block + 1 < term.lattice.num_blocks ? V * kBlock : 0);
    for (int p = 0; p < kBlock; ++p) {
        prefetch_rows<V, Lead>(later + p, lead);
        Lead message = slice_pixel<V, Lead>(places + p, weights + p, lead) * scale[p];
        if (adds) message = message + Lead::load(rows + p * Lead::kWidth);
        message.store(rows + p * Lead::kWidth);
    }
}

// Marginals of a block to the lattice: of the lead, and of the rest of the pixels in `with_rest`.
template <int V, class Lead>
DEEPLAB_INLINE void splat_block(const Job &job, const Term &term, uint32_t block, const BlockState<Lead> &state,
                                const float *rest, uint32_t with_rest) {
    const size_t at = size_t(block) * V * kBlock;
    const uint32_t *places = term.lattice.rows.data() + at;
    const float *weights = term.lattice.weights.data() + at;
    const float *norm = term.scales_in ? term.lattice.norm.data() + size_t(block) * kBlock : nullptr;
    float *lead = const_cast<float *>(term.lead[1 - job.parity].data());
    for (int p = 0; p < kBlock; ++p) {
        Lead value = Lead::load(state.rows + p * Lead::kWidth);
        if (norm) value = value * norm[p];
        splat_pixel<V>(places + p, weights + p, value, lead);
    }
    float *rest_rows = const_cast<float *>(term.rest[1 - job.parity].data());
    for (; with_rest; with_rest &= with_rest - 1) {
        const int p = __builtin_ctz(with_rest);
        splat_wide(places + p, weights + p, V, norm ? norm[p] : 1.0f, rest + p * job.rest_width, rest_rows, job.rest_width);
    }
}

// Writes a block's marginals and labels; returns the largest change since the iteration before.
template <class Lead>
float write_block(Job &job, Worker &worker, uint32_t block, const Pass &pass, const BlockState<Lead> &state) {
    const MeanFieldRequest &request = *job.request;
    const int32_t *order = job.buffers.order.data();
    const size_t begin = size_t(block) * kBlock;
    const int count = int(job.n - begin < kBlock ? job.n - begin : kBlock);
    float *marginals = request.marginals ? request.marginals : pass.compares ? job.buffers.previous.data() : nullptr;
    Vec16 best = Vec16::all(-1);
    alignas(64) int32_t winner[kBlock];
    for (int p = 0; p < kBlock; ++p) winner[p] = INT32_MAX;
    float change = 0;
    const auto put = [&](int k, const Vec16 &column) {
        if (k >= job.num_labels) return;
        const int32_t label = order[k];
        alignas(64) float values[kBlock];
        if (request.labels || pass.compares || count < kBlock) column.store(values);
        if (marginals) {
            float *plane = marginals + size_t(label) * job.n + begin;
            if (pass.compares)
                for (int p = 0; p < count; ++p) {
                    const float difference = fabsf(plane[p] - values[p]);
                    change = difference > change ? difference : change;
                }
            if (count == kBlock)
                column.store(plane);
            else
                memcpy(plane, values, size_t(count) * sizeof(float));
        }
        if (request.labels) {
            alignas(64) float highest[kBlock];
            best.store(highest);
            for (int p = 0; p < kBlock; ++p) {
                // Of equal marginals the first label wins, whatever the order that labels are held in.
                const bool wins = values[p] > highest[p] || (values[p] == highest[p] && label < winner[p]);
                highest[p] = wins ? values[p] : highest[p];
                winner[p] = wins ? label : winner[p];
            }
            best = Vec16::load(highest);
        }
    };
    for (int k = 0; k < job.num_lead; ++k) put(k, state.lanes[k]);
    for (int k = 0; k < job.rest_width; k += 8) {
        Vec16 columns[8];
        load_columns(worker.rest.data() + k, size_t(job.rest_width), columns);
        for (int j = 0; j < 8; ++j) put(job.num_lead + k + j, columns[j]);
    }
    if (request.labels) memcpy(request.labels + begin, winner, size_t(count) * sizeof(int32_t));
    return change;
}

// Scales the rest exponentials of the pixels in `which` to marginals; makes those that are not there yet.
template <class Lead>
void finish_rest(Job &job, Worker &worker, uint32_t block, uint32_t which, const BlockState<Lead> &state) {
    const int width = job.rest_width;
    const float *unary = job.buffers.unary_rest.data() + size_t(block) * kBlock * width;
    for (int p = 0; p < kBlock; ++p) {
        if (!(which >> p & 1)) continue;
        float *out = worker.rest.data() + p * width;
        if (!(state.rest_known >> p & 1)) rest_exponentials(unary + p * width, nullptr, width, out);
        for (int c = 0; c < width; c += 16) (Vec16::load(out + c) * state.inverse[p]).store(out + c);
    }
}

// The lead's messages from all kernels, added up, into state.lanes.
template <class Lead>
DEEPLAB_INLINE void slice_lead(Job &job, uint32_t block, BlockState<Lead> &state) {
    const Term *terms = job.buffers.terms;
    if (job.problem.num_kernels == 0) memset(state.rows, 0, sizeof state.rows);
    for (int k = 0; k < job.problem.num_kernels; ++k)
        with_vertices(terms[k].lattice.vertices(), [&](auto v) {
            constexpr int V = decltype(v)::value;
            const Term &term = terms[k];
            if (job.is_half)
                slice_block<V, Lead>(term, term.half.data(), term.gain / term.half_scale, block, k > 0, state.rows);
            else
                slice_block<V, Lead>(term, term.lead[job.parity].data(), term.gain, block, k > 0, state.rows);
        });
    for (int k = 0; k < int(Lead::kWidth); k += 8) load_columns(state.rows + k, Lead::kWidth, state.lanes + k);
}

// Exponentials of the rest of one pixel with the messages of all kernels, into the worker's buffer;
// returns their sum.
float slice_rest_pixel(Job &job, Worker &worker, uint32_t block, int p) {
    const Term *terms = job.buffers.terms;
    const int width = job.rest_width;
    float *out = worker.rest.data() + p * width;
    for (int c = 0; c < width; c += 16) Vec16::all(0).store(out + c);
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        const Term &term = terms[k];
        const int vertices = term.lattice.vertices();
        const size_t at = size_t(block) * vertices * kBlock + p;
        const float norm = term.scales_out ? term.lattice.norm[size_t(block) * kBlock + p] : 1.0f;
        slice_wide(term.lattice.rows.data() + at, term.lattice.weights.data() + at, vertices, term.gain * norm,
                   term.rest[job.parity].data(), width, out);
    }
    return rest_exponentials(job.buffers.unary_rest.data() + (size_t(block) * kBlock + p) * width, out, width, out);
}

// Softmax of scores and messages. The marginals of the lead, and of the rest together, go to
// state.lanes, the exponentials of the rest of some pixels to the worker's buffer (state.rest_known).
template <class Lead, bool kRest, bool kMessages>
DEEPLAB_INLINE void softmax_block(Job &job, Worker &worker, uint32_t block, const Pass &pass, BlockState<Lead> &state) {
    constexpr int kSum = int(Lead::kWidth) - 1;
    const float *unary = job.buffers.unary_lead.data() + size_t(block) * job.num_lead * kBlock;
    constexpr int kLabels = int(Lead::kWidth) - kRest;
    Vec16 e[kLabels];
    Vec16 total = Vec16::all(0);
    for (int k = 0; k < kLabels; ++k) {
        const Vec16 score = Vec16::load(unary + k * kBlock);
        e[k] = exp(kMessages ? score + state.lanes[k] : score);
        total = total + e[k];
    }
    alignas(64) float rest[kBlock];
    if (kRest) {
        Vec16 rest_sum = Vec16::load(job.buffers.rest_sum.data() + size_t(block) * kBlock);
        rest_sum.store(rest);
        if (kMessages) {
            // The sum's message bounds that of every label of the rest, and e^m - 1 <= m e^m: what the
            // messages change in the marginals is at most this.
            const Vec16 bound = state.lanes[kSum];
            alignas(64) float change[kBlock];
            (rest_sum / (total + rest_sum) * bound * exp(bound)).store(change);
            uint32_t wanted = 0;
            for (int p = 0; p < kBlock; ++p) {
                wanted |= uint32_t(change[p] >= kNegligible) << p;
                worker.missing = change[p] > worker.missing ? change[p] : worker.missing;
            }
            if (pass.rest_in) {
                state.rest_known = wanted;
                for (; wanted; wanted &= wanted - 1) {
                    const int p = __builtin_ctz(wanted);
                    rest[p] = slice_rest_pixel(job, worker, block, p);
                }
                rest_sum = Vec16::load(rest);
            }
        }
        total = total + rest_sum;
    }
    const Vec16 inverse = Vec16::all(1) / total;
    inverse.store(state.inverse);
    for (int k = 0; k < kLabels; ++k) state.lanes[k] = e[k] * inverse;
    if (kRest) state.lanes[kSum] = Vec16::load(rest) * inverse;
}

// Exponentials of the rest without messages, and their sums.
void sum_rest(Job &job, Worker &worker, uint32_t block) {
    const int width = job.rest_width;
    const float *unary = job.buffers.unary_rest.data() + size_t(block) * kBlock * width;
    for (int p = 0; p < kBlock; ++p)
        job.buffers.rest_sum[size_t(block) * kBlock + p] =
            rest_exponentials(unary + p * width, nullptr, width, worker.rest.data() + p * width);
}

// Before a tile's pixels: the copies of what is sliced from, and nothing where is splatted to.
template <class Lead>
void prepare_tile(Job &job, uint32_t tile, const Pass &pass) {
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        Term &term = job.buffers.terms[k];
        if (!pass.is_first && job.is_half)
            narrow<Lead>(term.lattice, tile, term.lead[job.parity].data(), term.half_scale, term.half.data());
        else if (!pass.is_first)
            spread<Lead>(term.lattice, tile, term.lead[job.parity].data(), Lead::kWidth);
        if (pass.rest_in) spread<Vec16>(term.lattice, tile, term.rest[job.parity].data(), size_t(job.rest_width));
        if (!pass.is_last) clear(term.lattice, tile, Lead::kWidth, term.lead[1 - job.parity].data());
        if (pass.rest_out) clear(term.lattice, tile, size_t(job.rest_width), term.rest[1 - job.parity].data());
    }
}

// After a block's marginals: to the results, and to the lattices.
template <class Lead>
DEEPLAB_INLINE void finish_block(Job &job, Worker &worker, uint32_t block, const Pass &pass, BlockState<Lead> &state,
                                 uint32_t with_rest) {
    if (pass.writes) {
        const float change = write_block(job, worker, block, pass, state);
        worker.change = change > worker.change ? change : worker.change;
    }
    if (pass.is_last) return;
    for (int k = 0; k < int(Lead::kWidth); k += 8) store_columns(state.lanes + k, state.rows + k, Lead::kWidth);
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        const Term &term = job.buffers.terms[k];
        with_vertices(term.lattice.vertices(), [&](auto v) {
            splat_block<decltype(v)::value, Lead>(job, term, block, state, worker.rest.data(), with_rest);
        });
    }
}

// Asks for what a later block will read in order. The processor's own prefetching loses these streams
// between the many reads of a block that are in no order.
DEEPLAB_INLINE void prefetch_block(const Job &job, uint32_t block) {
    const auto ask = [](const float *from, size_t count) {
        for (size_t i = 0; i < count; i += 16) __builtin_prefetch(from + i);
    };
    if (block >= job.num_blocks) return;
    const size_t lead = size_t(job.num_lead) * kBlock;
    ask(job.buffers.unary_lead.data() + block * lead, lead);
    if (job.has_rest()) ask(job.buffers.rest_sum.data() + size_t(block) * kBlock, kBlock);
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        const Lattice &lattice = job.buffers.terms[k].lattice;
        const size_t places = size_t(lattice.vertices()) * kBlock;
        ask(reinterpret_cast<const float *>(lattice.rows.data()) + block * places, places);
        ask(lattice.weights.data() + block * places, places);
        ask(lattice.norm.data() + size_t(block) * kBlock, kBlock);
    }
}

template <class Lead, bool kRest>
void pass_tile(Job &job, Worker &worker, uint32_t tile, const Pass &pass) {
    constexpr uint32_t everyone = (1u << kBlock) - 1;
    prepare_tile<Lead>(job, tile, pass);
    BlockState<Lead> state;
    for (uint32_t block = job.tile_begin(tile); block < job.tile_end(tile); ++block) {
        state.rest_known = 0;
        prefetch_block(job, block + kAheadBlocks);
        if (pass.is_first) {
            store_unary(job, worker, block);
            if (kRest) {
                sum_rest(job, worker, block);
                state.rest_known = everyone;
            }
            softmax_block<Lead, kRest, false>(job, worker, block, pass, state);
        } else {
            slice_lead(job, block, state);
            softmax_block<Lead, kRest, true>(job, worker, block, pass, state);
        }
        uint32_t with_rest = 0;
        if (kRest && (pass.writes || pass.rest_out)) {
            alignas(64) float sums[kBlock];
            state.lanes[Lead::kWidth - 1].store(sums);
            for (int p = 0; p < kBlock; ++p) with_rest |= uint32_t(sums[p] >= kNegligible) << p;
            finish_rest(job, worker, block, pass.writes ? everyone : with_rest, state);
        }
        finish_block(job, worker, block, pass, state, pass.rest_out ? with_rest : 0);
    }
}

// Any compatibility of labels and any size of messages: pixel by pixel, all labels everywhere.
template <class Lead>
void general_pixel(Job &job, Worker &worker, uint32_t block, int p, const Pass &pass, BlockState<Lead> &state) {
    Term *terms = job.buffers.terms;
    constexpr int kLead = int(Lead::kWidth), kSum = kLead - 1;
    const int width = job.rest_width, padded = kLead + width, labels = job.num_labels;
    float *x = worker.message.data(), *filtered = x + padded;
    const auto place = [&](int k) { return k + (k >= job.num_lead && width ? 1 : 0); };  // past the sum
    for (int i = 0; i < 2 * padded; ++i) x[i] = 0;
    if (!pass.is_first)
        for (int k = 0; k < job.problem.num_kernels; ++k) {
            const Term &term = terms[k];
            const int vertices = term.lattice.vertices();
            const size_t at = size_t(block) * vertices * kBlock + p;
            const uint32_t *places = term.lattice.rows.data() + at;
            const float *weights = term.lattice.weights.data() + at;
            const float norm = term.scales_out ? term.lattice.norm[size_t(block) * kBlock + p] : 1.0f;
            const float scale = alpha(term.lattice) * norm;
            const float *lead = term.lead[job.parity].data();
            for (int i = 0; i < padded; ++i) filtered[i] = 0;
            with_vertices(vertices, [&](auto v) {
                (slice_pixel<decltype(v)::value, Lead>(places, weights, lead) * scale).store(filtered);
            });
            if (width) slice_wide(places, weights, vertices, scale, term.rest[job.parity].data(), width, filtered + kLead);
            if (!term.has_energy) {
                for (int i = 0; i < padded; ++i) x[i] += term.weight * filtered[i];
                continue;
            }
            const float *energy = term.energy.data();
            for (int j = 0; j < labels; ++j) {
                const float f = -term.weight * filtered[place(j)];
                const float *column = energy + size_t(j) * padded;
                for (int i = 0; i < padded; ++i) x[i] += column[i] * f;
            }
        }
    const float *unary = job.buffers.unary_lead.data() + size_t(block) * job.num_lead * kBlock + p;
    for (int k = 0; k < job.num_lead; ++k) x[k] += unary[k * kBlock];
    const float *unary_rest = job.buffers.unary_rest.data() + (size_t(block) * kBlock + p) * width;
    for (int c = 0; c < width; ++c) x[kLead + c] += unary_rest[c];
    if (width) x[kSum] = kNever;
    float largest = x[0];
    for (int i = 1; i < padded; ++i) largest = x[i] > largest ? x[i] : largest;
    float total = 0, rest_total = 0;
    for (int k = 0; k < kLead; k += 8) {
        const Vec8 e = exp(Vec8::load(x + k) - Vec8::all(largest));
        e.store(x + k);
        total += sum(e);
    }
    for (int c = 0; c < width; c += 16) {
        const Vec16 e = exp(Vec16::load(x + kLead + c) - Vec16::all(largest));
        e.store(x + kLead + c);
        rest_total += sum(e);
    }
    const float inverse = 1.0f / (total + rest_total);
    if (width) x[kSum] = rest_total;
    (Lead::load(x) * inverse).store(state.rows + p * kLead);
    for (int c = 0; c < width; ++c) worker.rest[size_t(p) * width + c] = x[kLead + c] * inverse;
}

template <class Lead>
void pass_tile_general(Job &job, Worker &worker, uint32_t tile, const Pass &pass) {
    prepare_tile<Lead>(job, tile, pass);
    BlockState<Lead> state;
    for (uint32_t block = job.tile_begin(tile); block < job.tile_end(tile); ++block) {
        if (pass.is_first) store_unary(job, worker, block);
        for (int p = 0; p < kBlock; ++p) general_pixel(job, worker, block, p, pass, state);
        for (int k = 0; k < int(Lead::kWidth); k += 8) load_columns(state.rows + k, Lead::kWidth, state.lanes + k);
        finish_block(job, worker, block, pass, state, pass.rest_out ? (1u << kBlock) - 1 : 0);
    }
}

// ------------------------------------------------------------------------------------------- one call

void set_up_columns(Job &job) {
    const int w = job.request->grid_width, width = job.problem.width;
    for (int x = 0; x < width; ++x) {
        const float position = width > 1 ? float(double(x) * (w - 1) / (width - 1)) : 0.0f;
        const int left = int(position) < w - 1 ? int(position) : (w > 1 ? w - 2 : 0);
        job.buffers.columns[x] = left;
        job.buffers.column_part[x] = position - float(left);
    }
}

// Energies with rows and columns in the job's order of labels.
bool set_up_energy(Job &job, Term &term, const KernelSpec &kernel) {
    const int labels = job.num_labels, padded = job.lead_width + job.rest_width;
    if (!term.energy.reserve(size_t(labels) * padded)) return false;
    memset(term.energy.data(), 0, size_t(labels) * padded * sizeof(float));
    const int32_t *order = job.buffers.order.data();
    for (int j = 0; j < labels; ++j)
        for (int i = 0; i < labels; ++i) {
            const int place = i + (i >= job.num_lead && job.has_rest() ? 1 : 0);  // past the sum
            term.energy[size_t(j) * padded + place] = kernel.energy[size_t(order[i]) * labels + order[j]];
        }
    return true;
}

// How many values a lead row has: as few as leave the rest next to nothing of the picture. Narrow rows
// are quick; many pixels that need the rest's messages are slow.
int choose_lead(const Job &job) {
    const double *beyond = job.buffers.beyond;  // share of the labels from place 7 and from place 15 on
    if (job.num_labels <= 8 || beyond[0] < kFaint) return 8;
    return job.num_labels <= 16 || beyond[1] < kFaint ? 16 : 24;
}

void set_up(Job &job) {
    Buffers &buffers = job.buffers;
    const MeanFieldRequest &request = *job.request;
    const bool is_upsampled = request.grid_height != job.problem.height || request.grid_width != job.problem.width;
    job.num_labels = request.num_labels;
    if (!buffers.order.reserve(size_t(job.num_labels)) || !buffers.partial.reserve(size_t(job.num_labels)) ||
        !buffers.sample.reserve(size_t(job.num_labels)))
        return job.fail(Status::out_of_memory);
    order_labels(job);
    job.lead_width = choose_lead(job);
    job.rest_width = job.num_labels <= job.lead_width ? 0 : (job.num_labels - job.lead_width + 1 + 15) / 16 * 16;
    job.num_lead = job.lead_width - (job.rest_width ? 1 : 0);
    const size_t padded = size_t(job.num_blocks) * kBlock, all = size_t(job.num_lead + job.rest_width);
    bool is_good = buffers.unary_lead.reserve(padded * job.num_lead);
    is_good = is_good && buffers.unary_rest.reserve(padded * job.rest_width) &&
              buffers.rest_sum.reserve(job.has_rest() ? padded : 0);
    if (request.tolerance > 0 && !request.marginals)
        is_good = is_good && buffers.previous.reserve(size_t(job.num_labels) * job.n);
    if (is_upsampled)
        is_good = is_good && buffers.columns.reserve(size_t(job.problem.width)) &&
                  buffers.column_part.reserve(size_t(job.problem.width));
    for (int w = 0; w < job.team.size(); ++w) {
        Worker &worker = buffers.workers[w];
        worker.score_row_y = -1;
        worker.change = 0;
        is_good = is_good && worker.rest.reserve(size_t(kBlock) * job.rest_width) &&
                  worker.scores.reserve(all * kBlock) &&
                  worker.message.reserve(2 * (kMostLead + size_t(job.rest_width))) &&
                  (!is_upsampled || worker.score_row.reserve(size_t(job.num_labels) * request.grid_width));
    }
    if (!is_good) return job.fail(Status::out_of_memory);
    if (is_upsampled) set_up_columns(job);
}

// After the lattices are there: what depends on their size and on the bound of the messages.
void set_up_terms(Job &job) {
    float bound = 0;
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        const KernelSpec &kernel = job.problem.kernels[k];
        Term &term = job.buffers.terms[k];
        const size_t rows = term.lattice.num_rows;
        term.weight = kernel.weight;
        term.gain = kernel.weight * alpha(term.lattice);
        term.has_energy = kernel.energy != nullptr;
        term.scales_in = kernel.normalization == Normalization::before || kernel.normalization == Normalization::symmetric;
        term.scales_out = kernel.normalization != Normalization::before;
        job.is_general |= term.has_energy || !(kernel.weight >= 0);
        bound += kernel.weight * term.lattice.largest_gain;
        bool is_good = !term.has_energy || set_up_energy(job, term, kernel);
        for (int i = 0; i < 2; ++i)
            is_good = is_good && term.lead[i].reserve(rows * job.lead_width) && term.rest[i].reserve(rows * job.rest_width);
        if (!is_good) job.fail(Status::out_of_memory);
    }
    job.is_general |= !(bound < kBounded);
    job.is_half = job.request->half && kHasHalf && !job.is_general;
    for (int k = 0; k < job.problem.num_kernels && job.is_half; ++k) {
        Term &term = job.buffers.terms[k];
        if (!term.half.reserve(size_t(term.lattice.num_rows) * job.lead_width)) job.fail(Status::out_of_memory);
        term.half_scale = 1;  // normalised input may be larger than 1, by less than the margin
        while (term.lattice.largest_mass * term.half_scale > 4096) term.half_scale /= 2;
    }
}

// Calls f with a value of the type of the job's lead rows.
template <class F>
DEEPLAB_INLINE void with_lead(const Job &job, const F &f) {
    switch (job.lead_width) {
        case 8: return f(Vec8{});
        case 16: return f(Vec16{});
        default: return f(Vec24{});
    }
}

void pass_all(Job &job, int worker, const Pass &pass) {
    Worker &self = job.buffers.workers[worker];
    self.change = self.missing = 0;
    with_lead(job, [&](auto lead) {
        typedef decltype(lead) Lead;
        const auto pass_one = job.is_general ? pass_tile_general<Lead>
                              : job.has_rest() ? pass_tile<Lead, true>
                                               : pass_tile<Lead, false>;
        job.each(job.num_tiles, [&](uint32_t tile) { pass_one(job, self, tile, pass); });
    });
}

Rows rows_of(Job &job, bool rest) {
    Rows rows{{}, size_t(rest ? job.rest_width : job.lead_width)};
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        Term &term = job.buffers.terms[k];
        rows.of_kernel[k] = (rest ? term.rest : term.lead)[job.parity].data();
    }
    return rows;
}

// The largest value of one field over all workers; none may change it before all have read it.
float over_workers(Job &job, float Worker::*field) {
    float result = 0;
    for (int w = 0; w < job.team.size(); ++w) {
        const float one = job.buffers.workers[w].*field;
        result = one > result ? one : result;
    }
    job.team.meet();
    return result;
}

// All iterations; false when messages of the rest were left out that should not have been.
bool iterate(Job &job, int worker, bool keeps_rest) {
    const MeanFieldRequest &request = *job.request;
    const bool compares = request.tolerance > 0;
    bool with_rest = job.has_rest();
    pass_all(job, worker, Pass{true, request.iterations == 0, request.iterations == 0 || compares, false, false, with_rest});
    if (!job.is_good()) return true;
    for (int iteration = 1; iteration <= request.iterations; ++iteration) {
        job.once(worker, [&] { job.parity = 1 - job.parity; });
        const Rows lead = rows_of(job, false), rest = rows_of(job, true);
        with_lead(job, [&](auto row) { blur_all<decltype(row)>(job, lead, with_rest ? &rest : nullptr); });
        const bool is_last = iteration == request.iterations, rest_in = with_rest;
        pass_all(job, worker, Pass{false, is_last, is_last || compares, compares, rest_in, rest_in && !is_last});
        if (worker == 0) job.request->iterations_done = iteration;
        if (job.has_rest() && !job.is_general) {
            const float missing = over_workers(job, &Worker::missing);
            if (!rest_in && missing >= kTooMuch) return false;
            with_rest = rest_in && (keeps_rest || missing >= kNegligible);
        }
        if (compares && over_workers(job, &Worker::change) <= request.tolerance) break;
    }
    return true;
}

void mean_field_worker(void *context, int worker) {
    Job &job = *static_cast<Job *>(context);
    job.once(worker, [&] { set_up(job); });
    if (!job.is_good()) return;
    build(job, worker);
    if (!job.is_good()) return;
    job.once(worker, [&] { set_up_terms(job); });
    if (!job.is_good()) return;
    if (!iterate(job, worker, false)) iterate(job, worker, true);
}

// Channels are filtered 8 at a time, as lead rows.
void filter_worker(void *context, int worker) {
    Job &job = *static_cast<Job *>(context);
    build(job, worker);
    if (!job.is_good()) return;
    constexpr int kWidth = 8;
    Term &term = job.buffers.terms[0];
    const Lattice &lattice = term.lattice;
    const FilterRequest &request = *job.filter;
    const Normalization kind = job.problem.kernels[0].normalization;
    const bool scales_in = kind == Normalization::before || kind == Normalization::symmetric;
    const bool scales_out = kind != Normalization::before;
    job.once(worker, [&] {
        if (!term.lead[0].reserve(size_t(lattice.num_rows) * kWidth)) job.fail(Status::out_of_memory);
    });
    if (!job.is_good()) return;
    float *lead = term.lead[0].data();
    for (int first = 0; first < request.num_channels; first += kWidth) {
        const int channels = request.num_channels - first < kWidth ? request.num_channels - first : kWidth;
        job.each(job.num_tiles, [&](uint32_t tile) {
            clear(lattice, tile, kWidth, lead);
            alignas(64) float rows[kBlock * kWidth] = {};
            for (uint32_t block = job.tile_begin(tile); block < job.tile_end(tile); ++block) {
                const size_t begin = size_t(block) * kBlock;
                for (int p = 0; p < kBlock && begin + p < job.n; ++p)
                    for (int c = 0; c < channels; ++c)
                        rows[p * kWidth + c] = request.values[size_t(first + c) * job.n + begin + p] *
                                              (scales_in ? lattice.norm[begin + p] : 1.0f);
                with_vertices(lattice.vertices(), [&](auto v) {
                    constexpr int V = decltype(v)::value;
                    for (int p = 0; p < kBlock; ++p)
                        splat_pixel<V>(lattice.rows.data() + begin * V + p, lattice.weights.data() + begin * V + p,
                                       Vec8::load(rows + p * kWidth), lead);
                });
            }
        });
        blur_all<Vec8>(job, Rows{{lead}, kWidth});
        job.each(job.num_tiles, [&](uint32_t tile) {
            spread<Vec8>(lattice, tile, lead, kWidth);
            for (uint32_t block = job.tile_begin(tile); block < job.tile_end(tile); ++block) {
                const size_t begin = size_t(block) * kBlock;
                with_vertices(lattice.vertices(), [&](auto v) {
                    constexpr int V = decltype(v)::value;
                    for (int p = 0; p < kBlock && begin + p < job.n; ++p) {
                        const float scale = alpha(lattice) * (scales_out ? lattice.norm[begin + p] : 1.0f);
                        const Vec8 value = slice_pixel<V, Vec8>(lattice.rows.data() + begin * V + p,
                                                                lattice.weights.data() + begin * V + p, lead) * scale;
                        for (int c = 0; c < channels; ++c)
                            request.out[size_t(first + c) * job.n + begin + p] = value[c];
                    }
                });
            }
        });
    }
}

size_t bytes_of(const Buffers &buffers) {
    size_t total = buffers.unary_lead.bytes() + buffers.unary_rest.bytes() + buffers.rest_sum.bytes() +
                   buffers.previous.bytes() + buffers.columns.bytes() + buffers.column_part.bytes();
    for (const Term &term : buffers.terms) {
        total += term.lattice.bytes() + term.ones.bytes() + term.sums.bytes() + term.energy.bytes();
        for (int i = 0; i < 2; ++i) total += term.lead[i].bytes() + term.rest[i].bytes();
    }
    for (int w = 0; w < buffers.num_workers; ++w)
        total += buffers.builds[w].table.entries.bytes() + buffers.builds[w].keys.bytes() +
                 buffers.builds[w].next.bytes() + buffers.builds[w].has_previous.bytes();
    return total;
}

Status run(Job &job, void (*body)(void *, int)) {
    if (job.problem.num_kernels > kMaxKernels) return Status::out_of_range;
    if (!job.buffers.hire(job.team.size())) return Status::out_of_memory;
    job.team.run(body, &job);
    return Status(job.status.load());
}

Buffers *of(State *state) { return reinterpret_cast<Buffers *>(state); }

State *create() { return reinterpret_cast<State *>(new (std::nothrow) Buffers); }
void destroy(State *state) { delete of(state); }
size_t bytes(const State *state) { return bytes_of(*reinterpret_cast<const Buffers *>(state)); }

Status mean_field(State *state, Team &team, MeanFieldRequest &request) {
    Job job(team, *of(state), request.problem);
    job.request = &request;
    request.iterations_done = 0;
    const Status status = run(job, mean_field_worker);
    request.bad_pixel = job.bad_pixel.load();
    return status;
}

Status filter(State *state, Team &team, FilterRequest &request) {
    Job job(team, *of(state), request.problem);
    job.filter = &request;
    return run(job, filter_worker);
}

#define DEEPLAB_STRING(x) #x
#define DEEPLAB_NAME(x) DEEPLAB_STRING(x)

}  // namespace

extern const Variant variant = {DEEPLAB_NAME(DEEPLAB_VARIANT), create, destroy, bytes, mean_field, filter};

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
