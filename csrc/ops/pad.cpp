#include "ops/pad.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include "ops/copy.h"
#include "ops/places.h"
#include "ops/table.h"
#include "ops/view.h"

namespace rl::ops {

void ConstantPadNd::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Dims& pad = *call.args[1].dims;
  int n = t->ndim(), first = n - pad.n / 2;
  check(pad.n % 2 == 0, ErrorKind::kRuntime, "Length of pad must be even but instead it equals ",
        pad.n);
  check(first >= 0, ErrorKind::kRuntime,
        "Length of pad should be no more than twice the number of dimensions of the input. Pad "
        "length is ",
        pad.n, "while the input has ", n, "dimensions.");
  // What is left of the input, where it begins there, and where it goes.
  Dims kept = t->shape(), sizes = kept;
  int64_t from_offset = 0;
  bool grows = false;
  for (int d = first; d < n; ++d) {
    const int64_t* pair = pad.v + 2 * (n - d - 1);
    for (int side = 0; side < 2; ++side) {
      grows = grows || pair[side] > 0;
      if (pair[side] >= 0) continue;
      check(pair[side] >= -kept[d], ErrorKind::kRuntime, "narrow(): length must be non-negative.");
      kept[d] += pair[side];
      if (side == 0) from_offset -= pair[0] * t->strides()[d];
    }
  }
  if (!grows) {
    TensorRef part =
        TensorImpl::alias(t->storage(), t->dtype(), kept, t->strides(), t->offset() + from_offset);
    call.output = clone(Tensor(part)).ref();
    return;
  }
  for (int d = first; d < n; ++d) {
    const int64_t* pair = pad.v + 2 * (n - d - 1);
    bool overflow = __builtin_add_overflow(sizes[d], pair[0], &sizes[d]) ||
                    __builtin_add_overflow(sizes[d], pair[1], &sizes[d]);
    check(!overflow && sizes[d] >= 0, ErrorKind::kRuntime, "The input size ", t->sizes()[d],
          ", plus negative padding ", pair[0], " and ", pair[1],
          " resulted in a negative output size, which is invalid. Check dimension ", d,
          " of your input.");
  }
  check_fits(call.args[2], t->dtype());
  double number = std::abs(call.args[2].as_double());
  // fill_ would make an infinity of it.
  check(t->dtype() != DType::kFloat16 || number <= 65504 || std::isinf(number) || number != number,
        ErrorKind::kRuntime, "value cannot be converted to type c10::Half without overflow");
  check(t->dtype() != DType::kBFloat16 || number <= 3.3895313892515355e38 || std::isinf(number) ||
            number != number,
        ErrorKind::kRuntime, "value cannot be converted to type c10::BFloat16 without overflow");
  TensorRef out = TensorImpl::empty(t->dtype(), sizes);
  fill(out.get(), call.args[2]);
  int64_t to_offset = 0;
  for (int d = first; d < n; ++d)
    to_offset += std::max<int64_t>(pad[2 * (n - d - 1)], 0) * out->strides()[d];
  if (checked_numel(kept.v, n))
    copy_places(out.get(), strides_of(out.get()), to_offset, t, strides_of(t), from_offset, kept);
  call.output = std::move(out);
}

void ConstantPadNd::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims pad = node.slot(0).as_dims();
  for (int i = 0; i < pad.n; ++i) pad[i] = -pad[i];
  grad_in[0] =
      call_op(op_of<ConstantPadNd>(), {Value::of(grad_out[0].get()), Value::of(pad)}).ref();
}

