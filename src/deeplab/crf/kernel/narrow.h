// Narrower rows in the middle of inference. Part of every variant: see api.h.
//
// Class scores of little contrast put many labels at every pixel, and rows have to hold them all. Mean
// field soon leaves few. So while rows are wide, a pass notes the largest marginal of every label, and
// the next pass what leaving out the messages of all labels but the 3 (or 7, or 15) with the largest would
// change, by the bound of softmax_block. Where that is little, splatted rows are brought to 4 (or 8, or 16)
// values, the last one the sum of all others, before they are blurred: blurring and splatting are
// linear, so these are the rows that would have been splatted.
#pragma once

#include "pass.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

void forget_measures(Worker &worker) {
    memset(worker.peak, 0, sizeof worker.peak);
    for (float &one : worker.left_out) one = 0;
}

void mark_out(Job &job, int width) {
    for (int c = 0; c < kNumNarrower; ++c)
        for (int i = 0; i < width; ++i) job.is_out[c][job.ranked[i]] = i < kNarrower[c] - 1 ? 0.0f : 1.0f;
}

// Which places of a row the picture needs most, by the largest marginal of each.
void rank_places(Job &job) {
    float peaks[kMostLead] = {};
    for (int k = 0; k < job.num_lead; ++k)
        for (int w = 0; w < job.team.size(); ++w)
            for (int p = 0; p < kBlock; ++p) {
                const float peak = job.buffers.workers[w].peak[k * kBlock + p];
                peaks[k] = peak > peaks[k] ? peak : peaks[k];
            }
    for (int i = 0; i < job.lead_width; ++i) {  // insertion sort: stable, largest first
        int at = i;
        for (; at > 0 && peaks[i] > peaks[job.ranked[at - 1]]; --at) job.ranked[at] = job.ranked[at - 1];
        job.ranked[at] = i;
    }
    mark_out(job, job.lead_width);
}

// How wide rows are from now on: as narrow as leaves out little; 0: as they are.
void choose_width(Job &job) {
    job.new_width = 0;
    for (int c = 0; c < kNumNarrower && !job.new_width; ++c) {
        float left_out = 0;
        for (int w = 0; w < job.team.size(); ++w) {
            const float one = job.buffers.workers[w].left_out[c];
            left_out = one > left_out ? one : left_out;
        }
        if (kNarrower[c] < job.lead_width && left_out < job.limits.little) job.new_width = kNarrower[c];
    }
    if (!job.new_width) rank_places(job);
}

// What was splatted last, in rows of the new width, to where the pass before has splatted.
void narrow_rows(Job &job) {
    const int old_width = job.lead_width, width = job.new_width;
    job.each(uint32_t(job.problem.num_kernels) * job.num_tiles, [&](uint32_t task) {
        Term &term = job.buffers.terms[task / job.num_tiles];
        const uint32_t tile = task % job.num_tiles;
        const uint32_t *begin = term.lattice.tile_rows.data();
        const uint32_t end = tile + 1 == job.num_tiles ? term.lattice.num_rows : begin[tile + 1];
        for (size_t row = begin[tile]; row < end; ++row) {
            const float *from = term.lead[1 - job.parity].data() + row * old_width;
            float *to = term.lead[job.parity].data() + row * width, others = 0;
            for (int i = 0; i < width - 1; ++i) to[i] = from[job.ranked[i]];
            for (int i = width - 1; i < old_width; ++i) others += from[job.ranked[i]];
            to[width - 1] = others;
        }
    });
}

// Labels in the order of the new rows.
void reorder(Job &job) {
    int32_t *order = job.buffers.order.data(), lead[kMostLead];
    int count = 0;
    for (int i = 0; i < job.lead_width; ++i)
        if (job.ranked[i] < job.num_lead && job.ranked[i] < job.num_labels) lead[count++] = order[job.ranked[i]];
    memcpy(order, lead, size_t(count) * sizeof(int32_t));
    for (int i = 0; i < job.new_width; ++i) job.ranked[i] = i;
    mark_out(job, job.new_width);
}

}  // namespace
}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
