// The probability of the best class. In a file of its own, because it may use fused multiply-adds, and
// the interpolation may not.
#pragma once

#include "variant.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {

// Softmax of the largest of so many values, for 16 pixels: values (count, 16) and the largest (16).
void confidence_of(const float *values, int count, const float *largest, float *out);

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
