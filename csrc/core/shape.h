// Sizes, strides and the rules on them. Sizes and strides count elements, never bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <iosfwd>
#include <string>

namespace rl {

constexpr int kMaxDims = 64;

// A short list of int64 on the stack: copies move only the entries in use.
struct Dims {
  int32_t n = 0;
  int64_t v[kMaxDims];

  Dims() {}
  Dims(const int64_t* data, int count);
  Dims(const Dims& other) { *this = other; }
  Dims& operator=(const Dims& other) {
    n = other.n;
    std::memcpy(v, other.v, sizeof(int64_t) * static_cast<size_t>(n));
    return *this;
  }
  static Dims of(std::initializer_list<int64_t> values) {
    return Dims(values.begin(), static_cast<int>(values.size()));
  }

  int64_t& operator[](int i) { return v[i]; }
  int64_t operator[](int i) const { return v[i]; }
  const int64_t* begin() const { return v; }
  const int64_t* end() const { return v + n; }
  bool operator==(const Dims& other) const {
    return n == other.n && std::memcmp(v, other.v, sizeof(int64_t) * static_cast<size_t>(n)) == 0;
  }
  void push(int64_t value);
  void insert(int at, int64_t value);
};

inline bool same_sizes(const int64_t* a, int na, const int64_t* b, int nb) {
  if (na != nb) return false;
  for (int i = 0; i < na; ++i)
    if (a[i] != b[i]) return false;
  return true;
}

// "[2, 3]"; with torch.Size around it where PyTorch prints that.
std::string to_string(const int64_t* sizes, int n);
inline std::string to_string(const Dims& dims) { return to_string(dims.v, dims.n); }

// The same as an argument of check() and fail(): formatted only when the check fails.
struct Shown {
  const int64_t* sizes;
  int n;
};
inline Shown shown(const int64_t* sizes, int n) { return {sizes, n}; }
inline Shown shown(const Dims& dims) { return {dims.v, dims.n}; }
std::ostream& operator<<(std::ostream& out, const Shown& s);

// Product of sizes. Throws where it passes int64.
int64_t checked_numel(const int64_t* sizes, int n);

// Row-major strides. A dimension of size 0 or 1 takes the stride that it would have with size 1.
inline void contiguous_strides(const int64_t* sizes, int n, int64_t* strides) {
  int64_t step = 1;
  for (int i = n; i-- > 0;) {
    strides[i] = step;
    step *= sizes[i] > 1 ? sizes[i] : 1;
  }
}

// Broadcast of two shapes, aligned at the last dimension; sizes must be equal or 1.
// Throws PyTorch's RuntimeError "The size of tensor a (3) must match ...".
void broadcast_sizes(const int64_t* a, int na, const int64_t* b, int nb, Dims& out);

// Whether `from` broadcasts to exactly `to`.
bool expandable_to(const int64_t* from, int n_from, const int64_t* to, int n_to);

// Maps -n..n-1 to 0..n-1 (a 0-d tensor counts as 1-d). Throws IndexError as PyTorch.
int wrap_dim(int64_t dim, int n);

// Replaces one -1 in `sizes` by what `numel` needs; throws "shape '[5]' is invalid ...".
void infer_size(Dims& sizes, int64_t numel);

// Strides under which the same elements are seen with other sizes; false where a copy is needed.
bool view_strides(const int64_t* sizes, const int64_t* strides, int n, const Dims& to,
                  int64_t* out);

// Every element has a memory place of its own, and the places leave no gap.
bool dense_non_overlapping(const int64_t* sizes, const int64_t* strides, int n);
// Dense strides that keep the order of the dimensions in memory, as PyTorch's empty_like finds it.
void similar_strides(const int64_t* sizes, const int64_t* strides, int n, int64_t* out);
// Two different indices may reach one place (an expanded tensor).
bool may_overlap(const int64_t* sizes, const int64_t* strides, int n);

}  // namespace rl
