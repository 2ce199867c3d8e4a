#include "core/shape.h"

#include <algorithm>

#include "core/error.h"

namespace rl {

Dims::Dims(const int64_t* data, int count) {
  check(count <= kMaxDims, ErrorKind::kRuntime, "tensors of more than ", kMaxDims,
        " dimensions are not supported, got ", count);
  n = count;
  if (count) std::memcpy(v, data, sizeof(int64_t) * static_cast<size_t>(count));
}

void Dims::push(int64_t value) { insert(n, value); }

void Dims::insert(int at, int64_t value) {
  check(n < kMaxDims, ErrorKind::kRuntime, "tensors of more than ", kMaxDims,
        " dimensions are not supported");
  std::memmove(v + at + 1, v + at, sizeof(int64_t) * static_cast<size_t>(n - at));
  v[at] = value;
  ++n;
}

std::string to_string(const int64_t* sizes, int n) {
  std::string out = "[";
  for (int i = 0; i < n; ++i) {
    if (i) out += ", ";
    out += std::to_string(sizes[i]);
  }
  return out + "]";
}

std::ostream& operator<<(std::ostream& out, const Shown& s) {
  return out << to_string(s.sizes, s.n);
}

int64_t checked_numel(const int64_t* sizes, int n) {
  int64_t product = 1;
  bool overflow = false, zero = false;
  for (int i = 0; i < n; ++i) {
    if (sizes[i] == 0) zero = true;
    overflow |= __builtin_mul_overflow(product, sizes[i], &product);
  }
  if (zero) return 0;
  check(!overflow, ErrorKind::kRuntime,
        "Storage size calculation overflowed with sizes=", shown(sizes, n));
  return product;
}

void broadcast_sizes(const int64_t* a, int na, const int64_t* b, int nb, Dims& out) {
  out.n = std::max(na, nb);
  for (int i = out.n; i-- > 0;) {  // from the last, as PyTorch reports it
    int64_t x = i < out.n - na ? 1 : a[i - (out.n - na)];
    int64_t y = i < out.n - nb ? 1 : b[i - (out.n - nb)];
    if (x != y && x != 1 && y != 1) [[unlikely]]
      fail(ErrorKind::kRuntime, "The size of tensor a (", x, ") must match the size of tensor b (",
           y, ") at non-singleton dimension ", i, "\n  the shapes are ", shown(a, na), " and ",
           shown(b, nb));
    out.v[i] = x == 1 ? y : x;
  }
}

bool expandable_to(const int64_t* from, int n_from, const int64_t* to, int n_to) {
  if (n_from > n_to) return false;
  for (int i = 0; i < n_from; ++i) {
    int64_t size = from[n_from - 1 - i];
    if (size != to[n_to - 1 - i] && size != 1) return false;
  }
  return true;
}

int wrap_dim(int64_t dim, int n) {
  int64_t range = n > 0 ? n : 1;
  check(dim >= -range && dim < range, ErrorKind::kIndex,
        "Dimension out of range (expected to be in range of [", -range, ", ", range - 1,
        "], but got ", dim, ")");
  return static_cast<int>(dim < 0 ? dim + range : dim);
}

void infer_size(Dims& sizes, int64_t numel) {
  int inferred = -1;
  int64_t known = 1;
  const Dims asked_sizes = sizes;
  const Shown asked = shown(asked_sizes);
  for (int i = 0; i < sizes.n; ++i) {
    if (sizes[i] == -1) {
      check(inferred < 0, ErrorKind::kRuntime, "only one dimension can be inferred");
      inferred = i;
    } else {
      check(sizes[i] >= 0, ErrorKind::kRuntime, "invalid shape dimension ", sizes[i], " at index ",
            i, " of shape ", to_string(sizes));
      bool overflow = __builtin_mul_overflow(known, sizes[i], &known);
      check(!overflow, ErrorKind::kRuntime, "shape '", asked, "' is invalid for input of size ",
            numel);
    }
  }
  if (inferred >= 0) {
    check(known != 0 || numel != 0, ErrorKind::kRuntime,
          "cannot reshape tensor of 0 elements into shape ", asked,
          " because the unspecified dimension size -1 can be any value and is ambiguous");
    check(known != 0 && numel % known == 0, ErrorKind::kRuntime, "shape '", asked,
          "' is invalid for input of size ", numel);
    sizes[inferred] = numel / known;
    return;
  }
  check(known == numel, ErrorKind::kRuntime, "shape '", asked, "' is invalid for input of size ",
        numel);
}

bool view_strides(const int64_t* sizes, const int64_t* strides, int n, const Dims& to,
                  int64_t* out) {
  int64_t numel = checked_numel(sizes, n);
  if (numel == 0 || n == 0) {
    contiguous_strides(to.v, to.n, out);
    return true;
  }
  // Walk both shapes from the back; each run of mergeable old dimensions must be split exactly.
  int view = to.n - 1;
  int64_t run_stride = strides[n - 1];
  int64_t run_numel = 1, view_numel = 1;
  for (int i = n; i-- > 0;) {
    run_numel *= sizes[i];
    bool run_ends = i == 0 || (sizes[i - 1] != 1 && strides[i - 1] != run_numel * run_stride);
    if (!run_ends) continue;
    while (view >= 0 && (view_numel < run_numel || to[view] == 1)) {
      out[view] = view_numel * run_stride;
      view_numel *= to[view--];
    }
    if (view_numel != run_numel) return false;
    if (i > 0) {
      run_stride = strides[i - 1];
      run_numel = view_numel = 1;
    }
  }
  return view == -1;
}

namespace {
// Dimensions of size > 1, ordered by falling stride.
int sorted_dims(const int64_t* sizes, const int64_t* strides, int n, int* order) {
  int count = 0;
  for (int i = 0; i < n; ++i)
    if (sizes[i] > 1) order[count++] = i;
  std::stable_sort(order, order + count, [&](int a, int b) { return strides[a] > strides[b]; });
  return count;
}
}  // namespace

bool dense_non_overlapping(const int64_t* sizes, const int64_t* strides, int n) {
  int order[kMaxDims];
  int count = sorted_dims(sizes, strides, n, order);
  int64_t expected = 1;
  for (int k = count; k-- > 0;) {
    if (strides[order[k]] != expected) return false;
    expected *= sizes[order[k]];
  }
  return true;
}

void similar_strides(const int64_t* sizes, const int64_t* strides, int n, int64_t* out) {
  if (dense_non_overlapping(sizes, strides, n)) {
    for (int d = 0; d < n; ++d) out[d] = strides[d];
    return;
  }
  // -1, 0 or 1: whether dimension a is nearer in memory than b. Stride 0 says nothing.
  auto compare = [&](int a, int b) {
    if (strides[a] == 0 || strides[b] == 0) return 0;
    if (strides[a] != strides[b]) return strides[a] < strides[b] ? -1 : 1;
    return sizes[a] > sizes[b] ? 1 : 0;
  };
  int order[kMaxDims];  // nearest first
  for (int d = 0; d < n; ++d) order[d] = n - 1 - d;
  for (int i = 1; i < n; ++i)
    for (int moved = i, at = i; at-- > 0;) {
      int found = compare(order[at], order[moved]);
      if (found < 0) break;
      if (found == 0) continue;
      std::swap(order[at], order[moved]);
      moved = at;
    }
  int64_t step = 1;
  for (int i = 0; i < n; ++i) {
    out[order[i]] = step;
    step *= sizes[order[i]] > 1 ? sizes[order[i]] : 1;
  }
}

bool may_overlap(const int64_t* sizes, const int64_t* strides, int n) {
  for (int i = 0; i < n; ++i)
    if (sizes[i] == 0) return false;
  int order[kMaxDims];
  int count = sorted_dims(sizes, strides, n, order);
  int64_t reach = 0;  // largest offset inside the dimensions seen so far
  for (int k = count; k-- > 0;) {
    int64_t stride = strides[order[k]];
    if (stride <= reach) return true;
    reach += stride * (sizes[order[k]] - 1);
  }
  return false;
}

}  // namespace rl
