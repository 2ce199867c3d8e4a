#include "ops/search.h"

#include <algorithm>
#include <cstring>

#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/places.h"
#include "ops/scatter_kernels.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// Whether the place of a value is behind `at`. nan is above all.
template <class T, bool kRight>
bool is_behind(T at, T value) {
  return kRight ? !(at > value) : !(at >= value);
}

// In a line of `n` boundaries, read through `sorter` where there is one. Steps by arithmetic: which
// way a search turns is a coin's toss to the branch predictor.
template <class T, bool kRight>
int64_t place_of(const T* line, const int64_t* sorter, int64_t n, T value) {
  if (n == 0) return 0;
  int64_t low = 0;
  while (n > 1) {
    int64_t half = n / 2, mid = low + half - 1;
    low += is_behind<T, kRight>(line[sorter ? sorter[mid] : mid], value) ? half : 0;
    n -= half;
  }
  return low + is_behind<T, kRight>(line[sorter ? sorter[low] : low], value);
}

struct Search {
  TensorImpl *boundaries, *input, *sorter;
  bool out_int32, right;
  DType type;  // in which values are compared
};

template <class T, class Index>
void search_as(const Search& s, TensorImpl* boundaries, TensorImpl* input, TensorImpl* sorter,
               TensorImpl* out) {
  const auto* line = reinterpret_cast<const T*>(boundaries->data());
  const auto* values = reinterpret_cast<const T*>(input->data());
  const auto* order = sorter ? reinterpret_cast<const int64_t*>(sorter->data()) : nullptr;
  auto* to = reinterpret_cast<Index*>(out->mut_data());
  const bool shared = s.boundaries->ndim() == 1;
  const int64_t n = boundaries->sizes()[boundaries->ndim() - 1];
  const int64_t width = input->ndim() ? input->sizes()[input->ndim() - 1] : 1;
  for (int64_t i = 0, count = input->numel(); i < count; ++i) {
    int64_t start = shared ? 0 : i / width * n;
    const int64_t* by = order ? order + start : nullptr;
    int64_t place = s.right ? place_of<T, true>(line + start, by, n, values[i])
                            : place_of<T, false>(line + start, by, n, values[i]);
    to[i] = static_cast<Index>(place);
  }
}

TensorRef search(const Search& s) {
  check(s.type != DType::kBool, ErrorKind::kNotImplemented,
        "\"searchsorted_out_cpu\" not implemented for 'Bool'");
  auto ready = [&](TensorImpl* t) {
    return t->is_contiguous() && t->dtype() == s.type ? TensorRef::borrow(t)
                                                      : converted_copy(t, s.type);
  };
  TensorRef boundaries = ready(s.boundaries), input = ready(s.input), sorter;
  if (s.sorter) sorter = converted_copy(s.sorter, DType::kInt64);
  TensorRef out = TensorImpl::empty(s.out_int32 ? DType::kInt32 : DType::kInt64, s.input->shape());
  dispatch_dtype(s.type, [&](auto zero) {
    using T = decltype(zero);
    if (s.out_int32)
      search_as<T, int32_t>(s, boundaries.get(), input.get(), sorter.get(), out.get());
    else
      search_as<T, int64_t>(s, boundaries.get(), input.get(), sorter.get(), out.get());
  });
  return out;
}

// Whether the places above equal values are wanted: `right`, or its newer name.
bool goes_right(bool right, const Value& side) {
  if (side.is_none()) return right;
  bool is_right = std::strcmp(side.s, "right") == 0;
  check(is_right || std::strcmp(side.s, "left") == 0, ErrorKind::kRuntime,
        "torch.searchsorted(): side can only be 'left' or 'right' but got ", side.s);
  check(is_right || !right, ErrorKind::kRuntime,
        "torch.searchsorted(): side and right can't be set to opposites, got side of ", side.s,
        " while right was True");
  return is_right;
}

void check_sorter(TensorImpl* sorter, TensorImpl* boundaries) {
  check(
      sorter->shape() == boundaries->shape(), ErrorKind::kRuntime,
      "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor ",
      shown(boundaries->sizes(), boundaries->ndim()), "and got sorter tensor ",
      shown(sorter->sizes(), sorter->ndim()));
  check(sorter->dtype() == DType::kInt64, ErrorKind::kRuntime,
        "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype ",
        dtype_title(sorter->dtype()));
  if (sorter->numel() == 0) return;
  int64_t size = sorter->ndim() ? sorter->sizes()[sorter->ndim() - 1] : 1;
  check_places(
      element_index(sorter), 0, size,
      [](int64_t, int, int64_t) {
        fail(ErrorKind::kRuntime, "torch.searchsorted(): sorter index out of range");
      },
      0);
}

