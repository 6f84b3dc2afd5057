// Memory that is kept between calls. Part of every variant: see api.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "variant.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

// An array that grows, and whose content is lost when it does (but for `grow`).
template <class T>
class Buffer {
  public:
    Buffer() = default;
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    ~Buffer() { release(); }

    T *data() { return data_; }
    const T *data() const { return data_; }
    T &operator[](size_t i) { return data_[i]; }
    const T &operator[](size_t i) const { return data_[i]; }
    size_t capacity() const { return capacity_; }
    size_t bytes() const { return capacity_ * sizeof(T); }

    // Makes room for `count` values; false when there is no memory.
    bool reserve(size_t count) {
        if (count <= capacity_) return true;
        release();
        return allocate(count);
    }

    // Makes room and keeps the first `kept` values.
    bool grow(size_t count, size_t kept) {
        if (count <= capacity_) return true;
        T *old = data_;
        void *old_base = base_;
        data_ = nullptr;
        base_ = nullptr;
        if (!allocate(count)) {
            data_ = old;
            base_ = old_base;
            return false;
        }
        if (kept) std::memcpy(static_cast<void *>(data_), old, kept * sizeof(T));
        std::free(old_base);
        return true;
    }

    void release() {
        std::free(base_);
        base_ = nullptr;
        data_ = nullptr;
        capacity_ = 0;
    }

  private:
    bool allocate(size_t count) {
        // Large buffers start at a huge page, and the kernel is asked to use such pages: rows of the
        // lattice are visited in no order, and small pages would miss the address cache.
        const size_t huge = size_t(1) << 21, size = count * sizeof(T);
        if (count > (SIZE_MAX / 2) / sizeof(T)) return false;
        const size_t alignment = size >= huge ? huge : 64;
        base_ = std::malloc(size + alignment);
        if (!base_) {
            capacity_ = 0;
            return false;
        }
        const uintptr_t start = (reinterpret_cast<uintptr_t>(base_) + alignment - 1) & ~(alignment - 1);
        data_ = reinterpret_cast<T *>(start);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (size >= huge) madvise(reinterpret_cast<void *>(start), size & ~(huge - 1), MADV_HUGEPAGE);
#endif
        capacity_ = count;
        return true;
    }

    T *data_ = nullptr;
    void *base_ = nullptr;
    size_t capacity_ = 0;
};

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