namespace {

// One padded dimension: output j is input from[j]; [begin, end) of the output is the input itself,
// which starts there at from[begin].
struct Border {
  std::vector<int64_t> from;
  int64_t begin, end;
};

Border border_of(int64_t size, int64_t before, int64_t padded, bool reflects) {
  Border border;
  border.from.resize(static_cast<size_t>(padded));
  for (int64_t j = 0; j < padded; ++j) {
    int64_t x = j - before;
    if (reflects)
      x = x < 0 ? -x : x >= size ? 2 * (size - 1) - x : x;
    else
      x = std::min(std::max<int64_t>(x, 0), size - 1);
    border.from[static_cast<size_t>(j)] = x;
  }
  border.begin = std::min(std::max<int64_t>(before, 0), padded);
  border.end = std::max(std::min(before + size, padded), border.begin);
  return border;
}

// The last N dimensions padded; all before them are one. Missing ones count as 1.
struct Plan {
  int64_t outer = 1, in_size[3] = {1, 1, 1}, out_size[3] = {1, 1, 1};
  Border border[3];
  Dims sizes;  // of the output
};

// Whether only the batch may be empty.
bool valid_sizes(TensorImpl* t, int n) {
  bool batch = t->ndim() == n + 2;
  if (!batch && t->ndim() != n + 1) return false;
  for (int d = batch ? 1 : 0; d < t->ndim(); ++d)
    if (t->sizes()[d] == 0) return false;
  return true;
}

Plan plan_of(const Dims& input, const Dims& padding, int n, bool reflects) {
  Plan plan;
  plan.sizes = input;
  int first = input.n - n;
  for (int d = 0; d < first; ++d) plan.outer *= input[d];
  for (int d = 0; d < n; ++d) {
    const int64_t* pair = padding.v + 2 * (n - d - 1);
    int64_t size = input[first + d], padded = size + pair[0] + pair[1];
    int at = 3 - n + d;
    plan.in_size[at] = size;
    plan.out_size[at] = plan.sizes[first + d] = padded;
    plan.border[at] = border_of(size, pair[0], padded, reflects);
  }
  for (int at = 0; at < 3 - n; ++at) plan.border[at] = border_of(1, 0, 1, false);
  return plan;
}

// Refuses what PyTorch refuses, before anything as large as the result is made.
void check_border(const char* name, TensorImpl* t, const Dims& padding, int n, bool reflects) {
  check(padding.n == 2 * n, ErrorKind::kRuntime, "padding size is expected to be ", 2 * n,
        ", but got: ", padding.n);
  check(valid_sizes(t, n), ErrorKind::kRuntime, "Expected ", n + 1, "D or ", n + 2,
        "D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
        "input, but got: ",
        shown(t->sizes(), t->ndim()));
  Dims sizes = t->shape(), padded = sizes;
  bool fits = false;
  for (int i = 0; i < n; ++i) {
    int d = t->ndim() - 1 - i;
    int64_t before = padding[2 * i], behind = padding[2 * i + 1];
    check(!reflects || (before < sizes[d] && behind < sizes[d]), ErrorKind::kRuntime, "Argument #",
          4 + 2 * i,
          ": Padding size should be less than the corresponding input dimension, but got: padding "
          "(",
          before, ", ", behind, ") at dimension ", d, " of input ", shown(sizes));
    bool overflow = __builtin_add_overflow(sizes[d], before, &padded[d]) ||
                    __builtin_add_overflow(padded[d], behind, &padded[d]);
    check(!overflow, ErrorKind::kRuntime, "numel: integer multiplication overflow");
    fits = fits || padded[d] >= 1;
  }
  if (!fits) {
    constexpr const char* kLetters[] = {"W", "H", "D"};
    std::string in, out;
    for (int i = n; i-- > 0;) {
      const char* gap = i ? (n == 3 ? " " : ", ") : "";
      int d = t->ndim() - 1 - i;
      in += concat(kLetters[i], ": ", sizes[d], gap);
      out += concat(" ", kLetters[i], ": ", padded[d]);
    }
    fail(ErrorKind::kRuntime, "input (", in, ") is too small. Calculated output", out);
  }
  for (int64_t size : padded)
    check(size >= 0, ErrorKind::kRuntime, "Trying to create tensor with negative dimension ", size,
          ": ", shown(padded));
  check(t->dtype() != DType::kBool, ErrorKind::kNotImplemented, '"', name,
        "\" not implemented for 'Bool'");
  checked_numel(padded.v, padded.n);
}

// Calls visit(row of the padded tensor, row of the input) in row-major order, for all outer ones.
template <class Visit>
void for_each_row(const Plan& plan, const Visit& visit) {
  int64_t plane = plan.in_size[1] * plan.in_size[2], volume = plan.in_size[0] * plane;
  int64_t row = 0;
  for (int64_t o = 0; o < plan.outer; ++o)
    for (int64_t depth : plan.border[0].from)
      for (int64_t height : plan.border[1].from)
        visit(row++ * plan.out_size[2], o * volume + depth * plane + height * plan.in_size[2]);
}

template <class Word>
void copy_bordered(Word* to, const Word* from, const Border& border) {
  auto padded = static_cast<int64_t>(border.from.size());
  const int64_t* place = border.from.data();
  for (int64_t j = 0; j < border.begin; ++j) to[j] = from[place[j]];
  if (border.begin < border.end)
    std::memcpy(to + border.begin, from + place[border.begin],
                static_cast<size_t>(border.end - border.begin) * sizeof(Word));
  for (int64_t j = border.end; j < padded; ++j) to[j] = from[place[j]];
}

template <class T>
void add_bordered(T* to, const T* from, const Border& border) {
  auto padded = static_cast<int64_t>(border.from.size());
  const int64_t* place = border.from.data();
  for (int64_t j = 0; j < border.begin; ++j) to[place[j]] = static_cast<T>(to[place[j]] + from[j]);
  if (border.begin < border.end) {
    T* middle = to + place[border.begin];
    const T* source = from + border.begin;
    for (int64_t j = 0, n = border.end - border.begin; j < n; ++j)
      middle[j] = static_cast<T>(middle[j] + source[j]);
  }
  for (int64_t j = border.end; j < padded; ++j)
    to[place[j]] = static_cast<T>(to[place[j]] + from[j]);
}

void pad_borders(Call& call, int n, bool reflects) {
  TensorImpl* t = call.tensor(0);
  const Dims& padding = *call.args[1].dims;
  check_border(call.op->record->name + 1, t, padding, n, reflects);
  Plan plan = plan_of(t->shape(), padding, n, reflects);
  TensorRef source = row_major(t), out = TensorImpl::empty(t->dtype(), plan.sizes);
  with_word(t->dtype(), [&](auto word) {
    using Word = decltype(word);
    auto* to = reinterpret_cast<Word*>(out->mut_data());
    const auto* from = reinterpret_cast<const Word*>(source->data());
    for_each_row(plan, [&](int64_t padded, int64_t input) {
      copy_bordered(to + padded, from + input, plan.border[2]);
    });
  });
  call.output = std::move(out);
}

template <class Backward>
void border_gradient(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims padding = node.slot(0).as_dims();
  TensorRef input = node.saved(1);
  grad_in[0] = call_op(op_of<Backward>(),
                       {Value::of(grad_out[0].get()), Value::of(input.get()), Value::of(padding)})
                   .ref();
}

}  // namespace

