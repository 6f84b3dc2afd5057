// From class scores on a grid to the label of every pixel and its probability, without their upsampled
// volume: blocks of 16 columns between two grid rows, and in each the classes that can matter there.
#include <new>

#include "candidates.h"
#include "confidence.h"
#include "rows.h"
#include "team.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

typedef Vec16::IntPart Ints;

// 16 labels.
struct Labels {
    Ints part[Vec16::kParts];

    static DEEPLAB_INLINE Labels all(int32_t value) {
        Labels r;
        for (int i = 0; i < Vec16::kParts; ++i) r.part[i] = value - Ints{};
        return r;
    }
    static DEEPLAB_INLINE Labels load(const int32_t *from) {
        Labels r;
        memcpy(r.part, from, sizeof r.part);
        return r;
    }
    DEEPLAB_INLINE void store(int32_t *to) const { memcpy(to, part, sizeof part); }

    // Takes a class where its values are the largest so far; of equal ones the first stays.
    DEEPLAB_INLINE void take(int32_t label, const Vec16 &values, Vec16 &best) {
        const Ints taken = label - Ints{};
        for (int i = 0; i < Vec16::kParts; ++i) {
            const auto is_larger = values.part[i] > best.part[i];
            part[i] = is_larger ? taken : part[i];
            best.part[i] = is_larger ? values.part[i] : best.part[i];
        }
    }
};

struct Worker {
    Candidates candidates;
    Buffer<float> top, bottom, values;  // (K, 16) of the candidates
    Buffer<float> best;  // (W,)
    Buffer<int32_t> label;  // (W,)

    bool reserve(const Grid &grid, size_t padded_width) {
        const size_t block = size_t(grid.num_classes) * kBlock;
        return candidates.reserve(grid) && top.reserve(block) && bottom.reserve(block) && values.reserve(block) &&
               best.reserve(padded_width) && label.reserve(padded_width);
    }
};

struct Job {
    Team &team;
    const LabelRequest &request;
    Columns columns;
    Buffer<Worker> workers;
    float distance;
    uint32_t num_bands;
};

void write_labels(const LabelRequest &request, size_t at, const int32_t *labels, int count) {
    if (request.labels) {
        for (int p = 0; p < count; ++p) request.labels[at + size_t(p)] = uint8_t(labels[p]);
    } else {
        for (int p = 0; p < count; ++p) request.wide_labels[at + size_t(p)] = uint16_t(labels[p]);
    }
}

DEEPLAB_INLINE void copy_block(const float *from, float *to, int count) {
    if (count == kBlock)
        Vec16::load(from).store(to);
    else
        for (int p = 0; p < kBlock; ++p) to[p] = from[p < count ? p : count - 1];
}

// A row of pixels on a row of the grid, and every pixel on a point of it: class by class.
void label_grid_row(const Job &job, Worker &worker, int y, int row) {
    const Grid &grid = job.request.grid;
    const int width = grid.width;
    const size_t plane = size_t(grid.grid_height) * size_t(width), at = size_t(y) * size_t(width);
    const float *source = grid.values + size_t(row) * size_t(width);
    float *best = worker.best.data();
    int32_t *label = worker.label.data();
    for (int x = 0; x < width; ++x) {
        best[x] = source[x];
        label[x] = 0;
    }
    for (int k = 1; k < grid.num_classes; ++k) {
        const float *values = source + size_t(k) * plane;
        for (int x = 0; x < width; ++x) {
            const bool is_larger = values[x] > best[x];
            label[x] = is_larger ? k : label[x];
            best[x] = is_larger ? values[x] : best[x];
        }
    }
    write_labels(job.request, at, label, width);
    if (job.request.are_probabilities) {
        memcpy(job.request.confidence + at, best, size_t(width) * sizeof(float));
        return;
    }
    for (int x = 0; x < width; x += kBlock) {
        const int count = width - x < kBlock ? width - x : kBlock;
        for (int k = 0; k < grid.num_classes; ++k)
            copy_block(source + size_t(k) * plane + size_t(x), worker.values.data() + k * kBlock, count);
        float confidence[kBlock];
        confidence_of(worker.values.data(), grid.num_classes, best + x, confidence);
        memcpy(job.request.confidence + at + size_t(x), confidence, size_t(count) * sizeof(float));
    }
}

