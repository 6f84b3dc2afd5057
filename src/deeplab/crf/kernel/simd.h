// Vectors of 8 and 16 floats on whatever the processor has. Part of every variant: see api.h.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "variant.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

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

// 8 rows of 8 floats to 8 columns; rows are `stride` floats apart.
DEEPLAB_INLINE void transpose8(const float *from, size_t from_stride, float *to, size_t to_stride) {
#if defined(__AVX__)
    typedef float V __attribute__((vector_size(32)));
    typedef float U __attribute__((vector_size(32), aligned(4), may_alias));
    V a[8], b[8];
    for (int i = 0; i < 8; ++i) a[i] = *reinterpret_cast<const U *>(from + i * from_stride);
    for (int i = 0; i < 8; i += 2) {
        b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; ++j) {
            a[i + 2 * j] = __builtin_shufflevector(b[i + j], b[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            a[i + 2 * j + 1] = __builtin_shufflevector(b[i + j], b[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; ++i) {
        *reinterpret_cast<U *>(to + i * to_stride) = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *reinterpret_cast<U *>(to + (i + 4) * to_stride) =
            __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
#else
    typedef float V __attribute__((vector_size(16)));
    typedef float U __attribute__((vector_size(16), aligned(4), may_alias));
    for (int top = 0; top < 8; top += 4)
        for (int left = 0; left < 8; left += 4) {
            V a[4], b[4];
            for (int i = 0; i < 4; ++i)
                a[i] = *reinterpret_cast<const U *>(from + (top + i) * from_stride + left);
            for (int i = 0; i < 2; ++i) {
                b[2 * i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 4, 1, 5);
                b[2 * i + 1] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 2, 6, 3, 7);
            }
            for (int i = 0; i < 2; ++i) {
                float *out = to + (left + 2 * i) * to_stride + top;
                *reinterpret_cast<U *>(out) = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 4, 5);
                *reinterpret_cast<U *>(out + to_stride) = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 6, 7);
            }
        }
#endif
}

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
