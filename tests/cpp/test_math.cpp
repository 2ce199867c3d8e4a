// csrc/kernels/math.h against libm in long double, and every kernel set against the others.
#include "kernels/math.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "math_loops.h"
#include "math_reference.h"

namespace {

using Long = long double;
namespace math = rl::ops::math;

template <class T>
constexpr T kInf = std::numeric_limits<T>::infinity();
template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();

struct Set {
  const char* name;
  const MathLoop* loops;
};

std::vector<Set> runnable_sets() {
  std::vector<Set> sets = {{"ops", rl::ops::math_loops}};
#ifdef __x86_64__
  sets.push_back({"v2", rl::v2::math_loops});
  if (__builtin_cpu_supports("x86-64-v3")) sets.push_back({"v3", rl::v3::math_loops});
  if (__builtin_cpu_supports("x86-64-v4")) sets.push_back({"v4", rl::v4::math_loops});
#endif
  return sets;
}

template <class T>
using Loop = void (*)(const T*, const T*, T*, long);
template <class T>
Loop<T> loop_of(const MathLoop& row) {
  if constexpr (sizeof(T) == 4)
    return row.f;
  else
    return row.d;
}

const MathLoop& find(const Set& set, const std::string& name) {
  for (int i = 0; i < kMathLoops; ++i)
    if (set.loops[i].name == name) return set.loops[i];
  std::abort();
}

template <class T>
T apply(const char* name, T x, T y = 0) {
  T out;
  loop_of<T>(find(runnable_sets().back(), name))(&x, &y, &out, 1);
  return out;
}

template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// The distance of y from the exact value in ulps of T at that value, or at `least` where that is
// larger. A wrong sign of zero counts, of a number that underflows only without `least`.
template <class T>
double ulps(T y, Long exact, double least = 0) {
  T rounded = static_cast<T>(exact);
  if (std::isnan(y) || std::isnan(rounded)) return std::isnan(y) && std::isnan(rounded) ? 0 : 1e9;
  if (y == 0 && rounded == 0) {
    bool sign_counts = exact == 0 || least == 0;
    if (sign_counts && std::signbit(y) != std::signbit(rounded)) return 1e9;
  } else if (std::isinf(y) || std::isinf(rounded)) {
    if (y == rounded) return 0;
    if (std::isinf(exact)) return 1e9;
  }
  using limits = std::numeric_limits<T>;
  int exponent = limits::min_exponent;
  Long scale = std::max(std::fabs(exact), Long(least));
  if (scale != 0) std::frexp(scale, &exponent);
  exponent = std::max(exponent, limits::min_exponent);
  Long value =
      std::isinf(y) ? std::copysign(std::ldexp(Long(1), limits::max_exponent), Long(y)) : Long(y);
  return static_cast<double>(std::fabs(value - exact) /
                             std::ldexp(Long(1), exponent - limits::digits));
}

template <class T>
std::vector<T> specials() {
  using limits = std::numeric_limits<T>;
  std::vector<T> v = {0,
                      limits::denorm_min(),
                      limits::min() / 2,
                      limits::min(),
                      T(1e-20),
                      limits::epsilon() / 4,
                      limits::epsilon(),
                      T(0.25),
                      T(0.5),
                      T(1) / 3,
                      T(0.999),
                      std::nextafter(T(1), T(0)),
                      1,
                      std::nextafter(T(1), T(2)),
                      T(1.5),
                      2,
                      T(2.5),
                      3,
                      4,
                      10,
                      15,
                      20,
                      88,
                      89,
                      T(88.7),
                      103,
                      104,
                      128,
                      149,
                      150,
                      T(709.5),
                      710,
                      744,
                      745,
                      746,
                      1022,
                      1024,
                      1074,
                      1075,
                      1e6,
                      T(0x1p24),
                      T(0x1p24) + 1,
                      T(0x1p52) + 1,
                      T(0x1p53),
                      T(1e20),
                      T(1e38),
                      limits::max(),
                      kInf<T>,
                      kNan<T>};
  size_t n = v.size();
  for (size_t i = 0; i < n; ++i) v.push_back(-v[i]);
  return v;
}

// Specials; both signs of every exponent; the range of moderate arguments; the neighbourhood of
// +-1 and of multiples of pi/2 at every scale.
template <class T>
std::vector<T> samples(int per_exponent, int dense) {
  using limits = std::numeric_limits<T>;
  std::mt19937_64 random(1);
  auto unit = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  std::vector<T> v = specials<T>();
  for (int e = limits::min_exponent - limits::digits; e < limits::max_exponent; ++e)
    for (int i = 0; i < per_exponent; ++i)
      v.push_back(static_cast<T>(std::ldexp(i % 2 ? 1 + unit() : -1 - unit(), e)));
  for (int i = 0; i < dense; ++i) {
    v.push_back(static_cast<T>((unit() - 0.5) * 8));
    v.push_back(static_cast<T>((unit() - 0.5) * 200));
    v.push_back(static_cast<T>((unit() - 0.5) * 1500));
    double scale = std::ldexp(1.0, -static_cast<int>(random() % limits::digits));
    v.push_back(static_cast<T>((i % 2 ? 1 : -1) * (1 + (unit() - 0.5) * scale)));
    v.push_back(static_cast<T>(std::floor(unit() * std::ldexp(1.0, i % 44)) * M_PI_2));
  }
  return v;
}

// The exact value for a float comes from libm's double function: several times faster, and enough.
struct Unary {
  const char* name;
  double (*d)(double);
  Long (*l)(Long);
  double float_ulp, double_ulp;
  double limit = HUGE_VAL;  // beyond it: NaN
  // Errors of smaller values count in ulps of these, for x < 0 and x > 0.
  double least_below = 0, least_above = 0;
  double float_limit = HUGE_VAL;
};

// The bounds are those that the headers state. A subnormal result is rounded twice, which the
// bounds of exp, exp2, sigmoid and pow include.
const Unary kUnary[] = {
    {"exp", std::exp, std::exp, 0.90, 0.75},
    {"exp2", std::exp2, std::exp2, 0.501, 0.75},
    {"expm1", std::expm1, std::expm1, 0.97, 0.8},
    {"log", std::log, std::log, 0.94, 0.64},
    {"log2", std::log2, std::log2, 0.501, 0.501},
    {"log10", std::log10, std::log10, 0.501, 0.501},
    {"log1p", std::log1p, std::log1p, 0.501, 0.67},
    {"tanh", std::tanh, std::tanh, 0.97, 0.7},
    {"sigmoid", reference::sigmoid<double>, reference::sigmoid<Long>, 0.91, 0.76},
    {"sin", std::sin, std::sin, 0.97, 0.78, math::kTrigMax, 0, 0, 0x1p17},
    {"cos", std::cos, std::cos, 0.97, 0.78, math::kTrigMax, 0, 0, 0x1p17},
    {"sin_any", std::sin, std::sin, 0.56, 0.78},
    {"cos_any", std::cos, std::cos, 0.56, 0.78},
    {"tan", std::tan, std::tan, 0.505, 0.70, math::kTrigMax},
    {"sinc", reference::sinc<double>, reference::sinc<Long>, 0.501, 0.87},
    {"asin", std::asin, std::asin, 0.501, 0.74},
    {"acos", std::acos, std::acos, 0.501, 0.74},
    {"atan", std::atan, std::atan, 0.501, 0.74},
    {"sinh", std::sinh, std::sinh, 0.505, 0.74},
    {"cosh", std::cosh, std::cosh, 0.501, 0.70},
    {"asinh", std::asinh, std::asinh, 0.501, 0.65},
    {"acosh", std::acosh, std::acosh, 0.501, 0.65},
    {"atanh", std::atanh, std::atanh, 0.501, 0.65},
    {"softplus", reference::softplus<double>, reference::softplus<Long>, 0.501, 0.75},
    {"log_sigmoid", reference::log_sigmoid<double>, reference::log_sigmoid<Long>, 0.501, 0.75},
    {"erf", std::erf, std::erf, 0.505, 0.85},
    {"erfc", std::erfc, std::erfc, 0.511, 0.93},
    {"erfinv", reference::erfinv<double>, reference::erfinv<Long>, 0.505, 0.98},
    {"normal_cdf", reference::normal_cdf<double>, reference::normal_cdf<Long>, 0.511, 0.93},
    {"gelu", reference::gelu<double>, reference::gelu<Long>, 4.7, 0.93},
    {"lgamma", std::lgamma, std::lgamma, 0.501, 0.99, HUGE_VAL, 2},
    {"trigamma", reference::trigamma<double>, reference::trigamma<Long>, 0.505, 0.95},
    {"logit", reference::logit<double>, reference::logit<Long>, 0.501, 0.58},
    {"digamma", reference::digamma<double>, reference::digamma<Long>, 0.505, 0.97, HUGE_VAL, 2,
     0.25},
    {"rsqrt", reference::rsqrt<double>, reference::rsqrt<Long>, 0.501, 0.501},
};

template <class T>
void check_unary(int per_exponent, int dense) {
  std::vector<T> x = samples<T>(per_exponent, dense), out(x.size());
  const Set set = runnable_sets().back();
  for (const Unary& u : kUnary) {
    loop_of<T>(find(set, u.name))(x.data(), x.data(), out.data(), static_cast<long>(x.size()));
    double worst = 0;
    T at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      Long exact = kNan<Long>;
      if (!(std::fabs(x[i]) > T(sizeof(T) == 4 ? std::min(u.limit, u.float_limit) : u.limit)))
        exact = sizeof(T) == 4 ? Long(u.d(double(x[i]))) : u.l(Long(x[i]));
      double e = ulps(out[i], exact, x[i] < 0 ? u.least_below : u.least_above);
      if (e > worst) worst = e, at = x[i];
    }
    double bound = sizeof(T) == 4 ? u.float_ulp : u.double_ulp;
    if (worst > bound || std::getenv("RL_TEST_VERBOSE"))
      std::printf("%s %s (%s): %.4f ulp at %a\n", sizeof(T) == 4 ? "float" : "double", u.name,
                  set.name, worst, double(at));
    CHECK(worst <= bound);
  }
}

