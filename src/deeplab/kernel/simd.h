// Vectors of 4, 8 and 16 floats on whatever the processor has. Part of every variant: see api.h.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "variant.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

#if defined(__AVX512F__)
constexpr int kNative = 16;
#elif defined(__AVX__)
constexpr int kNative = 8;
#else
constexpr int kNative = 4;
#endif

// N floats, in as few registers as the instruction set allows.
template <int N>
struct Vec {
    static constexpr size_t kWidth = N;
    static constexpr int kLanes = N < kNative ? N : kNative;
    static constexpr int kParts = N / kLanes;
    typedef float Part __attribute__((vector_size(kLanes * 4)));
    typedef int32_t IntPart __attribute__((vector_size(kLanes * 4)));
    typedef float Unaligned __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

    Part part[kParts];

    static DEEPLAB_INLINE Vec load(const float *from) {
        Vec r;
        for (int i = 0; i < kParts; ++i) r.part[i] = *reinterpret_cast<const Unaligned *>(from + i * kLanes);
        return r;
    }
    static DEEPLAB_INLINE Vec all(float value) {
        Vec r;
        for (int i = 0; i < kParts; ++i) r.part[i] = value - Part{};
        return r;
    }
    DEEPLAB_INLINE void store(float *to) const {
        for (int i = 0; i < kParts; ++i) *reinterpret_cast<Unaligned *>(to + i * kLanes) = part[i];
    }
    DEEPLAB_INLINE float operator[](int i) const { return part[i / kLanes][i % kLanes]; }

    friend DEEPLAB_INLINE Vec operator+(const Vec &a, const Vec &b) {
        Vec r;
        for (int i = 0; i < kParts; ++i) r.part[i] = a.part[i] + b.part[i];
        return r;
    }
    friend DEEPLAB_INLINE Vec operator-(const Vec &a, const Vec &b) {
        Vec r;
        for (int i = 0; i < kParts; ++i) r.part[i] = a.part[i] - b.part[i];
        return r;
    }
    friend DEEPLAB_INLINE Vec operator*(const Vec &a, const Vec &b) {
        Vec r;
        for (int i = 0; i < kParts; ++i) r.part[i] = a.part[i] * b.part[i];
        return r;
    }
    friend DEEPLAB_INLINE Vec operator*(const Vec &a, float b) {
        Vec r;
        for (int i = 0; i < kParts; ++i) r.part[i] = a.part[i] * b;
        return r;
    }
    friend DEEPLAB_INLINE Vec operator/(const Vec &a, const Vec &b) {
        Vec r;
        for (int i = 0; i < kParts; ++i) r.part[i] = a.part[i] / b.part[i];
        return r;
    }
    friend DEEPLAB_INLINE Vec max(const Vec &a, const Vec &b) {
        Vec r;
        for (int i = 0; i < kParts; ++i) r.part[i] = a.part[i] > b.part[i] ? a.part[i] : b.part[i];
        return r;
    }
};

typedef Vec<4> Vec4;
typedef Vec<8> Vec8;
typedef Vec<16> Vec16;

// e^x within 2 units in the last place, for x up to 88; 0 below -87.
template <int N>
DEEPLAB_INLINE Vec<N> exp(const Vec<N> &x) {
    typedef Vec<N> V;
    V r;
    for (int i = 0; i < V::kParts; ++i) {
        const typename V::Part zero = {};
        const typename V::Part least = zero - 87.0f;
        const typename V::Part y = x.part[i] > least ? x.part[i] : least;
        const typename V::Part rounder = zero + 12582912.0f;  // 1.5 * 2^23: rounds to whole numbers
        const typename V::Part shifted = y * 1.44269504088896341f + rounder;
        const typename V::Part whole = shifted - rounder;
        typename V::Part f = y - whole * 0.693359375f;
        f = f - whole * -2.12194440e-4f;
        typename V::Part p = f * 1.9875691500e-4f + 1.3981999507e-3f;
        p = p * f + 8.3334519073e-3f;
        p = p * f + 4.1665795894e-2f;
        p = p * f + 1.6666665459e-1f;
        p = p * f + 5.0000001201e-1f;
        p = p * (f * f) + f + 1.0f;
        // The low bits of `shifted` are the whole number: added to the exponent, they multiply by 2^whole.
        const auto bits = (typename V::IntPart)p + ((typename V::IntPart)shifted << 23);
        const auto value = (typename V::Part)bits;
        r.part[i] = x.part[i] >= least ? value : zero;
    }
    return r;
}

template <int N>
DEEPLAB_INLINE float sum(const Vec<N> &x) {
    float values[N], total = 0;
    x.store(values);
    // Pairs, so that the order is the same for all instruction sets and the additions do not wait long.
    for (int width = N / 2; width > 0; width /= 2)
        for (int i = 0; i < width; ++i) values[i] += values[i + width];
    total = values[0];
    return total;
}

