// Random numbers: PyTorch's CPU generator and distributions, bit for bit (those of its AVX2 build).
// The order in which words are drawn is part of the interface: seeded results depend on it.
#pragma once

#include <cstdint>
#include <optional>

#include "core/half.h"

namespace rl {

inline constexpr uint64_t kDefaultSeed = 67280421310721;

// The classic mt19937 (Matsumoto and Nishimura, ACM TOMACS 8, 1998). Not thread-safe.
class Generator {
 public:
  static constexpr int64_t kStateBytes = 5056;  // of torch.get_rng_state()

  explicit Generator(uint64_t seed = kDefaultSeed) { manual_seed(seed); }

  void manual_seed(uint64_t seed);  // uses the low 32 bits, remembers all; drops the cached normal
  uint64_t seed();                  // seeds with 53 bits of the system's entropy and returns them
  uint64_t initial_seed() const { return seed_; }

  uint32_t random();
  uint64_t random64();  // first word high
  double uniform();     // [0, 1), 53 bits, two words
  void words(uint32_t* out, int64_t n);

  void get_state(uint8_t out[kStateBytes]) const;
  // False, and no change, where torch.set_rng_state would raise "Invalid mt19937 state".
  [[nodiscard]] bool set_state(const uint8_t in[kStateBytes]);

  // The sine of the last scalar Box-Muller pair, not yet handed out.
  std::optional<double> cached_normal;

 private:
  static constexpr int kWords = 624, kShift = 397;

  void twist();

  uint32_t state_[kWords];
  int next_;    // the word of state_ that comes next; kWords: twist first
  bool fresh_;  // no word drawn since manual_seed: get_state then reports next = 0
  uint64_t seed_;
};

Generator& default_generator();

// Uniform on [from, to): one word per float, two per double.
void uniform_float(float* out, int64_t n, float from, float to, Generator& generator);
void uniform_double(double* out, int64_t n, double from, double to, Generator& generator);

// Fewer than 16 values, or a tensor that is not contiguous, take the scalar path: a cosine now and
// the sine of the pair at the next scalar draw. Others are filled in blocks of 16.
void normal_float(float* out, int64_t n, double mean, double std, bool contiguous,
                  Generator& generator);
void normal_double(double* out, int64_t n, double mean, double std, bool contiguous,
                   Generator& generator);
// The float values that a contiguous float16 or bfloat16 tensor rounds; they draw fewer words.
void normal_half(float* out, int64_t n, double mean, double std, bool contiguous,
                 Generator& generator);

// from + w % range, w of 64 bits where range >= 2^28. range 0, every integer: w itself.
void random_range(int64_t* out, int64_t n, int64_t from, uint64_t range, Generator& generator);
// tensor.random_() without bounds. T: any element type.
template <class T>
void random_all(T* out, int64_t n, Generator& generator);
void random_permutation(int64_t* out, int64_t n, Generator& generator);

// 1 with probability p. T: float, double, uint8_t, int64_t.
template <class T>
void bernoulli(T* out, int64_t n, double p, Generator& generator);
// out[i] is 1 with probability p[i]. T: float, double; out may be p.
template <class T>
void bernoulli_each(T* out, const T* p, int64_t n, Generator& generator);

// Density lambda * exp(-lambda x). T: float, double.
template <class T>
void exponential(T* out, int64_t n, double lambda, Generator& generator);

// k indices of [0, n), n > 0, with weights p >= 0. T: float, double. Without replacement k <= n.
// race: without replacement, from n waiting times that were drawn before. Stored: what weights and
// times are rounded to, float16 or bfloat16.
template <class T, class Stored = T>
void race(int64_t* out, int64_t k, const T* p, const T* waits, int64_t n);
template <class T>
void multinomial(int64_t* out, int64_t k, const T* p, int64_t n, bool replacement,
                 Generator& generator);

}  // namespace rl