template <class T>
void pow_arguments(std::vector<T>& x, std::vector<T>& y, int n) {
  using limits = std::numeric_limits<T>;
  for (T a : specials<T>())
    for (T b : specials<T>()) x.push_back(a), y.push_back(b);
  std::mt19937_64 random(2);
  auto unit = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  for (int i = 0; i < n; ++i) {
    int reach = i % 2 ? 8 : limits::max_exponent - 1;
    double a = std::ldexp(1 + unit(), static_cast<int>(unit() * 2 * reach) - reach);
    double power = (unit() - 0.5) * 2.2 * limits::max_exponent / std::log2(a);
    if (i % 5 == 0) a = -a, power = std::round(power);
    if (i % 7 == 0) power = static_cast<double>(random() % 41) / 2 - 10;
    x.push_back(static_cast<T>(a));
    y.push_back(static_cast<T>(power));
  }
}

struct Binary {
  const char* name;
  double (*d)(double, double);
  Long (*l)(Long, Long);
  double float_ulp, double_ulp;
  double least = 0;     // as of Unary, for any x
  double quotient = 0;  // unless 0, in double NaN from this |x / y| on
};

const Binary kBinary[] = {
    {"atan2", std::atan2, std::atan2, 0.501, 0.74},
    {"hypot", std::hypot, std::hypot, 0.501, 0.75},
    {"fmod", std::fmod, std::fmod, 0, 0, 0, 0x1p52},
    {"remainder", reference::remainder<double>, reference::remainder<Long>, 0.501, 0.501, 0,
     0x1p52},
    {"xlogy", reference::xlogy<double>, reference::xlogy<Long>, 0.501, 0.75},
    {"xlog1py", reference::xlog1py<double>, reference::xlog1py<Long>, 0.501, 0.75},
    {"ldexp", reference::ldexp<double>, reference::ldexp<Long>, 0.501, 0.75},
    {"logaddexp2", reference::logaddexp2<double>, reference::logaddexp2<Long>, 0.505, 0.65, 0.5},
    {"logaddexp", reference::logaddexp<double>, reference::logaddexp<Long>, 0.505, 0.65, 0.5},
};