// 8 rows of 8 floats to 8 columns. In registers from end to end: what is written in halves and read back
// whole would wait for the writes to reach the cache.
DEEPLAB_INLINE void transpose8(const Vec8 (&in)[8], Vec8 (&out)[8]) {
#if defined(__AVX__)
    typedef Vec8::Part V;
    V a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        b[i] = __builtin_shufflevector(in[i].part[0], in[i + 1].part[0], 0, 8, 1, 9, 4, 12, 5, 13);
        b[i + 1] = __builtin_shufflevector(in[i].part[0], in[i + 1].part[0], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; ++j) {
            a[i + 2 * j] = __builtin_shufflevector(b[i + j], b[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            a[i + 2 * j + 1] = __builtin_shufflevector(b[i + j], b[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; ++i) {
        out[i].part[0] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        out[i + 4].part[0] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
#else
    typedef Vec8::Part V;
    for (int top = 0; top < 2; ++top)
        for (int left = 0; left < 2; ++left) {
            V b[4];
            for (int i = 0; i < 4; i += 2) {
                const V &even = in[4 * top + i].part[left], &odd = in[4 * top + i + 1].part[left];
                b[i] = __builtin_shufflevector(even, odd, 0, 4, 1, 5);
                b[i + 1] = __builtin_shufflevector(even, odd, 2, 6, 3, 7);
            }
            for (int i = 0; i < 2; ++i) {
                out[4 * left + 2 * i].part[top] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 4, 5);
                out[4 * left + 2 * i + 1].part[top] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 6, 7);
            }
        }
#endif
}

DEEPLAB_INLINE Vec16 join(const Vec8 &low, const Vec8 &high) {
    Vec16 r;
#if defined(__AVX512F__)
    r.part[0] = __builtin_shufflevector(low.part[0], high.part[0], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    for (int i = 0; i < Vec8::kParts; ++i) {
        r.part[i] = low.part[i];
        r.part[i + Vec8::kParts] = high.part[i];
    }
#endif
    return r;
}

DEEPLAB_INLINE Vec8 join(const Vec4 &low, const Vec4 &high) {
    Vec8 r;
#if defined(__AVX__)
    r.part[0] = __builtin_shufflevector(low.part[0], high.part[0], 0, 1, 2, 3, 4, 5, 6, 7);
#else
    r.part[0] = low.part[0];
    r.part[1] = high.part[0];
#endif
    return r;
}

DEEPLAB_INLINE Vec8 half(const Vec16 &x, int which) {
    Vec8 r;
#if defined(__AVX512F__)
    r.part[0] = which ? __builtin_shufflevector(x.part[0], x.part[0], 8, 9, 10, 11, 12, 13, 14, 15)
                      : __builtin_shufflevector(x.part[0], x.part[0], 0, 1, 2, 3, 4, 5, 6, 7);
#else
    for (int i = 0; i < Vec8::kParts; ++i) r.part[i] = x.part[i + which * Vec8::kParts];
#endif
    return r;
}

DEEPLAB_INLINE Vec4 half(const Vec8 &x, int which) {
    Vec4 r;
#if defined(__AVX__)
    r.part[0] = which ? __builtin_shufflevector(x.part[0], x.part[0], 4, 5, 6, 7)
                      : __builtin_shufflevector(x.part[0], x.part[0], 0, 1, 2, 3);
#else
    r.part[0] = x.part[which];
#endif
    return r;
}

// 16 pixels of 8 values each, pixel by pixel `stride` floats apart, to 8 vectors of 16 pixels.
DEEPLAB_INLINE void load_columns(const float *rows, size_t stride, Vec16 *columns) {
    Vec8 in[8], out[2][8];
    for (int h = 0; h < 2; ++h) {
        for (int i = 0; i < 8; ++i) in[i] = Vec8::load(rows + (8 * h + i) * stride);
        transpose8(in, out[h]);
    }
    for (int i = 0; i < 8; ++i) columns[i] = join(out[0][i], out[1][i]);
}

// And back.
DEEPLAB_INLINE void store_columns(const Vec16 *columns, float *rows, size_t stride) {
    for (int h = 0; h < 2; ++h) {
        Vec8 in[8], out[8];
        for (int i = 0; i < 8; ++i) in[i] = half(columns[i], h);
        transpose8(in, out);
        for (int i = 0; i < 8; ++i) out[i].store(rows + (8 * h + i) * stride);
    }
}

// The same of 16 pixels of 4 values each.
DEEPLAB_INLINE void load_four_columns(const float *rows, size_t stride, Vec16 *columns) {
    Vec8 in[8], out[8];
    for (int i = 0; i < 8; ++i) in[i] = join(Vec4::load(rows + i * stride), Vec4::load(rows + (8 + i) * stride));
    transpose8(in, out);
    for (int i = 0; i < 4; ++i) columns[i] = join(out[i], out[4 + i]);
}

DEEPLAB_INLINE void store_four_columns(const Vec16 *columns, float *rows, size_t stride) {
    Vec8 in[8], out[8];
    for (int i = 0; i < 8; ++i) in[i] = half(columns[i % 4], i / 4);
    transpose8(in, out);
    for (int i = 0; i < 16; ++i) half(out[i % 8], i / 8).store(rows + i * stride);
}

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
