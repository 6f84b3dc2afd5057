// Building the lattice: which vertices a pixel lies between, and which vertices are neighbours.
//
// Reference: Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice",
// 2010, section 3. Blurring does not create vertices, so that whether a vertex is there changes the
// result: the arithmetic here is that of the published densecrf code, operation by operation in
// float32, and this file is compiled without fused multiply-adds.
//
// The key of a vertex is a linear function of its first D coordinates, modulo 2^64. Where their ranges
// fit in 64 bits together, as they do for photos, each has bits of its own; else the coefficients are
// random, and two of a million vertices are taken for one with probability 3e-8. Either way the key of
// a neighbour is the key plus a constant.
#include "lattice.h"

#include <math.h>

namespace deeplab {
namespace DEEPLAB_VARIANT {

namespace {

constexpr uint32_t kNone = UINT32_MAX;
// A tile is at least so large: many rows, so that few vertices are on the border of two tiles.
constexpr size_t kTileRows = 64, kTilePixels = 32768;

// Coordinates beyond this have no fraction left to interpolate with.
constexpr float kLargestCoordinate = 1 << 20;

DEEPLAB_INLINE uint64_t mix(uint64_t key) { return key * 0x9E3779B97F4A7C15u; }

float scale_of(int dims, int i) {
    const float standard_deviation = static_cast<float>(sqrt(2.0 / 3.0) * (dims + 1));
    return static_cast<float>(1.0 / sqrt(double((i + 2) * (i + 1))) * standard_deviation);
}

// Lower and upper bound of every feature.
bool feature_bounds(const Problem &problem, const KernelSpec &kernel, float *low, float *high) {
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

void choose_coefficients(const KernelSpec &kernel, const float *low, const float *high, uint64_t *coefficients) {
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

bool resize(TileTable &table, int log2_size) {
    if (!table.entries.reserve(size_t(1) << log2_size)) return false;
    const size_t size = size_t(1) << log2_size;
    for (size_t i = 0; i < size; ++i) table.entries[i].stamp = 0;
    table.log2_size = log2_size;
    table.stamp = 1;
    return true;
}

void insert_all(TileTable &table, const uint64_t *keys, uint32_t count) {
    const uint32_t mask = (1u << table.log2_size) - 1;
    for (uint32_t id = 0; id < count; ++id) {
        uint32_t at = uint32_t(mix(keys[id]) >> (64 - table.log2_size));
        while (table.entries[at].stamp == table.stamp) at = (at + 1) & mask;
        table.entries[at] = {keys[id], id, table.stamp};
    }
}

// Numbers the keys of a tile in the order in which they first come.
class Numbering {
  public:
    Numbering(BuildScratch &scratch) : scratch_(scratch), first_(scratch.num_keys) {
        TileTable &table = scratch.table;
        if (table.log2_size == 0 || ++table.stamp == 0) is_good_ = resize(table, table.log2_size ? table.log2_size : 15);
    }

    bool is_good() const { return is_good_; }
    uint32_t count() const { return count_; }

    // Makes sure that so many further keys have room.
    bool make_room(uint32_t further) {
        const size_t needed = first_ + count_ + further;
        if (needed > scratch_.keys.capacity() && !scratch_.keys.grow(needed * 2, first_ + count_)) return false;
        TileTable &table = scratch_.table;
        if (2 * (count_ + further) <= (1u << table.log2_size)) return true;
        if (table.log2_size >= 30 || !resize(table, table.log2_size + 1)) return false;
        insert_all(table, scratch_.keys.data() + first_, count_);
        return true;
    }

    DEEPLAB_INLINE uint32_t number(uint64_t key) {
        TileTable &table = scratch_.table;
        TileTable::Entry *entries = table.entries.data();
        const uint32_t mask = (1u << table.log2_size) - 1;
        uint32_t at = uint32_t(mix(key) >> (64 - table.log2_size));
        for (;; at = (at + 1) & mask) {
            TileTable::Entry &entry = entries[at];
            if (entry.stamp != table.stamp) {
                entry = {key, count_, table.stamp};
                scratch_.keys[first_ + count_] = key;
                return count_++;
            }
            if (entry.key == key) return entry.id;
        }
    }

  private:
    BuildScratch &scratch_;
    size_t first_;
    uint32_t count_ = 0;
    bool is_good_ = true;
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

// Pixels past the end of the picture weigh nothing.
template <int D>
void clear_padding(const Problem &problem, float *weights) {
    const size_t n = size_t(problem.height) * problem.width;
    for (size_t p = n % kBlock ? n % kBlock : kBlock; p < kBlock; ++p)
        for (int v = 0; v <= D; ++v) weights[v * kBlock + p] = 0;
}

template <int D>
Status locate_tile_in(Lattice &lattice, const Problem &problem, const KernelSpec &kernel, uint32_t tile,
                      BuildScratch &scratch) {
    const Geometry<D> geometry(lattice.coefficients);
    const Features<D> source(problem, kernel);
    Numbering numbering(scratch);
    if (!numbering.is_good()) return Status::out_of_memory;
    const uint32_t begin = tile * lattice.blocks_per_tile;
    const uint32_t end = begin + lattice.blocks_per_tile < lattice.num_blocks ? begin + lattice.blocks_per_tile
                                                                               : lattice.num_blocks;
    float features[D][kBlock];
    uint64_t keys[D + 1][kBlock];
    for (uint32_t block = begin; block < end; ++block) {
        if (!numbering.make_room((D + 1) * kBlock)) return Status::out_of_memory;
        source.read(block, features);
        const size_t at = size_t(block) * (D + 1) * kBlock;
        geometry.locate(features, keys, lattice.weights.data() + at);
        if (block + 1 == lattice.num_blocks) clear_padding<D>(problem, lattice.weights.data() + at);
        uint32_t *rows = lattice.rows.data() + at;
        for (int v = 0; v <= D; ++v)
            for (int p = 0; p < kBlock; ++p) rows[v * kBlock + p] = numbering.number(keys[v][p]);
    }
    lattice.tile_rows[tile] = numbering.count();  // becomes the first row in merge_tiles
    lattice.tile_key[tile] = uint32_t(scratch.num_keys);
    scratch.num_keys += numbering.count();
    return Status::ok;
}

// Rows by key, in 32 bits: some bits of the hash, so that few keys need comparing, and row + 1.
class RowTable {
  public:
    explicit RowTable(Lattice &lattice) : slots_(lattice.slots.data()), keys_(lattice.row_keys.data()) {
        shift_ = 64 - lattice.log2_slots;
        mask_ = uint32_t((uint64_t(1) << lattice.log2_slots) - 1);
        row_bits_ = 1;
        while ((uint64_t(1) << row_bits_) <= lattice.row_keys.capacity() + 1) ++row_bits_;
        row_mask_ = uint32_t((uint64_t(1) << row_bits_) - 1);
    }

    DEEPLAB_INLINE uint32_t find(uint64_t key) const {
        const uint64_t hash = mix(key);
        const uint32_t tag = uint32_t(hash) & ~row_mask_;
        for (uint32_t at = uint32_t(hash >> shift_);; at = (at + 1) & mask_) {
            const uint32_t slot = slots_[at];
            if (!slot) return kNone;
            if ((slot & ~row_mask_) == tag && keys_[(slot & row_mask_) - 1] == key) return (slot & row_mask_) - 1;
        }
    }

    // The row that has the key already, or kNone after giving it this one.
    DEEPLAB_INLINE uint32_t find_or_insert(uint64_t key, uint32_t row) {
        const uint64_t hash = mix(key);
        const uint32_t tag = uint32_t(hash) & ~row_mask_;
        for (uint32_t at = uint32_t(hash >> shift_);; at = (at + 1) & mask_) {
            const uint32_t slot = slots_[at];
            if (!slot) {
                slots_[at] = tag | (row + 1);
                return kNone;
            }
            if ((slot & ~row_mask_) == tag && keys_[(slot & row_mask_) - 1] == key) return (slot & row_mask_) - 1;
        }
    }

    void prefetch(uint64_t key) const { __builtin_prefetch(slots_ + uint32_t(mix(key) >> shift_)); }

  private:
    uint32_t *slots_;
    const uint64_t *keys_;
    int shift_, row_bits_;
    uint32_t mask_, row_mask_;
};

// From a vertex to the next one along an axis.
uint64_t axis_step(const Lattice &lattice, int axis) {
    uint64_t step = 0;
    for (int j = 0; j < lattice.dims; ++j) step += lattice.coefficients[j];
    return step - lattice.coefficients[axis] * uint64_t(lattice.dims + 1);
}

uint32_t tile_of(const Lattice &lattice, uint32_t row) {
    uint32_t low = 0, high = lattice.num_tiles;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        (lattice.tile_rows[middle] <= row ? low : high) = middle;
    }
    return low;
}

// Adds the neighbours of all occupied vertices, along every axis, in both directions.
Status add_ring(Lattice &lattice, RowTable &table) {
    const uint32_t occupied = lattice.num_owners;
    const bool both[] = {true, false};
    for (uint32_t i = 0; i < occupied; ++i) {
        const uint64_t key = lattice.row_keys[lattice.owners[i]];
        for (int axis = 0; axis <= lattice.dims; ++axis) {
            const uint64_t step = axis_step(lattice, axis);
            for (const bool forward : both) {
                const uint64_t neighbour = forward ? key + step : key - step;
                if (table.find_or_insert(neighbour, lattice.num_rows) != kNone) continue;
                lattice.row_keys[lattice.num_rows] = neighbour;
                lattice.owners[lattice.num_owners++] = lattice.num_rows++;
            }
        }
    }
    return Status::ok;
}

// Puts the copies of one owner's tile together, so that tiles can collect what others hold for them.
Status sort_copies(Lattice &lattice) {
    if (!lattice.by_owner.reserve(lattice.num_copies)) return Status::out_of_memory;
    uint32_t *begin = lattice.owner_copies.data();
    memset(begin, 0, (lattice.num_tiles + 1) * sizeof(uint32_t));
    for (uint32_t i = 0; i < lattice.num_copies; ++i) ++begin[tile_of(lattice, lattice.owner[i]) + 1];
    for (uint32_t tile = 0; tile < lattice.num_tiles; ++tile) begin[tile + 1] += begin[tile];
    for (uint32_t i = 0; i < lattice.num_copies; ++i)
        lattice.by_owner[begin[tile_of(lattice, lattice.owner[i])]++] = i;
    for (uint32_t tile = lattice.num_tiles; tile > 0; --tile) begin[tile] = begin[tile - 1];
    begin[0] = 0;
    return Status::ok;
}

}  // namespace

size_t Lattice::bytes() const {
    size_t total = rows.bytes() + weights.bytes() + tile_rows.bytes() + copy.bytes() + owner.bytes() +
                   tile_copies.bytes() + by_owner.bytes() + owner_copies.bytes() + norm.bytes() + row_keys.bytes() +
                   owners.bytes() + slots.bytes() + tile_worker.bytes() + tile_key.bytes();
    for (const auto &chain : chains) total += chain.bytes();
    return total;
}

uint32_t blocks_per_tile(const Problem &problem) {
    const size_t pixels = size_t(problem.height) * problem.width, rows = kTileRows * problem.width;
    const size_t tile = rows > kTilePixels ? rows : kTilePixels;
    const size_t tiles = (pixels + tile - 1) / tile, blocks = (pixels + kBlock - 1) / kBlock;
    return uint32_t((blocks + tiles - 1) / tiles);
}

Status prepare(Lattice &lattice, const Problem &problem, const KernelSpec &kernel) {
    const bool is_regular = !kernel.features && kernel.dims == 2;
    bool is_same = lattice.is_ready && lattice.is_regular && is_regular && lattice.height == problem.height &&
                   lattice.width == problem.width && lattice.dilated == problem.dilated;
    for (int d = 0; d < 2 && is_same; ++d) is_same = lattice.deviations[d] == kernel.deviations[d];
    if (is_same) return Status::ok;

    lattice.is_ready = lattice.has_norm = false;
    lattice.is_regular = is_regular;
    lattice.dims = kernel.dims;
    lattice.height = problem.height;
    lattice.width = problem.width;
    lattice.dilated = problem.dilated;
    for (int d = 0; d < kMaxDims; ++d) lattice.deviations[d] = kernel.deviations[d];
    float low[kMaxDims], high[kMaxDims];
    if (!feature_bounds(problem, kernel, low, high)) return Status::out_of_range;
    choose_coefficients(kernel, low, high, lattice.coefficients);

    const size_t n = size_t(problem.height) * problem.width, blocks = (n + kBlock - 1) / kBlock;
    const size_t places = blocks * kBlock * size_t(kernel.dims + 1);
    if (places * (problem.dilated ? size_t(2 * kernel.dims + 3) : 1) >= kLast) return Status::out_of_range;
    lattice.num_blocks = uint32_t(blocks);
    lattice.blocks_per_tile = blocks_per_tile(problem);
    lattice.num_tiles = (lattice.num_blocks + lattice.blocks_per_tile - 1) / lattice.blocks_per_tile;
    const bool is_good = lattice.rows.reserve(places) && lattice.weights.reserve(places) &&
                         lattice.tile_rows.reserve(lattice.num_tiles + 2) &&
                         lattice.tile_copies.reserve(lattice.num_tiles + 1) &&
                         lattice.owner_copies.reserve(lattice.num_tiles + 2) &&
                         lattice.tile_worker.reserve(lattice.num_tiles) && lattice.tile_key.reserve(lattice.num_tiles);
    return is_good ? Status::ok : Status::out_of_memory;
}

Status locate_tile(Lattice &lattice, const Problem &problem, const KernelSpec &kernel, uint32_t tile, int worker,
                   BuildScratch &scratch) {
    lattice.tile_worker[tile] = uint32_t(worker);
    switch (kernel.dims) {
        case 1: return locate_tile_in<1>(lattice, problem, kernel, tile, scratch);
        case 2: return locate_tile_in<2>(lattice, problem, kernel, tile, scratch);
        case 3: return locate_tile_in<3>(lattice, problem, kernel, tile, scratch);
        case 4: return locate_tile_in<4>(lattice, problem, kernel, tile, scratch);
        case 5: return locate_tile_in<5>(lattice, problem, kernel, tile, scratch);
        case 6: return locate_tile_in<6>(lattice, problem, kernel, tile, scratch);
        case 7: return locate_tile_in<7>(lattice, problem, kernel, tile, scratch);
        case 8: return locate_tile_in<8>(lattice, problem, kernel, tile, scratch);
        case 9: return locate_tile_in<9>(lattice, problem, kernel, tile, scratch);
        default: return locate_tile_in<10>(lattice, problem, kernel, tile, scratch);
    }
}

Status merge_tiles(Lattice &lattice, const BuildScratch *scratch) {
    uint64_t num_rows = 0;
    for (uint32_t tile = 0; tile < lattice.num_tiles; ++tile) {
        const uint32_t count = lattice.tile_rows[tile];
        lattice.tile_rows[tile] = uint32_t(num_rows);
        num_rows += count;
    }
    lattice.num_rows = uint32_t(num_rows);
    lattice.tile_rows[lattice.num_tiles] = lattice.num_rows;
    const size_t most = size_t(num_rows) * (lattice.dilated ? size_t(2 * lattice.dims + 3) : 1);
    lattice.log2_slots = 10;
    while ((uint64_t(1) << lattice.log2_slots) < 2 * most) ++lattice.log2_slots;
    const size_t num_slots = size_t(1) << lattice.log2_slots;
    if (!(lattice.row_keys.reserve(most) && lattice.owners.reserve(most) && lattice.slots.reserve(num_slots) &&
          lattice.copy.reserve(size_t(num_rows)) && lattice.owner.reserve(size_t(num_rows))))
        return Status::out_of_memory;
    memset(lattice.slots.data(), 0, num_slots * sizeof(uint32_t));

    RowTable table(lattice);
    lattice.num_owners = lattice.num_copies = 0;
    for (uint32_t tile = 0; tile < lattice.num_tiles; ++tile) {
        const uint32_t begin = lattice.tile_rows[tile], end = lattice.tile_rows[tile + 1];
        memcpy(lattice.row_keys.data() + begin, scratch[lattice.tile_worker[tile]].keys.data() + lattice.tile_key[tile],
               (end - begin) * sizeof(uint64_t));
        lattice.tile_copies[tile] = lattice.num_copies;
        for (uint32_t row = begin; row < end; ++row) {
            if (row + 12 < end) table.prefetch(lattice.row_keys[row + 12]);
            const uint32_t owner = table.find_or_insert(lattice.row_keys[row], row);
            if (owner == kNone) {
                lattice.owners[lattice.num_owners++] = row;
            } else {
                lattice.copy[lattice.num_copies] = row;
                lattice.owner[lattice.num_copies++] = owner;
            }
        }
    }
    lattice.tile_copies[lattice.num_tiles] = lattice.num_copies;
    if (lattice.dilated) add_ring(lattice, table);
    lattice.tile_rows[lattice.num_tiles + 1] = lattice.num_rows;
    for (int axis = 0; axis <= lattice.dims; ++axis)
        if (!lattice.chains[axis].reserve(size_t(lattice.num_owners) + kAhead)) return Status::out_of_memory;
    return sort_copies(lattice);
}

void shift_rows(Lattice &lattice, uint32_t tile) {
    const uint32_t first = lattice.tile_rows[tile];
    const size_t per_block = size_t(lattice.vertices()) * kBlock;
    const size_t begin = size_t(tile) * lattice.blocks_per_tile * per_block;
    const uint32_t last = (tile + 1) * lattice.blocks_per_tile;
    const size_t end = (last < lattice.num_blocks ? last : lattice.num_blocks) * per_block;
    uint32_t *rows = lattice.rows.data();
    for (size_t i = begin; i < end; ++i) rows[i] += first;
}

Status link_axis(Lattice &lattice, int axis, BuildScratch &scratch) {
    const uint32_t count = lattice.num_owners;
    if (!(scratch.next.reserve(lattice.num_rows) && scratch.has_previous.reserve(lattice.num_rows)))
        return Status::out_of_memory;
    memset(scratch.has_previous.data(), 0, lattice.num_rows);
    const RowTable table(lattice);
    const uint64_t step = axis_step(lattice, axis);
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t row = lattice.owners[i];
        if (i + 12 < count) table.prefetch(lattice.row_keys[lattice.owners[i + 12]] + step);
        const uint32_t next = table.find(lattice.row_keys[row] + step);
        scratch.next[row] = next;
        if (next != kNone) scratch.has_previous[next] = 1;
    }
    uint32_t *chain = lattice.chains[axis].data(), length = 0;
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t row = lattice.owners[i], next = scratch.next[row];
        if (scratch.has_previous[row] || next == kNone) continue;  // inside a chain, or alone
        for (; next != kNone; row = next, next = scratch.next[row]) chain[length++] = row;
        chain[length++] = row | kLast;
    }
    for (uint32_t i = 0; i < kAhead; ++i) chain[length + i] = 0;  // read ahead, never used
    lattice.chain_length[axis] = length;
    return Status::ok;
}

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