// Pairs of specials, of any magnitudes, of magnitudes near each other, and multiples.
template <class T>
void pair_arguments(std::vector<T>& x, std::vector<T>& y, int n) {
  using limits = std::numeric_limits<T>;
  for (T a : specials<T>())
    for (T b : specials<T>()) x.push_back(a), y.push_back(b);
  std::mt19937_64 random(3);
  auto number = [&](int low, int high) {
    double unit = static_cast<double>(random() >> 11) * 0x1p-53;
    int exponent = low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
    return static_cast<T>(std::ldexp(random() & 1 ? 1 + unit : -1 - unit, exponent));
  };
  constexpr int kLowest = limits::min_exponent - limits::digits;
  for (int i = 0; i < n; ++i) {
    x.push_back(number(kLowest, limits::max_exponent - 1));
    y.push_back(number(kLowest, limits::max_exponent - 1));
    x.push_back(number(-3, 3));
    y.push_back(number(-3, 3));
    int exponent = std::clamp(std::ilogb(x.back()) + static_cast<int>(random() % 100) - 50, kLowest,
                              limits::max_exponent - 1);
    x.push_back(x.back());
    y.push_back(number(exponent, exponent));
    y.push_back(number(-4, 10));
    x.push_back(y.back() * static_cast<T>(random() % 1000));
  }
}

