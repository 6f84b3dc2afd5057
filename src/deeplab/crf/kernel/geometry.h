// Where features lie on the lattice: simplex, keys and barycentric coordinates. See lattice.cpp.
#pragma once

#include <math.h>

#include "lattice.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

// Coordinates beyond this have no fraction left to interpolate with.
constexpr float kLargestCoordinate = 1 << 20;

inline float scale_of(int dims, int i) {
    const float standard_deviation = static_cast<float>(sqrt(2.0 / 3.0) * (dims + 1));
    return static_cast<float>(1.0 / sqrt(double((i + 2) * (i + 1))) * standard_deviation);
}

// Lower and upper bound of every feature.
inline bool feature_bounds(const Problem &problem, const KernelSpec &kernel, float *low, float *high) {
    const size_t n = size_t(problem.height) * problem.width;
    for (int d = 0; d < kernel.dims; ++d) {
        if (!kernel.features) {
            low[d] = 0;
            const int top = d == 0 ? problem.width - 1 : d == 1 ? problem.height - 1 : 255;
            high[d] = float(top) / kernel.deviations[d];
        } else {
            low[d] = high[d] = kernel.features[d * n];
            bool is_finite = true;
            for (size_t i = 0; i < n; ++i) {
                const float value = kernel.features[d * n + i];
                low[d] = value < low[d] ? value : low[d];
                high[d] = value > high[d] ? value : high[d];
                is_finite &= fabsf(value) <= kLargestCoordinate;
            }
            if (!is_finite) return false;
        }
        const float scale = scale_of(kernel.dims, d) * float(d + 2);
        if (!(fabsf(low[d]) * scale < kLargestCoordinate && fabsf(high[d]) * scale < kLargestCoordinate))
            return false;
    }
    return true;
}

inline void choose_coefficients(const KernelSpec &kernel, const float *low, const float *high, uint64_t *coefficients) {
    const int dims = kernel.dims;
    int bits_used = 0;
    for (int j = 0; j < dims; ++j) {
        // Coordinate j is the sum of the scaled features from j on, minus j times the one before it.
        double least = 0, most = 0;
        for (int d = 0; d < dims; ++d) {
            const double scale = scale_of(dims, d);
            if (d >= j) {
                least += low[d] * scale;
                most += high[d] * scale;
            } else if (d == j - 1) {
                least -= j * high[d] * scale;
                most -= j * low[d] * scale;
            }
        }
        // Rounding to the lattice moves a coordinate by up to D + 1, the ring of the dilated lattice and
        // its neighbours by D + 1 each.
        const double range = most - least + 8.0 * (dims + 1);
        int bits = 1;
        while (ldexp(1.0, bits) < range) ++bits;
        coefficients[j] = bits_used < 64 ? uint64_t(1) << bits_used : 0;
        bits_used += bits;
    }
    if (bits_used > 64) {
        uint64_t state = 0x243F6A8885A308D3u;
        for (int j = 0; j < dims; ++j) {
            state = (state ^ (state >> 31)) * 0x94D049BB133111EBu + 0x9E3779B97F4A7C15u;
            coefficients[j] = (state ^ (state >> 29)) | 1;
        }
    }
    coefficients[dims] = 0;
}

template <int D>
struct Geometry {
    float scale[D];
    uint64_t coefficients[D + 1], step[D + 1], all;

    explicit Geometry(const uint64_t *given) {
        all = 0;
        for (int j = 0; j <= D; ++j) {
            coefficients[j] = given[j];
            step[j] = given[j] * (D + 1);
            all += given[j];
        }
        for (int i = 0; i < D; ++i) scale[i] = scale_of(D, i);
    }

