// Values of every class at every pixel, where somebody wants the whole volume.
#include <new>

#include "rows.h"
#include "team.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

// Two grid rows of one class, stretched to the width of the picture.
struct Stretched {
    Buffer<float> row[2];
};

struct Job {
    Team &team;
    const UpsampleRequest &request;
    Columns columns;
    Buffer<Stretched> workers;
    uint32_t num_tasks;
};

// A grid row as wide as the picture: as it is, if the picture is as wide as the grid.
const float *stretched(const Job &job, const float *source, float *out) {
    if (job.columns.are_grid_columns) return source;
    for (int block = 0; block < job.columns.num_blocks; ++block)
        stretch(job.columns, block, source, out + size_t(block) * kBlock);
    return out;
}

void mix(const float *top, const float *bottom, float weight, float *out, size_t width) {
    if (weight == 0) {
        memcpy(out, top, width * sizeof(float));
        return;
    }
    const float other = 1 - weight;
    for (size_t x = 0; x < width; ++x) out[x] = top[x] * other + bottom[x] * weight;
}

void upsample_band(const Job &job, Stretched &worker, uint32_t task) {
    const Grid &grid = job.request.grid;
    const uint32_t bands = num_bands(grid), k = task / bands;
    const size_t grid_width = size_t(grid.grid_width), width = size_t(grid.width);
    const float *source = grid.values + size_t(k) * size_t(grid.grid_height) * grid_width;
    float *out = job.request.out + size_t(k) * size_t(grid.height) * width;
    RowGroup rows = first_group(grid, task % bands);
    float *next = worker.row[0].data(), *other = worker.row[1].data();
    const float *top = nullptr, *bottom = nullptr;
    int bottom_row = -1;
    do {
        if (rows.before == bottom_row) {
            top = bottom;  // its buffer is `other` now, if it has one
        } else {
            top = stretched(job, source + size_t(rows.before) * grid_width, next);
            float *const used = next;
            next = other;
            other = used;
        }
        bottom = stretched(job, source + size_t(rows.after) * grid_width, next);
        bottom_row = rows.after;
        float *const used = next;
        next = other;
        other = used;
        for (int y = rows.begin; y < rows.end; ++y)
            mix(top, bottom, between(grid.rows[y], grid.grid_height).weight, out + size_t(y) * width, width);
    } while (next_group(grid, rows));
}

void upsample_worker(void *context, int number) {
    Job &job = *static_cast<Job *>(context);
    Stretched &worker = job.workers[size_t(number)];
    for (uint32_t task; (task = job.team.take()) < job.num_tasks;) upsample_band(job, worker, task);
}

}  // namespace

Status upsample(Team &team, const UpsampleRequest &request) {
    Job job{team, request, {}, {}, num_bands(request.grid) * uint32_t(request.grid.num_classes)};
    team.shrink(job.num_tasks);
    const size_t num_workers = size_t(team.size());
    if (!job.columns.set_up(request.grid) || !job.workers.reserve(num_workers)) return Status::out_of_memory;
    Status status = Status::ok;
    for (size_t w = 0; w < num_workers; ++w) {
        Stretched *worker = new (&job.workers[w]) Stretched;
        for (Buffer<float> &row : worker->row)
            if (!row.reserve(size_t(job.columns.num_blocks) * kBlock)) status = Status::out_of_memory;
    }
    if (status == Status::ok) team.run(upsample_worker, &job);
    for (size_t w = 0; w < num_workers; ++w) job.workers[w].~Stretched();
    return status;
}

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
