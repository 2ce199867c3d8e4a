/* CPython 3.13: the thread state holds the frame itself; what a frame executes may be no code
 * object. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include "internal/pycore_frame.h"

#include "python/frame.h"

PyObject* rl_user_frame(const RlPointerSet* skip, int* offset) {
  PyThreadState* thread = PyThreadState_GetUnchecked();
  if (!thread) return NULL;
  for (_PyInterpreterFrame* f = thread->current_frame; f; f = f->previous) {
    /* The owner comes first: a shim frame has no globals. */
    if (f->owner == FRAME_OWNED_BY_CSTACK || rl_in_set(skip, f->f_globals)) continue;
    if (!PyCode_Check(f->f_executable) || _PyFrame_IsIncomplete(f)) continue;
    *offset = _PyInterpreterFrame_LASTI(f) * (int)sizeof(_Py_CODEUNIT);
    return Py_NewRef(f->f_executable);
  }
  return NULL;
}
