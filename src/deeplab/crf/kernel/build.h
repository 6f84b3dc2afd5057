// Lattices and their normalisers, step by step, shared out among the workers.
#pragma once

#include <math.h>

#include "job.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

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
            if (skip[k]) continue;
            terms[k].lattice.has_norm = false;
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
        scratch.heads.release();
        scratch.has_previous.release();
        scratch.table.entries.release();
        scratch.table.log2_size = 0;
    }
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        Term &term = buffers.terms[k];
        term.lattice.owners.release();
        term.lattice.slots.release();
        term.lattice.row_keys.release();
        term.lattice.hashes.release();
        term.lattice.hashed_rows.release();
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

}  // namespace
}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
