// csrc/kernels/random.h against numbers of PyTorch (tests/data/record_rng.py), bit for bit.
#include "kernels/random.h"

#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"

namespace {

struct GoldenDraw {
  const char* kind;
  const char* dtype;
  uint64_t seed;
  int64_t n;
  uint64_t hash, first, last;
  uint32_t word;
};

#include "../data/rng_golden.h"

using rl::Generator;
using Bytes = std::vector<uint8_t>;

uint64_t hash_of(const Bytes& bytes) {
  uint64_t h = 0xCBF29CE484222325;  // FNV-1a
  for (uint8_t byte : bytes) h = (h ^ byte) * 0x100000001B3;
  return h;
}

template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

uint64_t value_at(const Bytes& bytes, int64_t n, int64_t index) {
  size_t size = bytes.size() / static_cast<size_t>(n);
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + static_cast<size_t>(index) * size, size);
  return value;
}

void uniform(float* out, int64_t n, double from, double to, Generator& g) {
  rl::uniform_float(out, n, static_cast<float>(from), static_cast<float>(to), g);
}
void uniform(double* out, int64_t n, double from, double to, Generator& g) {
  rl::uniform_double(out, n, from, to, g);
}
void normal(float* out, int64_t n, double mean, double std, bool contiguous, Generator& g) {
  rl::normal_float(out, n, mean, std, contiguous, g);
}
void normal(double* out, int64_t n, double mean, double std, bool contiguous, Generator& g) {
  rl::normal_double(out, n, mean, std, contiguous, g);
}

template <class T>
Bytes draw_floating(const std::string& kind, int64_t n, Generator& g) {
  std::vector<T> out(static_cast<size_t>(n)), p(out.size());
  std::vector<int64_t> index(out.size());
  T* o = out.data();
  if (kind == "uniform")
    uniform(o, n, 0, 1, g);
  else if (kind == "uniform_range")
    uniform(o, n, -3.7, 2.9, g);
  else if (kind == "normal")
    normal(o, n, 0, 1, true, g);
  else if (kind == "normal_2.5_0.3")
    normal(o, n, 2.5, 0.3, true, g);
  else if (kind == "normal_strided")
    normal(o, n, 0, 1, false, g);
  else if (kind == "bernoulli_0.3")
    rl::bernoulli(o, n, 0.3, g);
  else if (kind == "exponential_1.5")
    rl::exponential(o, n, 1.5, g);
  else if (kind == "random_all")
    rl::random_all(o, n, g);
  else if (kind == "bernoulli_each") {
    for (int64_t i = 0; i < n; ++i) p[i] = static_cast<T>(i) / static_cast<T>(n);
    rl::bernoulli_each(o, p.data(), n, g);
  } else if (kind == "multinomial" || kind == "multinomial_replacement") {
    std::iota(p.begin(), p.end(), T(1));
    rl::multinomial(index.data(), n, p.data(), n, kind != "multinomial", g);
    return bytes_of(index);
  } else {
    throw std::runtime_error("unknown kind " + kind);
  }
  return bytes_of(out);
}

Bytes draw_int64(const std::string& kind, int64_t n, Generator& g) {
  std::vector<int64_t> out(static_cast<size_t>(n));
  int64_t* o = out.data();
  if (kind == "random_all")
    rl::random_all(o, n, g);
  else if (kind == "randint_10")
    rl::random_range(o, n, -5, 10, g);
  else if (kind == "randint_wide_below")
    rl::random_range(o, n, 0, (1 << 28) - 1, g);
  else if (kind == "randint_wide")
    rl::random_range(o, n, 0, 1 << 28, g);
  else if (kind == "randint_64")
    rl::random_range(o, n, -(int64_t{1} << 40), int64_t{3} << 40, g);
  else if (kind == "randint_full")
    rl::random_range(o, n, INT64_MIN, 0, g);
  else if (kind == "randperm")
    rl::random_permutation(o, n, g);
  else
    throw std::runtime_error("unknown kind " + kind);
  return bytes_of(out);
}

Bytes draw(const GoldenDraw& c, Generator& g) {
  std::string dtype = c.dtype;
  if (dtype == "float32") return draw_floating<float>(c.kind, c.n, g);
  if (dtype == "float64") return draw_floating<double>(c.kind, c.n, g);
  if (dtype == "int64") return draw_int64(c.kind, c.n, g);
  if (dtype == "int32") {
    std::vector<int32_t> out(static_cast<size_t>(c.n));
    rl::random_all(out.data(), c.n, g);
    return bytes_of(out);
  }
  std::vector<float> wide(static_cast<size_t>(c.n));
  rl::normal_half(wide.data(), c.n, 0, 1, true, g);
  std::vector<_Float16> out(wide.begin(), wide.end());
  return bytes_of(out);
}

std::vector<uint8_t> state_of(const Generator& g) {
  std::vector<uint8_t> bytes(Generator::kStateBytes);
  g.get_state(bytes.data());
  return bytes;
}

