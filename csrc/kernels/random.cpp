// Compiled with -ffp-contract=off: the fused multiply-adds of PyTorch's AVX2 build are written out.
// Without FMA hardware libm computes the same bits, slowly.
#include "random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <random>
#include <utility>
#include <vector>

namespace rl {
namespace {

constexpr int64_t kChunk = 1024;  // words drawn at a time, even: a double takes two
constexpr int64_t kBlock = 16;    // Box-Muller: 8 radii, 8 angles
constexpr double kTwoPi = 2 * std::numbers::pi;

#define RL_INLINE [[gnu::always_inline]] inline

RL_INLINE float unit_float(uint32_t word) {
  return static_cast<float>(static_cast<int32_t>(word & 0xFFFFFF)) * 0x1p-24f;
}

// ((high << 32 | low) mod 2^53) * 2^-53, without the slow conversion of 64-bit integers.
RL_INLINE double unit_double(uint32_t high, uint32_t low) {
  double h = static_cast<int32_t>(high & 0x1FFFFF);
  double l = std::bit_cast<double>(0x4330000000000000 | low) - 0x1p52;
  return (h * 0x1p32 + l) * 0x1p-53;
}

RL_INLINE void scale_float(float* out, const uint32_t* words, int64_t n, float range, float from) {
  for (int64_t i = 0; i < n; ++i) out[i] = __builtin_fmaf(unit_float(words[i]), range, from);
}

RL_INLINE void scale_double(double* out, const uint32_t* words, int64_t n, double range,
                            double from) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = __builtin_fma(unit_double(words[2 * i], words[2 * i + 1]), range, from);
}

// Natural logarithm of x in (0, 1]: the Cephes polynomial as avx_mathfun evaluates it.
RL_INLINE float log_cephes(float x) {
  x = x < 0x1p-126f ? 0x1p-126f : x;
  uint32_t bits = std::bit_cast<uint32_t>(x);
  float e = static_cast<float>(static_cast<int32_t>(bits >> 23) - 127) + 1.0f;
  float m = std::bit_cast<float>((bits & 0x807FFFFF) | 0x3F000000);
  bool small = m < 0.707106781186547524f;
  float t = small ? m : 0.0f;
  e -= small ? 1.0f : 0.0f;
  m = (m - 1.0f) + t;
  float z = m * m;
  float y = 7.0376836292e-2f;
  y = __builtin_fmaf(y, m, -1.1514610310e-1f);
  y = __builtin_fmaf(y, m, 1.1676998740e-1f);
  y = __builtin_fmaf(y, m, -1.2420140846e-1f);
  y = __builtin_fmaf(y, m, 1.4249322787e-1f);
  y = __builtin_fmaf(y, m, -1.6668057665e-1f);
  y = __builtin_fmaf(y, m, 2.0000714765e-1f);
  y = __builtin_fmaf(y, m, -2.4999993993e-1f);
  y = __builtin_fmaf(y, m, 3.3333331174e-1f);
  y *= m;
  y = __builtin_fmaf(y, z, e * -2.12194440e-4f);
  y = __builtin_fmaf(-z, 0.5f, y);
  return __builtin_fmaf(e, 0.693359375f, m + y);
}

struct SinCos {
  float sin, cos;
};

// For x in [0, 2 pi], likewise.
RL_INLINE SinCos sincos_cephes(float x) {
  int32_t j = (static_cast<int32_t>(x * 1.27323954473516f) + 1) & ~1;
  float y = static_cast<float>(j);
  uint32_t octant = static_cast<uint32_t>(j);
  uint32_t sin_sign = (octant & 4) << 29, cos_sign = (~(octant - 2) & 4) << 29;
  x = __builtin_fmaf(y, -0.78515625f, x);
  x = __builtin_fmaf(y, -2.4187564849853515625e-4f, x);
  x = __builtin_fmaf(y, -3.77489497744594108e-8f, x);
  float z = x * x;
  float c = __builtin_fmaf(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = __builtin_fmaf(c, z, 4.166664568298827e-2f) * z;
  c = __builtin_fmaf(c, z, -(z * 0.5f)) + 1.0f;
  float s = __builtin_fmaf(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = __builtin_fmaf(s, z, -1.6666654611e-1f) * z;
  s = __builtin_fmaf(s, x, x);
  uint32_t s_bits = std::bit_cast<uint32_t>(s), c_bits = std::bit_cast<uint32_t>(c);
  bool swap = (j & 2) != 0;
  return {std::bit_cast<float>((swap ? c_bits : s_bits) ^ sin_sign),
          std::bit_cast<float>((swap ? s_bits : c_bits) ^ cos_sign)};
}

RL_INLINE void box_muller_float(float* a, int64_t blocks, float mean, float std) {
  for (int64_t b = 0; b < blocks; ++b, a += kBlock) {
#pragma GCC unroll 1  // unrolled, it would not be vectorised
    for (int j = 0; j < 8; ++j) {
      float radius = __builtin_sqrtf(-2.0f * log_cephes(1.0f - a[j]));
      SinCos angle = sincos_cephes(static_cast<float>(kTwoPi) * a[j + 8]);
      a[j] = __builtin_fmaf(radius * angle.cos, std, mean);
      a[j + 8] = __builtin_fmaf(radius * angle.sin, std, mean);
    }
  }
}

// The hot loops exist twice from the same source; only their speed differs. A test builds this file
// with RL_NO_FMA too and expects the same bits.
void scale_float_base(float* out, const uint32_t* words, int64_t n, float range, float from) {
  scale_float(out, words, n, range, from);
}
void scale_double_base(double* out, const uint32_t* words, int64_t n, double range, double from) {
  scale_double(out, words, n, range, from);
}
void box_muller_base(float* a, int64_t blocks, float mean, float std) {
  box_muller_float(a, blocks, mean, std);
}
#if defined(__x86_64__) && !defined(RL_NO_FMA)
#define RL_FMA [[gnu::target("avx2,fma")]]
RL_FMA void scale_float_fma(float* out, const uint32_t* words, int64_t n, float range, float from) {
  scale_float(out, words, n, range, from);
}
RL_FMA void scale_double_fma(double* out, const uint32_t* words, int64_t n, double range,
                             double from) {
  scale_double(out, words, n, range, from);
}
RL_FMA void box_muller_fma(float* a, int64_t blocks, float mean, float std) {
  box_muller_float(a, blocks, mean, std);
}
bool has_fma() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#define RL_DISPATCH(name, ...) (has_fma() ? name##_fma(__VA_ARGS__) : name##_base(__VA_ARGS__))
#else
#define RL_DISPATCH(name, ...) name##_base(__VA_ARGS__)
#endif

// Calls use(words, m) for m items at a time, n in all, with words_each words per item.
template <int words_each, class Use>
void for_words(int64_t n, Generator& generator, Use use) {
  uint32_t words[kChunk];
  while (n > 0) {
    int64_t m = std::min(n, kChunk / words_each);
    generator.words(words, m * words_each);
    use(words, m);
    n -= m;
  }
}

template <class Use>
void for_uniform(int64_t n, Generator& generator, Use use) {
  for_words<2>(n, generator, [&](const uint32_t* w, int64_t m) {
    for (int64_t i = 0; i < m; ++i) use(unit_double(w[2 * i], w[2 * i + 1]));
  });
}

double normal_scalar(double mean, double std, Generator& generator) {
  if (generator.cached_normal) {
    double cached = *generator.cached_normal;
    generator.cached_normal.reset();
    return std::fma(cached, std, mean);
  }
  double u1 = generator.uniform(), u2 = generator.uniform();
  double radius = std::sqrt(-2.0 * std::log1p(-u2)), angle = kTwoPi * u1;
  generator.cached_normal = radius * std::sin(angle);
  return std::fma(radius * std::cos(angle), std, mean);
}

template <class T>
void normal_scalars(T* out, int64_t n, double mean, double std, Generator& generator) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(normal_scalar(mean, std, generator));
}

void box_muller_double(double* a, int64_t blocks, double mean, double std) {
  for (int64_t b = 0; b < blocks; ++b, a += kBlock) {
    for (int j = 0; j < 8; ++j) {
      double radius = std::sqrt(-2.0 * std::log(1.0 - a[j])), angle = kTwoPi * a[j + 8];
      a[j] = std::fma(radius * std::cos(angle), std, mean);
      a[j + 8] = std::fma(radius * std::sin(angle), std, mean);
    }
  }
}

void normal_blocks(float* out, int64_t n, double mean, double std, Generator& generator) {
  RL_DISPATCH(box_muller, out, n / kBlock, static_cast<float>(mean), static_cast<float>(std));
  if (n % kBlock == 0) return;
  float* last = out + n - kBlock;
  uniform_float(last, kBlock, 0, 1, generator);
  RL_DISPATCH(box_muller, last, 1, static_cast<float>(mean), static_cast<float>(std));
}

}  // namespace

void Generator::manual_seed(uint64_t seed) {
  uint32_t s = static_cast<uint32_t>(seed);
  state_[0] = s;
  for (int i = 1; i < kWords; ++i) {
    s = 1812433253u * (s ^ (s >> 30)) + static_cast<uint32_t>(i);
    state_[i] = s;
  }
  next_ = kWords;
  fresh_ = true;
  seed_ = seed;
  cached_normal.reset();
}

uint64_t Generator::seed() {
  std::random_device entropy;
  uint64_t high = entropy();
  manual_seed((high << 32 | entropy()) & 0x1FFFFFFFFFFFFF);
  return seed_;
}

void Generator::twist() {
  auto step = [this](int k, int next, int shifted) __attribute__((always_inline)) {
    uint32_t y = (state_[k] & 0x80000000) | (state_[next] & 0x7FFFFFFF);
    state_[k] = state_[shifted] ^ (y >> 1) ^ (-(y & 1) & 0x9908B0DF);
  };
  for (int k = 0; k < kWords - kShift; ++k) step(k, k + 1, k + kShift);
  for (int k = kWords - kShift; k < kWords - 1; ++k) step(k, k + 1, k + kShift - kWords);
  step(kWords - 1, 0, kShift - 1);
  next_ = 0;
  fresh_ = false;
}

void Generator::words(uint32_t* out, int64_t n) {
  while (n > 0) {
    if (next_ == kWords) twist();
    int64_t m = std::min<int64_t>(n, kWords - next_);
    const uint32_t* state = state_ + next_;
    for (int64_t i = 0; i < m; ++i) {
      uint32_t y = state[i];
      y ^= y >> 11;
      y ^= (y << 7) & 0x9D2C5680;
      y ^= (y << 15) & 0xEFC60000;
      out[i] = y ^ (y >> 18);
    }
    next_ += static_cast<int>(m);
    out += m;
    n -= m;
  }
}

uint32_t Generator::random() {
  uint32_t word;
  words(&word, 1);
  return word;
}

uint64_t Generator::random64() {
  uint64_t high = random();
  return high << 32 | random();
}

double Generator::uniform() {
  uint32_t pair[2];
  words(pair, 2);
  return unit_double(pair[0], pair[1]);
}

namespace {

// torch.get_rng_state's bytes. left counts the words until the next twist, plus one.
struct TorchState {
  uint64_t seed;
  int32_t left, seeded;
  uint64_t next;
  uint64_t state[624];
  double normal_x, normal_y, normal_rho;
  int32_t normal_is_valid, padding;
  float next_float_normal;
  bool next_float_normal_is_valid;
  uint8_t more_padding[3];
};
static_assert(sizeof(TorchState) == Generator::kStateBytes);

}  // namespace

void Generator::get_state(uint8_t out[kStateBytes]) const {
  TorchState s{};
  s.seed = seed_;
  s.left = kWords + 1 - next_;
  s.seeded = 1;
  s.next = fresh_ ? 0 : static_cast<uint64_t>(next_);
  std::copy(state_, state_ + kWords, s.state);
  s.normal_is_valid = cached_normal.has_value();
  s.normal_y = cached_normal.value_or(0.0);
  std::memcpy(out, &s, sizeof s);
}

bool Generator::set_state(const uint8_t in[kStateBytes]) {
  TorchState s;
  std::memcpy(&s, in, sizeof s - sizeof s.more_padding - 1);  // not the bool: any byte may be there
  bool unused = s.left == 1 && s.next == 0;
  if (s.seeded != 1 || s.left < 1 || s.left > kWords || s.next > kWords) return false;
  if (!unused && s.next + static_cast<uint64_t>(s.left) != kWords + 1) return false;
  std::transform(s.state, s.state + kWords, state_,
                 [](uint64_t word) { return static_cast<uint32_t>(word); });
  next_ = unused ? kWords : static_cast<int>(s.next);
  fresh_ = unused;
  seed_ = s.seed;
  cached_normal.reset();
  if (s.normal_is_valid) cached_normal = s.normal_y;
  return true;
}

Generator& default_generator() {
  static Generator generator;
  return generator;
}

void uniform_float(float* out, int64_t n, float from, float to, Generator& generator) {
  for_words<1>(n, generator, [&](const uint32_t* words, int64_t m) {
    RL_DISPATCH(scale_float, out, words, m, to - from, from);
    out += m;
  });
}

void uniform_double(double* out, int64_t n, double from, double to, Generator& generator) {
  for_words<2>(n, generator, [&](const uint32_t* words, int64_t m) {
    RL_DISPATCH(scale_double, out, words, m, to - from, from);
    out += m;
  });
}

void normal_float(float* out, int64_t n, double mean, double std, bool contiguous,
                  Generator& generator) {
  if (n < kBlock || !contiguous) return normal_scalars(out, n, mean, std, generator);
  uniform_float(out, n, 0, 1, generator);
  normal_blocks(out, n, mean, std, generator);
}

void normal_half(float* out, int64_t n, double mean, double std, bool contiguous,
                 Generator& generator) {
  if (n < kBlock || !contiguous) return normal_scalars(out, n, mean, std, generator);
  uniform_float(out, n - n % kBlock, 0, 1, generator);
  normal_blocks(out, n, mean, std, generator);
}

void normal_double(double* out, int64_t n, double mean, double std, bool contiguous,
                   Generator& generator) {
  if (n < kBlock || !contiguous) return normal_scalars(out, n, mean, std, generator);
  uniform_double(out, n, 0, 1, generator);
  box_muller_double(out, n / kBlock, mean, std);
  if (n % kBlock == 0) return;
  double* last = out + n - kBlock;
  uniform_double(last, kBlock, 0, 1, generator);
  box_muller_double(last, 1, mean, std);
}

void random_range(int64_t* out, int64_t n, int64_t from, uint64_t range, Generator& generator) {
  auto shifted = [=](uint64_t word) {
    return static_cast<int64_t>(range ? word % range + static_cast<uint64_t>(from) : word);
  };
  if (range == 0 || range >= uint64_t{1} << 28) {
    for (int64_t i = 0; i < n; ++i) out[i] = shifted(generator.random64());
    return;
  }
  for_words<1>(n, generator, [&](const uint32_t* words, int64_t m) {
    uint32_t narrow = static_cast<uint32_t>(range);
    for (int64_t i = 0; i < m; ++i) out[i] = from + words[i] % narrow;
    out += m;
  });
}

template <>
void random_all(int64_t* out, int64_t n, Generator& generator) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = static_cast<int64_t>(generator.random64() & ~(uint64_t{1} << 63));
}
template <class T>
void random_all(T* out, int64_t n, Generator& generator) {  // the small integers: 0 to the largest
  constexpr uint32_t kMask = std::numeric_limits<T>::max();
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(generator.random() & kMask);
}
template void random_all(uint8_t* out, int64_t n, Generator& generator);
template void random_all(int8_t* out, int64_t n, Generator& generator);
template void random_all(int16_t* out, int64_t n, Generator& generator);
template void random_all(int32_t* out, int64_t n, Generator& generator);
template <>
void random_all(Half* out, int64_t n, Generator& generator) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = Half(static_cast<float>(generator.random() % ((1u << 11) + 1)));
}
template <>
void random_all(BFloat16* out, int64_t n, Generator& generator) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = BFloat16(static_cast<float>(generator.random() % ((1u << 8) + 1)));
}
template <>
void random_all(double* out, int64_t n, Generator& generator) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = static_cast<double>(generator.random64() % ((uint64_t{1} << 53) + 1));
}
template <>
void random_all(float* out, int64_t n, Generator& generator) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = static_cast<float>(generator.random() % ((1u << 24) + 1));
}
template <>
void random_all(bool* out, int64_t n, Generator& generator) {
  for (int64_t i = 0; i < n; ++i) out[i] = generator.random() & 1;
}

