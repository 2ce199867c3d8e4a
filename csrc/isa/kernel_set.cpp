// One kernel set: the loops of every elementwise formula, reductions and the matrix product.
// Compiled once per instruction set; every function is local or always inlined, so no two sets
// share code.
#define RL_KERNEL_SET
#include "kernels/tile.h"
#include "ops/elementwise_list.h"

#define RL_STRING(x) #x
#define RL_NAME(x) RL_STRING(x)
#define RL_JOIN_(a, b) a##b
#define RL_JOIN(a, b) RL_JOIN_(a, b)

namespace rl::RL_ISA {
namespace {

template <int... I>
struct Seq {};
template <int N>
using MakeSeq = Seq<__integer_pack(N)...>;

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

// The loop for one pattern of steps: bit k of Vary is set where operand k moves.
template <class Op, int F, class T, unsigned Vary, class Out, int... I>
[[gnu::noinline]] static void loop(Out* out, const void* const* in, int64_t n, Seq<I...>) {
  using Tr = Traits<decltype(formula_function<Op, F, T>())>;
  const T* p[sizeof...(I)] = {static_cast<const T*>(in[I])...};
  const T first[sizeof...(I)] = {p[I][0]...};
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i)
    out[i] = Tr::call(formula_function<Op, F, T>(), (Vary >> I & 1 ? p[I][i] : first[I])...);
}

// Any pattern of steps, one element at a time.
template <class Op, int F, class T, class Out, int... I>
[[gnu::noinline]] static void loop_any(Out* out, const void* const* in, const uint8_t* step,
                                       int64_t n, Seq<I...>) {
  using Tr = Traits<decltype(formula_function<Op, F, T>())>;
  for (int64_t i = 0; i < n; ++i)
    out[i] = Tr::call(formula_function<Op, F, T>(), static_cast<const T*>(in[I])[i * step[I]]...);
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
  if constexpr (__builtin_popcount(kMoving) == 2) {
    constexpr unsigned kLow = kMoving & -kMoving, kHigh = kMoving & ~kLow;
    if (vary == kLow) return loop<Op, F, T, kLow>(out, in, n, Operands{});
    if (vary == kHigh) return loop<Op, F, T, kHigh>(out, in, n, Operands{});
  }
  loop_any<Op, F, T>(out, in, step, n, Operands{});
}

template <class Op, int F, class T>
constexpr TileFn kernel() {
  constexpr bool integral = !__is_same(T, float) && !__is_same(T, double);
  if constexpr (F > 0 && (integral || !has_formula<Op, F>()))
    return nullptr;
  else if constexpr (F == 0 && integral && Op::record.computes == Computes::kFloating)
    return nullptr;
  else if constexpr (F == 0 && __is_same(T, bool) && Op::record.computes != Computes::kAny)
    return nullptr;
  else
    return &tile<Op, F, T>;
}

template <class Op, int F>
constexpr void fill_formula(OpKernels& k) {
  k.fn[F][static_cast<int>(DType::kBool)] = kernel<Op, F, bool>();
  k.fn[F][static_cast<int>(DType::kInt64)] = kernel<Op, F, int64_t>();
  k.fn[F][static_cast<int>(DType::kFloat32)] = kernel<Op, F, float>();
  k.fn[F][static_cast<int>(DType::kFloat64)] = kernel<Op, F, double>();
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

// --- sums: 16 lanes inside a block, blocks pairwise. The split depends on n alone.
constexpr int64_t kBlock = 1024;
constexpr int kLanes = 16;

template <class T>
static T sum_block(const T* x, int64_t n) {
  T lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int k = 0; k < kLanes; ++k) lane[k] += x[i + k];
  for (int k = 0; i < n; ++i, ++k) lane[k] += x[i];
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int k = 0; k < width; ++k) lane[k] += lane[k + width];
  return lane[0];
}

template <class T>
static T sum_pairwise(const T* x, int64_t n) {
  if (n <= kBlock) return sum_block(x, n);
  int64_t half = (n / 2 + kBlock - 1) / kBlock * kBlock;
  return sum_pairwise(x, half) + sum_pairwise(x + half, n - half);
}

