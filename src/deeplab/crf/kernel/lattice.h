// The permutohedral lattice (Adams, Baek and Davis 2010), laid out for mean field.
//
// Pixels are taken in blocks of 16 and blocks in tiles, in raster order. A vertex is a row of values.
// Every tile has rows of its own for all vertices that it touches: those that no earlier tile touched
// are the vertex itself (its owner row), the others are copies. So tiles may be splatted in parallel,
// each in memory that fits the cache, and the sums do not depend on the number of threads.
#pragma once

#include "api.h"
#include "buffer.h"
#include "team.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

constexpr int kBlock = 16;  // pixels
constexpr uint32_t kLast = 1u << 31;  // marks the end of a chain
constexpr uint32_t kAhead = 12;  // rows of a chain are asked for so far ahead

// Hash table of one tile; an entry counts only if it carries the present stamp.
struct TileTable {
    struct Entry {
        uint64_t key;
        uint32_t id, stamp;
    };
    Buffer<Entry> entries;
    uint32_t stamp = 0;
    int log2_size = 0;
};

// What one worker needs to build a lattice.
struct BuildScratch {
    TileTable table;
    Buffer<uint64_t> keys;  // of the tiles that this worker located, one after the other
    size_t num_keys = 0;
    Buffer<uint32_t> next, heads;
    Buffer<uint8_t> has_previous;
};

struct Lattice {
    // What it was made for: the next call takes it as it is, if it asks for the same. Not if it was made
    // of given features, which are too large to be kept for comparing.
    int dims = 0, height = 0, width = 0;
    float deviations[kMaxDims] = {};
    Buffer<uint8_t> picture;  // (H, W, D - 2)
    bool has_features = false, dilated = false, is_ready = false;

    uint32_t num_blocks = 0, num_tiles = 0, blocks_per_tile = 0;
    uint32_t num_rows = 0, num_owners = 0, num_copies = 0;
    Buffer<uint32_t> rows;   // [block][vertex 0..D][16]
    Buffer<float> weights;   // likewise: barycentric coordinates
    Buffer<uint32_t> tile_rows;  // [tile + 2]: first row of each tile, then of the ring, then the end
    Buffer<uint32_t> copy, owner;  // rows, in the order of the copies
    Buffer<uint32_t> tile_copies;  // [tile + 1]: first copy of each tile
    Buffer<uint32_t> by_owner;  // indices of copies, those of one owner's tile together
    Buffer<uint32_t> owner_copies;  // [tile + 1]: where they begin
    Buffer<uint32_t> chains[kMaxDims + 1];  // rows that follow one another along an axis
    uint32_t chain_length[kMaxDims + 1] = {};

    // Normalisation, [block][16]; times the weight where it is used.
    Buffer<float> norm;
    Normalization normalization = Normalization::after;
    bool has_norm = false;
    float largest_gain = 0;  // bounds the messages: max of n_out * K n_in

    // While it is built.
    uint64_t coefficients[kMaxDims + 1] = {};
    Buffer<uint64_t> row_keys;
    Buffer<uint32_t> owners, slots;
    Buffer<uint64_t> hashes;  // of all vertices, sorted, and one after the last
    Buffer<uint32_t> hashed_rows;  // their rows
    Buffer<uint32_t> tile_worker, tile_key;  // where the keys of a tile are
    int log2_slots = 0;

    int vertices() const { return dims + 1; }
    size_t bytes() const;
};

uint32_t blocks_per_tile(const Problem &);

// Sizes and buffers, by one worker. A lattice that is_ready needs nothing more.
Status prepare(Lattice &, const Problem &, const KernelSpec &);

// The steps, in this order, with a barrier after each; tasks of one step run in parallel.
Status locate_tile(Lattice &, const Problem &, const KernelSpec &, uint32_t tile, int worker, BuildScratch &);
Status merge_tiles(Lattice &, const BuildScratch *scratch_of_workers);
void shift_rows(Lattice &, uint32_t tile);
Status link_axis(Lattice &, int axis, BuildScratch &);

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
