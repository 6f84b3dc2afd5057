// Splat, blur and slice: the three steps of filtering on a lattice. Part of every variant: see api.h.
//
// Values are rows of floats, one for every row of the lattice: 1 float for normalisers, 4, 8, 16 or 24
// for the lead labels, a multiple of 16 for the rest.
#pragma once

#include "lattice.h"
#include "simd.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

// One float, with the face of Vec.
struct Vec1 {
    static constexpr size_t kWidth = 1;
    float value;
    static DEEPLAB_INLINE Vec1 load(const float *from) { return {*from}; }
    static DEEPLAB_INLINE Vec1 all(float value) { return {value}; }
    DEEPLAB_INLINE void store(float *to) const { *to = value; }
    friend DEEPLAB_INLINE Vec1 operator+(Vec1 a, Vec1 b) { return {a.value + b.value}; }
    friend DEEPLAB_INLINE Vec1 operator*(Vec1 a, float b) { return {a.value * b}; }
};

// 24 floats.
struct Vec24 {
    static constexpr size_t kWidth = 24;
    Vec16 low;
    Vec8 high;
    static DEEPLAB_INLINE Vec24 load(const float *from) { return {Vec16::load(from), Vec8::load(from + 16)}; }
    static DEEPLAB_INLINE Vec24 all(float value) { return {Vec16::all(value), Vec8::all(value)}; }
    DEEPLAB_INLINE void store(float *to) const {
        low.store(to);
        high.store(to + 16);
    }
    friend DEEPLAB_INLINE Vec24 operator+(const Vec24 &a, const Vec24 &b) { return {a.low + b.low, a.high + b.high}; }
    friend DEEPLAB_INLINE Vec24 operator*(const Vec24 &a, float b) { return {a.low * b, a.high * b}; }
};

// Adds a pixel's value to the vertices of its simplex.
template <int V, class Row>
DEEPLAB_INLINE void splat_pixel(const uint32_t *places, const float *weights, const Row &value, float *rows) {
    for (int v = 0; v < V; ++v) {
        float *row = rows + places[v * kBlock] * Row::kWidth;
        (Row::load(row) + value * weights[v * kBlock]).store(row);
    }
}

// Interpolates between the vertices of a pixel's simplex.
template <int V, class Row>
DEEPLAB_INLINE Row slice_pixel(const uint32_t *places, const float *weights, const float *rows) {
    Row total = Row::load(rows + places[0] * Row::kWidth) * weights[0];
    for (int v = 1; v < V; ++v)
        total = total + Row::load(rows + places[v * kBlock] * Row::kWidth) * weights[v * kBlock];
    return total;
}

// The same for rows of `width` floats; the value is scaled on the way.
DEEPLAB_INLINE void splat_wide(const uint32_t *places, const float *weights, int vertices, float scale,
                               const float *value, float *rows, int width) {
    for (int v = 0; v < vertices; ++v) {
        const float weight = weights[v * kBlock] * scale;
        float *row = rows + size_t(places[v * kBlock]) * width;
        for (int c = 0; c < width; c += 16)
            (Vec16::load(row + c) + Vec16::load(value + c) * weight).store(row + c);
    }
}

DEEPLAB_INLINE void slice_wide(const uint32_t *places, const float *weights, int vertices, float scale,
                               const float *rows, int width, float *total) {
    for (int v = 0; v < vertices; ++v) {
        const float weight = weights[v * kBlock] * scale;
        const float *row = rows + size_t(places[v * kBlock]) * width;
        for (int c = 0; c < width; c += 16)
            (Vec16::load(total + c) + Vec16::load(row + c) * weight).store(total + c);
    }
}

// Where the `part`-th of `parts` stretches of an axis begins: always at the beginning of a chain.
inline uint32_t stretch(const Lattice &lattice, int axis, uint32_t part, uint32_t parts) {
    const uint32_t length = lattice.chain_length[axis];
    uint32_t at = uint32_t(uint64_t(length) * part / parts);
    while (at > 0 && at < length && !(lattice.chains[axis][at - 1] & kLast)) ++at;
    return at;
}

// 0 for kLast, 1 for 0, without a branch that could be mispredicted.
DEEPLAB_INLINE float one_unless(uint32_t last) {
    const uint32_t bits = 0x3F800000u & ((last >> 31) - 1);
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

// v + (previous + next) / 2 for every vertex of a stretch, in place; a missing neighbour counts as 0.
// Of rows that are wider than Row, the part that begins at `rows`.
template <class Row>
void blur(const uint32_t *chain, uint32_t begin, uint32_t end, float *rows, size_t width) {
    if (begin >= end) return;
    Row before = Row::all(0), now = Row::load(rows + (chain[begin] & ~kLast) * width);
    for (uint32_t i = begin; i < end; ++i) {
        float *row = rows + (chain[i] & ~kLast) * width;
        // After the last row comes one of another chain, maybe of another worker's: not touched then.
        const float keep = one_unless(chain[i] & kLast);
        const Row next = Row::load(i + 1 < end ? rows + (chain[i + 1] & ~kLast) * width : row);
        const float *later = rows + (chain[i + kAhead] & ~kLast) * width;
        __builtin_prefetch(later, 1);
        if (Row::kWidth > 16) __builtin_prefetch(later + Row::kWidth - 1, 1);
        (now + (before + next * keep) * 0.5f).store(row);
        before = now * keep;
        now = next;
    }
}

// Brings a tile's copies up to date with the vertices that they stand for.
template <class Row>
void spread(const Lattice &lattice, uint32_t tile, float *rows, size_t width) {
    for (uint32_t i = lattice.tile_copies[tile]; i < lattice.tile_copies[tile + 1]; ++i)
        for (size_t c = 0; c < width; c += Row::kWidth)
            Row::load(rows + lattice.owner[i] * width + c).store(rows + lattice.copy[i] * width + c);
}

// Adds what other tiles hold for the vertices of this one.
template <class Row>
void collect(const Lattice &lattice, uint32_t tile, float *rows, size_t width) {
    for (uint32_t k = lattice.owner_copies[tile]; k < lattice.owner_copies[tile + 1]; ++k) {
        const uint32_t i = lattice.by_owner[k];
        for (size_t c = 0; c < width; c += Row::kWidth) {
            float *owner = rows + lattice.owner[i] * width + c;
            (Row::load(owner) + Row::load(rows + lattice.copy[i] * width + c)).store(owner);
        }
    }
}

// Forgets the values of a tile's rows; the rows after the last tile's go with it.
inline void clear(const Lattice &lattice, uint32_t tile, size_t width, float *rows) {
    const uint32_t end = tile + 1 == lattice.num_tiles ? lattice.num_rows : lattice.tile_rows[tile + 1];
    memset(rows + lattice.tile_rows[tile] * width, 0, (end - lattice.tile_rows[tile]) * width * sizeof(float));
}

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
