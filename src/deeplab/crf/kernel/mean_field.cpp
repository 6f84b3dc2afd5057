// Mean-field inference: slice the messages, take the softmax, splat the marginals, in one pass over
// the pixels; then blur.
//
// Reference: arXiv 1606.00915, section 3.3; Kraehenbuehl and Koltun, "Efficient Inference in Fully
// Connected CRFs with Gaussian Edge Potentials", 2011.
//
// Labels are held in the order of how much of the picture they may take. A row of the lattice leads with
// 8, 16 or 24 values (choose_lead): as many labels if these are all, else one less, and the sum of the
// marginals of all others, the rest. Filtered like the others that sum bounds the messages that the rest
// gets, and with them what those messages can change in the marginals. In most pictures, after an
// iteration or two, that is no more than the last digits of float32: then the rest keeps its scores and
// its share of every pixel, but its messages are left out, and an iteration costs what the lead costs.
// The bound is checked at every pixel of every pass; should it ever exceed what Limits allow, inference
// starts anew with all messages.
//
// Scores of little contrast need wide rows at first, but few labels are left an iteration or two later:
// then rows become narrower in the middle of inference, by the same bound (narrow.h). Under the limits of
// "half" the messages of the rest are mostly needed in no iteration at all: they are left out from the
// first on, of more labels, and where the bound says that they were needed inference starts anew.
#include "build.h"
#include "general_pass.h"
#include "narrow.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

