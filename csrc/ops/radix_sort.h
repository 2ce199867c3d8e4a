// Sorting a line by the digits of its elements: stable, without a comparison, of any dtype.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "ops/lines.h"

namespace rl::ops {

namespace radix {

template <class T>
using Key = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
template <class K>
constexpr K kSign = K{1} << (8 * sizeof(K) - 1);

// An element as a number in the order of sorting: equal ones have one number, nan the largest.
template <class T>
Key<T> key_of(T x) {
  using K = Key<T>;
  if constexpr (kIsFloat<T>) {
    const auto y = sort_key(x);
    const K bits = std::bit_cast<K>(y + 0);  // one number for both zeros
    return y != y ? ~K{0} : bits & kSign<K> ? ~bits : bits | kSign<K>;
  } else {
    return static_cast<K>(x) ^ kSign<K>;
  }
}

// The element of a number, or a nan or zero, which are several.
template <class T>
T element_of(Key<T> key) {
  using K = Key<T>;
  if constexpr (kIsFloat<T>) {
    const K bits = key & kSign<K> ? key ^ kSign<K> : ~key;
    return static_cast<T>(std::bit_cast<decltype(sort_key(T{}))>(bits));
  } else {
    return static_cast<T>(key ^ kSign<K>);
  }
}

template <class K>
struct Item {
  K key;
  uint32_t place;
};

// Sorts n items of keys of `digits` bytes; returns which of the two rooms has them.
template <class K>
Item<K>* sort_items(Item<K>* items, Item<K>* other, int64_t n, int digits) {
  uint32_t counts[8][256] = {};
  for (int64_t i = 0; i < n; ++i)
    for (int d = 0; d < digits; ++d) ++counts[d][items[i].key >> (8 * d) & 255];
  for (int d = 0; d < digits; ++d) {
    if (counts[d][items[0].key >> (8 * d) & 255] == n) continue;
    uint32_t at = 0;
    for (uint32_t& count : counts[d]) at += std::exchange(count, at);
    for (int64_t i = 0; i < n; ++i) other[counts[d][items[i].key >> (8 * d) & 255]++] = items[i];
    std::swap(items, other);
  }
  return items;
}

// By numbers less the lowest, which fit into K.
template <bool descending, class K, class T>
void sort_line(const T* x, int64_t n, Key<T> low, Key<T> high, int digits, T* values,
               int64_t* places, void* room) {
  auto* items = static_cast<Item<K>*>(room);
  for (int64_t i = 0; i < n; ++i) {
    const Key<T> key = key_of(x[i]);
    items[i] = {static_cast<K>(descending ? high - key : key - low), static_cast<uint32_t>(i)};
  }
  items = sort_items(items, items + n, n, digits);
  if (places)
    for (int64_t i = 0; i < n; ++i) places[i] = items[i].place;
  for (int64_t i = 0; i < n; ++i) {
    const Key<T> key = descending ? high - items[i].key : low + items[i].key;
    const bool several = kIsFloat<T> && (key == ~Key<T>{0} || key == key_of(T{}));
    values[i] = several ? x[items[i].place] : element_of<T>(key);
  }
}

// Numbers of one digit say where their elements go.
template <bool descending, class T>
void sort_by_digit(const T* x, int64_t n, Key<T> low, Key<T> high, T* values, int64_t* places) {
  auto digit = [&](T value) { return descending ? high - key_of(value) : key_of(value) - low; };
  uint32_t counts[256] = {};
  for (int64_t i = 0; i < n; ++i) ++counts[digit(x[i])];
  uint32_t start = 0;
  for (uint32_t& count : counts) start += std::exchange(count, start);
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t at = counts[digit(x[i])]++;
    values[at] = x[i];
    if (places) places[at] = i;
  }
}

// Bytes of room for a line.
template <class T>
constexpr int64_t room_for(int64_t n) {
  return 2 * n * static_cast<int64_t>(sizeof(Item<Key<T>>));
}

}  // namespace radix

// Writes the n elements of x in order, and where they stood unless `places` is null; false, and
// nothing written, where that would be slower than to compare. Equal elements keep their order.
template <bool descending, class T>
bool radix_sort(const T* x, int64_t n, T* values, int64_t* places, void* room) {
  constexpr int64_t kWorth = 128;  // elements for each digit
  if (n < kWorth || n > UINT32_MAX) return false;
  auto low = radix::key_of(x[0]), high = low;
  for (int64_t i = 1; i < n; ++i) {
    const auto key = radix::key_of(x[i]);
    low = std::min(low, key);
    high = std::max(high, key);
  }
  const int digits = (std::bit_width(high - low) + 7) / 8;
  if (n < kWorth * digits) return false;
  if (digits <= 1)
    radix::sort_by_digit<descending>(x, n, low, high, values, places);
  else if (digits <= 4)
    radix::sort_line<descending, uint32_t>(x, n, low, high, digits, values, places, room);
  else if constexpr (sizeof(T) == 8)
    radix::sort_line<descending, uint64_t>(x, n, low, high, digits, values, places, room);
  return true;
}

}  // namespace rl::ops