void random_permutation(int64_t* out, int64_t n, Generator& generator) {
  for (int64_t i = 0; i < n; ++i) out[i] = i;
  for_words<1>(n - 1, generator, [&, i = int64_t{0}](const uint32_t* words, int64_t m) mutable {
    for (int64_t w = 0; w < m; ++w, ++i) std::swap(out[i], out[i + words[w] % (n - i)]);
  });
}

template <class T>
void bernoulli(T* out, int64_t n, double p, Generator& generator) {
  for_uniform(n, generator, [&](double u) { *out++ = static_cast<T>(u < p); });
}

template <>
void bernoulli_each(float* out, const float* p, int64_t n, Generator& generator) {
  for_words<1>(n, generator, [&](const uint32_t* words, int64_t m) {
    for (int64_t i = 0; i < m; ++i) *out++ = unit_float(words[i]) < *p++;
  });
}
template <>
void bernoulli_each(double* out, const double* p, int64_t n, Generator& generator) {
  for_uniform(n, generator, [&](double u) { *out++ = u < *p++; });
}

template <class T>
void exponential(T* out, int64_t n, double lambda, Generator& generator) {
  for_uniform(n, generator,
              [&](double u) { *out++ = static_cast<T>(-1.0 / lambda * std::log1p(-u)); });
}