    // The simplex that every pixel of a block lies in: keys and barycentric coordinates of its vertices.
    void locate(const float (&features)[D][kBlock], uint64_t (&keys)[D + 1][kBlock], float *weights) const {
        float elevated[D + 1][kBlock], nearest[D + 1][kBlock], rank[D + 1][kBlock];
        float sum[kBlock];
        for (int p = 0; p < kBlock; ++p) sum[p] = 0;
        for (int j = D; j > 0; --j)
            for (int p = 0; p < kBlock; ++p) {
                const float scaled = features[j - 1][p] * scale[j - 1];
                elevated[j][p] = sum[p] - float(j) * scaled;
                sum[p] += scaled;
            }
        for (int p = 0; p < kBlock; ++p) elevated[0][p] = sum[p];

        // The nearest vertex of remainder 0, by rounding every coordinate; adding and taking away 1.5 * 2^23
        // rounds half to even.
        constexpr float kInverse = 1.0f / (D + 1), kRounder = 12582912.0f;
        for (int p = 0; p < kBlock; ++p) sum[p] = 0;
        for (int j = 0; j <= D; ++j)
            for (int p = 0; p < kBlock; ++p) {
                const float rounded = (kInverse * elevated[j][p] + kRounder) - kRounder;
                nearest[j][p] = rounded * float(D + 1);
                sum[p] += rounded;
                rank[j][p] = 0;
            }
        for (int i = 0; i < D; ++i)
            for (int j = i + 1; j <= D; ++j)
                for (int p = 0; p < kBlock; ++p) {
                    const float is_less =
                        elevated[i][p] - nearest[i][p] < elevated[j][p] - nearest[j][p] ? 1.0f : 0.0f;
                    rank[i][p] += is_less;
                    rank[j][p] += 1.0f - is_less;
                }

        // Bring points that left the plane of zero sum back to it.
        float sorted[D + 1][kBlock];  // coordinates inside the simplex, by rank
        for (int r = 0; r <= D; ++r)
            for (int p = 0; p < kBlock; ++p) sorted[r][p] = 0;
        alignas(64) int32_t ranks[D + 1][kBlock];
        alignas(64) int32_t corner[D + 1][kBlock];
        for (int j = 0; j <= D; ++j) {
            float inside[kBlock];
            for (int p = 0; p < kBlock; ++p) {
                float moved = rank[j][p] + sum[p];
                const float correction = (moved < 0 ? float(D + 1) : 0.0f) - (moved >= float(D + 1) ? float(D + 1) : 0.0f);
                moved += correction;
                const float near = nearest[j][p] + correction;
                inside[p] = (elevated[j][p] - near) * kInverse;
                corner[j][p] = int32_t(near);
                ranks[j][p] = int32_t(moved);
            }
            for (int r = 0; r <= D; ++r)
                for (int p = 0; p < kBlock; ++p) sorted[r][p] = ranks[j][p] == r ? inside[p] : sorted[r][p];
        }

        for (int p = 0; p < kBlock; ++p) weights[p] = sorted[D][p] + (1.0f - sorted[0][p]);
        for (int v = 1; v <= D; ++v)
            for (int p = 0; p < kBlock; ++p) weights[v * kBlock + p] = sorted[D - v][p] - sorted[D - v + 1][p];

        for (int p = 0; p < kBlock; ++p) {
            uint64_t by_rank[D + 1], key = 0;
            for (int j = 0; j <= D; ++j) {
                by_rank[ranks[j][p]] = step[j];
                key += uint64_t(int64_t(corner[j][p])) * coefficients[j];
            }
            keys[0][p] = key;
            for (int v = 0; v < D; ++v) {
                key += all - by_rank[D - v];
                keys[v + 1][p] = key;
            }
        }
    }
};

// Features of the pixels of a block; pixels past the end repeat the last one.
template <int D>
class Features {
  public:
    Features(const Problem &problem, const KernelSpec &kernel)
        : kernel_(kernel), width_(uint32_t(problem.width)), n_(size_t(problem.height) * problem.width) {
        if (!kernel.features)
            for (int d = 2; d < D; ++d)
                for (int v = 0; v < 256; ++v) grey_[d - 2][v] = float(v) / kernel.deviations[d];
    }

    void read(size_t block, float (&features)[D][kBlock]) const {
        const size_t begin = block * kBlock;
        const int count = int(n_ - begin < kBlock ? n_ - begin : kBlock);
        if (kernel_.features) {
            for (int d = 0; d < D; ++d)
                for (int p = 0; p < count; ++p) features[d][p] = kernel_.features[d * n_ + begin + p];
        } else {
            read_picture(begin, count, features);
        }
        for (int d = 0; d < D; ++d)
            for (int p = count; p < kBlock; ++p) features[d][p] = features[d][count - 1];
    }

  private:
    void read_picture(size_t begin, int count, float (&features)[D][kBlock]) const {
        uint32_t y = uint32_t(begin / width_), x = uint32_t(begin % width_);
        constexpr int kChannels = D - 2;
        const uint8_t *pixel = kChannels > 0 ? kernel_.picture + begin * kChannels : nullptr;
        for (int p = 0; p < count; ++p) {
            features[0][p] = float(x);
            if constexpr (D > 1) features[1][p] = float(y);
            for (int d = 2; d < D; ++d) features[d][p] = grey_[d - 2][*pixel++];
            if (++x == width_) {
                x = 0;
                ++y;
            }
        }
        for (int d = 0; d < 2 && d < D; ++d)
            for (int p = 0; p < kBlock; ++p) features[d][p] = (p < count ? features[d][p] : 0.0f) / kernel_.deviations[d];
    }

    const KernelSpec &kernel_;
    uint32_t width_;
    size_t n_;
    float grey_[D > 2 ? D - 2 : 1][256];
};

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
