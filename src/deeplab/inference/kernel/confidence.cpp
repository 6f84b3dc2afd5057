#include "confidence.h"

#include "simd.h"

namespace deeplab {
namespace DEEPLAB_VARIANT {
namespace {

// e^x for x of 0 and below, within 3e-7: what it is added to is 1 or more.
// One multiplication takes x to powers of 2, however far it is; below -87 the result is next to nothing.
DEEPLAB_INLINE Vec16 exp_of_negative(const Vec16 &x) {
    Vec16 r;
    for (int i = 0; i < Vec16::kParts; ++i) {
        const Vec16::Part zero = {};
        const Vec16::Part least = zero - 126.0f;
        const Vec16::Part exponent = x.part[i] * 1.44269504088896341f;
        const Vec16::Part y = exponent > least ? exponent : least;
        const Vec16::Part shifted = y + 12582912.0f;  // 1.5 * 2^23: rounds to whole numbers
        const Vec16::Part f = y - (shifted - 12582912.0f);
        // 2^f on -0.5..0.5, exact at 0; the coefficients leave the least relative error, 2e-7.
        Vec16::Part p = f * 1.326472691e-03f + 9.671512660e-03f;
        p = p * f + 5.550733744e-02f;
        p = p * f + 2.402224208e-01f;
        p = p * f + 6.931469776e-01f;
        p = p * f + 1.0f;
        // The low bits of `shifted` are the whole number: added to the exponent, they multiply by 2^whole.
        r.part[i] = (Vec16::Part)((Vec16::IntPart)p + ((Vec16::IntPart)shifted << 23));
    }
    return r;
}

}  // namespace

void confidence_of(const float *values, int count, const float *largest, float *out) {
    const Vec16 best = Vec16::load(largest);
    Vec16 sum = Vec16::all(0);
    for (int i = 0; i < count; ++i) sum = sum + exp_of_negative(Vec16::load(values + i * 16) - best);
    (Vec16::all(1) / sum).store(out);
}

}  // namespace DEEPLAB_VARIANT
}  // namespace deeplab
