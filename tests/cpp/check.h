// The C++ tests' own helper. TEST(name) { CHECK(cond); CHECK_EQ(got, want); } registers itself;
// each file ends with TEST_MAIN. Failures print file:line, the last line is "N passed, M failed".
#pragma once

#include <cstdio>
#include <cstring>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*body)();
};

struct State {
  std::vector<Test> tests;
  int failures = 0;  // of the test that is running
};

inline State& state() {
  static State s;
  return s;
}

struct Register {
  Register(const char* name, void (*body)()) { state().tests.push_back({name, body}); }
};

inline void fail(const char* file, int line, const std::string& what) {
  if (++state().failures <= 10)
    std::printf("%s:%d: %s\n", file, line, what.c_str());
  else if (state().failures == 11)
    std::printf("%s:%d: more failures in this test are not shown\n", file, line);
}

template <class A, class B>
void equal(const A& a, const B& b, const char* expression, const char* file, int line) {
  if (a == b) return;
  std::ostringstream text;
  text.precision(17);
  text << "CHECK_EQ(" << expression << "): got " << a << ", want " << b;
  fail(file, line, text.str());
}

// Runs the tests whose name contains argv[1] (all without it); the value is main's.
inline int run(int argc, char** argv) {
  int passed = 0, failed = 0;
  for (const Test& test : state().tests) {
    if (argc > 1 && !std::strstr(test.name, argv[1])) continue;
    state().failures = 0;
    try {
      test.body();
    } catch (const std::exception& e) {
      fail(__FILE__, __LINE__, std::string("unexpected exception: ") + e.what());
    }
    if (state().failures) std::printf("FAILED %s\n", test.name);
    ++(state().failures ? failed : passed);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}

}  // namespace check

#define TEST(name)                                           \
  static void name();                                        \
  static const check::Register register_##name(#name, name); \
  static void name()

#define CHECK(condition) \
  ((condition) ? void() : check::fail(__FILE__, __LINE__, "CHECK(" #condition ")"))

#define CHECK_EQ(got, want) check::equal((got), (want), #got " == " #want, __FILE__, __LINE__)

#define CHECK_THROWS(Type, expression)                                                 \
  do {                                                                                 \
    bool thrown = false;                                                               \
    try {                                                                              \
      static_cast<void>(expression);                                                   \
    } catch (const Type&) {                                                            \
      thrown = true;                                                                   \
    }                                                                                  \
    if (!thrown) check::fail(__FILE__, __LINE__, #expression " did not throw " #Type); \
  } while (0)

#define TEST_MAIN \
  int main(int argc, char** argv) { return check::run(argc, argv); }