namespace {

// Rows of so many values, labels as they are ordered.
void lay_out(Job &job, int lead_width) {
    Buffers &buffers = job.buffers;
    const MeanFieldRequest &request = *job.request;
    const bool is_upsampled = request.grid_height != job.problem.height || request.grid_width != job.problem.width;
    job.lead_width = lead_width;
    job.rest_width = job.num_labels <= lead_width ? 0 : (job.num_labels - lead_width + 1 + 15) / 16 * 16;
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

void set_up(Job &job) {
    Buffers &buffers = job.buffers;
    job.num_labels = job.request->num_labels;
    job.limits = job.request->half ? kHalf : kFloat32;
    if (!buffers.order.reserve(size_t(job.num_labels)) || !buffers.partial.reserve(size_t(job.num_labels)) ||
        !buffers.sample.reserve(size_t(job.num_labels)))
        return job.fail(Status::out_of_memory);
    order_labels(job);
    lay_out(job, choose_lead(job));
}

void reserve_rows(Job &job, Term &term) {
    const size_t rows = term.lattice.num_rows;
    for (int i = 0; i < 2; ++i)
        if (!term.lead[i].reserve(rows * job.lead_width) || !term.rest[i].reserve(rows * job.rest_width))
            job.fail(Status::out_of_memory);
}

// After the lattices are there: what depends on their size and on the bound of the messages.
void set_up_terms(Job &job) {
    float bound = 0;
    for (int k = 0; k < job.problem.num_kernels; ++k) {
        const KernelSpec &kernel = job.problem.kernels[k];
        Term &term = job.buffers.terms[k];
        term.weight = kernel.weight;
        term.gain = kernel.weight * alpha(term.lattice);
        term.has_energy = kernel.energy != nullptr;
        term.scales_in = kernel.normalization == Normalization::before || kernel.normalization == Normalization::symmetric;
        term.scales_out = kernel.normalization != Normalization::before;
        job.is_general |= term.has_energy || !(kernel.weight >= 0);
        bound += kernel.weight * term.lattice.largest_gain;
        bool is_good = !term.has_energy || set_up_energy(job, term, kernel);
        if (!is_good) job.fail(Status::out_of_memory);
        reserve_rows(job, term);
    }
    job.is_general |= !(bound < kBounded);
    job.hopes &= !job.is_general;  // where nothing bounds what is left out
}

// Calls f with a value of the type of the job's lead rows.
template <class F>
DEEPLAB_INLINE void with_lead(const Job &job, const F &f) {
    switch (job.lead_width) {
        case 4: return f(Vec4{});
        case 8: return f(Vec8{});
        case 16: return f(Vec16{});
        default: return f(Vec24{});
    }
}

void pass_all(Job &job, int worker, const Pass &pass) {
    Worker &self = job.buffers.workers[worker];
    self.change = self.missing = 0;
    if (pass.measures) forget_measures(self);
    with_lead(job, [&](auto lead) {
        typedef decltype(lead) Lead;
        auto pass_one = job.has_rest() ? pass_tile<Lead, true> : pass_tile<Lead, false>;
        if constexpr (Lead::kWidth >= 8)  // where rows are narrower, it is not general
            if (job.is_general) pass_one = pass_tile_general<Lead>;
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

// Makes rows narrower where the pass has found that they may be; whether they are.
bool become_narrower(Job &job, int worker) {
    job.once(worker, [&] { choose_width(job); });
    if (!job.new_width) return false;
    narrow_rows(job);
    job.once(worker, [&] {
        job.parity = 1 - job.parity;  // where the narrow rows are
        reorder(job);
        lay_out(job, job.new_width);
    });
    if (!job.is_good()) return true;
    Worker &self = job.buffers.workers[worker];
    job.each(job.num_tiles, [&](uint32_t tile) {
        for (uint32_t block = job.tile_begin(tile); block < job.tile_end(tile); ++block) {
            store_unary(job, self, block);
            if (job.has_rest()) sum_rest(job, self, block);
        }
    });
    return true;
}

// All iterations; false when messages of the rest were left out that should not have been.
bool iterate(Job &job, int worker, bool keeps_rest) {
    const MeanFieldRequest &request = *job.request;
    const bool compares = request.tolerance > 0;
    bool with_rest = job.has_rest() && !job.hopes;
    bool measures = !keeps_rest && !job.is_general && job.lead_width > kNarrower[0];
    pass_all(job, worker,
             Pass{true, request.iterations == 0, request.iterations == 0 || compares, false, false, with_rest, measures});
    if (!job.is_good()) return true;
    if (measures) job.once(worker, [&] { rank_places(job); });
    for (int iteration = 1; iteration <= request.iterations; ++iteration) {
        job.once(worker, [&] { job.parity = 1 - job.parity; });
        const Rows lead = rows_of(job, false), rest = rows_of(job, true);
        with_lead(job, [&](auto row) { blur_all<decltype(row)>(job, lead, with_rest ? &rest : nullptr); });
        const bool is_last = iteration == request.iterations, rest_in = with_rest;
        measures = measures && iteration + 1 < request.iterations;
        pass_all(job, worker,
                 Pass{false, is_last, is_last || compares, compares, rest_in, rest_in && !is_last, measures});
        if (worker == 0) job.request->iterations_done = iteration;
        if (job.has_rest() && !job.is_general) {
            const float missing = over_workers(job, &Worker::missing);
            if (!rest_in && missing >= job.limits.too_much) return false;
            with_rest = rest_in && (keeps_rest || missing >= job.limits.little);
        }
        if (compares && over_workers(job, &Worker::change) <= request.tolerance) break;
        if (measures && become_narrower(job, worker)) {
            if (!job.is_good()) return true;
            with_rest = false;
            measures = job.lead_width > kNarrower[0];
        }
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
    if (iterate(job, worker, false)) return;
    const bool hoped = job.hopes;
    job.team.meet();  // all have read what follows changes
    const auto start_anew = [&] {
        job.once(worker, [&] {
            job.hopes = false;
            set_up(job);
            for (int k = 0; k < job.problem.num_kernels; ++k) reserve_rows(job, job.buffers.terms[k]);
        });
    };
    start_anew();
    if (!job.is_good() || iterate(job, worker, !hoped) || !hoped) return;
    start_anew();
    if (job.is_good()) iterate(job, worker, true);
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
                 buffers.builds[w].next.bytes() + buffers.builds[w].heads.bytes() + buffers.builds[w].has_previous.bytes();
    return total;
}

Status run(Job &job, void (*body)(void *, int)) {
    if (job.problem.num_kernels > kMaxKernels) return Status::out_of_range;
    job.team.shrink(job.num_tiles);
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
    job.hopes = request.half;
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

}  // namespace

extern const Variant variant = {DEEPLAB_VARIANT_NAME, create, destroy, bytes, mean_field, filter};

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
