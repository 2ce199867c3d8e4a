/* CPython 3.12: as 3.11, with shim frames where C calls the interpreter. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include "internal/pycore_frame.h"
#include "internal/pycore_pystate.h"

#include "python/frame.h"

PyObject* rl_user_frame(const RlPointerSet* skip, int* offset) {
  PyThreadState* thread = _PyThreadState_UncheckedGet();
  if (!thread) return NULL;
  for (_PyInterpreterFrame* f = thread->cframe->current_frame; f; f = f->previous) {
    /* The owner comes first: a shim frame has no globals. */
    if (f->owner == FRAME_OWNED_BY_CSTACK || rl_in_set(skip, f->f_globals)) continue;
    if (_PyFrame_IsIncomplete(f)) continue;
    *offset = _PyInterpreterFrame_LASTI(f) * (int)sizeof(_Py_CODEUNIT);
    return Py_NewRef((PyObject*)f->f_code);
  }
  return NULL;
}
