// The Python module deeplab.crf._kernel: checks shapes, picks the variant, releases the lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "api.h"
#include "choose.h"
#include "team.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace deeplab {

namespace {

using Scores = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Picture = nb::ndarray<const uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Marginals = nb::ndarray<float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Labels = nb::ndarray<int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr int kMaxSide = 1 << 24;

// numpy can hold floats at odd addresses.
template <class Array>
void check_alignment(const Array &array) {
    if (reinterpret_cast<uintptr_t>(array.data()) % alignof(float))
        throw std::invalid_argument("an array is not aligned: copy it");
}

class Workspace {
  public:
    ~Workspace() { clear(); }
    Workspace() = default;
    Workspace(const Workspace &) = delete;

    State *state(const Variant &variant) {
        State *&state = states_[&variant];
        if (!state) state = variant.create();
        if (!state) throw std::bad_alloc();
        return state;
    }
    size_t bytes() const {
        size_t total = 0;
        for (const auto &[variant, state] : states_)
            if (state) total += variant->bytes(state);
        return total;
    }
    void clear() {
        for (auto &[variant, state] : states_)
            if (state) variant->destroy(state);
        states_.clear();
    }

    // One call at a time.
    class Use {
      public:
        explicit Use(Workspace &workspace) : workspace_(workspace) {
            if (workspace.in_use_.exchange(true)) throw std::runtime_error("this workspace is in use by another call");
        }
        ~Use() { workspace_.in_use_ = false; }

      private:
        Workspace &workspace_;
    };

  private:
    std::map<const Variant *, State *> states_;
    std::atomic<bool> in_use_{false};
};

Normalization find_normalization(const std::string &name) {
    if (name == "after") return Normalization::after;
    if (name == "symmetric") return Normalization::symmetric;
    if (name == "before") return Normalization::before;
    if (name == "none") return Normalization::none;
    if (name == "raw") return Normalization::raw;
    throw std::invalid_argument("normalization '" + name + "': after, symmetric, before, none or raw");
}

// A kernel and what it refers to.
class Kernel {
  public:
    Kernel(const std::vector<float> &deviations, std::optional<Picture> picture, std::optional<Matrix> features,
           float weight, std::optional<Matrix> energy, const std::string &normalization)
        : picture_(picture), features_(features), energy_(energy) {
        spec_ = {};
        spec_.normalization = find_normalization(normalization);
        if (!std::isfinite(weight)) throw std::invalid_argument("weight is not finite");
        spec_.weight = weight;
        if (features) {
            if (picture || !deviations.empty())
                throw std::invalid_argument("features come alone, without picture and deviations");
            if (features->shape(0) < 1 || features->shape(0) > kMaxDims)
                throw std::invalid_argument("features: 1 to 10 rows");
            check_alignment(*features);
            spec_.dims = int(features->shape(0));
            spec_.features = features->data();
        } else {
            const size_t channels = picture ? picture->shape(2) : 0;
            if (deviations.size() != 2 + channels || deviations.size() > size_t(kMaxDims))
                throw std::invalid_argument("deviations: one for x, y and each of up to 8 channels");
            for (size_t d = 0; d < deviations.size(); ++d) {
                if (!(deviations[d] > 0) || !std::isfinite(deviations[d]))
                    throw std::invalid_argument("deviations are positive and finite");
                spec_.deviations[d] = deviations[d];
            }
            spec_.dims = int(deviations.size());
            spec_.picture = picture ? picture->data() : nullptr;
        }
        if (energy) {
            check_alignment(*energy);
            if (energy->shape(0) != energy->shape(1)) throw std::invalid_argument("energy is a square matrix");
            for (size_t i = 0; i < energy->size(); ++i)
                if (!std::isfinite(energy->data()[i])) throw std::invalid_argument("energy is not finite");
            spec_.energy = energy->data();
        }
    }

    KernelSpec spec(int height, int width, int num_labels) const {
        const size_t pixels = size_t(height) * size_t(width);
        if (picture_ && (picture_->shape(0) != size_t(height) || picture_->shape(1) != size_t(width)))
            throw std::invalid_argument("a kernel's picture has another size");
        if (features_ && features_->shape(1) != pixels)
            throw std::invalid_argument("a kernel's features are of another number of pixels");
        if (energy_ && num_labels && energy_->shape(0) != size_t(num_labels))
            throw std::invalid_argument("a kernel's energy is for another number of labels");
        return spec_;
    }

