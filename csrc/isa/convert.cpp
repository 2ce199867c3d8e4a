// Conversions between element types for one instruction set; local functions only.
#include "kernels/convert.h"
#include "isa/sets.h"
#include "isa/short_floats.h"
#include "kernels/math.h"

namespace rl::RL_ISA {
namespace {

// A bool of another library may hold any byte.
struct Bool {
  unsigned char byte;
};

// Becomes 0 or 1 by a choice of constants, which g++ vectorises, unlike a converted comparison.
struct Flag {
  unsigned char byte;
};
RL_FN Flag value(Bool x) { return {x.byte}; }
template <class T>
RL_FN T value(T x) {
  return x;
}

template <class T>
constexpr bool kFloating = __is_same(T, float) || __is_same(T, double);

// Out of range and nan give what the x86 instruction gives, as in PyTorch; what is narrower than
// the instruction's result is cut to size.
template <class Int, class In>
RL_FN Int truncated(In x) {
  constexpr In kEnd = sizeof(Int) == 8 ? In(0x1p63) : In(0x1p31);
  constexpr Int kLowest = static_cast<Int>(uint64_t{1} << (sizeof(Int) * 8 - 1));
  return (x >= -kEnd) & (x < kEnd) ? static_cast<Int>(x) : kLowest;
}

template <class Out>
struct To {
  template <class In>
  RL_FN static Out of(In x) {
    if constexpr (__is_same(In, Flag)) {
      return x.byte ? Out(1) : Out(0);
    } else if constexpr (kFloating<In> && !kFloating<Out>) {
      if constexpr (sizeof(Out) == 8)
        return static_cast<Out>(truncated<int64_t>(x));
      else
        return static_cast<Out>(truncated<int32_t>(x));
    } else {
      return static_cast<Out>(x);
    }
  }
};
template <>
struct To<Bool> {
  template <class In>
  RL_FN static Bool of(In x) {
    return {static_cast<unsigned char>(x != In(0))};
  }
};
template <>
struct To<Float16> {
  template <class In>
  RL_FN static Float16 of(In x) {
    if constexpr (__is_same(In, Flag))
      return {static_cast<half::u16>(x.byte ? half::to_float16(1) : 0)};
    else
      return {half::to_float16(static_cast<float>(x))};
  }
};
template <>
struct To<Brain16> {
  template <class In>
  RL_FN static Brain16 of(In x) {
    if constexpr (__is_same(In, Flag))
      return {static_cast<half::u16>(x.byte ? half::to_bfloat16(1) : 0)};
    else
      return {half::to_bfloat16(static_cast<float>(x))};
  }
};

// What the processor converts by itself, with the same bits; returns how many it did.
template <class Out, class In>
RL_FN int64_t hardware(Out*, const In*, int64_t) {
  return 0;
}
#ifdef __F16C__
RL_FN int64_t hardware(float* out, const Float16* in, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) widen(out + i, in + i);
  return i;
}
RL_FN int64_t hardware(Float16* out, const float* in, int64_t n) {
  int64_t i = 0;
#ifdef __AVX512F__
  for (; i + 16 <= n; i += 16)
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(out + i),
        _mm512_maskz_cvtps_ph(0xffff, _mm512_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
#endif
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
  return i;
}
#endif

template <class Out, class In>
static void convert(void* out_memory, const void* in_memory, int64_t n) {
  auto* out = static_cast<Out*>(out_memory);
  auto* in = static_cast<const In*>(in_memory);
  for (int64_t i = hardware(out, in, n); i < n; ++i) out[i] = To<Out>::of(value(in[i]));
}

template <class Out, class In>
constexpr ConvertFn kernel() {
  if constexpr (__is_same(Out, In))
    return nullptr;
  else
    return &convert<Out, In>;
}

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
using namespace RL_ISA;
#define RL_ROW(Out)                                                                                \
  {kernel<Out, Bool>(),    kernel<Out, uint8_t>(), kernel<Out, int8_t>(),  kernel<Out, int16_t>(), \
   kernel<Out, int32_t>(), kernel<Out, int64_t>(), kernel<Out, Float16>(), kernel<Out, Brain16>(), \
   kernel<Out, float>(),   kernel<Out, double>()}

extern const ConvertKernels RL_JOIN(kernels, convert, RL_ISA);
const ConvertKernels RL_JOIN(kernels, convert, RL_ISA) = {
    {RL_ROW(Bool), RL_ROW(uint8_t), RL_ROW(int8_t), RL_ROW(int16_t), RL_ROW(int32_t),
     RL_ROW(int64_t), RL_ROW(Float16), RL_ROW(Brain16), RL_ROW(float), RL_ROW(double)}};
}  // namespace rl