// One block of columns of rows between the same two grid rows.
void label_block(const Job &job, Worker &worker, const RowGroup &rows, int block) {
    const LabelRequest &request = job.request;
    const Grid &grid = request.grid;
    const size_t grid_width = size_t(grid.grid_width), plane = size_t(grid.grid_height) * grid_width;
    Candidates &candidates = worker.candidates;
    const int count = candidates.list(grid, job.columns.first_cell[size_t(block)], job.columns.last_cell[size_t(block)]);
    const int x = block * kBlock, num_columns = grid.width - x < kBlock ? grid.width - x : kBlock;
    const bool is_certain = count == 1 && !request.are_probabilities;
    float *top = worker.top.data(), *bottom = worker.bottom.data(), *values = worker.values.data();
    for (int i = 0; i < count && !is_certain; ++i) {
        const float *source = grid.values + size_t(candidates[i]) * plane;
        stretch(job.columns, block, source + size_t(rows.before) * grid_width, top + i * kBlock);
        stretch(job.columns, block, source + size_t(rows.after) * grid_width, bottom + i * kBlock);
    }
    for (int y = rows.begin; y < rows.end; ++y) {
        Labels label = Labels::all(candidates[0]);
        Vec16 confidence = Vec16::all(1);
        if (!is_certain) {
            const float weight = between(grid.rows[y], grid.grid_height).weight, other = 1 - weight;
            Vec16 best = Vec16::load(top) * other + Vec16::load(bottom) * weight;
            best.store(values);
            for (int i = 1; i < count; ++i) {
                const Vec16 value = Vec16::load(top + i * kBlock) * other + Vec16::load(bottom + i * kBlock) * weight;
                value.store(values + i * kBlock);
                label.take(candidates[i], value, best);
            }
            if (request.are_probabilities) {
                confidence = best;
            } else {
                float largest[kBlock], found[kBlock];
                best.store(largest);
                confidence_of(values, count, largest, found);
                confidence = Vec16::load(found);
            }
        }
        const size_t at = size_t(y) * size_t(grid.width) + size_t(x);
        int32_t labels[kBlock];
        label.store(labels);
        if (num_columns == kBlock) {
            write_labels(request, at, labels, kBlock);
            confidence.store(request.confidence + at);
        } else {
            float part[kBlock];
            confidence.store(part);
            write_labels(request, at, labels, num_columns);
            memcpy(request.confidence + at, part, size_t(num_columns) * sizeof(float));
        }
    }
}

void label_band(const Job &job, Worker &worker, uint32_t band) {
    const Grid &grid = job.request.grid;
    RowGroup rows = first_group(grid, band);
    do {
        const bool is_on_grid = between(grid.rows[rows.begin], grid.grid_height).weight == 0;
        if (job.columns.are_grid_columns && is_on_grid && rows.end == rows.begin + 1) {
            label_grid_row(job, worker, rows.begin, rows.before);
            continue;
        }
        worker.candidates.look(grid, rows.before, rows.after, job.distance);
        for (int block = 0; block < job.columns.num_blocks; ++block) label_block(job, worker, rows, block);
    } while (next_group(grid, rows));
}

void label_worker(void *context, int number) {
    Job &job = *static_cast<Job *>(context);
    Worker &worker = job.workers[size_t(number)];
    for (uint32_t band; (band = job.team.take()) < job.num_bands;) label_band(job, worker, band);
}

Status label(Team &team, const LabelRequest &request) {
    const Grid &grid = request.grid;
    const float distance = request.are_probabilities ? 0 : kNothing + logf(float(grid.num_classes));
    Job job{team, request, {}, {}, distance, num_bands(grid)};
    team.shrink(job.num_bands);
    const size_t num_workers = size_t(team.size());
    if (!job.columns.set_up(grid) || !job.workers.reserve(num_workers)) return Status::out_of_memory;
    Status status = Status::ok;
    for (size_t w = 0; w < num_workers; ++w) {
        Worker *worker = new (&job.workers[w]) Worker;
        if (!worker->reserve(grid, size_t(job.columns.num_blocks) * kBlock)) status = Status::out_of_memory;
    }
    if (status == Status::ok) team.run(label_worker, &job);
    for (size_t w = 0; w < num_workers; ++w) job.workers[w].~Worker();
    return status;
}

}  // namespace

Status upsample(Team &team, const UpsampleRequest &request);

extern const Variant variant = {DEEPLAB_VARIANT_NAME, label, upsample};

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
