// Threads that work in step: the same function on all, barriers between its phases.
#pragma once

#include <atomic>
#include <cstdint>

namespace deeplab {

class Team {
  public:
    explicit Team(int size) : size_(size) {}

    int size() const { return size_; }

    // Lets those go for whom there is nothing to do; before `run`.
    void shrink(uint32_t most) {
        if (most < uint32_t(size_)) size_ = int(most);
    }

    // Runs body(context, worker) on every worker, the caller being worker 0; returns when all are done.
    void run(void (*body)(void *context, int worker), void *context);

    // Takes the next of `count` tasks; `count` or more when none is left.
    uint32_t take() { return next_.fetch_add(1, std::memory_order_relaxed); }

    // Waits for the others, and lays out the next phase's tasks.
    void meet();

    // Says that something went wrong. All workers learn of it together, when they next have met: one that
    // heard of it earlier than another would leave it waiting.
    void fail() { failing_.store(true, std::memory_order_relaxed); }
    bool has_failed() const { return failed_.load(std::memory_order_relaxed); }

  private:
    int size_;
    std::atomic<bool> failing_{false}, failed_{false};
    std::atomic<uint32_t> next_{0};
    std::atomic<int> arrived_{0};
    std::atomic<uint32_t> phase_{0};
};

}  // namespace deeplab
