// Between the parser of arguments and what it says where they do not fit.
#pragma once

#include "python/parse.h"

namespace rl::python {

// Why a parse failed; turned into a message only when no overload fits.
struct Mismatch {
  enum Why { kNone, kMissing, kTooMany, kUnknownKeyword, kTwice, kType } why = kNone;
  int param = 0;               // kMissing, kTwice, kType
  int position = 0;            // kType: 1-based, 0 for keywords
  PyObject* object = nullptr;  // kType: the argument; kUnknownKeyword: the name
  int item = 0;                // kType: how many ints stand before it, of a list spread out
};

// Fills values, one for each parameter; false with the reason where the arguments do not fit.
bool parse(const Overload& o, PyObject* self, PyObject* const* args, Py_ssize_t n,
           PyObject* kwnames, Value* values, ParseScratch& scratch, PyObject** out,
           Mismatch& mismatch);

// An element of a list is no int, or one beyond int64.
[[noreturn, gnu::cold]] void fail_unpacking(const char* function, const char* argument,
                                            const Unpacking& failed);

// Once in a process: PyTorch's words about a deprecated form that was called.
[[gnu::cold]] void warn_older_form(const PublicName& p, const Overload& o, bool method);

// Says what is wrong with arguments that fit no overload; `why` is the last one's reason.
[[noreturn, gnu::cold]] void fail_arguments(const PublicName& p, PyObject* self,
                                            PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
                                            Mismatch why);

}  // namespace rl::python
