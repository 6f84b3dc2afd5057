#include "team.h"

#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define DEEPLAB_PAUSE() _mm_pause()
#else
#define DEEPLAB_PAUSE() ((void)0)
#endif

namespace deeplab {

namespace {
constexpr int kSpins = 4000, kYields = 40;
}

void Team::run(void (*body)(void *, int), void *context) {
    next_ = 0;
    arrived_ = 0;
    failing_ = failed_ = false;
    std::vector<std::thread> others;
    others.reserve(static_cast<size_t>(size_ - 1));
    std::atomic<int> start{0};  // 1: go, 2: a thread could not be made
    try {
        for (int worker = 1; worker < size_; ++worker)
            others.emplace_back([&, worker] {
                while (start.load(std::memory_order_acquire) == 0) std::this_thread::yield();
                if (start.load(std::memory_order_acquire) == 1) body(context, worker);
            });
    } catch (const std::system_error &) {
        start = 2;  // no more threads in this process: the work is the same with one
        for (auto &thread : others) thread.join();
        size_ = 1;
        body(context, 0);
        return;
    }
    start.store(1, std::memory_order_release);
    body(context, 0);
    for (auto &thread : others) thread.join();
}

void Team::meet() {
    if (size_ == 1) {
        next_.store(0, std::memory_order_relaxed);
        failed_.store(failing_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        return;
    }
    const uint32_t phase = phase_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
        arrived_.store(0, std::memory_order_relaxed);
        next_.store(0, std::memory_order_relaxed);
        failed_.store(failing_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        phase_.store(phase + 1, std::memory_order_release);
        return;
    }
    // Phases last microseconds: going to sleep would cost more than they do, unless the processor is
    // wanted by others.
    for (int spins = 0; phase_.load(std::memory_order_acquire) == phase; ++spins) {
        if (spins < kSpins)
            DEEPLAB_PAUSE();
        else if (spins < kSpins + kYields)
            std::this_thread::yield();
        else
            std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
}

}  // namespace deeplab