// `scalar`: the input is a 0-d tensor made of a number.
void search_sorted(Call& call, TensorImpl* input, DType type) {
  TensorImpl* boundaries = call.tensor(0);
  bool right = goes_right(call.args[3].i, call.args[4]);
  TensorImpl* sorter = call.args[5].is_none() ? nullptr : call.tensor(5);
  if (sorter) check_sorter(sorter, boundaries);
  check(input->ndim() > 0 || boundaries->ndim() == 1, ErrorKind::kRuntime,
        "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension "
        "is 1, but we got boundaries tensor dim(",
        boundaries->ndim(), ") and input value's dim(", input->ndim(), ") numel(", input->numel(),
        ")");
  check(boundaries->ndim() > 0, ErrorKind::kRuntime,
        "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 "
        "dimension");
  bool fits = boundaries->ndim() == input->ndim();
  for (int d = 0; fits && d < input->ndim() - 1; ++d)
    fits = input->sizes()[d] == boundaries->sizes()[d];
  check(boundaries->ndim() == 1 || fits, ErrorKind::kRuntime,
        "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions "
        "of boundaries tensor and input value tensor must match, but we got boundaries tensor ",
        shown(boundaries->sizes(), boundaries->ndim()), " and input value tensor ",
        shown(input->sizes(), input->ndim()));
  call.output = search({boundaries, input, sorter, call.args[2].i != 0, right, type});
}

DType common_type(TensorImpl* a, TensorImpl* b) {
  ResultType type;
  type.add_tensor(a->dtype(), a->ndim());
  type.add_tensor(b->dtype(), b->ndim());
  return type.get();
}

DType common_type(TensorImpl* t, const Value& number) {
  ResultType type;
  type.add_tensor(t->dtype(), t->ndim());
  type.add_number(number.number_category());
  return type.get();
}

void bucketize(Call& call, TensorImpl* input, TensorImpl* boundaries, DType type) {
  check(boundaries->ndim() == 1, ErrorKind::kRuntime,
        "boundaries tensor must be 1 dimension, but got dim(", boundaries->ndim(), ")");
  call.output =
      search({boundaries, input, nullptr, call.args[2].i != 0, call.args[3].i != 0, type});
}

}  // namespace

void SearchSorted::forward(Call& call) {
  search_sorted(call, call.tensor(1), common_type(call.tensor(0), call.tensor(1)));
}

void SearchSortedNumber::forward(Call& call) {
  DType type = common_type(call.tensor(0), call.args[1]);
  search_sorted(call, number_tensor(call.args[1], type).get(), type);
}

void Bucketize::forward(Call& call) {
  bucketize(call, call.tensor(0), call.tensor(1), common_type(call.tensor(0), call.tensor(1)));
}

void BucketizeNumber::forward(Call& call) {
  DType type = common_type(call.tensor(1), call.args[0]);
  bucketize(call, number_tensor(call.args[0], type).get(), call.tensor(1), type);
}

void NonzeroStatic::forward(Call& call) {
  int64_t size = call.args[1].i;
  check(size >= 0, ErrorKind::kRuntime, "nonzero_static: 'size' must be an non-negative integer");
  Tensor found = contiguous_clone(call_op(op_of<Nonzero>(), {call.args[0]}));
  int64_t width = found->sizes()[1], rows = std::min(size, found->sizes()[0]);
  call.output = TensorImpl::empty(DType::kInt64, Dims::of({size, width}));
  auto* to = reinterpret_cast<int64_t*>(call.output->mut_data());
  const auto* from = reinterpret_cast<const int64_t*>(found->data());
  std::copy_n(from, rows * width, to);
  std::fill(to + rows * width, to + size * width, call.args[2].i);
}

void Argwhere::forward(Call& call) {
  call.output = call_op(op_of<Nonzero>(), {call.args[0]}).ref();
}

}  // namespace rl::ops

namespace rl {

void add_search_ops(std::vector<Op*>& table) { add_ops(ops::SearchOps{}, table); }

}  // namespace rl
