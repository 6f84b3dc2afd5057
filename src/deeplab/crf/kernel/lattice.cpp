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

#include <algorithm>

#include "geometry.h"
#include "tables.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

namespace {

// A tile is at least so large: many rows, so that few vertices are on the border of two tiles.
constexpr size_t kTileRows = 64, kTilePixels = 32768;

// Lookups in the table of rows are asked for so far ahead.
constexpr uint32_t kSlotAhead = 16, kRowAhead = 8, kHeadAhead = 16;

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
void add_ring(Lattice &lattice, RowTable &table) {
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
}

size_t picture_bytes(const Problem &problem, const KernelSpec &kernel) {
    return kernel.picture ? size_t(problem.height) * problem.width * size_t(kernel.dims - 2) : 0;
}

// Whether the lattice that is there is the one wanted.
bool is_same(const Lattice &lattice, const Problem &problem, const KernelSpec &kernel) {
    if (!lattice.is_ready || lattice.has_features || kernel.features || lattice.dims != kernel.dims ||
        lattice.height != problem.height || lattice.width != problem.width || lattice.dilated != problem.dilated)
        return false;
    for (int d = 0; d < kernel.dims; ++d)
        if (lattice.deviations[d] != kernel.deviations[d]) return false;
    return !kernel.picture || memcmp(lattice.picture.data(), kernel.picture, picture_bytes(problem, kernel)) == 0;
}

// Rows `begin` to `end` of the sorted ones, whose neighbours are no earlier than `at`.
void find_next_of(const Lattice &lattice, uint64_t step, uint32_t begin, uint32_t end, uint32_t at, uint32_t *next,
                  uint8_t *has_previous) {
    const uint64_t *hashes = lattice.hashes.data();
    const uint32_t *rows = lattice.hashed_rows.data(), nowhere = lattice.num_rows;
    // Without branches: which of the two goes on cannot be predicted.
    uint32_t i = begin;
    while (i < end) {
        const uint64_t wanted = hashes[i] + step, found = hashes[at];
        const uint32_t neighbour = found == wanted ? rows[at] : nowhere;
        next[rows[i]] = neighbour;
        has_previous[neighbour] = 1;
        i += wanted <= found;
        at += found <= wanted;
    }
}

// The row that follows each row along an axis (num_rows: none does), and which rows follow one. The hash
// of a neighbour is the hash plus a constant, modulo 2^64: so in the order of hashes all neighbours are
// found by going through them once, in two places at a time.
void find_next(const Lattice &lattice, uint64_t axis_step, uint32_t *next, uint8_t *has_previous) {
    const uint64_t step = mix(axis_step), *hashes = lattice.hashes.data();
    const uint32_t count = lattice.num_owners;
    const auto first_from = [&](uint64_t least) {
        return uint32_t(std::lower_bound(hashes, hashes + count, least) - hashes);
    };
    const uint32_t wrapped = first_from(uint64_t(0) - step);  // step is not 0
    find_next_of(lattice, step, 0, wrapped, first_from(step), next, has_previous);
    find_next_of(lattice, step, wrapped, count, 0, next, has_previous);
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
    size_t total = picture.bytes() + rows.bytes() + weights.bytes() + tile_rows.bytes() + copy.bytes() + owner.bytes() +
                   tile_copies.bytes() + by_owner.bytes() + owner_copies.bytes() + norm.bytes() + row_keys.bytes() +
                   hashes.bytes() + hashed_rows.bytes() + owners.bytes() + slots.bytes() + tile_worker.bytes() +
                   tile_key.bytes();
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
    if (is_same(lattice, problem, kernel)) return Status::ok;
    lattice.is_ready = lattice.has_norm = false;
    lattice.dims = kernel.dims;
    lattice.height = problem.height;
    lattice.width = problem.width;
    lattice.dilated = problem.dilated;
    lattice.has_features = kernel.features != nullptr;
    for (int d = 0; d < kMaxDims; ++d) lattice.deviations[d] = kernel.deviations[d];
    if (!lattice.picture.reserve(picture_bytes(problem, kernel))) return Status::out_of_memory;
    if (kernel.picture) memcpy(lattice.picture.data(), kernel.picture, picture_bytes(problem, kernel));
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
                         lattice.owner_copies.reserve(lattice.num_tiles + 1) &&
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
            if (row + kSlotAhead < end) table.prefetch_slot(lattice.row_keys[row + kSlotAhead]);
            if (row + kRowAhead < end) table.prefetch_row(lattice.row_keys[row + kRowAhead]);
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
    if (!(lattice.hashes.reserve(size_t(lattice.num_owners) + 1) &&
          lattice.hashed_rows.reserve(size_t(lattice.num_owners) + 1)))
        return Status::out_of_memory;
    const uint32_t count = table.sort(lattice.hashes.data(), lattice.hashed_rows.data());
    lattice.hashes[count] = UINT64_MAX;
    lattice.hashed_rows[count] = lattice.num_rows;
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
    const uint32_t count = lattice.num_owners, nowhere = lattice.num_rows;
    if (!(scratch.next.reserve(lattice.num_rows) && scratch.has_previous.reserve(size_t(lattice.num_rows) + 1) &&
          scratch.heads.reserve(size_t(count) + kHeadAhead)))
        return Status::out_of_memory;
    uint32_t *next = scratch.next.data(), *heads = scratch.heads.data(), num_heads = 0;
    uint8_t *has_previous = scratch.has_previous.data();
    memset(has_previous, 0, lattice.num_rows);
    find_next(lattice, axis_step(lattice, axis), next, has_previous);
    for (uint32_t i = 0; i < count; ++i) {  // others are inside a chain, or alone
        const uint32_t row = heads[num_heads] = lattice.owners[i];
        num_heads += !has_previous[row] & (next[row] != nowhere);
    }
    for (uint32_t i = 0; i < kHeadAhead; ++i) heads[num_heads + i] = lattice.owners[0];
    uint32_t *chain = lattice.chains[axis].data(), length = 0;
    for (uint32_t i = 0; i < num_heads; ++i) {
        __builtin_prefetch(next + next[heads[i + kHeadAhead]]);
        uint32_t row = heads[i];
        for (uint32_t after = next[row]; after != nowhere; row = after, after = next[row]) chain[length++] = row;
        chain[length++] = row | kLast;
    }
    for (uint32_t i = 0; i < kAhead; ++i) chain[length + i] = 0;  // read ahead, never used
    lattice.chain_length[axis] = length;
    return Status::ok;
}

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
