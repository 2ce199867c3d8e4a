// Matrix products of the compute types, over memory of any strides.
#pragma once

#include <cstdint>

namespace rl {

// Elements `row` and `column` apart; a vector is a matrix with one column.
template <class T>
struct Strided {
  T* data;
  int64_t row, column;

  T* at(int64_t i, int64_t j) const { return data + i * row + j * column; }
  Strided transposed() const { return {data, column, row}; }
};

// c = alpha a @ b + beta added, for a (m, k) and b (k, n) that share no memory with c; any size may
// be 0. `added` is c itself or apart from it, and is not read where beta is 0. T: int64_t, float or
// double.
template <class T>
void multiply(int64_t m, int64_t n, int64_t k, T alpha, Strided<const T> a, Strided<const T> b,
              T beta, Strided<const T> added, Strided<T> c);

// Whether multiply() takes no memory of its own for such operands, and so may run on any thread.
template <class T>
bool multiplies_in_place(int64_t m, int64_t n, int64_t k, Strided<const T> a, Strided<const T> b,
                         Strided<T> c);

// So many multiplications as work for Unlocked; 0 where BLAS has no room for other threads' calls.
double unlocked_work(double multiplications);

}  // namespace rl