template <class Pad>
void BorderBackward<Pad>::forward(Call& call) {
  TensorImpl* t = call.tensor(1);
  Plan plan = plan_of(t->shape(), *call.args[2].dims, Pad::kDims, Pad::kReflects);
  TensorRef grad = row_major(call.tensor(0));
  TensorRef out = full(t->shape(), grad->dtype(), 0).ref();
  dispatch_dtype(grad->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsFloat<T>) {
      auto* to = reinterpret_cast<T*>(out->mut_data());
      const auto* from = reinterpret_cast<const T*>(grad->data());
      for_each_row(plan, [&](int64_t padded, int64_t input) {
        add_bordered(to + input, from + padded, plan.border[2]);
      });
    }
  });
  call.output = std::move(out);
}

template <class Pad>
void BorderBackward<Pad>::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims padding = node.slot(0).as_dims();
  if (node.wants(0))
    grad_in[0] = call_op(op_of<Pad>(), {Value::of(grad_out[0].get()), Value::of(padding)}).ref();
  if (node.wants(1)) grad_in[1] = full(node.slot(1).as_dims(), grad_out[0]->dtype(), 0).ref();
}

#define RL_BORDER(Pad)                                                             \
  void Pad::forward(Call& call) { pad_borders(call, Pad::kDims, Pad::kReflects); } \
  void Pad::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {      \
    border_gradient<Pad##Backward>(node, grad_out, grad_in);                       \
  }                                                                                \
  template struct BorderBackward<Pad>;
RL_BORDER(ReflectionPad1d)
RL_BORDER(ReflectionPad2d)
RL_BORDER(ReflectionPad3d)
RL_BORDER(ReplicationPad1d)
RL_BORDER(ReplicationPad2d)
RL_BORDER(ReplicationPad3d)
#undef RL_BORDER

namespace {

void write(const Tensor& part, const Tensor& value) {
  Call call(op_of<Copy>());
  call.args[0] = part.value();
  call.args[1] = value.value();
  call.args[2] = Value::of_bool(false);
  call.target = part.get();
  dispatch(call);
}

int64_t positive(int64_t x) { return std::max<int64_t>(x, 0); }

}  // namespace