template <class T>
double error_of(const Binary& b, T x, T y, T got) {
  if (sizeof(T) == 8 && b.quotient != 0 && std::fabs(x / y) >= T(b.quotient))
    return std::isnan(got) ? 0 : 1e9;
  Long exact = sizeof(T) == 4 ? Long(b.d(double(x), double(y))) : b.l(Long(x), Long(y));
  return ulps(got, exact, b.least);
}

template <class T>
void check_binary(const Binary& b, const std::vector<T>& x, const std::vector<T>& y) {
  std::vector<T> out(x.size());
  const Set set = runnable_sets().back();
  loop_of<T>(find(set, b.name))(x.data(), y.data(), out.data(), static_cast<long>(x.size()));
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double e = error_of(b, x[i], y[i], out[i]);
    if (e > worst) worst = e, at = i;
  }
  double bound = sizeof(T) == 4 ? b.float_ulp : b.double_ulp;
  if (worst > bound || std::getenv("RL_TEST_VERBOSE"))
    std::printf("%s %s (%s): %.4f ulp at %a, %a\n", sizeof(T) == 4 ? "float" : "double", b.name,
                set.name, worst, double(x[at]), double(y[at]));
  CHECK(worst <= bound);
}

template <class T>
void check_pow(int n) {
  std::vector<T> x, y;
  pow_arguments(x, y, n);
  check_binary<T>({"pow", std::pow, std::pow, 0.501, 0.78}, x, y);
}

template <class T>
void check_pairs(int n) {
  std::vector<T> x, y;
  pair_arguments(x, y, n);
  for (const Binary& b : kBinary) check_binary(b, x, y);
}

template <class T>
void check_sets(int per_exponent, int dense, int n_pow) {
  std::vector<T> x = samples<T>(per_exponent, dense), y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[(i * 7919 + 1) % x.size()];
  pow_arguments(x, y, n_pow);
  pair_arguments(x, y, n_pow / 4);
  std::vector<T> want(x.size()), got(x.size());
  std::vector<Set> sets = runnable_sets();
  for (int row = 0; row < kMathLoops; ++row) {
    long n = static_cast<long>(x.size());
    loop_of<T>(sets[0].loops[row])(x.data(), y.data(), want.data(), n);
    for (size_t s = 1; s < sets.size(); ++s) {
      loop_of<T>(sets[s].loops[row])(x.data(), y.data(), got.data(), n);
      for (long i = 0; i < n; ++i) {
        if (same_bits(want[i], got[i])) continue;
        std::printf("%s(%a, %a): %s %a, %s %a\n", sets[s].loops[row].name, double(x[i]),
                    double(y[i]), sets[0].name, double(want[i]), sets[s].name, double(got[i]));
        CHECK(!"the sets agree");
      }
    }
  }
}

}  // namespace

TEST(test_float_functions_are_within_their_stated_error) { check_unary<float>(1000, 100000); }
TEST(test_double_functions_are_within_their_stated_error) { check_unary<double>(40, 100000); }
TEST(test_float_pow_is_within_its_stated_error) { check_pow<float>(1000000); }
TEST(test_double_pow_is_within_its_stated_error) { check_pow<double>(500000); }
TEST(test_float_functions_of_pairs_are_within_their_stated_error) { check_pairs<float>(100000); }
TEST(test_double_functions_of_pairs_are_within_their_stated_error) { check_pairs<double>(100000); }
TEST(test_all_kernel_sets_give_the_same_float_bits) { check_sets<float>(200, 2000, 20000); }
TEST(test_all_kernel_sets_give_the_same_double_bits) { check_sets<double>(10, 2000, 10000); }

TEST(test_exact_results_are_exact) {
  for (int n = -20; n <= 20; ++n) {
    CHECK_EQ(apply<double>("pow", 3, std::abs(n)), std::round(std::pow(3.0L, std::abs(n))));
    CHECK_EQ(apply<double>("exp2", n), std::ldexp(1.0, n));
    CHECK_EQ(apply<float>("exp2", static_cast<float>(n)), std::ldexp(1.0f, n));
    CHECK_EQ(apply<double>("log2", std::ldexp(1.0, n)), n);
    CHECK_EQ(apply<double>("pow", 0.1 * n, 1), 0.1 * n);
    CHECK_EQ(apply<float>("pow", 0.1f * static_cast<float>(n), 2),
             0.1f * static_cast<float>(n) * (0.1f * static_cast<float>(n)));
  }
  CHECK_EQ(apply<double>("exp", 0), 1);
  CHECK_EQ(apply<double>("sigmoid", 0), 0.5);
  CHECK_EQ(apply<float>("cos", 0), 1);
}