template <class T>
static void sum(void* out, const void* x, int64_t n) {
  *static_cast<T*>(out) = sum_pairwise(static_cast<const T*>(x), n);
}

constexpr int64_t kColumns = 256;

template <class T>
static void sum_rows_pairwise(T* acc, const T* x, int64_t rows, int64_t row_stride,
                              int64_t columns) {
  if (rows <= 16) {
    for (int64_t j = 0; j < columns; ++j) acc[j] = x[j];
    for (int64_t r = 1; r < rows; ++r)
      for (int64_t j = 0; j < columns; ++j) acc[j] += x[r * row_stride + j];
    return;
  }
  int64_t half = (rows / 2 + 15) / 16 * 16;
  T other[kColumns];
  sum_rows_pairwise(acc, x, half, row_stride, columns);
  sum_rows_pairwise(other, x + half * row_stride, rows - half, row_stride, columns);
  for (int64_t j = 0; j < columns; ++j) acc[j] += other[j];
}

template <class T>
static void sum_rows(void* acc, const void* x, int64_t rows, int64_t row_stride, int64_t columns) {
  for (int64_t j = 0; j < columns; j += kColumns)
    sum_rows_pairwise(static_cast<T*>(acc) + j, static_cast<const T*>(x) + j, rows, row_stride,
                      columns - j < kColumns ? columns - j : kColumns);
}

// --- c = a @ b. The second operand's rows are contiguous; 4 x 16 results stay in registers.
template <class T>
static void matmul_edge(T* c, const T* a, const T* b, int64_t m, int64_t n, int64_t k,
                        int64_t a_row, int64_t a_col, int64_t b_row, int64_t c_row) {
  for (int64_t i = 0; i < m; ++i) {
    T acc[16] = {};
    for (int64_t p = 0; p < k; ++p) {
      T x = a[i * a_row + p * a_col];
      for (int64_t j = 0; j < n; ++j) acc[j] += x * b[p * b_row + j];
    }
    for (int64_t j = 0; j < n; ++j) c[i * c_row + j] = acc[j];
  }
}

template <class T>
static void matmul_tile(T* c, const T* a, const T* b, int64_t k, int64_t a_row, int64_t a_col,
                        int64_t b_row, int64_t c_row) {
  T acc[4][16] = {};
  for (int64_t p = 0; p < k; ++p)
    for (int i = 0; i < 4; ++i) {
      T x = a[i * a_row + p * a_col];
      for (int j = 0; j < 16; ++j) acc[i][j] += x * b[p * b_row + j];
    }
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 16; ++j) c[i * c_row + j] = acc[i][j];
}

template <class T>
static void matmul(void* c_memory, const void* a_memory, const void* b_memory, int64_t m, int64_t n,
                   int64_t k, int64_t a_row, int64_t a_col, int64_t b_row, int64_t c_row) {
  auto* c = static_cast<T*>(c_memory);
  auto* a = static_cast<const T*>(a_memory);
  auto* b = static_cast<const T*>(b_memory);
  for (int64_t j = 0; j < n; j += 16) {
    int64_t columns = n - j < 16 ? n - j : 16;
    int64_t i = 0;
    if (columns == 16)
      for (; i + 4 <= m; i += 4)
        matmul_tile(c + i * c_row + j, a + i * a_row, b + j, k, a_row, a_col, b_row, c_row);
    matmul_edge(c + i * c_row + j, a + i * a_row, b + j, m - i, columns, k, a_row, a_col, b_row,
                c_row);
  }
}

constexpr KernelSet kSet = {
    RL_NAME(RL_ISA),
    Table<ElementwiseOps>::ops,
    {{nullptr, nullptr},
     {sum<int64_t>, sum_rows<int64_t>},
     {sum<float>, sum_rows<float>},
     {sum<double>, sum_rows<double>}},
    {nullptr, matmul<int64_t>, matmul<float>, matmul<double>},
};

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
extern const KernelSet* const RL_JOIN(kernel_set_, RL_ISA);
const KernelSet* const RL_JOIN(kernel_set_, RL_ISA) = &RL_ISA::kSet;
}  // namespace rl
