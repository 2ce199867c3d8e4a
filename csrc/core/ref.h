// Intrusive reference. Counts are not atomic: whoever touches one holds the GIL.
#pragma once

#include <cstdint>
#include <utility>

namespace rl {

// A bit of the count of a tensor or node that graph/cycles watches: as a sign it sends each
// release() down the path of the last one, at no cost to the others.
inline constexpr uint32_t kWatched = 1u << 31;

// T has retain() and release().
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  Ref(const Ref& other) : ptr_(other.ptr_) {
    if (ptr_) ptr_->retain();
  }
  Ref(Ref&& other) noexcept : ptr_(std::exchange(other.ptr_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(ptr_, other.ptr_);
    return *this;
  }
  ~Ref() {
    if (ptr_) ptr_->release();
  }

  // Takes over a count that the caller owns.
  static Ref steal(T* ptr) {
    Ref ref;
    ref.ptr_ = ptr;
    return ref;
  }
  // Adds a count of its own.
  static Ref borrow(T* ptr) {
    if (ptr) ptr->retain();
    return steal(ptr);
  }
  // Gives the count to the caller.
  [[nodiscard]] T* detach() { return std::exchange(ptr_, nullptr); }

  T* get() const { return ptr_; }
  T* operator->() const { return ptr_; }
  T& operator*() const { return *ptr_; }
  explicit operator bool() const { return ptr_ != nullptr; }

 private:
  T* ptr_ = nullptr;
};

}  // namespace rl
