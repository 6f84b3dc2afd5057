// The Python module deeplab.inference._kernel: checks shapes, picks the variant, releases the lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <new>
#include <stdexcept>
#include <string>

#include "api.h"
#include "choose.h"
#include "team.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace deeplab {
namespace {

using Values = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Positions = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Confidence = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Volume = nb::ndarray<float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class Label>
using LabelMap = nb::ndarray<Label, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr size_t kMaxSide = size_t(1) << 24, kMaxClasses = 1 << 16;

// numpy can hold numbers at odd addresses.
template <class Array>
void check_alignment(const Array &array) {
    if (reinterpret_cast<uintptr_t>(array.data()) % sizeof(*array.data()))
        throw std::invalid_argument("an array is not aligned: copy it");
}

void check_positions(const Positions &positions, const char *name) {
    check_alignment(positions);
    if (positions.size() < 1 || positions.size() > kMaxSide)
        throw std::invalid_argument(std::string(name) + ": 1 to 2^24 positions");
    for (size_t i = 0; i < positions.size(); ++i)
        if (!std::isfinite(positions.data()[i])) throw std::invalid_argument(std::string(name) + " are not finite");
}

Grid make_grid(const Values &values, const Positions &rows, const Positions &columns) {
    for (int axis = 0; axis < 3; ++axis)
        if (values.shape(size_t(axis)) < 1 || values.shape(size_t(axis)) > (axis ? kMaxSide : kMaxClasses))
            throw std::invalid_argument("values: (K, h, w), not empty");
    check_alignment(values);
    check_positions(rows, "rows");
    check_positions(columns, "columns");
    return {values.data(), int(values.shape(0)), int(values.shape(1)), int(values.shape(2)),
            rows.data(), columns.data(), int(rows.size()), int(columns.size())};
}

void check_threads(int threads) {
    if (threads < 1 || threads > kMaxThreads) throw std::invalid_argument("threads: 1 to 256");
}

template <class Array>
void check_size(const Array &array, const Grid &grid, size_t first_axis, const char *name) {
    check_alignment(array);
    if (array.shape(first_axis) != size_t(grid.height) || array.shape(first_axis + 1) != size_t(grid.width))
        throw std::invalid_argument(std::string(name) + " are of another size than rows and columns say");
}

void check(Status status) {
    if (status == Status::out_of_memory) throw std::bad_alloc();
}

template <class Label>
void run_label(const Values &values, const Positions &rows, const Positions &columns, const LabelMap<Label> &labels,
               const Confidence &confidence, bool are_probabilities, int threads, const std::string &variant_name) {
    check_threads(threads);
    const Grid grid = make_grid(values, rows, columns);
    check_size(labels, grid, 0, "labels");
    check_size(confidence, grid, 0, "confidence");
    if (size_t(grid.num_classes) > size_t(1) << (8 * sizeof(Label)))
        throw std::invalid_argument("labels are too narrow for so many classes");
    LabelRequest request{grid, are_probabilities, nullptr, nullptr, confidence.data()};
    if constexpr (sizeof(Label) == 1)
        request.labels = labels.data();
    else
        request.wide_labels = labels.data();
    const Variant &variant = find_variant(variant_name);
    Status status;
    {
        nb::gil_scoped_release release;
        Team team(threads);
        status = variant.label(team, request);
    }
    check(status);
}

void run_upsample(const Values &values, const Positions &rows, const Positions &columns, const Volume &out, int threads,
                  const std::string &variant_name) {
    check_threads(threads);
    const Grid grid = make_grid(values, rows, columns);
    check_size(out, grid, 1, "upsampled values");
    if (out.shape(0) != values.shape(0)) throw std::invalid_argument("upsampled values are of another number of classes");
    const UpsampleRequest request{grid, out.data()};
    const Variant &variant = find_variant(variant_name);
    Status status;
    {
        nb::gil_scoped_release release;
        Team team(threads);
        status = variant.upsample(team, request);
    }
    check(status);
}

template <class Label>
void define_label(nb::module_ &m) {
    m.def("label", &run_label<Label>, "values"_a.noconvert(), "rows"_a.noconvert(), "columns"_a.noconvert(),
          nb::kw_only(), "labels"_a.noconvert(), "confidence"_a.noconvert(), "are_probabilities"_a, "threads"_a,
          "variant"_a);
}

}  // namespace
}  // namespace deeplab

NB_MODULE(_kernel, m) {
    using namespace deeplab;
    m.doc() = "Labels and upsampled class scores.";
    m.def("variants", &runnable_names, "Instruction sets that this processor can run, fastest first.");
    define_label<uint8_t>(m);
    define_label<uint16_t>(m);
    m.def("upsample", &run_upsample, "values"_a.noconvert(), "rows"_a.noconvert(), "columns"_a.noconvert(),
          nb::kw_only(), "out"_a.noconvert(), "threads"_a, "variant"_a);
}
