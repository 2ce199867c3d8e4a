// The 16-bit floats as the kernels of one instruction set read them; local functions only.
#pragma once

#ifdef __F16C__
#include <immintrin.h>
#endif

#include "core/half.h"

namespace rl::RL_ISA {
namespace {

// Types as they lie in memory.
struct Float16 {
  half::u16 bits;
};
struct Brain16 {
  half::u16 bits;
};

[[gnu::always_inline]] inline float value(Float16 x) { return half::from_float16(x.bits); }
[[gnu::always_inline]] inline float value(Brain16 x) { return half::from_bfloat16(x.bits); }

// 16 elements, with the same bits by whatever the processor has for it.
[[gnu::always_inline]] inline void widen(float* out, const Brain16* in) {
  for (int k = 0; k < 16; ++k) out[k] = value(in[k]);
}
[[gnu::always_inline]] inline void widen(float* out, const Float16* in) {
#if defined(__AVX512F__)
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in));
  _mm512_storeu_ps(out, _mm512_maskz_cvtph_ps(0xffff, bits));
#elif defined(__F16C__)
  for (int k = 0; k < 16; k += 8)
    _mm256_storeu_ps(out + k,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + k))));
#else
  for (int k = 0; k < 16; ++k) out[k] = value(in[k]);
#endif
}

}  // namespace
}  // namespace rl::RL_ISA
