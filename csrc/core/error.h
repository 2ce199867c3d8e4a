// Errors of the Python-free layers. csrc/python maps each kind to its exception type.
#pragma once

#include <cstdint>
#include <exception>
#include <sstream>
#include <string>
#include <utility>

namespace rl {

enum class ErrorKind : uint8_t {
  kRuntime,
  kType,
  kValue,
  kIndex,
  kMemory,
  kNotImplemented,
  kAssertion,
  kOverflow,
  kPython,  // a Python exception is already set on this thread
};

// First line: PyTorch's sentence. Following lines: what a person needs to mend it.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorKind kind_;
  std::string message_;
};

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(ErrorKind kind, const Parts&... parts) {
  throw Error(kind, concat(parts...));
}

template <class... Parts>
inline void check(bool ok, ErrorKind kind, const Parts&... parts) {
  if (!ok) [[unlikely]]
    fail(kind, parts...);
}

}  // namespace rl