TEST(test_short_forms_give_the_bits_of_the_whole_functions) {
  for (float x : samples<float>(1000, 100000)) {
    if (math::exp_is_normal(x)) CHECK(same_bits(math::exp_normal(x), math::exp(x)));
    if (math::sigmoid_is_normal(x)) CHECK(same_bits(math::sigmoid_normal(x), math::sigmoid(x)));
    if (math::log_is_normal(x)) CHECK(same_bits(math::log_normal(x), math::log(x)));
  }
}

TEST(test_min_and_max_propagate_nan) {
  for (const char* name : {"min", "max"}) {
    CHECK(std::isnan(apply<float>(name, kNan<float>, 1)));
    CHECK(std::isnan(apply<float>(name, 1, kNan<float>)));
    CHECK(std::isnan(apply<double>(name, kInf<double>, kNan<double>)));
  }
  CHECK_EQ(apply<double>("min", -1, 2), -1);
  CHECK_EQ(apply<double>("max", -1, 2), 2);
  CHECK_EQ(apply<float>("min", -kInf<float>, 2), -kInf<float>);
}

TEST(test_sin_any_covers_every_argument) {
  for (double x : {0.5, 1e10, 1e15, 1e22, 1e300, -1e18}) {
    CHECK(ulps(math::sin_any(x), std::sin(Long(x))) <= 1);
    CHECK(ulps(math::cos_any(x), std::cos(Long(x))) <= 1);
    CHECK_EQ(std::isnan(math::sin(x)), !math::trig_in_range(x));
  }
  for (double x : {0.5, 1e10, 1e22, 1e300}) CHECK(ulps(math::tan_any(x), std::tan(Long(x))) <= 1);
  CHECK(std::isnan(math::tan(1e22)));
  CHECK(ulps(math::sin_any(3e38f), std::sin(Long(3e38f))) <= 1);
  CHECK(std::isnan(math::cos_any(kInf<float>)));
}

TEST(test_fmod_any_covers_every_quotient) {
  for (double x : {7.5, 1e10, 1e100, 1.7e308})
    for (double y : {0.3, 2.0, 1e-300, 5e-324, 1e40}) {
      CHECK_EQ(math::fmod_any(x, y), std::fmod(x, y));
      CHECK_EQ(math::remainder_any(-x, y), reference::remainder(-x, y));
    }
  CHECK(std::isnan(math::fmod(1e100, 0.3)) && std::isnan(math::fmod_any(1.0, 0.0)));
  CHECK(std::isnan(math::fmod_any(kInf<double>, 1.0)));
  CHECK_EQ(math::fmod_any(3e38f, 1e-45f), std::fmod(3e38f, 1e-45f));
}

// Long double loses what decides here: the numbers are from 40-digit arithmetic.
TEST(test_values_near_roots_keep_their_digits) {
  CHECK(ulps(math::digamma(0x1.762d86356be3fp+0), -9.24126552172942752e-17L) <= 1);
  CHECK(ulps(math::lgamma(0x1.0000000000001p+1), 1.877539613108624306e-16L) <= 1);
  CHECK(ulps(math::lgamma(0x1.0000000000001p+0), -1.281676242696000840e-16L) <= 1);
  CHECK(ulps(math::logaddexp(-0.0, -712.5), std::exp(-712.5L)) <= 1);
  CHECK_EQ(math::lgamma(1.0), 0.0);
  CHECK_EQ(math::lgamma(2.0f), 0.0f);
}

TEST(test_rounding_goes_to_the_even_integer) {
  for (double x : {0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 4503599627370497.5, -0.0}) {
    CHECK(same_bits(math::round(x), std::nearbyint(x)));
    CHECK(same_bits(math::ceil(x), std::ceil(x)));
    CHECK(same_bits(math::round(float(x)), std::nearbyint(float(x))));
  }
}

TEST(test_basic_functions) {
  CHECK_EQ(math::abs(-2.5f), 2.5f);
  CHECK(!std::signbit(math::abs(-0.0)));
  CHECK_EQ(math::floor(-2.5), -3.0);
  CHECK_EQ(math::trunc(-2.5f), -2.0f);
  CHECK_EQ(math::sqrt(2.25), 1.5);
  CHECK_EQ(math::copysign(3.0, -0.0), -3.0);
  CHECK_EQ(math::fma(0x1.002p0f, 0x1.002p0f, -1.0f), 0x1.001p-10f);
  CHECK_EQ(math::fma(0x1.00000002p0, 0x1.00000002p0, -1.0), 0x1.00000001p-30);
  CHECK(math::isnan(kNan<double>) && !math::isnan(kInf<float>));
  CHECK_EQ(math::select(false, 1, 2), 2);
}

TEST_MAIN
