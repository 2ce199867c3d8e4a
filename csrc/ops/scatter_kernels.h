// Loops that read and write along one dimension, at the places that a tensor of indices names.
// Scatter, gather and the index_... ops differ in the strides under which they see their index.
#pragma once

#include "ops/op.h"

namespace rl {

// What meets the old value at a place.
enum class Combine : uint8_t { kWrite, kAdd, kMultiply, kLargest, kSmallest };

// A tensor under a shape of at least one dimension, and the dimension that indices run along.
struct IndexedDim {
  Dims sizes, strides;
  int dim = 0;

  // `dim` is wrapped; throws IndexError as PyTorch does.
  IndexedDim(TensorImpl* t, int64_t dim);
  int64_t length() const { return sizes[dim]; }
};

// An index as the loops see it: int64, its values within the bounds, and how they step. `shape` is
// that of the elements it chooses, with at least one dimension.
struct IndexView {
  TensorRef memory;
  Dims shape, strides;
};

// The index as scatter and gather take it: a value for every element.
IndexView element_index(TensorImpl* index);
// A vector, or one value, that chooses whole slices of `lines`.
IndexView slice_index(TensorImpl* index, const IndexedDim& lines);

// What an index has to be below, and what throws for one that is not within 0 .. size - 1.
struct Bounds {
  int64_t size;
  void (*fail)(int64_t value, int dim, int64_t size);
  int dim;
};

// Throws what `fail` throws for the first value outside low .. size - 1.
void check_places(const IndexView& index, int64_t low, int64_t size,
                  void (*fail)(int64_t value, int dim, int64_t size), int dim);
// "index 5 is out of bounds for dimension 0 with size 3", as a RuntimeError and an IndexError.
[[noreturn]] void fail_place(int64_t value, int dim, int64_t size);
[[noreturn]] void fail_index(int64_t value, int dim, int64_t size);

// target[.., index, ..] = combined with source, element by element in row-major order. `source`
// is seen under `strides`; 16-bit floats add and multiply in float and are rounded once.
void scatter_into(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
                  TensorImpl* source, const Dims& strides, Combine combine);
// target += factor * source, likewise; the factor is first converted to the tensors' dtype.
void scatter_scaled(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
                    TensorImpl* source, const Dims& strides, const Value& factor);
// out = source[.., index, ..]; `out` is row-major and has the shape of the index. The index is
// checked as it is read; without bounds the caller has checked it.
void gather_from(TensorImpl* out, TensorImpl* source, const IndexedDim& lines,
                 const IndexView& index, const Bounds* bounds = nullptr);

// Strides of a tensor under the shape of an index: those it has, or none for a 0-d tensor.
Dims strides_under(TensorImpl* t);
// What an in-place op reads besides its target: `input`, or a copy where it cannot be told whether
// the two share elements. Throws PyTorch's RuntimeError where they do.
TensorRef read_unshared(TensorImpl* target, TensorImpl* input);
// Where an op writes: the target of an in-place call, or a copy of input 0, with its strides where
// `keep_strides` and they are dense, else row-major.
TensorRef written_copy(Call& call, bool keep_strides);

}  // namespace rl
