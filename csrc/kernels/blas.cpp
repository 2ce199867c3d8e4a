#include "kernels/blas.h"

#include <dlfcn.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/unlocked.h"
#include "kernels/pool.h"

namespace rl {

namespace {

constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;

template <class Int, class T>
using Gemm = void (*)(int order, int trans_a, int trans_b, Int m, Int n, Int k, T alpha, const T* a,
                      Int lda, const T* b, Int ldb, T beta, T* c, Int ldc);
template <class Int, class T>
using Gemv = void (*)(int order, int trans, Int rows, Int columns, T alpha, const T* a, Int lda,
                      const T* x, Int incx, T beta, T* y, Int incy);

// How a library spells its names, and how wide its integers are.
struct Spelling {
  const char *prefix, *suffix;
  bool wide;
};
constexpr Spelling kSpellings[] = {{"scipy_", "64_", true}, {"", "64_", true}, {"", "", false}};

struct Library {
  bool asked = false, wide = true;
  void* gemm[2] = {};  // of float and of double; null where our own loops serve
  void* gemv[2] = {};
  const BlasInfo* info = nullptr;  // kept to the end of the process
};
Library library;

std::string bundled_path() {
  Dl_info here;
  if (!dladdr(&library, &here) || !here.dli_fname) return "";
  std::string path(here.dli_fname);
  path.erase(path.find_last_of('/') + 1);
  return path + ".libs/librushlight_blas64_.so";
}

// A BLAS starts a thread for every processor that it may use when it is loaded. While this lives,
// the calling thread, and so the library, may use one.
struct OneProcessor {
  cpu_set_t before;
  bool changed = false;
  OneProcessor() {
    int cpu = sched_getcpu();
    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof before, &before) != 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    changed = sched_setaffinity(0, sizeof one, &one) == 0;
  }
  ~OneProcessor() {
    if (changed) sched_setaffinity(0, sizeof before, &before);
  }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;
};

void* symbol(void* handle, const Spelling& s, const char* name) {
  return dlsym(handle, concat(s.prefix, name, s.suffix).c_str());
}

const char* text_of(void* handle, const Spelling& s, const char* name) {
  using Text = char* (*)();
  auto* text = reinterpret_cast<Text>(symbol(handle, s, name));
  return text ? text() : "";
}

// Of OpenBLAS's buffer, one for each call at a time. It ends the process where it finds no memory.
constexpr size_t kBufferBytes = size_t{64} << 20;
constexpr int kMostBuffers = 64;  // it has 128, and ends the process where they are used up

bool has_room(size_t bytes) {
  void* room = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return false;
  munmap(room, bytes);
  return true;
}

// OpenBLAS keeps its buffer: it takes it now, if there is room.
void take_buffer() {
  check(has_room(kBufferBytes), ErrorKind::kMemory,
        "cannot allocate memory for the buffer of OpenBLAS: ", kBufferBytes,
        " bytes asked for\n  fix: RUSHLIGHT_BLAS=none in the environment leaves products to loops "
        "that need no buffer.");
  constexpr int64_t n = 128;  // smaller products do without
  std::vector<float> zeros(n * n), out(n * n);
  BlasFactor<float> factor{zeros.data(), n, false};
  blas_gemm<float>(n, n, n, 1, factor, factor, 0, out.data(), n);
}

void load(const std::string& path, bool chosen) {
  void* handle;
  {
    OneProcessor guard;
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  const char* wish = chosen ? "RUSHLIGHT_BLAS" : "the BLAS library that belongs to rushlight";
  const char* fix =
      "\n  fix: unset RUSHLIGHT_BLAS to use the library that comes with rushlight, or set it to "
      "'none' to use rushlight's own loops.";
  if (!handle) {
    const char* reason = dlerror();
    fail(ErrorKind::kRuntime, wish, " cannot be loaded: ", reason ? reason : path, fix);
  }
  const Spelling* found = nullptr;
  for (const Spelling& s : kSpellings)
    if (!found && symbol(handle, s, "cblas_sgemm")) found = &s;
  void* entry[4] = {};
  const char* const names[] = {"cblas_sgemm", "cblas_dgemm", "cblas_sgemv", "cblas_dgemv"};
  for (int i = 0; found && i < 4; ++i) entry[i] = symbol(handle, *found, names[i]);
  bool complete = entry[0] && entry[1] && entry[2] && entry[3];
  if (!complete) dlclose(handle);
  check(complete, ErrorKind::kRuntime, wish, " has no C interface of BLAS: ", path,
        " lacks scipy_cblas_sgemm64_, cblas_sgemm64_ or cblas_sgemm, or their kin", fix);
  using SetThreads = void (*)(int);
  for (const char* name : {"openblas_set_num_threads", "MKL_Set_Num_Threads"})
    if (auto* set = reinterpret_cast<SetThreads>(symbol(handle, *found, name))) set(1);
  library.wide = found->wide;
  for (int i = 0; i < 2; ++i) {
    library.gemm[i] = entry[i];
    library.gemv[i] = entry[2 + i];
  }
  delete library.info;
  library.info = new BlasInfo{path, text_of(handle, *found, "openblas_get_config"),
                              text_of(handle, *found, "openblas_get_corename")};
}

void choose() {
  const char* wish = std::getenv("RUSHLIGHT_BLAS");
  bool chosen = wish && *wish;
  std::string path = chosen ? std::string(wish) : bundled_path();
  if (path == "none" || (!chosen && access(path.c_str(), F_OK) != 0)) {
    library.info = new BlasInfo{"none", "", ""};
  } else {
    load(path, chosen);
    take_buffer();
  }
  library.asked = true;
}

template <class T>
constexpr int kWhich = sizeof(T) == sizeof(double);

template <class Int, class T>
void gemm_as(int64_t m, int64_t n, int64_t k, T alpha, BlasFactor<T> a, BlasFactor<T> b, T beta,
             T* c, int64_t c_lead) {
  auto fits = [](int64_t x) { return static_cast<Int>(x); };
  reinterpret_cast<Gemm<Int, T>>(library.gemm[kWhich<T>])(
      kRowMajor, a.transposed ? kTransposed : kPlain, b.transposed ? kTransposed : kPlain, fits(m),
      fits(n), fits(k), alpha, a.data, fits(a.lead), b.data, fits(b.lead), beta, c, fits(c_lead));
}

template <class Int, class T>
void gemv_as(int64_t m, int64_t k, T alpha, BlasFactor<T> a, const T* x, int64_t x_step, T beta,
             T* y, int64_t y_step) {
  auto fits = [](int64_t n) { return static_cast<Int>(n); };
  reinterpret_cast<Gemv<Int, T>>(library.gemv[kWhich<T>])(
      kRowMajor, a.transposed ? kTransposed : kPlain, fits(a.transposed ? k : m),
      fits(a.transposed ? m : k), alpha, a.data, fits(a.lead), x, fits(x_step), beta, y,
      fits(y_step));
}

}  // namespace

bool blas_ready() {
  if (!library.asked) [[unlikely]]
    choose();
  return library.gemm[0];
}

bool blas_side_by_side() {
  int threads = num_threads();
  // Asked anew each time, some microseconds: buffers are taken when calls first meet.
  return threads == 1 ||
         (threads <= kMostBuffers && has_room(kBufferBytes * static_cast<size_t>(threads)));
}

bool blas_has_room_unlocked() {
  return num_threads() <= kMostBuffers &&
         has_room(kBufferBytes * static_cast<size_t>(num_threads() + Unlocked::kMost));
}

int64_t blas_limit() {
  return library.wide ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int32_t>::max();
}

template <class T>
void blas_gemm(int64_t m, int64_t n, int64_t k, T alpha, BlasFactor<T> a, BlasFactor<T> b, T beta,
               T* c, int64_t c_lead) {
  (library.wide ? gemm_as<int64_t, T> : gemm_as<int32_t, T>)(m, n, k, alpha, a, b, beta, c, c_lead);
}

template <class T>
void blas_gemv(int64_t m, int64_t k, T alpha, BlasFactor<T> a, const T* x, int64_t x_step, T beta,
               T* y, int64_t y_step) {
  (library.wide ? gemv_as<int64_t, T> : gemv_as<int32_t, T>)(m, k, alpha, a, x, x_step, beta, y,
                                                             y_step);
}

template void blas_gemm(int64_t, int64_t, int64_t, float, BlasFactor<float>, BlasFactor<float>,
                        float, float*, int64_t);
template void blas_gemm(int64_t, int64_t, int64_t, double, BlasFactor<double>, BlasFactor<double>,
                        double, double*, int64_t);
template void blas_gemv(int64_t, int64_t, float, BlasFactor<float>, const float*, int64_t, float,
                        float*, int64_t);
template void blas_gemv(int64_t, int64_t, double, BlasFactor<double>, const double*, int64_t,
                        double, double*, int64_t);

const BlasInfo& blas_info() {
  blas_ready();
  return *library.info;
}

}  // namespace rl