  private:
    KernelSpec spec_;
    std::optional<Picture> picture_;
    std::optional<Matrix> features_, energy_;
};

void check(Status status, int64_t bad_pixel, int width) {
    switch (status) {
        case Status::ok: return;
        case Status::out_of_memory: throw std::bad_alloc();
        case Status::out_of_range:
            throw std::invalid_argument(
                "the lattice is too large: deviations too small for the range of the features, or too many pixels");
        case Status::bad_scores:
            throw std::invalid_argument("class scores are NaN, +inf, or -inf for all labels, at or soon after row " +
                                        std::to_string(bad_pixel / width) + ", column " +
                                        std::to_string(bad_pixel % width));
    }
}

Problem make_problem(const std::vector<KernelSpec> &specs, int height, int width, bool dilated) {
    return {height, width, specs.data(), int(specs.size()), dilated};
}

void check_size(int height, int width, int threads) {
    if (height < 1 || width < 1 || height > kMaxSide || width > kMaxSide)
        throw std::invalid_argument("height and width: 1 to 2^24");
    if (threads < 1 || threads > kMaxThreads) throw std::invalid_argument("threads: 1 to 256");
}

int run_mean_field(Workspace &workspace, const std::vector<const Kernel *> &kernels, const Scores &scores, int height,
                   int width, int iterations, int threads, const std::string &variant_name, bool dilated, bool half,
                   float tolerance, std::optional<Marginals> marginals, std::optional<Labels> labels) {
    check_size(height, width, threads);
    if (scores.shape(0) < 1 || scores.shape(0) > size_t(kMaxLabels) || scores.shape(1) < 1 || scores.shape(2) < 1 ||
        scores.shape(1) > size_t(kMaxSide) || scores.shape(2) > size_t(kMaxSide))
        throw std::invalid_argument("scores: (K, h, w) with 1 to 1024 labels, not empty");
    check_alignment(scores);
    if (marginals) check_alignment(*marginals);
    if (labels) check_alignment(*labels);
    if (iterations < 0) throw std::invalid_argument("iterations: 0 or more");
    if (!(tolerance >= 0)) throw std::invalid_argument("tolerance: 0 or more");
    if (kernels.size() > 16) throw std::invalid_argument("at most 16 kernels");
    const int num_labels = int(scores.shape(0));
    const auto is_full_size = [&](size_t h, size_t w) { return h == size_t(height) && w == size_t(width); };
    if (marginals && (marginals->shape(0) != size_t(num_labels) || !is_full_size(marginals->shape(1), marginals->shape(2))))
        throw std::invalid_argument("marginals: (K, H, W)");
    if (labels && !is_full_size(labels->shape(0), labels->shape(1))) throw std::invalid_argument("labels: (H, W)");
    std::vector<KernelSpec> specs;
    for (const Kernel *kernel : kernels) {
        if (!kernel) throw std::invalid_argument("a kernel is None");
        specs.push_back(kernel->spec(height, width, num_labels));
    }
    const Variant &variant = find_variant(variant_name);

    const Workspace::Use use(workspace);
    State *state = workspace.state(variant);
    MeanFieldRequest request{make_problem(specs, height, width, dilated),
                             scores.data(), num_labels, int(scores.shape(1)), int(scores.shape(2)),
                             iterations, half, tolerance,
                             marginals ? marginals->data() : nullptr, labels ? labels->data() : nullptr, 0, -1};
    Status status;
    {
        nb::gil_scoped_release release;
        Team team(threads);
        status = variant.mean_field(state, team, request);
    }
    check(status, request.bad_pixel, width);
    return request.iterations_done;
}

nb::ndarray<nb::numpy, float, nb::ndim<2>> run_filter(Workspace &workspace, const Kernel &kernel, const Matrix &values,
                                                     int height, int width, int threads,
                                                     const std::string &variant_name, bool dilated) {
    check_size(height, width, threads);
    const size_t pixels = size_t(height) * size_t(width);
    if (values.shape(1) != pixels || values.shape(0) < 1 || values.shape(0) > size_t(1 << 20))
        throw std::invalid_argument("values: (C, H * W), C at least 1");
    check_alignment(values);
    const std::vector<KernelSpec> specs = {kernel.spec(height, width, 0)};
    const Variant &variant = find_variant(variant_name);

    const Workspace::Use use(workspace);
    State *state = workspace.state(variant);
    std::unique_ptr<float[]> out(new float[values.size()]);
    FilterRequest request{make_problem(specs, height, width, dilated), values.data(), int(values.shape(0)), out.get()};
    Status status;
    {
        nb::gil_scoped_release release;
        Team team(threads);
        status = variant.filter(state, team, request);
    }
    check(status, -1, width);
    nb::capsule owner(out.get(), [](void *p) noexcept { delete[] static_cast<float *>(p); });
    float *data = out.release();
    return nb::ndarray<nb::numpy, float, nb::ndim<2>>(data, {values.shape(0), values.shape(1)}, owner);
}

}  // namespace
}  // namespace deeplab

NB_MODULE(_kernel, m) {
    using namespace deeplab;
    m.doc() = "Mean field on the permutohedral lattice.";
    m.def("variants", &runnable_names, "Instruction sets that this processor can run, fastest first.");
    nb::class_<Workspace>(m, "Workspace")
        .def(nb::init<>())
        .def_prop_ro("bytes", &Workspace::bytes)
        .def("clear", [](Workspace &workspace) {
            const Workspace::Use use(workspace);
            workspace.clear();
        });
    nb::class_<Kernel>(m, "Kernel")
        .def(nb::init<const std::vector<float> &, std::optional<Picture>, std::optional<Matrix>, float,
                      std::optional<Matrix>, const std::string &>(),
             nb::kw_only(), "deviations"_a, "picture"_a.noconvert().none(), "features"_a.noconvert().none(), "weight"_a,
             "energy"_a.noconvert().none(), "normalization"_a);
    m.def("mean_field", &run_mean_field, "workspace"_a, "kernels"_a, "scores"_a.noconvert(), "height"_a, "width"_a,
          nb::kw_only(), "iterations"_a, "threads"_a, "variant"_a, "dilated"_a, "half"_a, "tolerance"_a,
          "marginals"_a.noconvert().none(), "labels"_a.noconvert().none());
    m.def("filter", &run_filter, "workspace"_a, "kernel"_a, "values"_a.noconvert(), "height"_a, "width"_a,
          nb::kw_only(), "threads"_a, "variant"_a, "dilated"_a);
}
