/* CPython 3.11: _PyInterpreterFrame chain behind the thread state's cframe. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include "internal/pycore_code.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_pystate.h"

#include "python/frame.h"

PyObject* rl_user_frame(const RlPointerSet* skip, int* offset) {
  PyThreadState* thread = _PyThreadState_GET();
  if (!thread) return NULL;
  for (_PyInterpreterFrame* f = thread->cframe->current_frame; f; f = f->previous) {
    if (rl_in_set(skip, f->f_globals) || _PyFrame_IsIncomplete(f)) continue;
    *offset = _PyInterpreterFrame_LASTI(f) * (int)sizeof(_Py_CODEUNIT);
    return Py_NewRef((PyObject*)f->f_code);
  }
  return NULL;
}

int rl_frame_variables(PyFrameObject* frame, RlTakeVariable take, void* arg) {
  _PyInterpreterFrame* f = frame->f_frame;
  if (!f) return 0;
  PyCodeObject* code = f->f_code;
  for (int i = 0; i < code->co_nlocalsplus; ++i) {
    PyObject* value = f->localsplus[i];
    _PyLocals_Kind kind = _PyLocals_GetKind(code->co_localspluskinds, i);
    if (value && kind & (CO_FAST_CELL | CO_FAST_FREE) && PyCell_Check(value))
      value = PyCell_GET(value);
    int stop = value ? take(arg, PyTuple_GET_ITEM(code->co_localsplusnames, i), value) : 0;
    if (stop) return stop;
  }
  return 0;
}
