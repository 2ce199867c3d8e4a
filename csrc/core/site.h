// Where in the user's program something happened: code object and instruction offset, unresolved.
#pragma once

#include <cstdint>

#include "core/host.h"

namespace rl {

// Holds a strong reference to the code object. 16 bytes.
class Site {
 public:
  Site() = default;
  Site(const Site& other) : code_(other.code_), offset_(other.offset_) {
    if (code_) host().incref(code_);
  }
  Site(Site&& other) noexcept : code_(other.code_), offset_(other.offset_) {
    other.code_ = nullptr;
  }
  Site& operator=(Site other) noexcept {
    void* code = code_;
    code_ = other.code_;
    offset_ = other.offset_;
    other.code_ = code;
    return *this;
  }
  ~Site() {
    if (code_) host().decref(code_);
  }

  // The calling frame nearest to the user: package frames are skipped.
  static Site capture() {
    Site site;
    site.code_ = host().capture_site(&site.offset_);
    return site;
  }

  explicit operator bool() const { return code_ != nullptr; }
  void* code() const { return code_; }
  int32_t offset() const { return offset_; }

  // For slots that hold a Site as plain words.
  static Site adopt(void* code, int32_t offset) {
    Site site;
    site.code_ = code;
    site.offset_ = offset;
    return site;
  }
  void* release_code() {
    void* code = code_;
    code_ = nullptr;
    return code;
  }

 private:
  void* code_ = nullptr;
  int32_t offset_ = 0;
};

}  // namespace rl