// The places of the k largest, the largest first. Which of equals comes first is PyTorch's choice,
// made by the same algorithms of the standard library.
template <class T>
void largest(int64_t* out, int64_t k, const std::vector<T>& v) {
  std::vector<std::pair<T, int64_t>> queue;
  for (int64_t i = 0; T x : v) queue.emplace_back(x, i++);
  auto before = [](const auto& a, const auto& b) { return a.first > b.first; };
  if (k == 1) {
    *out = std::max_element(v.begin(), v.end()) - v.begin();
    return;
  }
  if (k * 64 <= static_cast<int64_t>(v.size())) {
    std::partial_sort(queue.begin(), queue.begin() + k, queue.end(), before);
  } else {
    std::nth_element(queue.begin(), queue.begin() + k - 1, queue.end(), before);
    std::sort(queue.begin(), queue.begin() + k - 1, before);
  }
  for (int64_t i = 0; i < k; ++i) out[i] = queue[static_cast<size_t>(i)].second;
}

template <class T, class Stored>
void race(int64_t* out, int64_t k, const T* p, const T* waits, int64_t n) {
  std::vector<T> q(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i)
    q[i] =
        static_cast<T>(static_cast<Stored>(p[i] / static_cast<T>(static_cast<Stored>(waits[i]))));
  largest(out, k, q);
}

