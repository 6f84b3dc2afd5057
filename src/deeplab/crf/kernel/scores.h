// Class scores: read, upsampled, put in order, shifted.
#pragma once

#include <math.h>

#include "job.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

void set_up_columns(Job &job) {
    const int w = job.request->grid_width, width = job.problem.width;
    for (int x = 0; x < width; ++x) {
        const float position = width > 1 ? float(double(x) * (w - 1) / (width - 1)) : 0.0f;
        const int left = int(position) < w - 1 ? int(position) : (w > 1 ? w - 2 : 0);
        job.buffers.columns[x] = left;
        job.buffers.column_part[x] = position - float(left);
    }
}

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
            __builtin_prefetch(plane + kAheadBlocks * 2 * kBlock);  // too many streams for the processor's own
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
    float largest[kBlock], wrong[kBlock], worst = 0;
    for (int p = 0; p < kBlock; ++p) {
        largest[p] = -INFINITY;
        wrong[p] = 0;
    }
    for (int k = 0; k < job.num_labels; ++k)
        for (int p = 0; p < kBlock; ++p) {
            const float score = scores[k * kBlock + p];
            largest[p] = score > largest[p] ? score : largest[p];
            wrong[p] = score <= 3e38f ? wrong[p] : 1.0f;  // also for NaN
        }
    for (int p = 0; p < kBlock; ++p) worst += largest[p] >= -3e38f ? wrong[p] : 1.0f;
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

// How many values a lead row has: as few as leave the rest next to nothing of the picture. Narrow rows
// are quick; many pixels that need the rest's messages are slow.
int choose_lead(const Job &job) {
    const double *beyond = job.buffers.beyond;  // share of the labels from place 7 and from place 15 on
    const double faint = job.hopes ? kHopefullyFaint : kFaint;
    if (job.num_labels <= 8 || beyond[0] < faint) return 8;
    return job.num_labels <= 16 || beyond[1] < faint ? 16 : 24;
}

}  // namespace
}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
