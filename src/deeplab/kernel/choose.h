// Which variants this processor can run. Part of a binding: its api.h, which says what a `Variant` is,
// goes first.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace deeplab {

#define DEEPLAB_DECLARE(name)         \
    namespace name {                  \
    extern const Variant variant;     \
    }
#if defined(DEEPLAB_HAS_X86)
DEEPLAB_DECLARE(avx512)
DEEPLAB_DECLARE(avx2)
#endif
#if defined(DEEPLAB_HAS_NEON)
DEEPLAB_DECLARE(neon)
#else
DEEPLAB_DECLARE(baseline)
#endif

namespace {

constexpr int kMaxThreads = 256;

// Fastest first.
std::vector<const Variant *> runnable() {
    std::vector<const Variant *> found;
#if defined(DEEPLAB_HAS_X86)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi2"))
        found.push_back(&avx512::variant);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        found.push_back(&avx2::variant);
#endif
#if defined(DEEPLAB_HAS_NEON)
    found.push_back(&neon::variant);
#else
    found.push_back(&baseline::variant);
#endif
    return found;
}

std::vector<std::string> runnable_names() {
    std::vector<std::string> names;
    for (const Variant *variant : runnable()) names.emplace_back(variant->name);
    return names;
}

const Variant &find_variant(const std::string &name) {
    std::string known;
    for (const Variant *variant : runnable()) {
        if (variant->name == name) return *variant;
        known += (known.empty() ? "" : ", ") + std::string(variant->name);
    }
    throw std::invalid_argument("variant '" + name + "': this processor can run " + known);
}

}  // namespace
}  // namespace deeplab
