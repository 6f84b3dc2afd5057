// One pass over the pixels: slice the messages, take the softmax, splat the marginals.
#pragma once

#include <math.h>

#include "scores.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

// What one pass over the pixels does.
struct Pass {
    bool is_first;  // no messages yet: reads the scores
    bool is_last;   // nothing is splatted
    bool writes;    // marginals or labels
    bool compares;  // with the marginals before, for the tolerance
    bool rest_in;   // the rest's messages are there
    bool rest_out;  // the rest's marginals are passed on
    bool measures;  // what narrower rows would leave out
};

template <class Lead>
struct BlockState {
    static constexpr int kWidth = int(Lead::kWidth);
    alignas(64) float rows[kBlock * kWidth];  // messages, then marginals, pixel by pixel
    Vec16 lanes[kWidth];                      // the same label by label
    alignas(64) float inverse[kBlock];       // of the sum of exponentials
    uint32_t rest_known = 0;  // pixels whose rest exponentials are in the worker's buffer
};

template <class Lead>
DEEPLAB_INLINE void load_lanes(BlockState<Lead> &state) {
    constexpr int kWidth = int(Lead::kWidth);
    if (kWidth == 4) load_four_columns(state.rows, kWidth, state.lanes);
    for (int k = 0; k + 8 <= kWidth; k += 8) load_columns(state.rows + k, kWidth, state.lanes + k);
}

template <class Lead>
DEEPLAB_INLINE void store_lanes(BlockState<Lead> &state) {
    constexpr int kWidth = int(Lead::kWidth);
    if (kWidth == 4) store_four_columns(state.lanes, state.rows, kWidth);
    for (int k = 0; k + 8 <= kWidth; k += 8) store_columns(state.lanes + k, state.rows + k, kWidth);
}

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
template <int V, class Lead>
DEEPLAB_INLINE void prefetch_rows(const uint32_t *places, const float *rows) {
    if (V <= 3) return;  // few vertices for many pixels: they are in the cache
    for (int v = 0; v < V; ++v) {
        const float *row = rows + places[v * kBlock] * Lead::kWidth;
        __builtin_prefetch(row);
        if (Lead::kWidth > 16) __builtin_prefetch(row + Lead::kWidth - 1);
    }
}

template <int V, class Lead>
DEEPLAB_INLINE void slice_block(const Term &term, const float *lead, uint32_t block, bool adds, float *rows) {
    const size_t at = size_t(block) * V * kBlock;
    const uint32_t *places = term.lattice.rows.data() + at;
    const float *weights = term.lattice.weights.data() + at;
    alignas(64) float scale[kBlock];
    if (term.scales_out)
        (Vec16::load(term.lattice.norm.data() + size_t(block) * kBlock) * term.gain).store(scale);
    else
        Vec16::all(term.gain).store(scale);
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
DEEPLAB_INLINE void splat_block(const Job &job, Term &term, uint32_t block, const BlockState<Lead> &state,
                                const float *rest, uint32_t with_rest) {
    const size_t at = size_t(block) * V * kBlock;
    const uint32_t *places = term.lattice.rows.data() + at;
    const float *weights = term.lattice.weights.data() + at;
    const float *norm = term.scales_in ? term.lattice.norm.data() + size_t(block) * kBlock : nullptr;
    float *lead = term.lead[1 - job.parity].data();
    for (int p = 0; p < kBlock; ++p) {
        Lead value = Lead::load(state.rows + p * Lead::kWidth);
        if (norm) value = value * norm[p];
        splat_pixel<V>(places + p, weights + p, value, lead);
    }
    float *rest_rows = term.rest[1 - job.parity].data();
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
    float *marginals = request.marginals         ? request.marginals
                       : request.tolerance > 0 ? job.buffers.previous.data()
                                               : nullptr;
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
            slice_block<V, Lead>(terms[k], terms[k].lead[job.parity].data(), block, k > 0, state.rows);
        });
    load_lanes(state);
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

// The largest of 16 values and one more.
DEEPLAB_INLINE float largest_of(const Vec16 &x, float result) {
    alignas(64) float values[kBlock];
    x.store(values);
    for (int p = 0; p < kBlock; ++p) result = values[p] > result ? values[p] : result;
    return result;
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
                wanted |= uint32_t(change[p] >= job.limits.negligible) << p;
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
    if (kMessages && pass.measures) {
        // As above, of all labels that narrower rows would have no place for.
        for (int c = 0; c < kNumNarrower && kNarrower[c] < int(Lead::kWidth); ++c) {
            Vec16 share = kRest ? Vec16::load(rest) : Vec16::all(0), message = Vec16::all(0);
            for (int k = 0; k < kLabels; ++k) share = share + e[k] * job.is_out[c][k];
            for (int k = 0; k < int(Lead::kWidth); ++k) message = message + state.lanes[k] * job.is_out[c][k];
            worker.left_out[c] = largest_of(share * inverse * message * exp(message), worker.left_out[c]);
        }
    }
    for (int k = 0; k < kLabels; ++k) state.lanes[k] = e[k] * inverse;
    if (pass.measures)
        for (int k = 0; k < kLabels; ++k) {
            float *peak = worker.peak + k * kBlock;
            max(Vec16::load(peak), state.lanes[k]).store(peak);
        }
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
        if (!pass.is_first)
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
    store_lanes(state);
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        Term &term = job.buffers.terms[k];
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
            for (int p = 0; p < kBlock; ++p) with_rest |= uint32_t(sums[p] >= job.limits.negligible) << p;
            finish_rest(job, worker, block, pass.writes ? everyone : with_rest, state);
        }
        finish_block(job, worker, block, pass, state, pass.rest_out ? with_rest : 0);
    }
}

}  // namespace
}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
