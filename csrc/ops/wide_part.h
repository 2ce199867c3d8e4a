// The part of a tensor that an index names, in a wider dtype and memory of its own.
#pragma once

#include <vector>

#include "ops/scatter_kernels.h"

namespace rl {

// The slices that an index names, each once; the whole tensor where they are not few, or where the
// index is no vector of slices.
class WidePart {
 public:
  WidePart(TensorImpl* whole, const IndexedDim& lines, const IndexView& index, DType dtype);
  TensorImpl* part() const { return part_.get(); }
  const IndexedDim& lines() const { return lines_; }  // of the part
  const IndexView& index() const { return index_; }   // into the part
  // Rounds the part into the tensor that it was taken from.
  void write_back();

 private:
  template <class Copy>
  void each_slice(const Copy& copy) const;

  TensorImpl* whole_;
  IndexedDim from_, lines_;
  IndexView index_;
  std::vector<int64_t> places_;  // of the slices, ascending; empty: all
  TensorRef part_;
};

// Whether the index is one place for each slice, and the slices are met whole.
bool chooses_slices(const IndexedDim& lines, const IndexView& index);

}  // namespace rl
