/* The user's frame, read straight from the interpreter: one file frame_3NN.c per minor version of
 * CPython. */
#pragma once

#include <Python.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Addresses in an open-addressing table; an empty slot is NULL. At least one slot is empty. */
typedef struct {
  const void** slots;
  size_t mask; /* number of slots, a power of two, minus 1 */
} RlPointerSet;

static inline size_t rl_pointer_slot(const void* p, size_t mask) {
  return ((size_t)p >> 4 ^ (size_t)p >> 12) & mask;
}

static inline int rl_in_set(const RlPointerSet* set, const void* p) {
  for (size_t i = rl_pointer_slot(p, set->mask); set->slots[i]; i = (i + 1) & set->mask)
    if (set->slots[i] == p) return 1;
  return 0;
}

/* New reference to the code object of the innermost frame whose globals are not in `skip`, and the
   byte offset of the instruction it is at. NULL, without an exception, where there is no such
   frame. */
PyObject* rl_user_frame(const RlPointerSet* skip, int* offset);

/* take(arg, name, value) with borrowed references for each variable of a function's frame that is
   bound, cells looked through; stops at the first that is not 0. Makes no snapshot of the frame, as
   f_locals does, which would keep the values alive. */
typedef int (*RlTakeVariable)(void* arg, PyObject* name, PyObject* value);
int rl_frame_variables(PyFrameObject* frame, RlTakeVariable take, void* arg);

#ifdef __cplusplus
}
#endif
