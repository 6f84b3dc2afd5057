// Hash tables of vertices: of one tile, and of all.
#pragma once

#include "lattice.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

constexpr uint32_t kNone = UINT32_MAX;

DEEPLAB_INLINE uint64_t mix(uint64_t key) { return key * 0x9E3779B97F4A7C15u; }

inline bool resize(TileTable &table, int log2_size) {
    if (!table.entries.reserve(size_t(1) << log2_size)) return false;
    const size_t size = size_t(1) << log2_size;
    for (size_t i = 0; i < size; ++i) table.entries[i].stamp = 0;
    table.log2_size = log2_size;
    table.stamp = 1;
    return true;
}

inline void insert_all(TileTable &table, const uint64_t *keys, uint32_t count) {
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

    // To be called well before the key is looked up: first the one, then, when that has come, the other.
    DEEPLAB_INLINE void prefetch_slot(uint64_t key) const { __builtin_prefetch(slots_ + uint32_t(mix(key) >> shift_)); }
    DEEPLAB_INLINE void prefetch_row(uint64_t key) const {
        const uint32_t slot = slots_[mix(key) >> shift_];
        __builtin_prefetch(keys_ + (slot ? (slot & row_mask_) - 1 : 0));
    }

    // The hashes of all keys in the table, sorted, with their rows; returns how many. The table holds them
    // nearly so: a key lies in the slot that its hash names, or soon after it.
    uint32_t sort(uint64_t *hashes, uint32_t *rows) const {
        uint32_t count = 0;
        const auto add = [&](uint32_t slot) {
            const uint32_t row = (slot & row_mask_) - 1;
            const uint64_t hash = mix(keys_[row]);
            uint32_t at = count++;
            for (; at > 0 && hashes[at - 1] > hash; --at) {
                hashes[at] = hashes[at - 1];
                rows[at] = rows[at - 1];
            }
            hashes[at] = hash;
            rows[at] = row;
        };
        const auto is_wrapped = [&](uint32_t at) {  // went on from the table's end
            return uint32_t(mix(keys_[(slots_[at] & row_mask_) - 1]) >> shift_) > at;
        };
        for (uint32_t at = 0; at <= mask_; ++at) {
            const uint32_t later = slots_[at + kSortAhead <= mask_ ? at + kSortAhead : mask_];
            __builtin_prefetch(keys_ + (later ? (later & row_mask_) - 1 : 0));
            if (slots_[at] && !is_wrapped(at)) add(slots_[at]);
        }
        for (uint32_t at = 0; slots_[at]; ++at)
            if (is_wrapped(at)) add(slots_[at]);
        return count;
    }

  private:
    static constexpr uint32_t kSortAhead = 24;  // slots; their keys are asked for so far ahead

    uint32_t *slots_;
    const uint64_t *keys_;
    int shift_, row_bits_;
    uint32_t mask_, row_mask_;
};

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
