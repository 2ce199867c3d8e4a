// The loops of one family of elementwise formulas, for one instruction set. Compiled once per
// family and set; every function is local or always inlined, so no two objects share code.
#define RL_KERNEL_SET
#include "isa/sets.h"
#include "kernels/tile.h"
#include RL_FAMILY_HEADER

namespace rl::RL_ISA {
namespace {
template <int... I>
struct Seq {};
template <int N>
using MakeSeq = Seq<__integer_pack(N)...>;

template <int Bytes>
struct IntegerOf {
  using type = int64_t;
};
template <>
struct IntegerOf<4> {
  using type = int32_t;
};
template <int Bytes>
using Integer = typename IntegerOf<Bytes>::type;

template <class T>
struct Traits;
template <class R, class... P>
struct Traits<R (*)(P...)> {
  using Out = R;
  static constexpr int n = sizeof...(P);
  // Bits of the operands that are the same number for every element.
  static constexpr unsigned scalars() {
    unsigned mask = 0;
    int i = 0;
    ((mask |= ParamTraits<P>::scalar ? 1u << i : 0u, ++i), ...);
    return mask;
  }
  template <class F, class... T>
  RL_FN static R call(F f, T... values) {
    return f(P{values}...);
  }
};

// Other libraries' bools may hold any byte.
template <class T>
RL_FN T load(const T* p) {
  if constexpr (__is_same(T, bool))
    return *reinterpret_cast<const unsigned char*>(p) != 0;
  else
    return *p;
}

// A formula whose functions are exact only where `fast(operands...)` holds has loops over Wide,
// too.
template <class Op, class T, int... I>
constexpr bool has_wide(Seq<I...>) {
  if constexpr (__is_same(T, float) || __is_same(T, double))
    return requires { Op::fast(T(I)...); };
  else
    return false;
}
constexpr int64_t kWideChunk = 256;

// The loop for one pattern of steps: bit k of Vary is set where operand k moves. V: the formula's
// value type.
template <class Op, int F, class T, class V, unsigned Vary, class Out, int... I>
RL_FN void plain_loop(Out* out, const T* const* p, const T* first, int64_t n, Seq<I...>) {
  using Tr = Traits<decltype(formula_function<Op, F, V>())>;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i)
    out[i] =
        Tr::call(formula_function<Op, F, V>(), V(Vary >> I & 1 ? load(p[I] + i) : first[I])...);
}

// An op whose last operand is a number has a loop for each of its usual values, kUsual, where they
// leave less to compute; other values are spread, as a formula with conditions that hold for all
// elements alike is not vectorised.
template <class Op, class T>
constexpr bool kHasUsual =
    (__is_same(T, float) || __is_same(T, double)) && requires { Op::kUsual; };

template <class Op, int F, class T, unsigned Vary, int Which, class Out, int... I>
RL_FN void usual_loop(Out* out, const T* const* p, const T* first, int64_t n, Seq<I...> seq) {
  constexpr int kLast = sizeof...(I) - 1;
  constexpr int kValues = sizeof Op::kUsual / sizeof Op::kUsual[0];
  if constexpr (Which < kValues) {
    constexpr T kValue = static_cast<T>(Op::kUsual[Which]);
    if (first[kLast] != kValue) return usual_loop<Op, F, T, Vary, Which + 1>(out, p, first, n, seq);
    const T numbers[] = {(I == kLast ? kValue : first[I])...};
    plain_loop<Op, F, T, T, Vary>(out, p, numbers, n, seq);
  } else {
    T spread[kWideChunk];
    for (T& x : spread) x = first[kLast];
    const T* at[] = {p[I]...};
    at[kLast] = spread;
    for (int64_t m; n > 0; n -= m, out += m, ((I < kLast ? at[I] += m : at[I]), ...)) {
      m = n < kWideChunk ? n : kWideChunk;
      plain_loop<typename Op::Unusual, F, T, T, Vary | 1u << kLast>(out, at, first, m, seq);
    }
  }
}

template <class Op, int F, class T, unsigned Vary, class Out, int... I>
[[gnu::noinline]] static void loop(Out* out, const void* const* in, int64_t n, Seq<I...> seq) {
  const T* p[sizeof...(I)] = {static_cast<const T*>(in[I])...};
  const T first[sizeof...(I)] = {load(p[I])...};
  if constexpr (has_wide<Op, T>(Seq<I...>{})) {
    using Same = Integer<sizeof(T)>;
    for (int64_t m; n > 0; n -= m, out += m, ((p[I] += m), ...)) {
      m = n < kWideChunk ? n : kWideChunk;
      Same slow = 0;  // as wide as T, which keeps the loop in vectors
      for (int64_t i = 0; i < m; ++i)
        slow |= Op::fast((Vary >> I & 1 ? load(p[I] + i) : first[I])...) ? 0 : 1;
      if (!slow)
        plain_loop<Op, F, T, T, Vary>(out, p, first, m, seq);
      else
        plain_loop<Op, F, T, Wide<T>, Vary>(out, p, first, m, seq);
    }
  } else if constexpr (kHasUsual<Op, T>) {
    usual_loop<Op, F, T, Vary, 0>(out, p, first, n, seq);
  } else {
    plain_loop<Op, F, T, T, Vary>(out, p, first, n, seq);
  }
}

template <class Op, int F, class T>
static void tile(void* out_memory, const void* const* in, const uint8_t* step, int64_t n) {
  using Tr = Traits<decltype(formula_function<Op, F, T>())>;
  using Out = typename Tr::Out;
  using Operands = MakeSeq<Tr::n>;
  constexpr unsigned kAll = (1u << Tr::n) - 1, kScalars = Tr::scalars(), kMoving = kAll & ~kScalars;
  auto* out = static_cast<Out*>(out_memory);
  unsigned vary = 0;
  for (int k = 0; k < Tr::n; ++k) vary |= static_cast<unsigned>(step[k]) << k;
  vary &= kMoving;
  if (vary == kMoving || n == 1) return loop<Op, F, T, kMoving>(out, in, n, Operands{});
  if (vary == 0) {
    // Every operand repeats: one result for all places.
    loop<Op, F, T, kMoving>(out, in, 1, Operands{});
    for (int64_t i = 1; i < n; ++i) out[i] = out[0];
    return;
  }
  // With three moving operands the caller spreads those that repeat (tile.h).
  if constexpr (__builtin_popcount(kMoving) == 2) {
    constexpr unsigned kLow = kMoving & -kMoving;
    if (vary == kLow)
      loop<Op, F, T, kLow>(out, in, n, Operands{});
    else
      loop<Op, F, T, kMoving & ~kLow>(out, in, n, Operands{});
  }
}

template <class Op, int F, class T>
constexpr TileFn kernel() {
  constexpr bool integral = !__is_same(T, float) && !__is_same(T, double);
  constexpr Computes computes = Op::record.computes;
  constexpr bool floats = computes == Computes::kFloating || computes == Computes::kFloatOnly;
  if constexpr (F > 0 && (integral || !has_formula<Op, F>()))
    return nullptr;
  else if constexpr (F == 0 &&
                     (integral ? floats
                               : computes == Computes::kIntegral || computes == Computes::kInteger))
    return nullptr;
  else if constexpr (F == 0 && __is_same(T, bool) &&
                     (computes == Computes::kNumeric || computes == Computes::kInteger))
    return nullptr;
  else
    return &tile<Op, F, T>;
}

template <class Op, int F>
constexpr void fill_formula(OpKernels& k) {
  k.fn[F][compute_index(DType::kBool)] = kernel<Op, F, bool>();
  k.fn[F][compute_index(DType::kInt64)] = kernel<Op, F, int64_t>();
  k.fn[F][compute_index(DType::kFloat32)] = kernel<Op, F, float>();
  k.fn[F][compute_index(DType::kFloat64)] = kernel<Op, F, double>();
}

template <class Op>
constexpr OpKernels kernels_of() {
  OpKernels k{};
  fill_formula<Op, 0>(k);
  fill_formula<Op, 1>(k);
  fill_formula<Op, 2>(k);
  fill_formula<Op, 3>(k);
  return k;
}

template <class List>
struct Table;
template <class... Ops>
struct Table<OpList<Ops...>> {
  static constexpr OpKernels ops[sizeof...(Ops)] = {kernels_of<Ops>()...};
};

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
const FamilyKernels RL_FAMILY_NAME = {
    RL_ISA::Table<RL_ISA::RL_FAMILY_LIST>::ops,
    sizeof RL_ISA::Table<RL_ISA::RL_FAMILY_LIST>::ops / sizeof(OpKernels)};
}  // namespace rl
