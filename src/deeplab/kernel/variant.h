// The namespace of the variant that is being compiled: avx512, avx2, neon or baseline.
#pragma once

#ifndef DEEPLAB_VARIANT
#error "compile with -DDEEPLAB_VARIANT=avx512, avx2, neon or baseline"
#endif

#define DEEPLAB_INLINE inline __attribute__((always_inline))

#define DEEPLAB_STRING(x) #x
#define DEEPLAB_EXPANDED_STRING(x) DEEPLAB_STRING(x)
#define DEEPLAB_VARIANT_NAME DEEPLAB_EXPANDED_STRING(DEEPLAB_VARIANT)
