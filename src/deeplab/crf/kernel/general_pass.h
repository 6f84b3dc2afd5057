// The pass for compatibilities other than Potts and for messages without a bound.
#pragma once

#include "pass.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

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
        load_lanes(state);
        finish_block(job, worker, block, pass, state, pass.rest_out ? (1u << kBlock) - 1 : 0);
    }
}

}  // namespace
}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