void PadCircular::forward(Call& call) {
  Tensor t(TensorRef::borrow(call.tensor(0)));
  const Dims& pad = *call.args[1].dims;
  Dims in = t->shape(), sizes = in;
  int n = pad.n / 2;
  check(pad.n % 2 == 0 && n + 1 <= in.n, ErrorKind::kRuntime,
        "Invalid padding size, expected at most ", 2 * (in.n - 1), " numbers in pairs but got ",
        pad.n);
  for (int i = n; i-- > 0;) {
    int d = in.n - 1 - i;
    // What is cut off at one side is missing when the other wraps around.
    int64_t before = pad[2 * i], behind = pad[2 * i + 1];
    int64_t most = in[d] - std::min(positive(-before) + positive(-behind), in[d]);
    check(std::max(before, behind) <= std::max(most, int64_t{0}) || in[d] + before + behind < 0,
          ErrorKind::kRuntime, "Padding value causes wrapping around more than once.");
    bool overflow = __builtin_add_overflow(sizes[d], pad[2 * i], &sizes[d]) ||
                    __builtin_add_overflow(sizes[d], pad[2 * i + 1], &sizes[d]);
    check(!overflow && sizes[d] >= 0, ErrorKind::kRuntime,
          "Negative padding value is resulting in an empty dimension");
  }
  Tensor out(TensorImpl::empty(t->dtype(), sizes));
  Tensor middle = out, kept = t;
  for (int i = 0; i < n; ++i) {
    int d = in.n - 1 - i;
    int64_t before = pad[2 * i], behind = pad[2 * i + 1];
    middle = slice(middle, d, positive(before), sizes[d] - positive(behind), 1);
    kept = slice(kept, d, positive(-before), in[d] - positive(-behind), 1);
  }
  write(middle, kept);
  for (int i = 0; i < n; ++i) {
    int d = in.n - 1 - i;
    int64_t before = pad[2 * i], behind = pad[2 * i + 1], end = sizes[d] - positive(behind);
    if (before > 0) write(slice(out, d, 0, before, 1), slice(out, d, end - before, end, 1));
    if (behind > 0)
      write(slice(out, d, sizes[d] - behind, sizes[d], 1),
            slice(out, d, positive(before), positive(before) + behind, 1));
  }
  call.output = out.ref();
}

namespace {

const Op* border_op(std::string_view mode, int pads, int dims) {
  bool reflects = mode == "reflect", circular = mode == "circular";
  if (pads == 2 && (dims == 2 || dims == 3))
    return circular   ? &op_of<PadCircular>()
           : reflects ? &op_of<ReflectionPad1d>()
                      : &op_of<ReplicationPad1d>();
  if (pads == 4 && (dims == 3 || dims == 4))
    return circular   ? &op_of<PadCircular>()
           : reflects ? &op_of<ReflectionPad2d>()
                      : &op_of<ReplicationPad2d>();
  if (pads == 6 && (dims == 4 || dims == 5))
    return circular   ? &op_of<PadCircular>()
           : reflects ? &op_of<ReflectionPad3d>()
                      : &op_of<ReplicationPad3d>();
  return nullptr;
}

}  // namespace

void Pad::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Dims& pad = *call.args[1].dims;
  std::string_view mode = call.args[2].s;
  bool known = mode == "constant" || mode == "reflect" || mode == "replicate" || mode == "circular";
  check(known, ErrorKind::kNotImplemented, "Unrecognised padding mode ", mode);
  check(pad.n % 2 == 0, ErrorKind::kRuntime, "Padding length must be divisible by 2");
  check(pad.n <= 2 * t->ndim(), ErrorKind::kRuntime,
        "Padding length should be less than or equal to two times the input dimension but got "
        "padding length ",
        pad.n, " and input of dimension ", t->ndim());
  const Value& value = call.args[3];
  if (mode == "constant") {
    Value number = value.is_none() ? Value::of_int(0) : value;
    call.output = call_op(op_of<ConstantPadNd>(), {call.args[0], call.args[1], number}).ref();
    return;
  }
  check(value.is_none() || value.as_double() == 0, ErrorKind::kRuntime, "Padding mode \"", mode,
        "\" doesn't take in value argument");
  const Op* op = border_op(mode, pad.n, t->ndim());
  check(op, ErrorKind::kNotImplemented, "Padding size ", pad.n, " is not supported for ", t->ndim(),
        "D input tensor.\n"
        "Supported combinations for non-constant padding:\n"
        "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
        "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
        "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)");
  call.output = call_op(*op, {call.args[0], call.args[1]}).ref();
}

}  // namespace rl::ops

namespace rl {

void add_pad_ops(std::vector<Op*>& table) { add_ops(ops::PadOps{}, table); }

}  // namespace rl