template <class T>
void multinomial(int64_t* out, int64_t k, const T* p, int64_t n, bool replacement,
                 Generator& generator) {
  std::vector<T> q(static_cast<size_t>(n));
  if (!replacement || k == 1) {  // the k shortest waiting times of rates p
    exponential(q.data(), n, 1.0, generator);
    return race(out, k, p, q.data(), n);
  }
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) q[i] = sum += p[i];
  for (T& c : q) c /= sum;
  q.back() = 1;
  for_uniform(k, generator,
              [&](double u) { *out++ = std::lower_bound(q.begin(), q.end(), u) - q.begin(); });
}

#define RL_INSTANTIATE(T)                                             \
  template void race(int64_t*, int64_t, const T*, const T*, int64_t); \
  template void exponential(T*, int64_t, double, Generator&);         \
  template void multinomial(int64_t*, int64_t, const T*, int64_t, bool, Generator&);
RL_INSTANTIATE(float)
RL_INSTANTIATE(double)
template void race<float, Half>(int64_t*, int64_t, const float*, const float*, int64_t);
template void race<float, BFloat16>(int64_t*, int64_t, const float*, const float*, int64_t);
template void bernoulli(float*, int64_t, double, Generator&);
template void bernoulli(double*, int64_t, double, Generator&);
template void bernoulli(uint8_t*, int64_t, double, Generator&);
template void bernoulli(int64_t*, int64_t, double, Generator&);

}  // namespace rl