float one_normal(Generator& g) {
  float value;
  rl::normal_float(&value, 1, 0, 1, true, g);
  return value;
}

std::vector<float> some_uniform(Generator& g, int64_t n) {
  std::vector<float> values(static_cast<size_t>(n));
  rl::uniform_float(values.data(), n, 0, 1, g);
  return values;
}

}  // namespace

TEST(test_draws_equal_recorded_torch_bit_for_bit) {
  for (const GoldenDraw& c : kGoldenDraws) {
    Generator g(c.seed);
    Bytes both = draw(c, g), second = draw(c, g);
    uint64_t first = value_at(both, c.n, 0), last = value_at(both, c.n, c.n - 1);
    both.insert(both.end(), second.begin(), second.end());
    bool same = first == c.first && last == c.last && hash_of(both) == c.hash;
    bool same_word = (g.random() & 0x7FFFFFFF) == c.word;
    if (!same || !same_word)
      check::fail(__FILE__, __LINE__,
                  std::string(c.kind) + " " + c.dtype + " seed " + std::to_string(c.seed) + " n " +
                      std::to_string(c.n) + (same ? ": draws another number of words" : ""));
  }
}

TEST(test_seed_42_gives_the_numbers_of_the_books) {
  Generator g(42);
  CHECK_EQ(std::round(one_normal(g) * 1e4f), 3367.0f);
  CHECK_EQ(std::round(one_normal(g) * 1e4f), 1288.0f);
}

TEST(test_state_bytes_equal_recorded_torch) {
  Generator g(7);
  CHECK_EQ(hash_of(state_of(g)), kGoldenStates[0]);
  one_normal(g);
  CHECK_EQ(hash_of(state_of(g)), kGoldenStates[1]);
  some_uniform(g, 5);
  CHECK_EQ(hash_of(state_of(g)), kGoldenStates[2]);
  some_uniform(g, 700);
  CHECK_EQ(hash_of(state_of(g)), kGoldenStates[3]);
}

TEST(test_set_state_resumes_the_stream_with_its_cached_normal) {
  for (int64_t drawn : {0, 1, 623, 624, 625, 5000}) {
    Generator g(11), h(0);
    some_uniform(g, drawn);
    if (drawn % 2) one_normal(g);
    CHECK(h.set_state(state_of(g).data()));
    CHECK(state_of(h) == state_of(g));
    CHECK_EQ(one_normal(h), one_normal(g));
    CHECK(some_uniform(h, 700) == some_uniform(g, 700));
    CHECK_EQ(h.initial_seed(), 11u);
  }
}

TEST(test_set_state_rejects_garbage_and_keeps_the_generator) {
  Generator g(3);
  g.random();
  std::vector<uint8_t> before = state_of(g), bad = before;
  for (uint8_t fill : {0x00, 0x7F, 0xFF}) {
    std::fill(bad.begin() + 8, bad.begin() + 24, fill);
    CHECK(!g.set_state(bad.data()));
  }
  CHECK(state_of(g) == before);
}

TEST(test_manual_seed_drops_the_cached_normal) {
  Generator g(5);
  float first = one_normal(g);
  g.manual_seed(5);
  CHECK_EQ(one_normal(g), first);
}

TEST(test_words_equal_single_draws_for_any_split) {
  Generator whole(1), parts(1);
  std::vector<uint32_t> a(3000), b(3000);
  whole.words(a.data(), 3000);
  for (int64_t i = 0, n = 1; i < 3000; i += n, n = std::min<int64_t>(n * 2 + 1, 3000 - i))
    parts.words(b.data() + i, std::min<int64_t>(n, 3000 - i));
  CHECK(a == b);
  CHECK_EQ(a[0], 1791095845u);  // mt19937's published first output for seed 1
}

TEST(test_seed_is_remembered_and_repeatable) {
  Generator g;
  CHECK_EQ(g.initial_seed(), rl::kDefaultSeed);
  uint64_t s = g.seed();
  CHECK_EQ(g.initial_seed(), s);
  CHECK(s >> 53 == 0);
  CHECK_EQ(Generator(s).random(), g.random());
}

TEST(test_empty_draws_use_no_words) {
  Generator g(2);
  std::vector<uint8_t> before = state_of(g);
  rl::uniform_float(nullptr, 0, 0, 1, g);
  rl::normal_double(nullptr, 0, 0, 1, true, g);
  rl::random_permutation(nullptr, 0, g);
  rl::random_range(nullptr, 0, 0, 5, g);
  CHECK(state_of(g) == before);
}

TEST(test_bernoulli_agrees_between_dtypes) {
  std::vector<float> f(100);
  std::vector<uint8_t> u(100);
  Generator g(4), h(4);
  rl::bernoulli(f.data(), 100, 0.25, g);
  rl::bernoulli(u.data(), 100, 0.25, h);
  CHECK(std::equal(f.begin(), f.end(), u.begin()));
}

TEST_MAIN
