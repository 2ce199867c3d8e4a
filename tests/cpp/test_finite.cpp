// The search for infinities and nan: every float dtype, any layout.
#include "kernels/finite.h"

#include <cmath>
#include <limits>

#include "check.h"
#include "core/half.h"
#include "core/tensor.h"
#include "fake_host.h"

namespace rl {

namespace {

template <class T>
void check_dtype(DType dtype) {
  constexpr int64_t kN = 5000;
  const int64_t sizes[] = {kN};
  TensorRef t = TensorImpl::empty(dtype, sizes, 1);
  T* p = reinterpret_cast<T*>(t->mut_data());
  const float largest = dtype == DType::kFloat16 ? 65504.F : 3e38F;
  for (int64_t i = 0; i < kN; ++i) p[i] = T(i % 3 == 0 ? -largest : i % 3 == 1 ? 0.F : 1e-7F);
  CHECK(all_finite(*t));
  CHECK_EQ(first_nonfinite(*t), int64_t{-1});
  CHECK_EQ(first_nan(*t), int64_t{-1});
  const float inf = std::numeric_limits<float>::infinity();
  for (float bad : {inf, -inf, std::nanf("")})
    for (int64_t at : {int64_t{0}, int64_t{17}, int64_t{2047}, int64_t{2048}, kN - 1}) {
      const T before = p[at];
      p[at] = T(bad);
      CHECK(!all_finite(*t));
      CHECK_EQ(first_nonfinite(*t), at);
      CHECK_EQ(first_nan(*t), std::isnan(bad) ? at : int64_t{-1});
      p[at] = before;
    }
}

}  // namespace

TEST(a_bad_value_is_found_wherever_it_is) {
  test::FakeHost::install();
  check_dtype<float>(DType::kFloat32);
  check_dtype<double>(DType::kFloat64);
  check_dtype<Half>(DType::kFloat16);
  check_dtype<BFloat16>(DType::kBFloat16);
}

TEST(integers_and_nothing_are_finite) {
  test::FakeHost::install();
  const int64_t sizes[] = {0};
  CHECK(all_finite(*TensorImpl::empty(DType::kFloat32, sizes, 1)));
  const int64_t three[] = {3};
  TensorRef ints = TensorImpl::empty(DType::kInt64, three, 1);
  for (int i = 0; i < 3; ++i) reinterpret_cast<int64_t*>(ints->mut_data())[i] = -1;
  CHECK(all_finite(*ints));
}

TEST(a_strided_view_is_read_in_the_order_of_its_indices) {
  test::FakeHost::install();
  const int64_t sizes[] = {4, 3};
  TensorRef t = TensorImpl::empty(DType::kFloat32, sizes, 2);
  float* p = reinterpret_cast<float*>(t->mut_data());
  for (int i = 0; i < 12; ++i) p[i] = 1;
  const int64_t turned[] = {3, 4}, strides[] = {1, 3};
  TensorRef view = TensorImpl::alias(t->storage(), t->dtype(), Dims(turned, 2), strides, 0);
  CHECK(all_finite(*view));
  p[7] = std::nanf("");  // row 2, column 1
  CHECK_EQ(first_nonfinite(*view), int64_t{1 * 4 + 2});
  CHECK_EQ(first_nonfinite(*t), int64_t{7});
}

}  // namespace rl

TEST_MAIN
